import GatewayCore
import JOSE

/// `/api/v1/keys/recognise` and `/api/v1/keys/generate`: nothing of what is pasted or made is kept.
struct KeyToolsResource {
    private let tag = "Tools"
    // RSA takes seconds of a core: not on the threads that answer everybody.
    private let queue = BoundedQueue(
        "portcullis.keys",
        width: 2,
        maximumPending: 16,
        busy: .wait(2, "too many keys are being made at this moment; try again")
    )

    /// The operations.
    var operations: [Operation] { [recogniseOperation, generateOperation] }

    private var recogniseOperation: Operation {
        Operation(
            method: .post,
            path: "/api/v1/keys/recognise",
            name: "recogniseKey",
            summary: "Tells what a pasted key is and how strong, or what is wrong with it and what to do.",
            tag: tag,
            body: Operation.Body(object: Self.pasted.input),
            successes: [
                Operation.Success(status: 200, summary: "What it is.", object: Self.recognised.output)
            ],
            access: .role(.viewer),
            perform: { call in
                let text = Array((call.body["key"]?.value.text ?? "").utf8)
                do throws(KeyReadingError) {
                    let keys = try RecognisedKey.all(
                        in: text,
                        isSecret: call.body.isOn("is_secret"),
                        isBase64: call.body.isOn("secret_is_base64")
                    )
                    return AdminAnswer(200, Self.document(keys, problem: nil))
                } catch {
                    return AdminAnswer(200, Self.document([], problem: "\(error)"))
                }
            }
        )
    }

    private var generateOperation: Operation {
        Operation(
            method: .post,
            path: "/api/v1/keys/generate",
            name: "generateKey",
            summary: "Makes a secret or a key pair and answers it, this once; nothing of it is kept.",
            tag: tag,
            body: Operation.Body(object: Self.wish.input),
            successes: [
                Operation.Success(status: 200, summary: "The new key.", object: Self.generated.output)
            ],
            problems: [.tooManyAttempts],
            perform: { call in
                let kind = try Self.kind(call.body)
                let key = try await queue.perform {
                    do throws(KeyReadingError) {
                        return try SigningKey.generate(kind)
                    } catch {
                        throw Problem(.invalid, "\(error)")
                    }
                }
                return AdminAnswer(200, try Self.document(key, call.body))
            }
        )
    }

    private static func kind(_ body: DocumentNode) throws(Problem) -> KeyKind {
        switch body["kind"]?.value.text {
        case "rsa":
            let bits = body.integer("bits") ?? 3_072
            guard bits % 256 == 0 else {
                throw Problem(.invalid, "bits is \(bits), expected a multiple of 256")
            }
            return .rsa(bits: Int(bits))
        case "ec":
            return .ec(body["curve"]?.value.text.flatMap { EllipticCurve(rawValue: $0) } ?? .p256)
        case "ed25519": return .ed25519
        default: return .hmac(bytes: Int(body.integer("bytes") ?? 32))
        }
    }

    // MARK: Its objects

    private static let pasted = ObjectShape(
        name: "PastedKey",
        summary: "A key as it was pasted.",
        fields: [
            ObjectShape.Field(
                "key",
                .text(.any(0...65_536)),
                "The key in any form.",
                isRequired: true,
                access: .writeOnly
            ),
            ObjectShape.Field(
                "is_secret",
                .boolean,
                "Whether it is meant as an HMAC secret.",
                default: .bool(false)
            ),
            ObjectShape.Field(
                "secret_is_base64",
                .boolean,
                "Whether the secret is Base64 of the key.",
                default: .bool(false)
            ),
        ]
    )

    private static let recognised = ObjectShape(
        name: "RecognisedKeys",
        summary: "What a pasted text is as a key.",
        fields: [
            ObjectShape.Field(
                "keys",
                .list(.object(key), count: 0...1000, isUnique: false),
                "The keys; none when there is a problem."
            ),
            ObjectShape.Field(
                "problem",
                .optional(.text(.any(0...10_000))),
                "What is wrong, and what to do."
            ),
        ]
    )

    private static let key = ObjectShape(
        name: "RecognisedKey",
        summary: "One key that was recognised.",
        fields: [
            ObjectShape.Field("kind", .text(.any(1...100)), "Its kind and size, in words."),
            ObjectShape.Field("form", .text(.any(1...100)), "The form in which it was given."),
            ObjectShape.Field("fingerprint", .text(.any(1...200)), "What people compare keys by."),
            ObjectShape.Field(
                "comment",
                .optional(.text(.any(0...65_536))),
                "The comment of an OpenSSH key."
            ),
            ObjectShape.Field("kid", .optional(.text(.any(0...65_536))), "A JWK's `kid`."),
            ObjectShape.Field(
                "algorithms",
                .list(.text(.any(1...20)), count: 0...20, isUnique: true),
                "What it can be used with."
            ),
            ObjectShape.Field("is_private", .boolean, "Whether it is a private key or a secret."),
            ObjectShape.Field(
                "weaknesses",
                .list(.text(.any(1...500)), count: 0...10, isUnique: true),
                "What is weak about it."
            ),
        ]
    )

