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
    let exports: WorkLimit
    private let tag = "Decisions"

    init(decisions: any DecisionLog, explain: @escaping Explainer, exports: WorkLimit) {
        self.exports = exports
        self.decisions = decisions
        self.explain = explain
    }

    /// The operations.
    var operations: [Operation] { [listOperation, exportOperation, readOperation, explainOperation] }

    private var listOperation: Operation {
        Operation(
            method: .get,
            path: "/api/v1/decisions",
            name: "listDecisions",
            summary:
                "Lists decisions that are kept, newest first: all refusals, and samples of what was admitted.",
            tag: tag,
            query: [
                Operation.Parameter(
                    name: "limit",
                    shape: .integer(1...200),
                    summary: "At most so many.",
                    fallback: .integer(50)
                ),
                Operation.Parameter(
                    name: "cursor",
                    shape: .text(.identity),
                    summary: "Where to go on: the `next_cursor` of the page before."
                ),
                Operation.Parameter(
                    name: "after",
                    shape: .text(.identity),
                    summary: """
                        For following along: what was kept after the `newest_cursor` of an earlier answer, oldest \
                        first.
                        """
                ),
            ] + Self.filters,
            successes: [
                Operation.Success(status: 200, summary: "The decisions.", object: DecisionShapes.list.output)
            ],
            perform: { call in
                var query = Self.query(call)
                query.limit = Int(call.integer("limit") ?? 50)
                query.before = call.text("cursor").flatMap { DecisionCursor($0) }
                query.after = call.text("after").flatMap { DecisionCursor($0) }
                let page = try await decisions.decisions(query)
                return AdminAnswer(
                    200,
                    DocumentNode(
                        object: [
                            ("items", .array(page.records.map(DecisionShapes.document))),
                            ("next_cursor", page.next.map { .string($0.text) } ?? .null),
                            ("newest_cursor", page.newest.map { .string($0.text) } ?? .null),
                        ]
                    )
                )
            }
        )
    }

    private static let filters = [
        Operation.Parameter(
            name: "outcome",
            shape: .choice(DecisionQuery.Outcome.allCases.map(\.rawValue)),
            summary: "Only what was refused, only what was admitted (of which samples are kept), or all.",
            fallback: .string(DecisionQuery.Outcome.refused.rawValue)
        ),
        Operation.Parameter(
            name: "code",
            shape: .choice(Rejection.Code.allCases.map(\.rawValue)),
            summary: "Only refusals with this code."
        ),
        Operation.Parameter(name: "client", shape: .text(.any(1...1000)), summary: "Only of this client."),
        Operation.Parameter(
            name: "profile",
            shape: .text(.any(1...1000)),
            summary: "Only of profiles of this name."
        ),
        Operation.Parameter(
            name: "endpoint",
            shape: .text(.any(1...1000)),
            summary: "Only of this endpoint, as `handle/name`."
        ),
        Operation.Parameter(name: "address", shape: .text(.address), summary: "Only from this address."),
        Operation.Parameter(
            name: "request_id",
            shape: .text(.identity),
            summary: "Only the one under this request id."
        ),
        Operation.Parameter(name: "from", shape: .text(.time), summary: "Only from this moment on."),
        Operation.Parameter(name: "to", shape: .text(.time), summary: "Only up to this moment."),
    ]

    private static func query(_ call: Call) -> DecisionQuery {
        var query = DecisionQuery()
        query.outcome = call.text("outcome").flatMap { DecisionQuery.Outcome(rawValue: $0) } ?? .refused
        query.code = call.text("code").flatMap { Rejection.Code(rawValue: $0) }
        query.client = call.text("client")
        query.profile = call.text("profile")
        query.endpoint = call.text("endpoint")
        query.address = call.text("address").flatMap { IPAddress($0) }
        query.requestID = call.text("request_id")
        query.from = call.text("from").flatMap { Timestamp(rfc3339: $0) }
        query.to = call.text("to").flatMap { Timestamp(rfc3339: $0) }
        return query
    }

    private var exportOperation: Operation {
        Operation(
            method: .get,
            path: "/api/v1/decisions.csv",
            name: "exportDecisions",
            summary: "Gives decisions that are kept as a table, newest first, without their checks.",
            tag: tag,
            query: [CSV.limit] + Self.filters,
            successes: [Operation.Success(status: 200, summary: "The table.", textType: CSV.type)],
            problems: [.tooManyAttempts],
            perform: { call in try await exports.perform { try await export(call) } }
        )
    }

    private func export(_ call: Call) async throws -> AdminAnswer {
        var table = CSV([
            "at", "request_id", "status", "code", "client", "profile", "endpoint", "client_address", "method",
            "path",
            "duration_us", "trace_id", "detail",
        ])
        var query = Self.query(call)
        var left = CSV.limit(of: call)
        while left > 0, !table.isFull {
            query.limit = min(left, DecisionQuery.maximumLimit)
            let page = try await decisions.decisions(query)
            for record in page.records { table.add(Self.cells(record)) }
            left -= page.records.count
            guard let next = page.next else { break }
            query.before = next
        }
        return table.answer(named: "decisions")
    }

    private static func cells(_ record: DecisionRecord) -> [String] {
        [
            record.at.description, record.requestID, "\(record.status)", record.code?.rawValue ?? "",
            record.client ?? "", record.profile ?? "", record.endpoint ?? "", record.clientAddress,
            record.method,
            record.path, record.microseconds.map { "\($0)" } ?? "", record.traceID ?? "",
            record.checks.first { $0.result == .failed }?.detail ?? "",
        ]
    }

    private var readOperation: Operation {
        Operation(
            method: .get,
            path: "/api/v1/decisions/{request_id}",
            name: "getDecision",
            summary: "Reads how a request was decided, check by check, while it is remembered or kept.",
            tag: tag,
            successes: [
                Operation.Success(
                    status: 200,
                    summary: "The decision.",
                    object: DecisionShapes.decision.output
                )
            ],
            perform: { call in
                guard let record = await decisions.decision(requestID: call.path["request_id"] ?? "") else {
                    throw Problem(.notFound, "no decision is remembered under this request id")
                }
                return AdminAnswer(200, DecisionShapes.document(record))
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
            body: Operation.Body(object: DecisionShapes.question.input),
            successes: [
                Operation.Success(
                    status: 200,
                    summary: "The decision and what probably went wrong.",
                    object: DecisionShapes.explanation.output
                )
            ],
            access: .role(.viewer),
            perform: { call in
                let (record, causes) = await explain(ExplainRequest(call.body))
                guard case .object(let members) = DecisionShapes.document(record).value else {
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
}
