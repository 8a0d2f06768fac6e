import JOSE

/// The rules that an access profile must keep by itself.
extension CatalogRules {
    static func check(_ profile: AccessProfile) throws(CatalogError) {
        try text(profile.name, "name", 1...200)
        try unique(profile.grantedCollections, "collections")
        try check(profile.claimRules)
        try checkMethod(of: profile)
        try limit(profile.allowedAddresses.count, "ip_allow", 1000)
        try limit(profile.deniedAddresses.count, "ip_deny", 1000)
        try limit(profile.keys.count, "keys", AccessProfile.maximumKeys)
        try limit(profile.apiTokens.count, "api_tokens", AccessProfile.maximumAPITokens)
        try unique(profile.keys, "keys") { $0.name }
        try unique(profile.apiTokens, "api_tokens") { $0.name }
        try unique(profile.apiTokens, "api_tokens", showsValue: false) { $0.digest }
        if let claim = profile.identityClaim { try text(claim, "identity_claim", 1...200) }
        try check(profile.tokenMatches)
        if let provider = profile.identityProvider { try check(provider) }
        if let rules = profile.oauth2 { try check(rules) }
        if let rules = profile.clientCertificate { try check(rules) }
        try limit(profile.revocations.count, "revocations", AccessProfile.maximumRevocations)
        try unique(profile.revocations, "revocations", showsValue: false) { $0.tokens }
        for (index, revocation) in profile.revocations.enumerated() {
            try check(revocation, "revocations[\(index)]")
        }
        for (index, key) in profile.keys.enumerated() { try check(key, "keys[\(index)]") }
        for (index, token) in profile.apiTokens.enumerated() {
            try text(token.name, "api_tokens[\(index)].name", 1...200)
            try limit(token.allowedAddresses.count, "api_tokens[\(index)].ip_allow", 1000)
            try limit(token.deniedAddresses.count, "api_tokens[\(index)].ip_deny", 1000)
        }
    }

    private static func check(_ rules: ClaimRules) throws(CatalogError) {
        try texts(rules.requiredClaims, "required_claims")
        try texts(rules.issuers, "issuers")
        try texts(rules.audiences, "audiences")
        if let leeway = rules.leewaySeconds {
            try range(leeway, "leeway_seconds", 0...GatewaySettings.maximumLeewaySeconds, unit: "seconds")
        }
        if let lifetime = rules.maximumLifetimeSeconds {
            try range(lifetime, "max_lifetime_seconds", 1...315_360_000, unit: "seconds")
        }
    }

    private static func check(
        _ revocation: Revocation,
        _ field: @autoclosure () -> String
    ) throws(CatalogError) {
        try text(revocation.reason, "\(field()).reason", 0...200)
        switch revocation.tokens {
        case .tokenID(let id): try text(id, "\(field()).jti", 1...1000)
        case .issuedBefore: break
        case .subject(let subject):
            try text(subject, "\(field()).subject", 1...1000)
            // It would be kept in clear.
            guard APITokenDigest(token: subject.utf8) == nil else {
                throw .invalid(
                    "\(field()).subject",
                    "it is an API token; set active: false at that API token instead"
                )
            }
        }
    }

    private static func texts(_ values: [String], _ field: String) throws(CatalogError) {
        try unique(values, field)
        try list(values, field, limit: 50) { value throws(CatalogError) in
            try text(value, field, 1...1000)
        }
    }

    private static func check(
        _ key: ProfileKey,
        _ field: @autoclosure () -> String
    ) throws(CatalogError) {
        try text(key.name, "\(field()).name", 1...200)
        if let keyID = key.keyID { try text(keyID, "\(field()).kid", 1...200) }
        let possible = key.verificationKey.algorithms
        for algorithm in key.algorithms where !possible.contains(algorithm) {
            let names = possible.map(\.rawValue).sorted().joined(separator: ", ")
            throw .invalid(
                "\(field()).algorithms",
                "algorithm is \(algorithm.rawValue), this key can be used with \(names)"
            )
        }
        if let from = key.activeFrom, let until = key.retireAt, until <= from {
            throw .invalid(
                "\(field()).retire_at",
                "retire_at is \(until), expected a time after active_from (\(from))"
            )
        }
    }

    /// What goes with one method only, or with all but one.
    private static func checkMethod(of profile: AccessProfile) throws(CatalogError) {
        let method = profile.method
        func refuse(_ field: String, _ isThere: Bool, _ reason: String) throws(CatalogError) {
            if isThere { throw .invalid(field, "method is \(method.rawValue), \(reason)") }
        }
        if !method.hasClaims {
            try refuse(
                "method",
                profile.claimRules != ClaimRules(),
                "which has no claims; leave out the claim rules (required_claims, issuers,"
                    + " audiences, require_exp, leeway_seconds, max_lifetime_seconds), or use jwt"
            )
            try refuse("identity_claim", profile.identityClaim != nil, "which has no claims")
            try refuse("one_time_tokens", profile.acceptsTokensOnce, "which has no jti")
        }
        switch method {
        case .jwt, .oidc: break
        case .token, .oauth2:
            try refuse(
                "token_matches",
                !profile.tokenMatches.isEmpty,
                "which has its API tokens to be known by"
            )
        }
        if method == .oauth2 {
            try refuse(
                "identity_claim",
                profile.identityClaim != nil,
                "whose tokens the gateway makes itself"
            )
            try refuse("keys", !profile.keys.isEmpty, "whose tokens the gateway signs itself")
        }
        if method != .oauth2 {
            try refuse("oauth2", profile.oauth2 != nil, "it belongs to the method oauth2")
        }
        if method == .oidc {
            try refuse(
                "identity_provider",
                profile.identityProvider == nil,
                "which needs an identity provider"
            )
            try refuse("keys", !profile.keys.isEmpty, "whose keys are the identity provider's")
        } else {
            try refuse(
                "identity_provider",
                profile.identityProvider != nil,
                "it belongs to the method oidc"
            )
        }
    }

