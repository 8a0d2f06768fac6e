extension Upstream {
    /// Makes an upstream from a document that has at least its name.
    ///
    /// - Throws: ``DocumentError``.
    package init(id: UpstreamID, from reader: inout DocumentReader) throws(DocumentError) {
        self.init(id: id, name: try reader.requiredText("name"), targets: [])
        try update(from: &reader)
    }

    /// Takes over the fields that a document gives.
    ///
    /// - Throws: ``DocumentError`` for wrong types and unknown fields; the values are judged by
    ///   ``CatalogDraft``.
    package mutating func update(from reader: inout DocumentReader) throws(DocumentError) {
        try reader.readOnly("id", id.text)
        try reader.text("name", &name)
        try updateTargets(from: &reader)
        try reader.integer("connect_timeout_seconds", &connectTimeoutSeconds, default: 5)
        try reader.values("claim_headers", &claimHeaders, limit: ClaimHeader.maximumCount) {
            reader throws(DocumentError) in
            try ClaimHeader(from: &reader)
        }
        try reader.optionalObject("assertion", &assertion) { reader throws(DocumentError) in
            try AssertionRules(from: &reader)
        }
        try reader.finish()
    }

    /// Targets are objects, so that they can have more fields one day; a plain URL is accepted too.
    private mutating func updateTargets(from reader: inout DocumentReader) throws(DocumentError) {
        guard let node = reader.take("targets") else { return }
        guard case .array(let nodes) = node.value else {
            throw reader.error("targets", "expected a list, found \(node.value.kind)")
        }
        var read: [UpstreamTarget] = []
        for (index, node) in nodes.enumerated() {
            let path = "\(reader.pathOf("targets"))[\(index)]"
            let url: String
            var field = path
            var position = node.position
            if let text = node.value.text {
                url = text
            } else {
                var target = try DocumentReader(node, path: path)
                url = try target.requiredText("url")
                try target.finish()
                field = target.pathOf("url")
                position = node["url"]?.position ?? position
            }
            do {
                read.append(try UpstreamTarget(url: url))
            } catch {
                throw DocumentError(error.description, field: field, at: position)
            }
        }
        targets = read
    }

    /// The upstream as a document.
    package func document(form: DocumentForm = .resource) -> DocumentNode {
        var writer = DocumentWriter(form)
        writer.addInResource("id", .string(id.text))
        writer.add("name", name)
        let targets = targets.map {
            DocumentNode(.object([DocumentMember("url", DocumentNode(.string($0.url)))]))
        }
        writer.add("targets", .array(targets))
        writer.add("connect_timeout_seconds", Int64(connectTimeoutSeconds), default: 5)
        if form == .resource || !claimHeaders.isEmpty {
            writer.add("claim_headers", .array(claimHeaders.map { $0.document(form: form) }))
        }
        writer.add(optional: "assertion", assertion?.document(form: form).value)
        return writer.node
    }
}

extension ClaimHeader {
    /// Reads which claim goes into which header.
    ///
    /// - Throws: ``DocumentError``.
    package init(from reader: inout DocumentReader) throws(DocumentError) {
        self.init(claim: try reader.requiredText("claim"), header: try reader.requiredText("header"))
        try reader.text("separator", &separator, default: ",")
        try reader.finish()
    }

    /// Claim and header as a document.
    package func document(form: DocumentForm = .resource) -> DocumentNode {
        var writer = DocumentWriter(form)
        writer.add("claim", claim)
        writer.add("header", header)
        writer.add("separator", separator, default: ",")
        return writer.node
    }
}

extension AssertionRules {
    /// Reads the rules.
    ///
    /// - Throws: ``DocumentError``.
    package init(from reader: inout DocumentReader) throws(DocumentError) {
        self.init(audience: try reader.requiredText("audience"))
        try reader.text("header", &header, default: Self.defaultHeader)
        try reader.integer("lifetime_seconds", &lifetimeSeconds, default: Self.defaultLifetimeSeconds)
        try reader.finish()
    }

    /// The rules as a document.
    package func document(form: DocumentForm = .resource) -> DocumentNode {
        var writer = DocumentWriter(form)
        writer.add("audience", audience)
        writer.add("header", header, default: Self.defaultHeader)
        writer.add("lifetime_seconds", Int64(lifetimeSeconds), default: Int64(Self.defaultLifetimeSeconds))
        return writer.node
    }
}
