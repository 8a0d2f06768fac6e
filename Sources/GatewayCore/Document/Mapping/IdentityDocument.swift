import JOSE

// The parts of a profile that say who issues its tokens and what else its callers must show. The store keeps
// each of them in this form too.

extension TokenMatch {
    /// Reads a rule.
    ///
    /// - Throws: ``DocumentError``.
    package init(from reader: inout DocumentReader) throws(DocumentError) {
        self.init(issuer: try reader.requiredText("issuer"))
        try reader.optionalText("audience", &audience)
        if let node = reader.take("claims") {
            guard case .object(let members) = node.value else {
                throw reader.error(
                    "claims",
                    "expected an object of claims and their texts, found \(node.value.kind)"
                )
            }
            for member in members {
                guard let text = member.node.value.text else {
                    throw reader.error(
                        "claims",
                        "the claim \(PrintableText.quoted(member.name)) is \(member.node.value.kind), expected a text"
                    )
                }
                claims.append(Claim(name: member.name, value: text))
            }
            // Their order means nothing.
            claims.sort { ($0.name, $0.value) < ($1.name, $1.value) }
        }
        try reader.finish()
    }

    /// The rule as a document.
    package func document(form: DocumentForm = .resource) -> DocumentNode {
        var writer = DocumentWriter(form)
        writer.add("issuer", issuer)
        writer.add(optional: "audience", audience.map { .string($0) })
        let members = claims.map { DocumentMember($0.name, DocumentNode(.string($0.value))) }
        if form == .resource || !members.isEmpty { writer.add("claims", .object(members)) }
        return writer.node
    }
}

extension IdentityProvider {
    /// Reads an identity provider; without any keys its discovery document is looked for below the issuer.
    ///
    /// - Throws: ``DocumentError``.
    package init(from reader: inout DocumentReader) throws(DocumentError) {
        let issuer = try reader.requiredText("issuer")
        var discovery: String?
        var keySet: String?
        try reader.optionalText("discovery_url", &discovery)
        try reader.optionalText("jwks_url", &keySet)
        let inline = try Self.inline(from: &reader)
        let keys: Keys
        switch (discovery, keySet, inline) {
        case (let url?, nil, nil): keys = .discovery(try Self.url(url, "discovery_url", reader))
        case (nil, let url?, nil): keys = .keySet(try Self.url(url, "jwks_url", reader))
        case (nil, nil, let text?): keys = .inline(text)
        case (nil, nil, nil):
            let base = issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer
            keys = .discovery(try Self.url(base + Self.discoveryPath, "issuer", reader))
        default:
            throw reader.error("", "expected at most one of discovery_url, jwks_url and jwks")
        }
        self.init(issuer: issuer, keys: keys)
        try reader.algorithms("algorithms", &algorithms)
        try reader.finish()
    }

    private static func url(
        _ text: String,
        _ field: String,
        _ reader: DocumentReader
    ) throws(DocumentError) -> KeyURL {
        do {
            return try KeyURL(text)
        } catch {
            throw reader.error(field, error.description)
        }
    }

    /// A JWK set as text, or as the object that it is.
    private static func inline(from reader: inout DocumentReader) throws(DocumentError) -> String? {
        guard let node = reader.take("jwks") else { return nil }
        switch node.value {
        case .null: return nil
        case .string(let text): return text
        case .object: return node.json()
        case .bool, .integer, .decimal, .array:
            throw reader.error("jwks", "expected a JWK set as text or object, found \(node.value.kind)")
        }
    }

    /// The identity provider as a document, the same for all: where the keys come from is what is there of three members.
    package func document() -> DocumentNode {
        var writer = DocumentWriter(.export)
        writer.add("issuer", issuer)
        switch keys {
        case .discovery(let url): writer.add("discovery_url", url.description)
        case .keySet(let url): writer.add("jwks_url", url.description)
        case .inline(let text): writer.add("jwks", text)
        }
        writer.add("algorithms", algorithms.map(\.rawValue))
        return writer.node
    }
}

extension OAuth2Rules {
    /// Reads the rules.
    ///
    /// - Throws: ``DocumentError``.
    package init(from reader: inout DocumentReader) throws(DocumentError) {
        self.init()
        try reader.texts("scopes", &scopes)
        try reader.integer("token_lifetime_seconds", &lifetimeSeconds, default: Self.defaultLifetimeSeconds)
        try reader.finish()
    }

    /// The rules as a document.
    package func document(form: DocumentForm = .resource) -> DocumentNode {
        var writer = DocumentWriter(form)
        writer.add("scopes", scopes)
        writer.add(
            "token_lifetime_seconds",
            Int64(lifetimeSeconds),
            default: Int64(Self.defaultLifetimeSeconds)
        )
        return writer.node
    }
}

extension CertificateRules {
    /// Reads the rules.
    ///
    /// - Throws: ``DocumentError``.
    package init(from reader: inout DocumentReader) throws(DocumentError) {
        self.init(roots: try reader.requiredText("roots"))
        try reader.texts("subjects", &subjects)
        try reader.texts("san", &alternativeNames)
        try reader.finish()
    }

    /// The rules as a document.
    package func document(form: DocumentForm = .resource) -> DocumentNode {
        var writer = DocumentWriter(form)
        writer.add("roots", roots)
        writer.add("subjects", subjects)
        writer.add("san", alternativeNames)
        return writer.node
    }
}

extension DocumentReader {
    /// Reads an object that may be missing.
    package mutating func optionalObject<Value>(
        _ name: String,
        _ target: inout Value?,
        read: (inout DocumentReader) throws(DocumentError) -> Value
    ) throws(DocumentError) {
        guard let node = take(name) else { return }
        if case .null = node.value {
            target = nil
            return
        }
        var reader = try DocumentReader(node, path: pathOf(name))
        target = try read(&reader)
    }

    /// Reads a list of objects whose order matters; `null` makes it empty.
    package mutating func values<Value>(
        _ name: String,
        _ target: inout [Value],
        limit: Int,
        read: (inout DocumentReader) throws(DocumentError) -> Value
    ) throws(DocumentError) {
        guard let readers = try objects(name, limit: limit) else { return }
        var values: [Value] = []
        for var reader in readers { values.append(try read(&reader)) }
        target = values
    }

    /// Reads a list of signature algorithms by their names of RFC 7518 §3.1.
    mutating func algorithms(
        _ name: String,
        _ target: inout [SignatureAlgorithm]
    ) throws(DocumentError) {
        try list(name, &target, default: [], of: "a text") { node throws(InvalidValue) in
            guard let text = node.value.text else { return nil }
            guard let algorithm = SignatureAlgorithm(headerValue: Array(text.utf8)) else {
                let names = SignatureAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
                throw InvalidValue("algorithm is \(PrintableText.quoted(text)), expected one of \(names)")
            }
            return algorithm
        }
    }
}
