import JOSE

extension ProfileKey {
    /// Makes a key from a document, or a new state of an existing one.
    ///
    /// Fields that are absent are at their default. The material stays when the document gives none, or one
    /// that is the same; with another material it is another key, with an identity of its own.
    ///
    /// - Throws: ``DocumentError``, with the words of ``KeyReadingError`` when the material cannot be read.
    package init(
        from reader: inout DocumentReader,
        replacing existing: ProfileKey? = nil,
        of profile: ProfileID,
        context: inout DocumentContext
    ) throws(DocumentError) {
        let name = try reader.requiredText("name")
        self = try Self.withMaterial(from: &reader, name, existing, profile, &context)
        isActive = true
        keyID = nil
        algorithms = []
        activeFrom = nil
        retireAt = nil
        try updateFields(from: &reader)
    }

    /// Takes over the fields that a document gives, and keeps the others.
    ///
    /// - Throws: ``DocumentError``, with the words of ``KeyReadingError`` when the material cannot be read.
    package mutating func update(
        from reader: inout DocumentReader,
        of profile: ProfileID,
        context: inout DocumentContext
    ) throws(DocumentError) {
        var updated = try Self.withMaterial(from: &reader, name, self, profile, &context)
        (updated.isActive, updated.keyID, updated.algorithms) = (isActive, keyID, algorithms)
        (updated.activeFrom, updated.retireAt) = (activeFrom, retireAt)
        try updated.updateFields(from: &reader)
        self = updated
    }

    private mutating func updateFields(from reader: inout DocumentReader) throws(DocumentError) {
        try reader.readOnly("id", id.text)
        try reader.readOnly("kind", kindName)
        try reader.readOnly("created_at", createdAt.description)
        // It moves on by itself, so whoever gives an answer back gives an old one.
        _ = reader.take("last_used_at")
        try reader.text("name", &name)
        try reader.bool("active", &isActive, default: true)
        try reader.optionalText("kid", &keyID)
        try reader.algorithms("algorithms", &algorithms)
        try reader.optionalTime("active_from", &activeFrom)
        try reader.optionalTime("retire_at", &retireAt)
        try reader.finish()
    }

    // MARK: Material

    private static func withMaterial(
        from reader: inout DocumentReader,
        _ name: String,
        _ existing: ProfileKey?,
        _ profile: ProfileID,
        _ context: inout DocumentContext
    ) throws(DocumentError) -> ProfileKey {
        var publicKey: String?
        var secret: String?
        var isBase64: Bool?
        var fingerprint: String?
        try reader.optionalText("public_key", &publicKey)
        try reader.optionalText("secret", &secret)
        try reader.optionalBool("secret_is_base64", &isBase64)
        try reader.optionalText("fingerprint", &fingerprint)
        if secret != nil, publicKey != nil {
            throw reader.error("secret", "there is a public_key too, expected one of the two")
        }
        let field = publicKey != nil ? "public_key" : "secret"
        guard let material = material(publicKey, secret, isBase64, existing) else {
            guard let existing else { throw reader.error(field, missingMaterial(fingerprint)) }
            if let fingerprint, fingerprint != existing.fingerprint {
                throw reader.error("fingerprint", missingMaterial(fingerprint, existing.fingerprint))
            }
            return existing
        }
        if case .publicKey = material, isBase64 == true {
            throw reader.error(
                "secret_is_base64",
                "value is true, but the key is a public key and not a secret"
            )
        }
        if let existing, existing.isSameText(material) { return try checked(existing, fingerprint, reader) }
        let id: KeyID = context.makeID("key", [profile.text, name])
        let read: ProfileKey
        do {
            // The text is kept and shown as it was given.
            if case .publicKey(let text) = material { try SecretMember.refuse(in: Array(text.utf8)) }
            read = try ProfileKey(id: id, name: name, material: material, createdAt: context.now)
        } catch {
            throw reader.error(field, "\(error)")
        }
        if let existing, existing.isSameKey(as: read) { return try checked(existing, fingerprint, reader) }
        return try checked(read, fingerprint, reader)
    }

