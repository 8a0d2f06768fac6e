package import GatewayCore

/// A request that is only asked about.
package struct ExplainRequest: Sendable {
    /// The token that it would carry; `nil` for none.
    package let token: String?
    /// The method.
    package let method: String
    /// The path and query, or an absolute URL.
    package let url: String
    /// Whom it would come from; `nil` when that does not matter.
    package let clientAddress: IPAddress?

    /// Takes the parts.
    package init(token: String?, method: String, url: String, clientAddress: IPAddress?) {
        self.token = token
        self.method = method
        self.url = url
        self.clientAddress = clientAddress
    }

    /// Reads a checked body.
    init(_ body: DocumentNode) {
        self.init(
            token: body["token"]?.value.text,
            method: body["method"]?.value.text ?? "GET",
            url: body["url"]?.value.text ?? "/",
            clientAddress: body["client_address"]?.value.text.flatMap { IPAddress($0) }
        )
    }
}

/// Decides a request that is only asked about, and finds what probably went wrong.
package typealias Explainer =
    @Sendable (ExplainRequest) async -> (record: DecisionRecord, likelyCauses: [LikelyCause])

/// `/api/v1/decisions` and `/api/v1/explain`.
struct DecisionsResource {
    let decisions: any DecisionLog
    let explain: Explainer
    private let tag = "Decisions"

    init(decisions: any DecisionLog, explain: @escaping Explainer) {
        self.decisions = decisions
        self.explain = explain
    }

    /// The operations.
    var operations: [Operation] { [listOperation, readOperation, explainOperation] }

    private var listOperation: Operation {
        Operation(
            method: .get,
            path: "/api/v1/decisions",
            name: "listRefusals",
            summary: "Lists the latest refusals that are remembered, newest first.",
            tag: tag,
            query: [
                Operation.Parameter(
                    name: "limit",
                    shape: .integer(1...200),
                    summary: "At most so many.",
                    fallback: .integer(50)
                ),
                Operation.Parameter(
                    name: "code",
                    shape: .choice(Rejection.Code.allCases.map(\.rawValue)),
                    summary: "Only refusals with this code."
                ),
            ],
            successes: [Operation.Success(status: 200, summary: "The refusals.", object: Self.list.output)],
            perform: { call in
                let code = call.text("code").flatMap { Rejection.Code(rawValue: $0) }
                let records = await decisions.recentRefusals(
                    limit: Int(call.integer("limit") ?? 50),
                    code: code
                )
                return AdminAnswer(200, DocumentNode(object: [("items", .array(records.map(Self.document)))]))
            }
        )
    }

    private var readOperation: Operation {
        Operation(
            method: .get,
            path: "/api/v1/decisions/{request_id}",
            name: "getDecision",
            summary: "Reads how a request was decided, check by check, while it is remembered.",
            tag: tag,
            successes: [Operation.Success(status: 200, summary: "The decision.", object: Self.object.output)],
            perform: { call in
                guard let record = await decisions.decision(requestID: call.path["request_id"] ?? "") else {
                    throw Problem(.notFound, "no decision is remembered under this request id")
                }
                return AdminAnswer(200, Self.document(record))
            }
        )
    }

    private var explainOperation: Operation {
        Operation(
            method: .post,
            path: "/api/v1/explain",
            name: "explain",
            summary:
                "Decides a request that is only asked about, with the very code of the request path, and finds likely causes.",
            tag: tag,
            body: Operation.Body(object: Self.question.input),
            successes: [
                Operation.Success(
                    status: 200,
                    summary: "The decision and what probably went wrong.",
                    object: Self.explanation.output
                )
            ],
            access: .role(.viewer),
            perform: { call in
                let (record, causes) = await explain(ExplainRequest(call.body))
                guard case .object(let members) = Self.document(record).value else {
                    throw Problem(.internalError, "the decision could not be written")
                }
                let list = DocumentNode(.array(causes.map { $0.document() }))
                return AdminAnswer(
                    200,
                    DocumentNode(.object(members + [DocumentMember("likely_causes", list)]))
                )
            }
        )
    }

    // MARK: Its objects

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
            ObjectShape.Field("method", .text(.method), "The method.", default: .string("GET")),
            ObjectShape.Field(
                "url",
                .text(.requestURL),
                "The path and query, or an absolute URL.",
                isRequired: true
            ),
            ObjectShape.Field("client_address", .text(.address), "Whom it would come from."),
        ]
    )

    private static let list = ObjectShape(
        name: "Refusals",
        summary: "The latest refusals.",
        fields: [
            ObjectShape.Field(
                "items",
                .list(.object(object), count: 0...200, isUnique: false),
                "Newest first."
            )
        ]
    )

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

    private static let explanation = ObjectShape(
        name: "Explanation",
        summary: "How a request that was only asked about was decided, and what probably went wrong.",
        fields: object.fields + [
            ObjectShape.Field(
                "likely_causes",
                .list(.object(LikelyCause.shape), count: 0...100, isUnique: false),
                "What probably went wrong, the likeliest first; empty when the call would be let in."
            )
        ]
    )

    private static let object = ObjectShape(
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
        ]
    )

    private static func document(_ record: DecisionRecord) -> DocumentNode {
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
            ]
        )
    }
}
