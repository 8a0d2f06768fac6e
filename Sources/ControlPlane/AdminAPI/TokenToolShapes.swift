import GatewayCore
import JOSE

/// The objects of the token tools.
enum TokenToolShapes {
    private static let token = ObjectShape.Field(
        "token",
        .text(.any(0...65_536)),
        "The token.",
        isRequired: true,
        access: .writeOnly
    )

    /// How a key is given: one of a profile's, or pasted.
    private static let keyFields = [
        ObjectShape.Field("profile_id", .text(.identity), "The profile whose keys are meant."),
        ObjectShape.Field(
            "key",
            .text(.any(1...65_536)),
            "A pasted key in any form.",
            access: .writeOnly
        ),
        ObjectShape.Field("secret", .text(.any(1...8_192)), "A pasted HMAC secret.", access: .writeOnly),
        ObjectShape.Field(
            "secret_is_base64",
            .boolean,
            "Whether the secret is Base64 of the key.",
            default: .bool(false)
        ),
    ]

    static let presented = ObjectShape(
        name: "PresentedToken",
        summary: "A token to look into.",
        fields: [token]
    )

    static let verification = ObjectShape(
        name: "Verification",
        summary: "A token, and a profile or a pasted key to check its signature with.",
        fields: [token] + keyFields
    )

    static let order = ObjectShape(
        name: "TokenOrder",
        summary: "A token to sign.",
        fields: [
            ObjectShape.Field(
                "payload",
                .object(
                    ObjectShape(name: "Claims", summary: "The claims of a token.", fields: [], isOpen: true)
                ),
                "The claims; iat and exp are added where they lack.",
                isRequired: true
            )
        ] + keyFields + [
            ObjectShape.Field("key_id", .text(.identity), "The profile's HMAC secret to sign with."),
            ObjectShape.Field(
                "alg",
                .choice(SignatureAlgorithm.allCases.map(\.rawValue)),
                "The algorithm; by default the customary one for the key."
            ),
            ObjectShape.Field("kid", .text(.line(1...200)), "The header's `kid`; by default the key's own."),
            ObjectShape.Field(
                "expires_in",
                .integer(1...86_400),
                "How long it lives in seconds, unless the claims have an exp.",
                default: .integer(900)
            ),
        ]
    )

    static let minted = ObjectShape(
        name: "MintedToken",
        summary: "A token that was signed, shown this once.",
        fields: [
            ObjectShape.Field("token", .text(.any(1...65_536)), "The token."),
            ObjectShape.Field("fingerprint", .text(.any(1...200)), "The fingerprint of the key."),
            ObjectShape.Field(
                "expires_at",
                .optional(.text(.time)),
                "When it expires; null where the claims' own exp is no time."
            ),
        ]
    )

    static func minted(_ token: String, _ key: SigningKey, expiresAt: Int64?) -> DocumentNode {
        let expiry = expiresAt.flatMap { seconds -> DocumentValue? in
            let text = TimeWords.date(seconds)
            return Timestamp(rfc3339: text) == nil || text.utf8.count != 20 ? nil : .string(text)
        }
        return DocumentNode(
            object: [
                ("token", .string(token)),
                ("fingerprint", .string(key.fingerprint)),
                ("expires_at", expiry ?? .null),
            ]
        )
    }

    // MARK: Verdicts

    static let verdict = ObjectShape(
        name: "SignatureVerdict",
        summary: "Whether a signature is verified, and with what.",
        fields: [
            ObjectShape.Field("verified", .boolean, "Whether it is, with a key that may verify now."),
            ObjectShape.Field(
                "key_id",
                .optional(.text(.identity)),
                "The profile's key whose signature it is."
            ),
            ObjectShape.Field("key_name", .optional(.text(.any(1...200))), "The name of that key."),
            ObjectShape.Field("kind", .optional(.text(.any(1...100))), "Its kind and size."),
            ObjectShape.Field("fingerprint", .optional(.text(.any(1...200))), "Its fingerprint."),
            ObjectShape.Field("reason", .optional(.text(.any(0...10_000))), "Why it is not verified."),
        ]
    )

    static func verdict(
        isVerified: Bool,
        keyID: String? = nil,
        keyName: String? = nil,
        key: VerificationKey? = nil,
        reason: String? = nil
    ) -> DocumentNode {
        DocumentNode(
            object: [
                ("verified", .bool(isVerified)),
                ("key_id", keyID.map { .string($0) } ?? .null),
                ("key_name", keyName.map { .string($0) } ?? .null),
                ("kind", key.map { .string("\($0.kind)") } ?? .null),
                ("fingerprint", key.map { .string($0.fingerprint) } ?? .null),
                ("reason", reason.map { .string($0) } ?? .null),
            ]
        )
    }

    // MARK: Readings

    static let reading = ObjectShape(
        name: "TokenReading",
        summary: "What a token says, without believing it.",
        fields: [
            ObjectShape.Field("header", .optional(.text(.any(0...65_536))), "The header as JSON text."),
            ObjectShape.Field(
                "payload",
                .optional(.text(.any(0...65_536))),
                "The payload as it was written."
            ),
            ObjectShape.Field("signature_bytes", .optional(.natural), "How long the signature is."),
            ObjectShape.Field(
                "times",
                .list(.text(.any(0...500)), count: 0...10, isUnique: false),
                "The times in words."
            ),
            ObjectShape.Field(
                "parts",
                .list(.object(part), count: 0...3, isUnique: false),
                "Where the parts stand in the token, in bytes."
            ),
            ObjectShape.Field(
                "problems",
                .list(.object(problem), count: 0...10, isUnique: false),
                "Everything that is wrong with the form."
            ),
        ]
    )

    private static let part = ObjectShape(
        name: "TokenPart",
        summary: "A part of a token.",
        fields: [
            ObjectShape.Field("name", .choice(["header", "payload", "signature"]), "Which."),
            ObjectShape.Field("start", .natural, "Where it begins."),
            ObjectShape.Field("end", .natural, "Where it ends."),
        ]
    )

    private static let problem = ObjectShape(
        name: "TokenProblem",
        summary: "What is wrong with a token's form.",
        fields: [
            ObjectShape.Field("part", .choice(["token", "header", "payload", "signature"]), "Where it is."),
            ObjectShape.Field(
                "position",
                .optional(.natural),
                "The position in the token, in bytes; null where it lies in what was decoded."
            ),
            ObjectShape.Field("text", .text(.any(1...10_000)), "What it is."),
        ]
    )

    static func document(_ reading: TokenReading) -> DocumentNode {
        let parts = reading.parts.map { part in
            DocumentNode(
                object: [
                    ("name", .string(part.name)), ("start", .integer(Int64(part.range.lowerBound))),
                    ("end", .integer(Int64(part.range.upperBound))),
                ]
            )
        }
        let problems = reading.faults.map { fault in
            DocumentNode(
                object: [
                    ("part", .string(fault.part)),
                    ("position", fault.position.map { .integer(Int64($0)) } ?? .null),
                    ("text", .string(fault.text)),
                ]
            )
        }
        return DocumentNode(
            object: [
                ("header", reading.header.map { .string($0) } ?? .null),
                ("payload", reading.payload.map { .string($0) } ?? .null),
                ("signature_bytes", reading.signatureBytes.map { .integer(Int64($0)) } ?? .null),
                ("times", .list(reading.times)),
                ("parts", .array(parts)),
                ("problems", .array(problems)),
            ]
        )
    }
}
