import GatewayCore

/// Likely causes as the API has them.
extension LikelyCause {
    static let shape = ObjectShape(
        name: "LikelyCause",
        summary: "What probably went wrong, found by trying.",
        fields: [
            ObjectShape.Field("code", .choice(Code.allCases.map(\.rawValue)), "The stable name."),
            ObjectShape.Field("text", .text(.any(1...10_000)), "What was found, in words."),
            ObjectShape.Field("remedy", .object(remedyShape), "What mends it."),
            ObjectShape.Field(
                "then",
                .object(consequenceShape),
                "What would happen then, found by deciding."
            ),
        ]
    )

    /// The fields of a remedy: its action, what it is about, and its value.
    static let remedyShape = ObjectShape(
        name: "Remedy",
        summary: "What mends a likely cause: the change of the catalog, or what the caller has to do.",
        fields: [
            ObjectShape.Field("action", .choice(Remedy.actions), "What to do."),
            identity("profile_id", "The profile to change."),
            identity("key_id", "The key to change."),
            identity("api_token_id", "The API token to change."),
            identity("client_id", "The client to change."),
            identity("collection_id", "The collection to change or grant."),
            identity("endpoint_id", "The endpoint to change."),
            ObjectShape.Field(
                "value",
                .text(.any(0...65_536)),
                "The value to add or set.",
                isAlwaysShown: false
            ),
            ObjectShape.Field("seconds", .natural, "The number of seconds to set.", isAlwaysShown: false),
            ObjectShape.Field(
                "secret_is_base64",
                .boolean,
                "How the switch of the secret is to stand.",
                isAlwaysShown: false
            ),
        ]
    )

    private static func identity(_ name: String, _ summary: String) -> ObjectShape.Field {
        ObjectShape.Field(name, .text(.identity), summary, isAlwaysShown: false)
    }

    private static let consequenceShape = ObjectShape(
        name: "Consequence",
        summary: "What the decision would be after the remedy.",
        fields: [
            ObjectShape.Field(
                "outcome",
                .choice(["admitted", "refused", "not_tried"]),
                "Whether the call would be let in then."
            ),
            ObjectShape.Field(
                "code",
                .optional(.choice(Rejection.Code.allCases.map(\.rawValue))),
                "Why it would be turned away."
            ),
            ObjectShape.Field(
                "check",
                .optional(.choice(Check.allCases.map(\.rawValue))),
                "The check that would turn it away."
            ),
        ]
    )

    /// The cause as a document.
    func document() -> DocumentNode {
        let remedy = [("action", DocumentValue.string(remedy.action))] + remedy.arguments
        let consequence: (String, Rejection.Code?, Check?) =
            switch then {
            case .admitted: ("admitted", nil, nil)
            case .refused(let code, let check): ("refused", code, check)
            case .notTried: ("not_tried", nil, nil)
            }
        return DocumentNode(
            object: [
                ("code", .string(code.rawValue)),
                ("text", .string(text)),
                ("remedy", .fields(remedy)),
                (
                    "then",
                    .fields([
                        ("outcome", .string(consequence.0)),
                        ("code", consequence.1.map { .string($0.rawValue) } ?? .null),
                        ("check", consequence.2.map { .string($0.rawValue) } ?? .null),
                    ])
                ),
            ]
        )
    }
}
