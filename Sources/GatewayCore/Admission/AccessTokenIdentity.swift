import HashTreeCollections
import JOSE

/// Access tokens that the gateway issued itself: they name their profile and API token by identity, and only the
/// gateway's own keys verify them.
extension Authenticator {
    /// The key of the gateway that a token says it was signed with; `nil` for everybody else's tokens.
    func gatewayKey(of token: UnverifiedToken, _ claims: JSONDocument) -> ProfileKey? {
        guard let keyID = token.keyID, let key = snapshot.gatewayKeys.key(named: keyID),
            claims.root[member: "iss"]?.isString(snapshot.gatewayKeys.issuerBytes) == true
        else { return nil }
        return key
    }

    /// Check 3 for an access token.
    func authenticate(
        _ unverified: UnverifiedToken,
        _ token: Span<UInt8>,
        hash: UInt64,
        issuedBy key: ProfileKey,
        _ claims: JSONDocument,
        _ findings: inout Findings
    ) throws(Rejection) -> RememberedToken {
        let caller: Caller
        do throws(Rejection) {
            caller = try issuedTo(unverified, claims)
        } catch {
            Decoys.spend(on: unverified, token)
            throw error
        }
        findings.caller = caller
        guard key.isUsable(at: now), key.algorithms.contains(unverified.algorithm),
            unverified.signature.count == key.verificationKey.signatureLength
        else {
            Decoys.spend(on: unverified, token)
            let (algorithm, retireAt) = (unverified.algorithm, key.retireAt)
            throw Rejection(
                .invalidToken,
                operatorDetail: retireAt.map { "the gateway's signing key was retired at \($0)" }
                    ?? "alg is \(algorithm.rawValue), the gateway signs with ES256"
            )
        }
        guard let verified = unverified.verified(by: key.verificationKey) else {
            throw Rejection(
                .invalidToken,
                operatorDetail: "the signature does not verify with the gateway's own key that the kid names"
            )
        }
        try checkScopes(of: claims, caller)
        return RememberedToken(
            bytes: unverified.token,
            hash: hash,
            token: verified,
            apiToken: caller.apiToken?.digest,
            proof: TokenProof(
                key: key,
                hasExpiry: claims.root[member: "exp"] != nil,
                gatewayKeys: snapshot.gatewayKeys
            ),
            caller: caller,
            identityHeaders: IdentityHeaders.render(caller.profile, claims: claims, hiding: [])
        )
    }

    /// Refuses a token with a scope that the profile does not have any more: what is taken from a profile is taken
    /// from the tokens that it was issued.
    private func checkScopes(of claims: JSONDocument, _ caller: Caller) throws(Rejection) {
        guard let scope = claims.root[member: "scope"] else { return }
        let profile = caller.profile.profile
        let words = (scope.stringBytes ?? []).split(separator: UInt8(ascii: " "))
        let allowed = (profile.oauth2?.scopes ?? []).map { Array($0.utf8) }
        guard let gone = words.first(where: { word in !allowed.contains { word.elementsEqual($0) } }) else {
            return
        }
        let name = profile.name
        throw Rejection(
            .invalidToken,
            operatorDetail:
                "scope has \(PrintableText.quoted(String(decoding: gone.prefix(200), as: UTF8.self))), which"
                + " profile \"\(name)\" does not have any more; the client needs a new access token"
        )
    }

    /// The API token that an access token says it was issued for, as it is now.
    private func issuedTo(
        _ token: UnverifiedToken,
        _ claims: JSONDocument
    ) throws(Rejection) -> Caller {
        // Of all that the gateway signs only access tokens have this type and this claim: an assertion that an
        // upstream got is no credential.
        guard token.type?.elementsEqual(AccessToken.type.utf8) == true,
            let apiToken = claims.root[member: Array(AccessToken.apiTokenClaim.utf8)]?.stringBytes,
            let id = APITokenID(digits: apiToken.span),
            claims.root[member: "aud"]?.isString(snapshot.gatewayKeys.issuerBytes) == true
        else {
            throw Rejection(
                .invalidToken,
                operatorDetail: "the gateway's own key signs, but this is no access token"
            )
        }
        let clientID = claims.root[member: "client_id"]?.stringBytes
        guard let profile = clientID.flatMap({ ProfileID(digits: $0.span) }),
            let callers = snapshot.oauth2Clients[profile]
        else {
            throw Rejection(
                .invalidToken,
                operatorDetail: "client_id names no profile whose method is oauth2"
            )
        }
        guard let caller = callers.first(where: { $0.apiToken?.id == id }) else {
            throw Rejection(
                .invalidToken,
                operatorDetail: "the API token that the access token was issued for is there no more (\(id))"
            )
        }
        return caller
    }
}
