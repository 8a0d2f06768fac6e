import GatewayCore
import JOSE

/// What was pasted, as it is recognised before it is saved; the reader is the one that the API saves with.
enum KeyFinding {
    /// What the live check answers: the same as the page shows without a script.
    static func answer(_ form: Form) -> DocumentNode {
        let found: [(String, DocumentValue)]
        if let text = form["public_key"] {
            found = publicKey(Form([(name: "key", value: text)]).text("key"))
        } else {
            found = secret(form["secret"] ?? "", isBase64: form.isOn("secret_is_base64"))
        }
        return DocumentNode(object: found)
    }

    /// A public key: its kind, size, fingerprint and comment, or what is wrong.
    static func publicKey(_ text: String) -> [(String, DocumentValue)] {
        do throws(KeyReadingError) {
            let key = try VerificationKey.publicKey(reading: Array(text.utf8))
            var facts = [("Form", "\(key.form)"), ("Fingerprint", key.fingerprint)]
            if let comment = key.comment, !comment.isEmpty { facts.append(("Comment", comment)) }
            if let keyID = key.keyID { facts.append(("kid", keyID)) }
            facts.append(("Algorithms", key.algorithms.map(\.rawValue).joined(separator: ", ")))
            return finding("good", "Recognised: \(key.kind)", facts)
        } catch {
            return finding("bad", "Not a key that can be used: \(error)", [])
        }
    }

    /// A secret: how strong it is, or what is wrong; never the secret itself.
    static func secret(_ text: String, isBase64: Bool) -> [(String, DocumentValue)] {
        do throws(KeyReadingError) {
            let key = try VerificationKey.hmac(secret: Secret(Array(text.utf8)), secretIsBase64: isBase64)
            guard case .hmac(let bytes) = key.kind else { return finding("bad", "Not a secret", []) }
            var facts = [("Algorithms", key.algorithms.map(\.rawValue).joined(separator: ", "))]
            let isDecodable =
                !isBase64
                && (try? VerificationKey.hmac(secret: Secret(Array(text.utf8)), secretIsBase64: true)) != nil
            if isDecodable {
                facts.append(
                    (
                        "Note",
                        "it can be read as Base64 too; whether it is depends on the signer"
                    )
                )
            }
            return finding("good", "Strong enough: \(bytes) bytes", facts)
        } catch {
            return finding("bad", "Too weak, or not usable: \(error)", [])
        }
    }

    private static func finding(
        _ colour: String,
        _ words: String,
        _ facts: [(String, String)]
    ) -> [(String, DocumentValue)] {
        [
            ("colour", .string(colour)), ("words", .string(words)),
            (
                "facts",
                .array(
                    facts.map { label, value in
                        DocumentNode(object: [("label", .string(label)), ("value", .string(value))])
                    }
                )
            ),
        ]
    }

    /// A new secret from the system's generator: 48 bytes as 64 characters, so that it serves every HMAC.
    ///
    /// - Throws: ``Problem`` 500 when there are no random numbers.
    static func newSecret() throws(Problem) -> String {
        guard let key = try? SigningKey.generate(.hmac(bytes: 48)), let bytes = key.secret?.reveal() else {
            throw Problem(.internalError, "no secret could be made")
        }
        return Base64URL.encode(bytes)
    }
}
