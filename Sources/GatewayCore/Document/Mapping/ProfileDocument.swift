extension AccessProfile {
    /// Makes a profile from a document that has at least its name.
    ///
    /// - Throws: ``DocumentError``.
    package init(
        id: ProfileID,
        clientID: ClientID,
        from reader: inout DocumentReader,
        catalog: Catalog,
        context: inout DocumentContext
    ) throws(DocumentError) {
        self.init(id: id, clientID: clientID, name: try reader.requiredText("name"))
        try update(from: &reader, catalog: catalog, context: &context)
    }

    /// Replaces every field by what a document gives or else its default; keys and API tokens are matched by
    /// name, and stay as they are when the document has no such list.
    ///
    /// - Throws: ``DocumentError``.
    package mutating func replace(
        from reader: inout DocumentReader,
        catalog: Catalog,
        context: inout DocumentContext
    ) throws(DocumentError) {
        var fresh = AccessProfile(id: id, clientID: clientID, name: try reader.requiredText("name"))
        fresh.keys = keys
        fresh.apiTokens = apiTokens
        fresh.revocations = revocations
        try fresh.update(from: &reader, catalog: catalog, context: &context)
        // Another order alone is no change.
        let isSameGrant = Set(fresh.grantedCollections) == Set(grantedCollections)
        if isSameGrant, fresh.grantedCollections.count == grantedCollections.count {
            fresh.grantedCollections = grantedCollections
        }
        self = fresh
    }

    /// Takes over the fields that a document gives; keys and API tokens are matched by name.
    ///
    /// - Throws: ``DocumentError`` for wrong types, unknown fields, unknown collections and unreadable keys;
    ///   the values are judged by ``CatalogDraft``.
    package mutating func update(
        from reader: inout DocumentReader,
        catalog: Catalog,
        context: inout DocumentContext
    ) throws(DocumentError) {
        try reader.readOnly("id", id.text)
        try reader.readOnly("client_id", clientID.text)
        if let client = catalog.clients[clientID] { try reader.readOnly("client", client.name) }
        try reader.text("name", &name)
        try reader.bool("active", &isActive, default: true)
        try reader.readOnly("oauth2_client_id", id.text)
        try reader.choice("method", &method, default: .jwt)
        try reader.list("collections", &grantedCollections, default: [], of: "a text") {
            node throws(InvalidValue) in
            guard let text = node.value.text else { return nil }
            guard let collection = catalog.collection(handle: text) ?? catalog.collections[CollectionID(text)]
            else {
                throw InvalidValue("there is no collection with the handle \(PrintableText.quoted(text))")
            }
            return collection.id
        }
        try reader.optionalText("identity_claim", &identityClaim)
        try reader.values("token_matches", &tokenMatches, limit: TokenMatch.maximumCount) {
            reader throws(DocumentError) in
            try TokenMatch(from: &reader)
        }
        try reader.optionalObject("identity_provider", &identityProvider) { reader throws(DocumentError) in
            try IdentityProvider(from: &reader)
        }
        try reader.optionalObject("oauth2", &oauth2) { reader throws(DocumentError) in
            try OAuth2Rules(from: &reader)
        }
        try reader.optionalObject("client_certificate", &clientCertificate) { reader throws(DocumentError) in
            try CertificateRules(from: &reader)
        }
        try reader.bool("one_time_tokens", &acceptsTokensOnce, default: false)
        try claimRules.update(from: &reader)
        try reader.addresses("ip_allow", &allowedAddresses)
        try reader.addresses("ip_deny", &deniedAddresses)
        try updateKeys(from: &reader, &context)
        try updateAPITokens(from: &reader, &context)
        try updateRevocations(from: &reader, &context)
        // It moves on by itself, so whoever gives an answer back gives an old one.
        _ = reader.take("last_used_at")
        try reader.finish()
    }

    private mutating func updateKeys(
        from reader: inout DocumentReader,
        _ context: inout DocumentContext
    ) throws(DocumentError) {
        guard let items = try reader.objects("keys", limit: Self.maximumKeys) else {
            if case .prunesUnmentioned = context.nested { keys = [] }
            return
        }
        var updated: [ProfileKey] = []
        for var item in items {
            let name = try item.requiredText("name")
            guard !updated.contains(where: { $0.name == name }) else {
                throw item.error("name", "\"\(name)\" is there twice", kind: .conflict)
            }
            let existing = keys.first { $0.name == name }
            updated.append(try ProfileKey(from: &item, replacing: existing, of: id, context: &context))
        }
        if case .keepsUnmentioned = context.nested {
            updated += keys.filter { key in !updated.contains { $0.name == key.name } }
        }
        let isSame =
            updated.count == keys.count
            && updated.allSatisfy { key in keys.contains { $0.isSame(as: key) } }
        if !isSame { keys = updated }
    }

    private mutating func updateAPITokens(
        from reader: inout DocumentReader,
        _ context: inout DocumentContext
    ) throws(DocumentError) {
        guard let items = try reader.objects("api_tokens", limit: Self.maximumAPITokens) else {
            if case .prunesUnmentioned = context.nested { apiTokens = [] }
            return
        }
        var updated: [APIToken] = []
        for var item in items {
            let name = try item.requiredText("name")
            guard !updated.contains(where: { $0.name == name }) else {
                throw item.error("name", "\"\(name)\" is there twice", kind: .conflict)
            }
            let existing = apiTokens.first { $0.name == name }
            updated.append(try APIToken(from: &item, replacing: existing, of: id, context: &context))
        }
        if case .keepsUnmentioned = context.nested {
            updated += apiTokens.filter { token in !updated.contains { $0.name == token.name } }
        }
        if Set(updated) != Set(apiTokens) { apiTokens = updated }
    }

    private mutating func updateRevocations(
        from reader: inout DocumentReader,
        _ context: inout DocumentContext
    ) throws(DocumentError) {
        // Without a list they all stay, also when pruning: what a file says nothing of must not come back to life.
        guard let items = try reader.objects("revocations", limit: Self.maximumRevocations) else { return }
        var updated: [Revocation] = []
        for var item in items { updated.append(try Revocation(from: &item, of: self, context: &context)) }
        if case .keepsUnmentioned = context.nested {
            let mentioned = Set(updated.map(\.tokens))
            updated += revocations.filter { !mentioned.contains($0.tokens) }
        }
        if Set(updated) != Set(revocations) { revocations = updated }
    }

    /// The profile with its keys and API tokens as a document; never a secret.
    package func document(in catalog: Catalog, form: DocumentForm = .resource) -> DocumentNode {
        var writer = DocumentWriter(form)
        writer.addInResource("id", .string(id.text))
        writer.addInResource("client_id", .string(clientID.text))
        writer.addInResource("client", .string(catalog.clients[clientID]?.name ?? ""))
        writer.add("name", name)
        writer.add("active", isActive, default: true)
        // In the file too: it says how the profile's callers prove who they are.
        writer.add("method", method.rawValue)
        if method == .oauth2 { writer.addInResource("oauth2_client_id", .string(id.text)) }
        writer.add("collections", grantedCollections.map { catalog.collections[$0]?.handle ?? $0.text })
        writer.add(optional: "identity_claim", identityClaim.map { .string($0) })
        let isFull = form == .resource
        if isFull || !tokenMatches.isEmpty {
            writer.add("token_matches", .array(tokenMatches.map { $0.document(form: form) }))
        }
        writer.add(optional: "identity_provider", identityProvider?.document().value)
        writer.add(optional: "oauth2", oauth2?.document(form: form).value)
        writer.add(optional: "client_certificate", clientCertificate?.document(form: form).value)
        writer.add("one_time_tokens", acceptsTokensOnce, default: false)
        claimRules.write(to: &writer)
        writer.add("ip_allow", allowedAddresses.map(\.description))
        writer.add("ip_deny", deniedAddresses.map(\.description))
        let isExport = form == .export
        if !isExport || !keys.isEmpty { writer.add("keys", .array(keys.map { $0.document(form: form) })) }
        if !isExport || !apiTokens.isEmpty {
            writer.add("api_tokens", .array(apiTokens.map { $0.document(form: form) }))
        }
        // In the admin API they are a list of their own, which may be long.
        if isExport, !revocations.isEmpty {
            writer.add("revocations", .array(revocations.map { $0.document(form: form) }))
        }
        return writer.node
    }

    /// Whether nothing differs, the materials of the keys included.
    func isSame(as other: AccessProfile) -> Bool {
        id == other.id && clientID == other.clientID && name == other.name && isActive == other.isActive
            && method == other.method && grantedCollections == other.grantedCollections
            && claimRules == other.claimRules && allowedAddresses == other.allowedAddresses
            && deniedAddresses == other.deniedAddresses && identityClaim == other.identityClaim
            && revocations == other.revocations && apiTokens == other.apiTokens
            && tokenMatches == other.tokenMatches && identityProvider == other.identityProvider
            && oauth2 == other.oauth2 && clientCertificate == other.clientCertificate
            && acceptsTokensOnce == other.acceptsTokensOnce
            && keys.count == other.keys.count && zip(keys, other.keys).allSatisfy { $0.isSame(as: $1) }
    }
}

extension ClaimRules {
    fileprivate mutating func update(from reader: inout DocumentReader) throws(DocumentError) {
        try reader.texts("required_claims", &requiredClaims)
        try reader.texts("issuers", &issuers)
        try reader.texts("audiences", &audiences)
        try reader.optionalBool("require_exp", &requiresExpiry)
        try reader.optionalInteger("leeway_seconds", &leewaySeconds)
        try reader.optionalInteger("max_lifetime_seconds", &maximumLifetimeSeconds)
    }

    fileprivate func write(to writer: inout DocumentWriter) {
        writer.add("required_claims", requiredClaims)
        writer.add("issuers", issuers)
        writer.add("audiences", audiences)
        writer.add(optional: "require_exp", requiresExpiry.map { .bool($0) })
        writer.add(optional: "leeway_seconds", leewaySeconds.map { .integer(Int64($0)) })
        writer.add(optional: "max_lifetime_seconds", maximumLifetimeSeconds.map { .integer(Int64($0)) })
    }
}
