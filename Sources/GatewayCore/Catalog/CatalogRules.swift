import JOSE

/// The rules that an entity of the catalog must keep by itself.
enum CatalogRules {
    static func check(_ settings: GatewaySettings) throws(CatalogError) {
        try list(settings.identityClaims, "identity_claims", limit: 20) { claim throws(CatalogError) in
            try text(claim, "identity_claims", 1...200)
        }
        try limit(settings.trustedProxies.count, "trusted_proxies", 1000)
        try range(settings.leewaySeconds, "leeway_seconds", 0...300, unit: "seconds")
    }

    static func check(_ client: Client) throws(CatalogError) {
        try text(client.name, "name", 1...200)
        try text(client.description, "description", 0...2000, allowsLineBreaks: true)
        try text(client.contactEmail, "contact_email", 0...320)
        guard client.contactEmail.isEmpty || isEmail(client.contactEmail) else {
            throw .invalid(
                "contact_email",
                "contact e-mail is \"\(client.contactEmail)\", expected name@host"
            )
        }
    }

    static func check(_ profile: AccessProfile) throws(CatalogError) {
        try text(profile.name, "name", 1...200)
        try unique(profile.grantedCollections, "collections")
        try check(profile.claimRules)
        if profile.method == .token, profile.claimRules != ClaimRules() {
            throw .invalid(
                "method",
                "method is token, which has no claims; leave out the claim rules (required_claims, issuers,"
                    + " audiences, require_exp, leeway_seconds, max_lifetime_seconds), or use jwt"
            )
        }
        try limit(profile.allowedAddresses.count, "ip_allow", 1000)
        try limit(profile.deniedAddresses.count, "ip_deny", 1000)
        try limit(profile.keys.count, "keys", AccessProfile.maximumKeys)
        try limit(profile.apiTokens.count, "api_tokens", AccessProfile.maximumAPITokens)
        try unique(profile.keys, "keys") { $0.name }
        try unique(profile.apiTokens, "api_tokens") { $0.name }
        try unique(profile.apiTokens, "api_tokens", showsValue: false) { $0.digest }
        if let claim = profile.identityClaim { try text(claim, "identity_claim", 1...200) }
        if profile.method == .token, profile.identityClaim != nil {
            throw .invalid("identity_claim", "method is token, which has no claims")
        }
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
        if let leeway = rules.leewaySeconds { try range(leeway, "leeway_seconds", 0...300, unit: "seconds") }
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

    static func check(_ collection: Collection) throws(CatalogError) {
        try text(collection.name, "name", 1...200)
        try text(collection.version, "version", 0...50)
        guard case .normal(let normal) = RequestPath.normalize(segment: Array(collection.handle.utf8)[...]),
            normal == Array(collection.handle.utf8), (1...100).contains(normal.count),
            !normal.contains(UInt8(ascii: "%")),
            normal.allSatisfy(RequestPath.isUnreserved)
        else {
            throw .invalid(
                "handle",
                "handle is \"\(collection.handle.prefix(120))\", expected 1 to 100 letters, digits, - _ . ~ and not . or .."
            )
        }
        guard collection.handle != "-" else {
            throw .invalid("handle", "handle is \"-\", which is kept for the gateway's own /-/authorize")
        }
        try unique(collection.hosts.map { $0.lowercased() }, "hosts")
        try list(collection.hosts, "hosts", limit: 100) { host throws(CatalogError) in
            guard isHost(host) else {
                throw .invalid("hosts", "host is \"\(host.prefix(80))\", expected a host name without port")
            }
        }
        try limit(collection.endpoints.count, "endpoints", 10_000)
        try unique(collection.endpoints, "endpoints") { $0.name }
        for (index, endpoint) in collection.endpoints.enumerated() {
            try check(endpoint, "endpoints[\(index)]")
        }
        try noOverlap(collection.endpoints)
    }

    private static func check(_ endpoint: Endpoint, _ field: String) throws(CatalogError) {
        try text(endpoint.name, "\(field).name", 1...200)
        guard !endpoint.methods.isEmpty else {
            throw .invalid("\(field).methods", "no method is given, expected at least one")
        }
        try unique(endpoint.methods, "\(field).methods")
        for method in endpoint.methods {
            guard (1...32).contains(method.utf8.count), method.utf8.allSatisfy(isMethodByte),
                method != "CONNECT"
            else {
                throw .invalid(
                    "\(field).methods",
                    "method is \"\(method.prefix(40))\", expected upper-case letters and -, and not CONNECT"
                )
            }
        }
        try range(
            endpoint.timeoutSeconds,
            "\(field).timeout_seconds",
            1...Endpoint.maximumTimeoutSeconds,
            unit: "seconds"
        )
        guard endpoint.maximumBodyBytes >= 0 else {
            throw .invalid(
                "\(field).max_body_bytes",
                "limit is \(endpoint.maximumBodyBytes) bytes, expected 0 or more"
            )
        }
        try limit(endpoint.path.parameterNames.count, "\(field).path", Route.maximumParameters)
        try unique(endpoint.scopes, "\(field).scopes")
        try list(endpoint.scopes, "\(field).scopes", limit: 20) { scope throws(CatalogError) in
            try text(scope, "\(field).scopes", 1...200)
            guard !scope.contains(" ") else {
                throw .invalid("\(field).scopes", "a scope has no spaces; give several as a list")
            }
        }
        if endpoint.authentication == .none, !endpoint.scopes.isEmpty || endpoint.rule != nil {
            throw .invalid(
                "\(field).authentication",
                "authentication is none, but scopes or rule ask who calls"
            )
        }
        if let rule = endpoint.rule {
            // Again, since the path that its parameters come from can have changed.
            do throws(AuthorizationRuleError) {
                _ = try AuthorizationRule(rule.text, parameters: endpoint.path.parameterNames)
            } catch {
                throw .invalid("\(field).rule", error.description)
            }
        }
        if let upstreamPath = endpoint.upstreamPath {
            for name in upstreamPath.parameterNames where !endpoint.path.parameterNames.contains(name) {
                throw .invalid(
                    "\(field).upstream_path",
                    "parameter {\(name)} is not in the path \"\(endpoint.path)\""
                )
            }
        }
    }

    /// Two endpoints that answer the same method on the same shape of path could not be told apart.
    private static func noOverlap(_ endpoints: [Endpoint]) throws(CatalogError) {
        var seen: [String: String] = [:]
        for (index, endpoint) in endpoints.enumerated() {
            let shape = endpoint.path.segments.map { segment in
                switch segment {
                case .literal(let text): text
                case .parameter: "{}"
                }
            }.joined(separator: "/")
            for method in endpoint.methods {
                if let other = seen.updateValue(endpoint.name, forKey: "\(method) /\(shape)") {
                    throw .conflict(
                        "endpoints[\(index)].path",
                        "endpoint \"\(other)\" answers \(method) \(endpoint.path) already"
                    )
                }
            }
        }
    }

    static func check(_ upstream: Upstream) throws(CatalogError) {
        try text(upstream.name, "name", 1...200)
        guard (1...64).contains(upstream.targets.count) else {
            throw .invalid("targets", "there are \(upstream.targets.count) targets, expected 1 to 64")
        }
        try unique(upstream.targets.map(\.url), "targets")
        try range(upstream.connectTimeoutSeconds, "connect_timeout_seconds", 1...60, unit: "seconds")
    }

    // MARK: Shared checks

    // The field's name is put together only for an error.
    private static func text(
        _ value: String,
        _ field: @autoclosure () -> String,
        _ allowed: ClosedRange<Int>,
        allowsLineBreaks: Bool = false
    ) throws(CatalogError) {
        if isPlain(value), allowed.contains(value.utf8.count) { return }
        guard allowed.contains(value.count) else {
            throw .invalid(
                field(),
                "length is \(value.count) characters, expected \(allowed.lowerBound) to \(allowed.upperBound)"
            )
        }
        for scalar in value.unicodeScalars where scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) {
            if allowsLineBreaks, scalar == "\n" || scalar == "\r" || scalar == "\t" { continue }
            throw .invalid(
                field(),
                "it has the control character U+\(String(scalar.value, radix: 16)), expected plain text"
            )
        }
        guard value.first.map({ !$0.isWhitespace }) ?? true, value.last.map({ !$0.isWhitespace }) ?? true
        else {
            throw .invalid(field(), "it begins or ends with white space, expected text without")
        }
    }

