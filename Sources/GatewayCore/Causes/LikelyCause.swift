/// What probably went wrong with a call, found by trying; for managers alone.
///
/// Only whoever asks for an explanation pays for this, never the request path.
package struct LikelyCause: Sendable {
    /// The stable name.
    package let code: Code
    /// What was found, in words; lower case, no full stop, never a secret or an API token.
    package let text: String
    /// What mends it.
    package let remedy: Remedy
    /// What would happen then.
    package let then: Consequence

    /// What a decision would be after the remedy: found by deciding, never by guessing.
    package enum Consequence: Sendable, Equatable {
        /// The call would be let in.
        case admitted
        /// The call would be turned away at another check, or at the same for another reason.
        case refused(Rejection.Code, at: Check)
        /// There is nothing that could be tried.
        case notTried
    }

    /// The stable names of likely causes: they are API, never renamed (docs/explain.md).
    package enum Code: String, Sendable, CaseIterable {
        // The form of the token
        case tokenQuoted = "token_quoted"
        case tokenWhiteSpace = "token_white_space"
        case tokenSchemeRepeated = "token_scheme_repeated"
        case tokenPadded = "token_padded"
        case tokenStandardBase64 = "token_standard_base64"
        case tokenTruncated = "token_truncated"
        case tokenEncrypted = "token_encrypted"
        case tokenNotStrictJSON = "token_not_strict_json"
        case tokenTypeNotAccepted = "token_type_not_accepted"
        case algorithmNone = "algorithm_none"
        // Whom it names
        case apiTokenSpelling = "api_token_spelling"
        case apiTokenInOtherClaim = "api_token_in_other_claim"
        case apiTokenUnknown = "api_token_unknown"
        case apiTokenMissing = "api_token_missing"
        case profileUsesOtherMethod = "profile_uses_other_method"
        // The signature
        case secretBase64Decoded = "secret_base64_decoded"
        case secretNotBase64Decoded = "secret_not_base64_decoded"
        case secretBase64URLDecoded = "secret_base64url_decoded"
        case secretHexDecoded = "secret_hex_decoded"
        case secretWithLineBreak = "secret_with_line_break"
        case secretTrimmed = "secret_trimmed"
        case keyInactive = "key_inactive"
        case keyRetired = "key_retired"
        case keyNotYetActive = "key_not_yet_active"
        case keyNotForAlgorithm = "key_not_for_algorithm"
        case keyNotTried = "key_not_tried"
        case keyOfOtherProfile = "key_of_other_profile"
        case keyConfusionAttack = "key_confusion_attack"
        case signedWithOtherAlgorithm = "signed_with_other_algorithm"
        case signatureDEREncoded = "signature_der_encoded"
        case algorithmMismatch = "algorithm_mismatch"
        case profileWithoutKey = "profile_without_key"
        case providerKeysNotFetched = "provider_keys_not_fetched"
        case accessTokenStale = "access_token_stale"
        case certificateNotShown = "certificate_not_shown"
        case signatureFitsNoKey = "signature_fits_no_key"
        // Times
        case tokenExpired = "token_expired"
        case clockBehind = "clock_behind"
        case clockAhead = "clock_ahead"
        case tokenNotYetValid = "token_not_yet_valid"
        case timesInMilliseconds = "times_in_milliseconds"
        case timeNotANumber = "time_not_a_number"
        case lifetimeTooLong = "lifetime_too_long"
        case expiryMissing = "expiry_missing"
        // Claims
        case audienceSpelling = "audience_spelling"
        case audienceJoined = "audience_joined"
        case audienceUnknown = "audience_unknown"
        case issuerSpelling = "issuer_spelling"
        case issuerIsList = "issuer_is_list"
        case issuerUnknown = "issuer_unknown"
        case claimMissing = "claim_missing"
        case claimNameCase = "claim_name_case"
        case claimOfOtherType = "claim_of_other_type"
        case tokenRevoked = "token_revoked"
        case tokenUsedBefore = "token_used_before"
        // Who may call, from where, and what
        case clientInactive = "client_inactive"
        case profileInactive = "profile_inactive"
        case apiTokenInactive = "api_token_inactive"
        case apiTokenExpired = "api_token_expired"
        case addressDenied = "address_denied"
        case addressNotListed = "address_not_listed"
        case trustedProxyMissing = "trusted_proxy_missing"
        case collectionNotGranted = "collection_not_granted"
        case scopeMissing = "scope_missing"
        case ruleDoesNotHold = "rule_does_not_hold"
        // The endpoint
        case pathCase = "path_case"
        case pathTrailingSlash = "path_trailing_slash"
        case pathWithoutHandle = "path_without_handle"
        case pathUnknown = "path_unknown"
        case endpointInactive = "endpoint_inactive"
        case collectionInactive = "collection_inactive"
        case hostNotAnswered = "host_not_answered"
        case methodNotAnswered = "method_not_answered"
        case methodCase = "method_case"
        // The credential
        case credentialMissing = "credential_missing"
        case credentialAmbiguous = "credential_ambiguous"
    }
}
