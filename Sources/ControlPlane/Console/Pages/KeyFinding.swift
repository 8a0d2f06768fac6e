import GatewayCore

/// What was pasted, as the API recognises it before it is saved.
struct KeyFinding {
    let api: ConsoleAPI

    /// What the live check answers: the same as the page shows without a script.
    ///
    /// - Throws: ``ConsoleProblem``.
    func answer(_ form: Form) async throws -> DocumentNode {
        let isSecret = form["public_key"] == nil
        return DocumentNode(
            object: isSecret
                ? try await secret(form["secret"] ?? "", isBase64: form.isOn("secret_is_base64"))
                : try await publicKey(form.text("public_key"))
        )
    }

    /// A public key: its kind, size, fingerprint and comment, or what is wrong.
    ///
    /// - Throws: ``ConsoleProblem``.
    func publicKey(_ text: String) async throws -> [(String, DocumentValue)] {
        let found = try await recognise([("key", .string(text))])
        let keys = found["keys"]?.elements ?? []
        guard let key = keys.first else {
            return PrivateKeyText.isFound(in: text)
                ? Self.exposed
                : Self.finding("bad", "Not a key that can be used: \(found.text("problem"))", [])
        }
        if keys.contains(where: { $0["is_private"]?.value.isTrue == true }) { return Self.exposed }
        guard keys.count == 1 else {
            return Self.finding("bad", "These are \(keys.count) keys: add each on its own.", [])
        }
        var facts = [("Form", key.text("form")), ("Fingerprint", key.text("fingerprint"))]
        facts += [("Comment", key.text("comment")), ("kid", key.text("kid"))].filter { !$0.1.isEmpty }
        facts.append(("Algorithms", Self.texts(key, "algorithms")))
        let weaknesses = (key["weaknesses"]?.elements ?? []).compactMap(\.value.text)
        facts += weaknesses.map { ("Weak", $0) }
        return Self.finding(weaknesses.isEmpty ? "good" : "warn", "Recognised: \(key.text("kind"))", facts)
    }

    /// A secret: how strong it is, or what is wrong; never the secret itself.
    ///
    /// - Throws: ``ConsoleProblem``.
    func secret(_ text: String, isBase64: Bool) async throws -> [(String, DocumentValue)] {
        let found = try await recognise([
            ("key", .string(text)), ("is_secret", .bool(true)), ("secret_is_base64", .bool(isBase64)),
        ])
        guard let key = found["keys"]?.elements.first else {
            return Self.finding("bad", "Too weak, or not usable: \(found.text("problem"))", [])
        }
        let weaknesses = (key["weaknesses"]?.elements ?? []).compactMap(\.value.text)
        let facts = [("Algorithms", Self.texts(key, "algorithms"))] + weaknesses.map { ("Weak", $0) }
        guard weaknesses.isEmpty else {
            return Self.finding("warn", "It could be stronger: \(key.text("kind"))", facts)
        }
        return Self.finding("good", "Strong enough: \(key.text("kind"))", facts)
    }

    /// That a private key was given: whatever page shows this does not show the key again.
    private static let exposed =
        finding(
            "bad",
            "This is a private key: give the public half, and consider the private one exposed.",
            []
        ) + [("isPrivate", .bool(true))]

    private func recognise(_ members: [(String, DocumentValue)]) async throws -> DocumentNode {
        try await api.send("POST", "/api/v1/keys/recognise", [], .fields(members))
    }

    private static func texts(_ node: DocumentNode, _ field: String) -> String {
        (node[field]?.elements ?? []).compactMap(\.value.text).joined(separator: ", ")
    }

    private static func finding(
        _ colour: String,
        _ words: String,
        _ facts: [(String, String)]
    ) -> [(String, DocumentValue)] {
        let list = facts.map { label, value in
            DocumentNode(object: [("label", .string(label)), ("value", .string(value))])
        }
        return [("colour", .string(colour)), ("words", .string(words)), ("facts", .array(list))]
    }

    /// A new secret of the API's generator: 48 bytes as 64 characters, so that it serves every HMAC either way.
    ///
    /// - Throws: ``ConsoleProblem``.
    func newSecret() async throws -> String {
        let wish = DocumentValue.fields([("kind", .string("hmac")), ("bytes", .integer(48))])
        return try await api.send("POST", "/api/v1/keys/generate", [], wish).text("secret")
    }
}
