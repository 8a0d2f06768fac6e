extension Collection {
    /// Makes a collection from a document that has at least its name and handle.
    ///
    /// - Throws: ``DocumentError``.
    package init(
        id: CollectionID,
        from reader: inout DocumentReader,
        catalog: Catalog,
        context: inout DocumentContext
    ) throws(DocumentError) {
        self.init(id: id, name: try reader.requiredText("name"), handle: try reader.requiredText("handle"))
        try update(from: &reader, catalog: catalog, context: &context)
    }

    /// Replaces every field by what a document gives or else its default; endpoints are matched by name.
    ///
    /// - Throws: ``DocumentError``.
    package mutating func replace(
        from reader: inout DocumentReader,
        catalog: Catalog,
        context: inout DocumentContext
    ) throws(DocumentError) {
        var fresh = Collection(
            id: id,
            name: try reader.requiredText("name"),
            handle: try reader.requiredText("handle")
        )
        fresh.endpoints = endpoints
        try fresh.update(from: &reader, catalog: catalog, context: &context)
        self = fresh
    }

    /// Takes over the fields that a document gives; endpoints are matched by name.
    ///
    /// - Throws: ``DocumentError`` for wrong types, unknown fields and unknown upstreams; the values are
    ///   judged by ``CatalogDraft``.
    package mutating func update(
        from reader: inout DocumentReader,
        catalog: Catalog,
        context: inout DocumentContext
    ) throws(DocumentError) {
        try reader.readOnly("id", id.text)
        try reader.text("name", &name)
        try reader.text("handle", &handle)
        try reader.text("version", &version, default: "")
        try reader.bool("active", &isActive, default: true)
        try reader.texts("hosts", &hosts)
        try updateEndpoints(from: &reader, catalog, &context)
        try reader.finish()
    }

    private mutating func updateEndpoints(
        from reader: inout DocumentReader,
        _ catalog: Catalog,
        _ context: inout DocumentContext
    ) throws(DocumentError) {
        guard let items = try reader.objects("endpoints", limit: 10_000) else {
            if case .prunesUnmentioned = context.nested { endpoints = [] }
            return
        }
        let existing = Dictionary(endpoints.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var updated: [Endpoint] = []
        var names: Set<String> = []
        for var item in items {
            let name = try item.requiredText("name")
            guard names.insert(name).inserted else {
                throw item.error("name", "\"\(name)\" is there twice", kind: .conflict)
            }
            let endpointID: EndpointID =
                existing[name]?.id ?? context.makeID("endpoint", [id.text, name])
            updated.append(try Endpoint(id: endpointID, from: &item, catalog: catalog, context: &context))
        }
        if case .keepsUnmentioned = context.nested {
            updated += endpoints.filter { !names.contains($0.name) }
        }
        // Another order alone is no change.
        if Set(updated) != Set(endpoints) { endpoints = updated }
    }

    /// The collection with its endpoints as a document.
    package func document(in catalog: Catalog, form: DocumentForm = .resource) -> DocumentNode {
        var writer = DocumentWriter(form)
        writer.addInResource("id", .string(id.text))
        writer.add("name", name)
        writer.add("handle", handle)
        writer.add("version", version, default: "")
        writer.add("active", isActive, default: true)
        writer.add("hosts", hosts)
        writer.add("endpoints", .array(endpoints.map { $0.document(in: catalog, of: self, form: form) }))
        return writer.node
    }
}

extension Endpoint {
    /// Makes an endpoint from a document that has at least its name, path and upstream.
    ///
    /// - Throws: ``DocumentError``.
    package init(
        id: EndpointID,
        from reader: inout DocumentReader,
        catalog: Catalog,
        context: inout DocumentContext
    ) throws(DocumentError) {
        let name = try reader.requiredText("name")
        let text = try reader.requiredText("path")
        let path: PathTemplate
        do {
            path = try PathTemplate(text)
        } catch {
            throw reader.error("path", error.description)
        }
        let upstream = try Self.upstream(try reader.requiredText("upstream"), reader, catalog)
        self.init(id: id, name: name, path: path, upstreamID: upstream)
        try update(from: &reader, catalog: catalog, context: &context)
    }

    /// Takes over the fields that a document gives.
    ///
    /// - Throws: ``DocumentError`` for wrong types, unknown fields and an unknown upstream; the values are
    ///   judged by ``CatalogDraft``.
    package mutating func update(
        from reader: inout DocumentReader,
        catalog: Catalog,
        context: inout DocumentContext
    ) throws(DocumentError) {
        try reader.readOnly("id", id.text)
        if let collection = catalog.collection(of: id) {
            try reader.readOnly("collection", collection.handle)
            try reader.readOnly("collection_id", collection.id.text)
        }
        try reader.text("name", &name)
        try reader.texts("methods", &methods, default: ["GET"])
        try reader.value("path", &path, default: nil, expected: "a text") { node throws(InvalidValue) in
            guard let text = node.value.text else { return nil }
            return try PathTemplate(text)
        }
        var upstream: String?
        try reader.optionalText("upstream", &upstream)
        if let upstream { upstreamID = try Self.upstream(upstream, reader, catalog) }
        try reader.value("upstream_path", &upstreamPath, default: .some(nil), expected: "a text") {
            node throws(InvalidValue) in
            guard let text = node.value.text else { return nil }
            return .some(try PathTemplate(text))
        }
        try reader.bool("active", &isActive, default: true)
        try reader.integer("timeout_seconds", &timeoutSeconds, default: 30)
        try reader.choice("authentication", &authentication, default: .required)
        try reader.integer("max_body_bytes", &maximumBodyBytes, default: Self.defaultMaximumBodyBytes)
        try reader.texts("scopes", &scopes)
        let parameters = path.parameterNames
        try reader.value("rule", &rule, default: .some(nil), expected: "a text") {
            node throws(InvalidValue) in
            guard let text = node.value.text else { return nil }
            do throws(AuthorizationRuleError) {
                return .some(try AuthorizationRule(text, parameters: parameters))
            } catch {
                throw InvalidValue(error.description)
            }
        }
        try reader.bool("forward_credential", &forwardsCredential, default: false)
        try reader.finish()
    }

    private static func upstream(
        _ name: String,
        _ reader: DocumentReader,
        _ catalog: Catalog
    ) throws(DocumentError) -> UpstreamID {
        if let upstream = catalog.upstream(named: name) ?? catalog.upstreams[UpstreamID(name)] {
            return upstream.id
        }
        throw reader.error("upstream", "there is no upstream named \(PrintableText.quoted(name))")
    }

    /// The endpoint as a document; the resource form names its collection.
    package func document(in catalog: Catalog, form: DocumentForm = .resource) -> DocumentNode {
        document(in: catalog, of: catalog.collection(of: id), form: form)
    }

    func document(in catalog: Catalog, of collection: Collection?, form: DocumentForm) -> DocumentNode {
        var writer = DocumentWriter(form)
        writer.addInResource("id", .string(id.text))
        if let collection {
            writer.addInResource("collection", .string(collection.handle))
            writer.addInResource("collection_id", .string(collection.id.text))
        }
        writer.add("name", name)
        writer.add("methods", methods, default: ["GET"])
        writer.add("path", path.description)
        writer.add("upstream", catalog.upstreams[upstreamID]?.name ?? upstreamID.text)
        writer.add(optional: "upstream_path", upstreamPath.map { .string($0.description) })
        writer.add("active", isActive, default: true)
        writer.add("timeout_seconds", Int64(timeoutSeconds), default: 30)
        writer.add("authentication", authentication.rawValue, default: Authentication.required.rawValue)
        writer.add("scopes", scopes)
        writer.add(optional: "rule", rule.map { .string($0.text) })
        writer.add("max_body_bytes", maximumBodyBytes, default: Self.defaultMaximumBodyBytes)
        writer.add("forward_credential", forwardsCredential, default: false)
        return writer.node
    }
}
