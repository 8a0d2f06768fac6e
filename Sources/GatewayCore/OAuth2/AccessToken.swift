import JOSE

/// An access token that the gateway issued, and what its client is told of it (RFC 6749 §5.1).
package struct AccessToken: Sendable {
    /// The header's `typ` (RFC 9068 §2.1): nothing else that the gateway signs has it.
    static let type = "at+jwt"
    /// The claim with the identity of the API token that it was issued for.
    static let apiTokenClaim = "portcullis_token"

    private let token: Secret<String>
    private let lifetimeSeconds: Int
    private let scope: String

    /// Signs a token for one of a profile's API tokens.
    ///
    /// - Throws: ``SigningError``.
    init(
        for caller: Caller,
        scopes: [String],
        keys: GatewayKeys,
        signer: GatewaySigningKey,
        now: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) throws(SigningError) {
        let (profile, client) = (caller.profile.profile, caller.profile.client)
        lifetimeSeconds = (profile.oauth2 ?? OAuth2Rules()).lifetimeSeconds
        scope = scopes.joined(separator: " ")
        var claims: [(String, DocumentValue)] = [
            ("iss", .string(keys.issuer)),
            ("sub", .string(profile.id.text)),
            ("client_id", .string(profile.id.text)),
            ("aud", .string(keys.issuer)),
            ("iat", .integer(now.secondsSinceEpoch)),
            ("exp", .integer(now.secondsSinceEpoch + Int64(lifetimeSeconds))),
            ("jti", .string(Hex.encode(generator.next()) + Hex.encode(generator.next()))),
        ]
        if !scope.isEmpty { claims.append(("scope", .string(scope))) }
        claims.append(("name", .string("\(client.name)/\(profile.name)")))
        if let apiToken = caller.apiToken {
            claims.append((Self.apiTokenClaim, .string(apiToken.id.text)))
        }
        token = Secret(
            try signer.key.sign(
                payload: DocumentNode(object: claims).jsonBytes(),
                algorithm: .es256,
                type: Self.type,
                keyID: signer.id.text
            )
        )
    }

    /// The body of the answer, the token in it in clear.
    package func revealedDocument() -> DocumentNode {
        var members: [(String, DocumentValue)] = [
            ("access_token", .string(token.reveal())),
            ("token_type", .string("Bearer")),
            ("expires_in", .integer(Int64(lifetimeSeconds))),
        ]
        if !scope.isEmpty { members.append(("scope", .string(scope))) }
        return DocumentNode(object: members)
    }
}
