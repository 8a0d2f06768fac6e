import GatewayCore

/// What the API says and is asked about decisions.
enum DecisionShapes {
    /// A call that is only asked about.
    static let question = ObjectShape(
        name: "Question",
        summary: "A request that is only asked about.",
        fields: [
            ObjectShape.Field(
                "token",
                .text(.any(0...65_536)),
                "The token that it would carry.",
                access: .writeOnly
            ),
            ObjectShape.Field("method", .text(.requestMethod), "The method.", default: .string("GET")),
            ObjectShape.Field(
                "url",
                .text(.requestURL),
                "The path and query, or an absolute URL.",
                isRequired: true
            ),
            ObjectShape.Field("client_address", .text(.address), "Whom it would come from."),
        ]
    )

    /// A page of decisions.
    static let list = ObjectShape(
        name: "DecisionPage",
        summary: "Decisions that are kept.",
        fields: [
            ObjectShape.Field(
                "items",
                .list(.object(decision), count: 0...200, isUnique: false),
                "Newest first; with `after` oldest first."
            ),
            ObjectShape.Field(
                "next_cursor",
                .optional(.text(.identity)),
                "What `cursor` has to be for the next page, if there is one."
            ),
            ObjectShape.Field(
                "newest_cursor",
                .optional(.text(.identity)),
                "What `after` has to be for what is kept from now on; null while the store cannot be read."
            ),
        ]
    )

    /// One check.
    private static let check = ObjectShape(
        name: "CheckOutcome",
        summary: "One check and what it found.",
        fields: [
            ObjectShape.Field("check", .choice(Check.allCases.map(\.rawValue)), "Which check."),
            ObjectShape.Field(
                "result",
                .choice(CheckOutcome.Result.allCases.map(\.rawValue)),
                "How it ended."
            ),
            ObjectShape.Field("detail", .text(.any(0...100_000)), "What was found and expected."),
        ]
    )

    /// A decision with its likely causes.
    static let explanation = ObjectShape(
        name: "Explanation",
        summary: "How a request that was only asked about was decided, and what probably went wrong.",
        fields: decision.fields + [
            ObjectShape.Field(
                "likely_causes",
                .list(.object(LikelyCause.shape), count: 0...100, isUnique: false),
                "What probably went wrong, the likeliest first; empty when the call would be let in."
            )
        ]
    )

    /// One decision.
    static let decision = ObjectShape(
        name: "Decision",
        summary: "How one request was decided.",
        fields: [
            ObjectShape.Field("request_id", .text(.any(0...100)), "The id that the caller got."),
            ObjectShape.Field("at", .text(.time), "When the request's head had been read."),
            ObjectShape.Field("method", .text(.any(0...100)), "The method as sent."),
            ObjectShape.Field("path", .text(.any(0...100_000)), "The path as sent, without the query."),
            ObjectShape.Field("client_address", .text(.any(0...100)), "Whom the call came from."),
            ObjectShape.Field(
                "endpoint",
                .optional(.text(.any(0...1000))),
                "The endpoint, as `handle/name`."
            ),
            ObjectShape.Field("client", .optional(.text(.any(0...1000))), "The client whose token it was."),
            ObjectShape.Field(
                "profile",
                .optional(.text(.any(0...1000))),
                "The profile that the token named."
            ),
            ObjectShape.Field(
                "status",
                .integer(0...999),
                "The status that the caller got; 0 while there is none."
            ),
            ObjectShape.Field(
                "code",
                .optional(.choice(Rejection.Code.allCases.map(\.rawValue))),
                "Why it was turned away; null when it was not."
            ),
            ObjectShape.Field(
                "checks",
                .list(.object(check), count: 0...Check.allCases.count, isUnique: false),
                "The checks in order, up to the one that failed."
            ),
            ObjectShape.Field(
                "duration_us",
                .optional(.natural),
                "From the request's head to the answer's end, in microseconds; null while it goes on."
            ),
            ObjectShape.Field(
                "trace_id",
                .optional(.text(.identity)),
                "The trace that the caller said it belongs to (W3C Trace Context)."
            ),
        ]
    )

    /// A decision as a document.
    static func document(_ record: DecisionRecord) -> DocumentNode {
        let checks = record.checks.map { outcome in
            DocumentNode(
                object: [
                    ("check", .string(outcome.check.rawValue)),
                    ("result", .string(outcome.result.rawValue)),
                    ("detail", .string(outcome.detail)),
                ]
            )
        }
        return DocumentNode(
            object: [
                ("request_id", .string(record.requestID)),
                ("at", .string(record.at.description)),
                ("method", .string(record.method)),
                ("path", .string(record.path)),
                ("client_address", .string(record.clientAddress)),
                ("endpoint", record.endpoint.map { .string($0) } ?? .null),
                ("client", record.client.map { .string($0) } ?? .null),
                ("profile", record.profile.map { .string($0) } ?? .null),
                ("status", .integer(Int64(record.status))),
                ("code", record.code.map { .string($0.rawValue) } ?? .null),
                ("checks", .array(checks)),
                ("duration_us", record.microseconds.map { .integer(Int64(clamping: $0)) } ?? .null),
                ("trace_id", record.traceID.map { .string($0) } ?? .null),
            ]
        )
    }
}
