import GatewayCore
import JOSE

/// `/api/v1/try`: a call through the gateway itself.
struct TrialResource {
    let catalog: CatalogAccess
    let decisions: any DecisionLog
    let callGateway: CallGateway
    private let limit = WorkLimit(4, "other calls are being tried; try again")

    /// The operations.
    var operations: [Operation] {
        [
            Operation(
                method: .post,
                path: "/api/v1/try",
                name: "tryCall",
                summary:
                    "Calls the gateway's listener as a caller would, and gives its answer and decision; the audit log notes it.",
                tag: "Tools",
                body: Operation.Body(object: Self.call.input),
                successes: [
                    Operation.Success(status: 200, summary: "What came of it.", object: Self.trial.output)
                ],
                problems: [.tooManyAttempts],
                access: .role(.manager),
                perform: { call in try await limit.perform { try await perform(call) } }
            )
        ]
    }

    private func perform(_ call: Call) async throws -> AdminAnswer {
        let wanted: TrialCall
        do { wanted = try Self.wanted(call.body) } catch { throw Problem(.invalid, error.description) }
        // Noted before it is made: it may change something behind the gateway.
        if case .service(_, let store) = catalog.source {
            // Some callers send their API token in the path; masked before it is cut, so that none is half of one.
            let path = TokenMask.masked(String(wanted.target.prefix { $0 != "?" }))
            try await store.append(
                call.audit("try", "call", id: "", name: "\(wanted.method.prefix(32)) \(path.prefix(200))")
            )
        }
        do throws(TrialFailure) {
            let answer = try await callGateway(wanted)
            return AdminAnswer(200, Self.document(answer, await decision(of: answer)))
        } catch {
            return AdminAnswer(
                200,
                DocumentNode(
                    object: [
                        ("status", .null), ("failure", .string(error.description)), ("headers", .array([])),
                        ("body", .string("")), ("is_body_cut", .bool(false)), ("decision", .null),
                    ]
                )
            )
        }
    }

    private func decision(of answer: TrialAnswer) async -> DecisionRecord? {
        guard let id = answer.requestID else { return nil }
        return await decisions.decision(requestID: id)
    }

    private static func wanted(_ body: DocumentNode) throws(TrialFailure) -> TrialCall {
        func text(_ field: String) -> String? { body[field]?.value.text.flatMap { $0.isEmpty ? nil : $0 } }
        var fields: [(name: String, value: String)] = []
        if let token = text("token") { fields.append((name: "Authorization", value: "Bearer \(token)")) }
        if let token = text("api_token") { fields.append((name: "API-Token", value: token)) }
        let content = text("body").map { Array($0.utf8) }
        if content != nil {
            fields.append((name: "Content-Type", value: text("content_type") ?? "application/json"))
        }
        return try TrialCall(
            method: text("method") ?? "GET",
            url: text("url") ?? "/",
            fields: fields,
            body: content
        )
    }

    private static func document(_ answer: TrialAnswer, _ decision: DecisionRecord?) -> DocumentNode {
        DocumentNode(
            object: [
                ("status", .integer(Int64(answer.status))), ("failure", .null),
                (
                    "headers",
                    .array(
                        answer.fields.prefix(maximumHeaders).map { field in
                            DocumentNode(object: [
                                ("name", .string(field.name)), ("value", .string(field.value)),
                            ])
                        }
                    )
                ),
                ("body", .string(String(decoding: answer.body, as: UTF8.self))),
                ("is_body_cut", .bool(answer.isCut)),
                ("decision", decision.map { DecisionShapes.document($0).value } ?? .null),
            ]
        )
    }

    // MARK: Its objects

    private static let maximumHeaders = 200

    private static let call = ObjectShape(
        name: "TrialCall",
        summary: "A call that is to be made.",
        fields: [
            ObjectShape.Field("method", .text(.requestMethod), "The method.", default: .string("GET")),
            ObjectShape.Field(
                "url",
                .text(.requestURL),
                "The path and query; of an absolute URL the host is sent as `Host`, and no other host is called.",
                isRequired: true
            ),
            ObjectShape.Field(
                "token",
                .text(.any(0...65_536)),
                "The token, sent as `Authorization: Bearer`.",
                access: .writeOnly
            ),
            ObjectShape.Field(
                "api_token",
                .text(.any(0...1000)),
                "The API token, sent as `API-Token`.",
                access: .writeOnly
            ),
            ObjectShape.Field("body", .text(.any(0...65_536)), "The body.", access: .writeOnly),
            ObjectShape.Field(
                "content_type",
                .text(.line(1...200)),
                "What the body is; `application/json` unless said otherwise.",
                access: .writeOnly
            ),
        ]
    )

    private static let header = ObjectShape(
        name: "TrialHeader",
        summary: "A field of an answer.",
        fields: [
            ObjectShape.Field("name", .text(.any(1...1000)), "Its name."),
            ObjectShape.Field("value", .text(.any(0...100_000)), "Its value."),
        ]
    )

    private static let trial = ObjectShape(
        name: "Trial",
        summary: "What a call through the gateway was answered.",
        fields: [
            ObjectShape.Field(
                "status",
                .optional(.integer(100...999)),
                "The status; null when there was no answer."
            ),
            ObjectShape.Field(
                "failure",
                .optional(.text(.any(0...10_000))),
                "Why there was no answer; null when there was one."
            ),
            ObjectShape.Field(
                "headers",
                .list(.object(header), count: 0...maximumHeaders, isUnique: false),
                "The answer's fields."
            ),
            ObjectShape.Field(
                "body",
                .text(.any(0...100_000)),
                "The beginning of the body, 16 KiB, as UTF-8."
            ),
            ObjectShape.Field("is_body_cut", .boolean, "Whether the body goes on."),
            ObjectShape.Field(
                "decision",
                .optional(.object(DecisionShapes.decision)),
                "How the gateway decided, while it is remembered."
            ),
        ]
    )
}
