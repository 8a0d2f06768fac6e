import JOSE

extension Revocation {
    /// Makes a revocation from a document that says which tokens, in one of four ways.
    ///
    /// A token itself gives its `jti`, and the time at which the revocation ends with it.
    ///
    /// - Throws: ``DocumentError``; it never shows a token.
    package init(
        from reader: inout DocumentReader,
        of profile: AccessProfile,
        context: inout DocumentContext
    ) throws(DocumentError) {
        let (tokens, end) = try Self.tokens(from: &reader, profile)
        let existing = profile.revocations.first { $0.tokens == tokens }
        if let existing {
            self = existing
            reason = ""
        } else {
            let id: RevocationID = context.makeID("revocation", [profile.id.text, Self.key(tokens)])
            self.init(id: id, tokens: tokens, createdAt: context.now)
        }
        expiresAt = end
        try updateFields(from: &reader)
    }

    /// Takes over reason and end where a document gives them; which tokens it concerns cannot be changed.
    ///
    /// - Throws: ``DocumentError``.
    package mutating func update(from reader: inout DocumentReader) throws(DocumentError) {
        switch tokens {
        case .tokenID(let id): try reader.readOnly("jti", id)
        case .subject(let subject): try reader.readOnly("subject", subject)
        case .issuedBefore(let time): try reader.readOnly("issued_before", time.description)
        }
        try updateFields(from: &reader)
    }

    private mutating func updateFields(from reader: inout DocumentReader) throws(DocumentError) {
        try reader.readOnly("id", id.text)
        try reader.readOnly("created_at", createdAt.description)
        try reader.text("reason", &reason, default: "")
        try reader.optionalTime("expires_at", &expiresAt)
        try reader.finish()
    }

    private static func tokens(
        from reader: inout DocumentReader,
        _ profile: AccessProfile
    ) throws(DocumentError) -> (Tokens, Timestamp?) {
        var tokenID: String?
        var subject: String?
        var issuedBefore: Timestamp?
        var token: String?
        try reader.optionalText("jti", &tokenID)
        try reader.optionalText("subject", &subject)
        try reader.optionalTime("issued_before", &issuedBefore)
        try reader.optionalText("token", &token)
        switch (tokenID, subject, issuedBefore, token) {
        case (let id?, nil, nil, nil): return (.tokenID(id), nil)
        case (nil, let subject?, nil, nil): return (.subject(subject), nil)
        case (nil, nil, let time?, nil): return (.issuedBefore(time), nil)
        case (nil, nil, nil, let token?): return try tokens(of: token, reader, profile)
        default:
            throw reader.error("", "expected exactly one of jti, subject, issued_before and token")
        }
    }

    private static func tokens(
        of token: String,
        _ reader: DocumentReader,
        _ profile: AccessProfile
    ) throws(DocumentError) -> (Tokens, Timestamp?) {
        let claims: JSONDocument
        do {
            var unverified = try UnverifiedToken.parse(Array(token.utf8).span)
            claims = try unverified.readClaims()
        } catch {
            throw reader.error("token", "the token does not parse: \(error)")
        }
        guard let id = claims.root[member: Array("jti".utf8)]?.stringBytes,
            let text = String(validating: id, as: UTF8.self)
        else {
            throw reader.error("token", "the token has no jti; revoke it by subject or issued_before")
        }
        let expiry = claims.root[member: Array("exp".utf8)]?.number?.numericDate?.seconds
        // Behind the widest leeway that there is, so that it ends with the token and not before.
        let end = expiry.flatMap { $0 < TimeWindow.latestExpiry.seconds ? $0 + 301 : nil }
        return (.tokenID(text), end.map { Timestamp(secondsSinceEpoch: $0) })
    }

    private static func key(_ tokens: Tokens) -> String {
        switch tokens {
        case .tokenID(let id): "jti:\(id)"
        case .subject(let subject): "subject:\(subject)"
        case .issuedBefore(let time): "issued_before:\(time.secondsSinceEpoch)"
        }
    }

    /// The revocation as a document.
    package func document(form: DocumentForm = .resource) -> DocumentNode {
        var writer = DocumentWriter(form)
        writer.addInResource("id", .string(id.text))
        switch tokens {
        case .tokenID(let id): writer.add("jti", id)
        case .subject(let subject): writer.add("subject", subject)
        case .issuedBefore(let time): writer.add("issued_before", time.description)
        }
        writer.add("reason", reason, default: "")
        writer.add(optional: "expires_at", expiresAt.map { .string($0.description) })
        writer.addInResource("created_at", .string(createdAt.description))
        return writer.node
    }
}