    /// What the document gives as material; `nil` when it leaves the existing one as it is.
    private static func material(
        _ publicKey: String?,
        _ secret: String?,
        _ isBase64: Bool?,
        _ existing: ProfileKey?
    ) -> Material? {
        if let publicKey { return .publicKey(publicKey) }
        if let secret { return .secret(Secret(Array(secret.utf8)), isBase64: isBase64 ?? false) }
        guard case .secret(let text, let wasBase64) = existing?.material, let isBase64, isBase64 != wasBase64
        else {
            return nil
        }
        // The switch alone: the same text, read the other way.
        return .secret(text, isBase64: isBase64)
    }

    private static func missingMaterial(_ fingerprint: String?, _ existing: String? = nil) -> String {
        let remedy = "give secret or public_key (in a file also secret_file, secret_env or public_key_file)"
        guard let fingerprint else { return "the key has no material; \(remedy)" }
        let found = existing.map { "this key is \($0)" } ?? "the profile has no key of this name"
        return "fingerprint is \(PrintableText.quoted(fingerprint)) and \(found); \(remedy)"
    }

    private static func checked(
        _ key: ProfileKey,
        _ fingerprint: String?,
        _ reader: DocumentReader
    ) throws(DocumentError) -> ProfileKey {
        guard let fingerprint, fingerprint != key.fingerprint else { return key }
        let found = PrintableText.quoted(fingerprint)
        throw reader.error("fingerprint", "fingerprint is \(found), the given key has \(key.fingerprint)")
    }

    /// Whether the material is the text that this key was read from: then it need not be read again.
    private func isSameText(_ other: Material) -> Bool {
        switch (material, other) {
        case (.publicKey(let mine), .publicKey(let theirs)): mine.utf8.elementsEqual(theirs.utf8)
        case (.secret(let mine, let isBase64), .secret(let theirs, let isOtherBase64)):
            isBase64 == isOtherBase64 && mine.isEqual(to: theirs)
        case (.publicKey, .secret), (.secret, .publicKey): false
        }
    }

    /// Whether another material gives this very key, perhaps in another form.
    private func isSameKey(as other: ProfileKey) -> Bool {
        let (mine, theirs) = (verificationKey, other.verificationKey)
        guard mine.kind == theirs.kind, mine.algorithms == theirs.algorithms, mine.keyID == theirs.keyID
        else {
            return false
        }
        switch (material, other.material) {
        case (.publicKey, .publicKey): return mine.fingerprint == theirs.fingerprint
        case (.secret(_, let isBase64), .secret(_, let isOtherBase64)):
            guard isBase64 == isOtherBase64, let secret = mine.secret, let other = theirs.secret else {
                return false
            }
            return secret.isEqual(to: other)
        case (.publicKey, .secret), (.secret, .publicKey): return false
        }
    }

    /// Whether nothing differs, the material included.
    func isSame(as other: ProfileKey) -> Bool {
        id == other.id && name == other.name && isActive == other.isActive && keyID == other.keyID
            && algorithms == other.algorithms && activeFrom == other.activeFrom && retireAt == other.retireAt
            && isSameText(other.material)
    }

    // MARK: Writing

    /// The kind and size for people: `RSA 2048`.
    package var kindName: String {
        switch verificationKey.kind {
        case .hmac(let bytes): "HMAC \(bytes * 8)"
        case .rsa(let bits): "RSA \(bits)"
        case .ec(let curve): "EC \(curve.rawValue)"
        case .ed25519: "Ed25519"
        case .mlDSA65: "ML-DSA-65"
        case .mlDSA87: "ML-DSA-87"
        }
    }

    /// The key as a document: a public key as pasted, of a secret its fingerprint only.
    package func document(form: DocumentForm = .resource) -> DocumentNode {
        var writer = DocumentWriter(form)
        writer.addInResource("id", .string(id.text))
        writer.add("name", name)
        writer.add("active", isActive, default: true)
        writer.addInResource("kind", .string(kindName))
        switch material {
        case .publicKey(let text):
            writer.addInResource("fingerprint", .string(fingerprint))
            writer.add("public_key", text)
        case .secret(_, let isBase64):
            writer.add("fingerprint", fingerprint)
            writer.add("secret_is_base64", isBase64, default: false)
        }
        writer.add(optional: "kid", keyID.map { .string($0) })
        writer.add("algorithms", algorithms.map(\.rawValue))
        writer.add(optional: "active_from", activeFrom.map { .string($0.description) })
        writer.add(optional: "retire_at", retireAt.map { .string($0.description) })
        writer.addInResource("created_at", .string(createdAt.description))
        return writer.node
    }
}