    private static func document(_ keys: [RecognisedKey], problem: String?) -> DocumentNode {
        let list = keys.prefix(1000).map { found in
            DocumentNode(
                object: [
                    ("kind", .string("\(found.key.kind)")),
                    ("form", .string("\(found.key.form)")),
                    ("fingerprint", .string(found.key.fingerprint)),
                    ("comment", found.key.comment.map { .string($0) } ?? .null),
                    ("kid", found.key.keyID.map { .string($0) } ?? .null),
                    ("algorithms", .list(found.key.algorithms.map(\.rawValue))),
                    ("is_private", .bool(found.isPrivate)),
                    ("weaknesses", .list(found.weaknesses)),
                ]
            )
        }
        return DocumentNode(
            object: [("keys", .array(list)), ("problem", problem.map { .string($0) } ?? .null)]
        )
    }

    private static let wish = ObjectShape(
        name: "KeyWish",
        summary: "The key that is to be made.",
        fields: [
            ObjectShape.Field(
                "kind",
                .choice(["hmac", "rsa", "ec", "ed25519"]),
                "Its kind.",
                isRequired: true
            ),
            // A longer key takes minutes of one core to make.
            ObjectShape.Field(
                "bits",
                .integer(2_048...4_096),
                "The size of an RSA key.",
                default: .integer(3_072)
            ),
            ObjectShape.Field(
                "curve",
                .choice(EllipticCurve.allCases.map(\.rawValue)),
                "The curve of an EC key.",
                default: .string("P-256")
            ),
            ObjectShape.Field("bytes", .integer(32...1_024), "The size of a secret.", default: .integer(32)),
            ObjectShape.Field(
                "encoding",
                .choice(SecretEncoding.allCases.map(\.rawValue)),
                "How a secret is written.",
                default: .string("base64")
            ),
            ObjectShape.Field("comment", .text(.line(0...200)), "The comment of the public key."),
        ]
    )

    private static let generated = ObjectShape(
        name: "GeneratedKey",
        summary: "A new key, shown this once.",
        fields: [
            ObjectShape.Field("kind", .text(.any(1...100)), "Its kind and size, in words."),
            ObjectShape.Field("fingerprint", .text(.any(1...200)), "What people compare keys by."),
            ObjectShape.Field(
                "private_key",
                .optional(.text(.any(1...20_000))),
                "The private key as PKCS#8 in PEM; null for a secret."
            ),
            ObjectShape.Field(
                "secret",
                .optional(.text(.any(1...4_096))),
                "The secret's text; null for a key pair."
            ),
            ObjectShape.Field(
                "public_key",
                .optional(.text(.any(1...20_000))),
                "The public key as OpenSSH has it; null for a secret."
            ),
        ]
    )

    private static func document(_ key: SigningKey, _ body: DocumentNode) throws(Problem) -> DocumentNode {
        let encoding = body["encoding"]?.value.text.flatMap { SecretEncoding(rawValue: $0) } ?? .base64
        let secret = key.secret.map { encoding.text($0) }
        let publicLine = PublicKeyText.text(
            key.verificationKey,
            as: .openssh,
            comment: body["comment"]?.value.text
        )
        guard secret != nil || key.pkcs8PEM != nil else {
            throw Problem(.internalError, "the key could not be written")
        }
        // The fingerprint of the secret's text, which is what a profile gets, not of the bytes it stands for.
        let fingerprint = secret.flatMap { text in
            // A secret that was just made is long enough.
            try? VerificationKey.hmac(secret: Secret(Array(text.reveal().utf8)), wasAccepted: true)
                .fingerprint
        }
        return DocumentNode(
            object: [
                ("kind", .string("\(key.kind)")),
                ("fingerprint", .string(fingerprint ?? key.fingerprint)),
                ("private_key", key.pkcs8PEM.map { .string($0.reveal()) } ?? .null),
                ("secret", secret.map { .string($0.reveal()) } ?? .null),
                ("public_key", publicLine.map { .string($0) } ?? .null),
            ]
        )
    }
}

extension DocumentNode {
    /// Whether a switch is on.
    func isOn(_ name: String) -> Bool {
        guard case .bool(true) = self[name]?.value else { return false }
        return true
    }

    /// The whole number of a field, when it was given.
    func integer(_ name: String) -> Int64? {
        guard case .integer(let number) = self[name]?.value else { return nil }
        return number
    }
}
