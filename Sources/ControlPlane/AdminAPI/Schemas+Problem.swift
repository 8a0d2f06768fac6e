/// What all refusals look like.
extension Schemas {
    /// A problem (RFC 9457).
    static let problem = ObjectShape(
        name: "Problem",
        summary: "Why a call was refused (RFC 9457).",
        fields: [
            Field("type", .text(.any(1...200)), "A URN that ends with the code."),
            Field("title", .text(.any(1...100)), "The kind of problem, for people."),
            Field("status", .integer(400...599), "The HTTP status."),
            Field("code", .choice(Problem.Code.allCases.map(\.rawValue)), "The stable name of the refusal."),
            Field("detail", .text(.any(1...100_000)), "What was expected and found."),
            Field("request_id", .text(.identity), "The id that finds the call in the log."),
            Field(
                "errors",
                .list(
                    .object(
                        ObjectShape(
                            name: "FieldError",
                            summary: "One field or parameter that is not acceptable.",
                            fields: [
                                Field("field", .text(.any(0...100_000)), "The field, as a path."),
                                Field("detail", .text(.any(1...100_000)), "What was expected and found."),
                            ]
                        )
                    ),
                    count: 0...1000,
                    isUnique: false
                ),
                "The fields or parameters that it is about.",
                isAlwaysShown: false
            ),
        ]
    ).output
}
