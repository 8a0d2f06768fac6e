import JOSE

/// Checks 6 to 9: who may call, from where, and what.
extension Diagnosis {
    mutating func diagnoseStanding() {
        guard let caller = findings.caller else { return }
        let profile = caller.profile.profile
        if !caller.profile.client.isActive {
            tell(
                .clientInactive,
                "client \(PrintableText.quoted(caller.profile.client.name)) is inactive",
                .activateClient(caller.profile.client.id)
            )
        }
        if !profile.isActive {
            tell(
                .profileInactive,
                "the API token belongs to \(Self.name(profile)), which is inactive",
                .activateProfile(profile.id)
            )
        }
        guard let token = caller.apiToken, !token.isUsable(at: now) else { return }
        let others = profile.apiTokens.contains { $0.isUsable(at: now) }
        let rest = others ? "" : ", and the profile has no other one that is active"
        let name = "API token \(PrintableText.quoted(token.name))"
        if !token.isActive {
            tell(.apiTokenInactive, "\(name) is inactive\(rest)", .activateAPIToken(profile.id, token.id))
        } else if let expiresAt = token.expiresAt {
            tell(
                .apiTokenExpired,
                "\(name) expired \(TimeWords.ago(expiresAt, now: now)) (\(expiresAt))\(rest)",
                .extendAPIToken(profile.id, token.id)
            )
        }
    }

    mutating func diagnoseAddress() {
        guard let profile else { return }
        if rejection.code == .certificateRequired {
            var lenient = profile
            lenient.clientCertificate = nil
            let snapshot = varied { draft throws(CatalogError) in
                try draft.put(lenient)
                return true
            }
            return tell(
                .certificateNotShown,
                "\(Self.name(profile)) demands a client certificate, and none is presented where somebody only asks",
                .none,
                then: consequence(of: request, snapshot)
            )
        }
        let address = request.clientAddress
        let token = findings.caller?.apiToken
        let denied = (profile.deniedAddresses + (token?.deniedAddresses ?? [])).first { $0.contains(address) }
        if let denied {
            tell(
                .addressDenied,
                "the call comes from \(address), which the deny list has (\(denied))",
                .none,
                then: .notTried
            )
        } else {
            let isProfiles =
                !profile.allowedAddresses.isEmpty
                && !profile.allowedAddresses.contains { $0.contains(address) }
            let owner = isProfiles ? Self.name(profile) : "the API token"
            let text = "the call comes from \(address), which is not in the allow list of \(owner)"
            if isProfiles {
                tell(.addressNotListed, text, .allowAddress(profile.id, address))
            } else {
                tell(.addressNotListed, text, .none, then: .notTried)
            }
        }
        // Whoever is trusted as a proxy says whom calls come from, which undoes the lists: never advised for an
        // address that is denied, or that nobody named.
        guard denied == nil, !request.isAddressAssumed, address.isPrivate,
            snapshot.trustedProxies?.contains(address) != true
        else { return }
        tell(
            .trustedProxyMissing,
            "\(address) is a private address, perhaps that of a proxy in front of the gateway: if it is one of yours, name it in"
                + " trusted_proxies, so that the caller's own address counts; whoever calls from there may then"
                + " say any address",
            .trustProxy(address),
            then: .notTried
        )
    }

    mutating func diagnoseGrant() {
        guard let profile, let route = findings.route,
            let collection = snapshot.catalog.collections[route.collectionID]
        else { return }
        tell(
            .collectionNotGranted,
            "\(Self.name(profile)) is not granted the collection \(PrintableText.quoted(collection.handle))",
            .grantCollection(profile.id, collection.id)
        )
    }

    mutating func diagnoseRule() {
        guard let route = findings.route else { return }
        let claims = unverified.flatMap { try? $0.claims() }
        let held = claims.map(Self.scopes) ?? []
        let lacking = route.endpoint.scopes.filter { !held.contains($0) }
        if !lacking.isEmpty {
            let names = lacking.map { PrintableText.quoted($0) }.joined(separator: ", ")
            let near = held.first { scope in lacking.contains { $0.lowercased() == scope.lowercased() } }
            let hint = near.map { "; it has \(PrintableText.quoted($0)), which differs by case" } ?? ""
            tell(
                .scopeMissing,
                "endpoint \(route.label) asks for the scope \(names), which the token lacks\(hint)",
                .mintAnother,
                then: claims.map { consequence(ofScopes: held + lacking, $0) } ?? .notTried
            )
        }
        guard let rule = route.endpoint.rule, lacking.isEmpty else { return }
        tell(
            .ruleDoesNotHold,
            "the rule of endpoint \(route.label) does not hold: \(PrintableText.shortened(rule.text, to: 300))"
                + (rule.text.contains("header") ? " (where somebody only asks there are no headers)" : ""),
            .none,
            then: .notTried
        )
    }

    /// What the claims `scope` and `scp` have: a list, or a text with spaces (RFC 8693 §4.2).
    private static func scopes(_ claims: JSONDocument) -> [String] {
        ["scope", "scp"].flatMap { (name: String) -> [String] in
            guard let element = claims.root[member: Array(name.utf8)] else { return [] }
            if element.kind == .array { return element.elements.prefix(200).compactMap(\.string) }
            return (element.string ?? "").split(separator: " ").prefix(200).map(String.init)
        }
    }

    private mutating func consequence(
        ofScopes scopes: [String],
        _ claims: JSONDocument
    ) -> LikelyCause.Consequence {
        guard let token = unverified else { return .notTried }
        let text = DocumentValue.string(scopes.joined(separator: " "))
        guard let element = claims.root[member: "scope"] else {
            return consequence(ofPayload: Self.adding("scope", text, to: token.payload, claims))
        }
        let bytes = DocumentNode(text).jsonBytes()
        return consequence(ofPayload: Self.replacing([(element, bytes)], in: token.payload))
    }
}

extension IPAddress {
    /// Whether it is of this machine or of a private network (RFC 1918, RFC 4193, loopback, link-local).
    var isPrivate: Bool {
        if isV4 {
            let value = UInt32(truncatingIfNeeded: low)
            return value >> 24 == 10 || value >> 24 == 127 || value >> 20 == 0xac1 || value >> 16 == 0xc0a8
                || value >> 16 == 0xa9fe
        }
        return high >> 57 == 0x7e || high >> 54 == 0x3fa || (high == 0 && low == 1)
    }
}
