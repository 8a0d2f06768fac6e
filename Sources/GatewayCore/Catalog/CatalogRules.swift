import JOSE

/// The rules that an entity of the catalog must keep by itself.
enum CatalogRules {
    static func check(_ settings: GatewaySettings) throws(CatalogError) {
        try list(settings.identityClaims, "identity_claims", limit: 20) { claim throws(CatalogError) in
            try text(claim, "identity_claims", 1...200)
        }
        try limit(settings.trustedProxies.count, "trusted_proxies", 1000)
        try range(
            settings.leewaySeconds,
            "leeway_seconds",
            0...GatewaySettings.maximumLeewaySeconds,
            unit: "seconds"
        )
        try text(settings.issuer, "issuer", 1...1000)
        try range(settings.signingKeyDays, "signing_key_days", 1...3650, unit: "days")
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
        guard !ownHandles.contains(collection.handle) else {
            throw .invalid(
                "handle",
                "handle is \"\(collection.handle)\", which is kept for the gateway's own paths"
            )
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
        try check(scopes: endpoint.scopes, "\(field).scopes", limit: 20)
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
        try check(upstream.claimHeaders, besides: upstream.assertion)
    }

    /// What the gateway answers itself: `/-/authorize`, `/oauth2/…`, `/.well-known/…`.
    private static let ownHandles: Set<String> = ["-", "oauth2", ".well-known"]

    /// The headers that the gateway writes itself or acts on, which no claim may take the place of.
    private static let ownHeaders: Set<String> = [
        "authorization", "api-token", "connection", "content-length", "content-type", "cookie", "date",
        "expect",
        "forwarded", "host", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
        "te",
        "trailer", "transfer-encoding", "upgrade", "via", "x-request-id",
    ]

    private static func check(
        _ headers: [ClaimHeader],
        besides assertion: AssertionRules?
    ) throws(CatalogError) {
        try limit(headers.count, "claim_headers", ClaimHeader.maximumCount)
        for (index, entry) in headers.enumerated() {
            let field = "claim_headers[\(index)]"
            try text(entry.claim, "\(field).claim", 1...200)
            try check(header: entry.header, "\(field).header")
            // What is encoded within an element is written with `%`, digits and letters.
            guard (1...8).contains(entry.separator.utf8.count),
                entry.separator.utf8.allSatisfy({ (0x20..<0x7f).contains($0) && $0 != UInt8(ascii: "%") }),
                let first = entry.separator.first, !first.isLetter, !first.isNumber
            else {
                throw .invalid(
                    "\(field).separator",
                    "expected 1 to 8 visible characters or spaces but %, the first no letter or digit"
                )
            }
        }
        if let assertion {
            try check(header: assertion.header, "assertion.header")
            try text(assertion.audience, "assertion.audience", 1...1000)
            try range(assertion.lifetimeSeconds, "assertion.lifetime_seconds", 10...600, unit: "seconds")
        }
        let names = headers.map(\.header) + (assertion.map { [$0.header] } ?? [])
        try unique(names.map { $0.lowercased() }, "claim_headers")
    }

    private static func check(header: String, _ field: String) throws(CatalogError) {
        let name = header.lowercased()
        guard (1...100).contains(header.utf8.count),
            header.utf8.allSatisfy({ isHostByte($0) && $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "_") })
        else {
            throw .invalid(
                field,
                "header is \(PrintableText.quoted(header)), expected 1 to 100 letters, digits and -"
            )
        }
        let isOwn = ownHeaders.contains(name) || name.hasPrefix("x-forwarded-")
        let isIdentity = name.hasPrefix("portcullis-") && name != AssertionRules.defaultHeader.lowercased()
        guard !isOwn, !isIdentity,
            name != AssertionRules.defaultHeader.lowercased() || field == "assertion.header"
        else {
            throw .invalid(field, "header is \"\(header)\", which the gateway writes or acts on itself")
        }
    }

    /// Scopes of RFC 6749 §3.3, without the characters that lists of them are written with.
    static func check(scopes: [String], _ field: String, limit maximum: Int) throws(CatalogError) {
        try unique(scopes, field)
        try list(scopes, field, limit: maximum) { scope throws(CatalogError) in
            try text(scope, field, 1...200)
            guard !scope.contains(" ") else {
                throw .invalid(field, "a scope has no spaces; give several as a list")
            }
        }
    }
}
