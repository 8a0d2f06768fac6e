import JOSE

/// Checks 0 and 2, and the form of the token in check 3.
extension Diagnosis {
    mutating func diagnoseForm() {
        // A token with line breaks in it is no header's value.
        guard let token = request.token, tellCorrection(of: token) else { return }
    }

    mutating func diagnoseCredential() {
        switch rejection.code {
        case .credentialAmbiguous:
            guard let token = request.token, tellCorrection(of: token) else {
                return tell(
                    .credentialAmbiguous,
                    "the call carries more than one credential, expected one",
                    .sendCorrected,
                    then: .notTried
                )
            }
        default:
            tell(
                .credentialMissing,
                "the call carries no credential: send Authorization: Bearer with a token, or API-Token",
                .mintAnother,
                then: .notTried
            )
        }
    }

    /// Tells what was done to a token on its way, when undoing it gives one that parses.
    ///
    /// - Returns: whether something was told.
    mutating func tellCorrection(of token: [UInt8]) -> Bool {
        guard token.count <= TokenLimits.default.maximumTokenBytes else { return false }
        var corrected = token
        var undone: [TokenCorrection] = []
        for correction in TokenCorrection.allCases {
            let next = correction.corrected(corrected)
            guard next != corrected else { continue }
            corrected = next
            undone.append(correction)
            if isToken(corrected) { break }
        }
        if !undone.isEmpty, isToken(corrected) {
            let then = consequence(of: carrying(corrected), snapshot)
            for correction in undone {
                let (code, words) = correction.cause
                tell(code, words, .sendCorrected, then: then)
            }
            return true
        }
        return tellAPIToken(spelt: token)
    }

    private func isToken(_ token: [UInt8]) -> Bool {
        // What does not parse is none.
        APITokenDigest(token: token).flatMap(snapshot.caller) != nil
            || (try? UnverifiedToken.parse(token.span)) != nil
    }

    /// Tells that an API token by itself is known but for its spelling.
    private mutating func tellAPIToken(spelt token: [UInt8]) -> Bool {
        guard let (corrected, caller, words) = Self.knownSpelling(of: token, snapshot) else { return false }
        tell(
            .apiTokenSpelling,
            "the API token \(words), it is \(Self.name(caller)) when corrected",
            .sendCorrected,
            then: consequence(of: carrying(corrected), snapshot)
        )
        return true
    }

    /// Checks what is wrong with a token that does not parse.
    mutating func diagnoseUnparsable(_ token: [UInt8], _ error: TokenError) {
        guard !tellCorrection(of: token) else { return }
        switch error {
        case .algorithmNone:
            tell(
                .algorithmNone,
                "alg is none: the token is not signed at all, which is an attack or a test library's default",
                .mintAnother,
                then: .notTried
            )
        case .notThreeParts(5):
            tell(
                .tokenEncrypted,
                "the token has 5 parts: it is encrypted (JWE), expected a signed one (JWS)",
                .mintAnother,
                then: .notTried
            )
        case .notThreeParts(1...2), .signatureMissing:
            tell(
                .tokenTruncated,
                "the token ends early: \(error)",
                .mintAnother,
                then: .notTried
            )
        case .headerNotJSON, .payloadNotJSON:
            tell(.tokenNotStrictJSON, "\(error)", .mintAnother, then: .notTried)
        case .payloadNotBase64URL, .signatureNotBase64URL:
            tell(.tokenTruncated, "the token is cut off or damaged: \(error)", .mintAnother, then: .notTried)
        case .tooLarge, .notThreeParts, .headerNotBase64URL, .headerNotObject, .algorithmMissing,
            .algorithmUnknown, .headerParameterNotString, .criticalHeaders, .unencodedPayload,
            .payloadNotObject:
            break
        }
    }
}