    /// Whether it is visible ASCII from end to end, with single characters for its bytes.
    private static func isPlain(_ value: String) -> Bool {
        let bytes = value.utf8
        guard bytes.first != UInt8(ascii: " "), bytes.last != UInt8(ascii: " ") else { return false }
        return bytes.allSatisfy { (0x20..<0x7f).contains($0) }
    }

    private static func range(
        _ value: Int,
        _ field: String,
        _ allowed: ClosedRange<Int>,
        unit: String
    ) throws(CatalogError) {
        guard allowed.contains(value) else {
            throw .invalid(
                field,
                "value is \(value) \(unit), expected \(allowed.lowerBound) to \(allowed.upperBound)"
            )
        }
    }

    private static func limit(_ count: Int, _ field: String, _ limit: Int) throws(CatalogError) {
        guard count <= limit else { throw .invalid(field, "there are \(count), expected at most \(limit)") }
    }

    private static func list<Element>(
        _ values: [Element],
        _ field: String,
        limit maximum: Int,
        check: (Element) throws(CatalogError) -> Void
    ) throws(CatalogError) {
        try limit(values.count, field, maximum)
        for value in values { try check(value) }
    }

    private static func unique<Value: Hashable>(
        _ values: [Value],
        _ field: String
    ) throws(CatalogError) {
        try unique(values, field) { $0 }
    }

    private static func unique<Element, Value: Hashable>(
        _ elements: [Element],
        _ field: String,
        showsValue: Bool = true,
        by value: (Element) -> Value
    ) throws(CatalogError) {
        // Most lists of most profiles are that short, and a large catalog has a million of them.
        guard elements.count > 1 else { return }
        var seen: Set<Value> = []
        for (index, element) in elements.enumerated() {
            let value = value(element)
            guard seen.insert(value).inserted else {
                throw .conflict(
                    "\(field)[\(index)]",
                    showsValue ? "\"\(value)\" is there twice" : "it is there twice"
                )
            }
        }
    }

    private static func isEmail(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty }
            && !text.contains { $0.isWhitespace || $0 == "," }
    }

    /// A name or an IPv4 address, or an IPv6 address in brackets; with a port it would never match.
    private static func isHost(_ host: String) -> Bool {
        if host.hasPrefix("["), host.hasSuffix("]") {
            return IPAddress(String(host.dropFirst().dropLast())) != nil
        }
        return (1...253).contains(host.utf8.count) && host.utf8.allSatisfy(isHostByte)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        isMethodByte(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isMethodByte(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || byte == UInt8(ascii: "-")
    }
}
