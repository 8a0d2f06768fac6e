extension GatewaySettings {
    /// The name that stands for ``workatoIdentityClaims`` in documents.
    private static let workatoPreset = "workato"

    /// Takes over the fields that a document gives.
    ///
    /// - Throws: ``DocumentError`` for wrong types and unknown fields; the values are judged by
    ///   ``CatalogDraft``.
    package mutating func update(from reader: inout DocumentReader) throws(DocumentError) {
        let defaults = GatewaySettings()
        if let node = reader.take("identity_claims"), case .string(let preset) = node.value {
            guard preset == Self.workatoPreset else {
                let found = PrintableText.quoted(preset)
                throw reader.error(
                    "identity_claims",
                    "preset is \(found), expected \"workato\" or a list of names"
                )
            }
            identityClaims = Self.workatoIdentityClaims
        } else {
            try reader.texts("identity_claims", &identityClaims, default: defaults.identityClaims)
        }
        try reader.bool("require_exp", &requiresExpiry, default: defaults.requiresExpiry)
        try reader.integer("leeway_seconds", &leewaySeconds, default: defaults.leewaySeconds)
        try reader.addresses("trusted_proxies", &trustedProxies)
        try reader.choice(
            "client_address_header",
            &clientAddressHeader,
            default: defaults.clientAddressHeader
        )
        try reader.text("issuer", &issuer, default: defaults.issuer)
        try reader.integer("signing_key_days", &signingKeyDays, default: defaults.signingKeyDays)
        try reader.finish()
    }

    /// The settings as a document, every field in both forms.
    package func document(form: DocumentForm = .resource) -> DocumentNode {
        var writer = DocumentWriter(.resource)
        if form == .export, identityClaims == Self.workatoIdentityClaims {
            writer.add("identity_claims", Self.workatoPreset)
        } else {
            writer.add("identity_claims", identityClaims)
        }
        writer.add("require_exp", .bool(requiresExpiry))
        writer.add("leeway_seconds", .integer(Int64(leewaySeconds)))
        writer.add("trusted_proxies", trustedProxies.map(\.description))
        writer.add("client_address_header", clientAddressHeader.rawValue)
        writer.add("issuer", issuer)
        writer.add("signing_key_days", .integer(Int64(signingKeyDays)))
        return writer.node
    }
}

extension Client {
    /// Makes a client from a document that has at least its name.
    ///
    /// - Throws: ``DocumentError``.
    package init(id: ClientID, from reader: inout DocumentReader) throws(DocumentError) {
        self.init(id: id, name: try reader.requiredText("name"))
        try update(from: &reader)
    }

    /// Takes over the fields that a document gives.
    ///
    /// - Throws: ``DocumentError`` for wrong types and unknown fields; the values are judged by
    ///   ``CatalogDraft``.
    package mutating func update(from reader: inout DocumentReader) throws(DocumentError) {
        try reader.readOnly("id", id.text)
        try reader.text("name", &name)
        try reader.text("description", &description, default: "")
        try reader.text("contact_email", &contactEmail, default: "")
        try reader.bool("active", &isActive, default: true)
        // They change by themselves, so whoever gives an answer back gives an old one.
        for field in ["profile_count", "last_used_at"] { _ = reader.take(field) }
        try reader.finish()
    }

    /// The client as a document, without its profiles.
    package func document(form: DocumentForm = .resource) -> DocumentNode {
        var writer = DocumentWriter(form)
        writer.addInResource("id", .string(id.text))
        writer.add("name", name)
        writer.add("description", description, default: "")
        writer.add("contact_email", contactEmail, default: "")
        writer.add("active", isActive, default: true)
        return writer.node
    }
}