extension APIToken {
    /// Makes an API token from a document, or a new state of an existing one.
    ///
    /// Fields that are absent are at their default. The token stays when the document gives none, or the
    /// same; another one has an identity of its own.
    ///
    /// - Throws: ``DocumentError``; it never shows the token.
    package init(
        from reader: inout DocumentReader,
        replacing existing: APIToken? = nil,
        of profile: ProfileID,
        context: inout DocumentContext
    ) throws(DocumentError) {
        let name = try reader.requiredText("name")
        let digest = try Self.digest(from: &reader, existing)
        if let existing, existing.digest == digest {
            self = existing
        } else {
            let id: APITokenID = context.makeID("api_token", [profile.text, name])
            self.init(id: id, name: name, digest: digest, createdAt: context.now)
        }
        isActive = true
        expiresAt = nil
        allowedAddresses = []
        deniedAddresses = []
        try updateFields(from: &reader)
    }

    /// Takes over name, active and expiry where a document gives them; the token itself cannot be changed.
    ///
    /// - Throws: ``DocumentError``.
    package mutating func update(from reader: inout DocumentReader) throws(DocumentError) {
        try reader.readOnly("sha256", digest.hex)
        try updateFields(from: &reader)
    }

    private mutating func updateFields(from reader: inout DocumentReader) throws(DocumentError) {
        try reader.readOnly("id", id.text)
        try reader.readOnly("created_at", createdAt.description)
        _ = reader.take("last_used_at")
        try reader.text("name", &name)
        try reader.bool("active", &isActive, default: true)
        try reader.optionalTime("expires_at", &expiresAt)
        try reader.addresses("ip_allow", &allowedAddresses)
        try reader.addresses("ip_deny", &deniedAddresses)
        try reader.finish()
    }

    private static func digest(
        from reader: inout DocumentReader,
        _ existing: APIToken?
    ) throws(DocumentError) -> APITokenDigest {
        var token: String?
        var hex: String?
        try reader.optionalText("token", &token)
        try reader.optionalText("sha256", &hex)
        switch (token, hex) {
        case (nil, nil):
            guard let existing else {
                throw reader.error(
                    "token",
                    "the API token is missing; give token or sha256 (in a file also token_env)"
                )
            }
            return existing.digest
        case (.some, .some): throw reader.error("sha256", "there is a token too, expected one of the two")
        case (.some(let token), nil):
            guard let digest = APITokenDigest(token: token.utf8) else {
                throw reader.error("token", "\(found(token)), expected 64 lower-case hexadecimal digits")
            }
            return digest
        case (nil, .some(let hex)):
            guard let digest = APITokenDigest(hex: hex) else {
                throw reader.error("sha256", "\(found(hex)), expected 64 lower-case hexadecimal digits")
            }
            return digest
        }
    }

    // Never the text itself: a token with one character too many is a secret too.
    private static func found(_ text: String) -> String {
        text.utf8.count == APITokenDigest.tokenLength
            ? "it has other characters among its 64" : "it has \(text.utf8.count) characters"
    }

    /// The API token as a document: its digest, never the token.
    package func document(form: DocumentForm = .resource) -> DocumentNode {
        var writer = DocumentWriter(form)
        writer.addInResource("id", .string(id.text))
        writer.add("name", name)
        writer.add("active", isActive, default: true)
        writer.add(optional: "expires_at", expiresAt.map { .string($0.description) })
        writer.add("ip_allow", allowedAddresses.map(\.description))
        writer.add("ip_deny", deniedAddresses.map(\.description))
        writer.add("sha256", digest.hex)
        writer.addInResource("created_at", .string(createdAt.description))
        return writer.node
    }
}
