import JOSE

/// The short-lived token by which an upstream can tell that a call came through the gateway, and whose it is.
enum Assertion {
    /// Signs an assertion about a caller.
    ///
    /// - Parameters:
    ///   - rules: what the upstream asked for.
    ///   - profile: who calls.
    ///   - claims: what the caller's token says, without the API token; `nil` for a caller without one.
    ///   - keys: what the gateway signs with.
    ///   - now: the time.
    ///   - generator: where its `jti` comes from.
    /// - Returns: `nil` where there is nothing to sign with: the upstream, which asks for one, refuses the call.
    static func sign(
        _ rules: AssertionRules,
        _ profile: CompiledProfile,
        _ claims: JSONDocument?,
        _ keys: GatewayKeys,
        now: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) -> String? {
        guard let signer = keys.signer(at: now) else { return nil }
        var members: [(String, DocumentValue)] = [
            ("iss", .string(keys.issuer)),
            ("aud", .string(rules.audience)),
            ("sub", .string(profile.profile.id.text)),
            ("client", .string(profile.client.name)),
            ("profile", .string(profile.profile.name)),
            ("iat", .integer(now.secondsSinceEpoch)),
            ("exp", .integer(now.secondsSinceEpoch + Int64(rules.lifetimeSeconds))),
            ("jti", .string(Hex.encode(generator.next()) + Hex.encode(generator.next()))),
        ]
        for name in ["name", "scope"] {
            guard let text = claims?.root[member: Array(name.utf8)]?.string, !text.isEmpty else { continue }
            // The whole must fit into a header field of the upstream's; what is longer is no name.
            if text.utf8.count <= maximumTextBytes { members.append((name, .string(text))) }
        }
        // Signing fails only where the cryptographic library does.
        return try? signer.key.sign(
            payload: DocumentNode(object: members).jsonBytes(),
            algorithm: .es256,
            type: "JWT",
            keyID: signer.id.text
        )
    }

    private static let maximumTextBytes = 2000

    /// Signs an assertion with an identity from the system's generator.
    static func sign(
        _ rules: AssertionRules,
        _ profile: CompiledProfile,
        _ claims: JSONDocument?,
        _ keys: GatewayKeys,
        now: Timestamp
    ) -> String? {
        var generator = SystemRandomNumberGenerator()
        return sign(rules, profile, claims, keys, now: now, using: &generator)
    }
}