    private static func check(_ matches: [TokenMatch]) throws(CatalogError) {
        try limit(matches.count, "token_matches", TokenMatch.maximumCount)
        try unique(matches, "token_matches", showsValue: false) { $0 }
        for (index, match) in matches.enumerated() {
            let field = "token_matches[\(index)]"
            try text(match.issuer, "\(field).issuer", 1...1000)
            if let audience = match.audience { try text(audience, "\(field).audience", 1...1000) }
            try limit(match.claims.count, "\(field).claims", TokenMatch.maximumClaims)
            try unique(match.claims, "\(field).claims") { $0.name }
            for claim in match.claims {
                try text(claim.name, "\(field).claims", 1...200)
                try text(claim.value, "\(field).claims", 1...1000)
            }
        }
    }

    private static func check(_ provider: IdentityProvider) throws(CatalogError) {
        try text(provider.issuer, "identity_provider.issuer", 1...1000)
        try unique(provider.algorithms.map(\.rawValue), "identity_provider.algorithms")
        for algorithm in provider.algorithms where algorithm.isHMAC {
            throw .invalid(
                "identity_provider.algorithms",
                "algorithm is \(algorithm.rawValue), which needs a shared secret; expected one of public keys"
            )
        }
        guard case .inline(let text) = provider.keys else { return }
        do throws(InvalidValue) {
            // The text is kept and shown as it was given, so it is refused rather than trimmed in silence.
            try SecretMember.refuse(in: Array(text.utf8))
            let epoch = Timestamp(secondsSinceEpoch: 0)
            _ = try ProviderKeySet(
                reading: Array(text.utf8),
                fetchedAt: epoch,
                freshUntil: epoch,
                staleUntil: epoch
            )
        } catch {
            throw .invalid("identity_provider.jwks", "\(error)")
        }
    }

    private static func check(_ rules: OAuth2Rules) throws(CatalogError) {
        try check(scopes: rules.scopes, "oauth2.scopes", limit: 100)
        try range(
            rules.lifetimeSeconds,
            "oauth2.token_lifetime_seconds",
            OAuth2Rules.lifetimes,
            unit: "seconds"
        )
    }

    private static func check(_ rules: CertificateRules) throws(CatalogError) {
        let field = "client_certificate"
        guard rules.roots.utf8.count <= CertificateRules.maximumRootsBytes else {
            throw .invalid(
                "\(field).roots",
                "length is \(rules.roots.utf8.count) bytes, expected at most \(CertificateRules.maximumRootsBytes)"
            )
        }
        if let found = privateKeyLabel(in: rules.roots) {
            throw .invalid(
                "\(field).roots",
                "found a private key (\(found)), expected PEM certificates alone; consider the key exposed and"
                    + " replace it"
            )
        }
        let roots = pemCertificates(in: rules.roots)
        guard (1...50).contains(roots.count) else {
            throw .invalid("\(field).roots", "there are \(roots.count) PEM certificates, expected 1 to 50")
        }
        for (index, root) in roots.enumerated() {
            do throws(KeyReadingError) {
                _ = try VerificationKey.publicKey(reading: Array(root.utf8))
            } catch {
                throw .invalid("\(field).roots", "certificate \(index + 1): \(error)")
            }
        }
        try texts(rules.subjects, "\(field).subjects")
        try texts(rules.alternativeNames, "\(field).san")
        for name in rules.alternativeNames {
            let kind = name.prefix { $0 != ":" }
            guard CertificateRules.nameKinds.contains(String(kind)), name.utf8.count > kind.utf8.count + 1
            else {
                throw .invalid(
                    "\(field).san",
                    "name is \(PrintableText.quoted(name)), expected dns:…, uri:…, email:… or ip:…"
                )
            }
        }
    }

    /// What marks a private key in a text, however broken: in PEM of every kind, or in PuTTY's form.
    private static func privateKeyLabel(in text: String) -> String? {
        ["ENCRYPTED PRIVATE KEY", "PRIVATE KEY", "PuTTY-User-Key-File", "Private-Lines"].first(
            where: text.contains
        )
    }

    /// The certificates of a PEM text, each by itself; what stands between them is for people.
    private static func pemCertificates(in text: String) -> [Substring] {
        let (first, last) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----")
        var found: [Substring] = []
        var rest = text[...]
        while let start = rest.firstRange(of: first), let end = rest[start.upperBound...].firstRange(of: last)
        {
            found.append(rest[start.lowerBound..<end.upperBound])
            rest = rest[end.upperBound...]
        }
        return found
    }

    /// The keys that the gateway itself signs with.
    static func check(_ keys: [GatewaySigningKey]) throws(CatalogError) {
        try limit(keys.count, "signing_keys", GatewaySigningKey.maximumCount)
        try unique(keys, "signing_keys") { $0.id }
    }
}
