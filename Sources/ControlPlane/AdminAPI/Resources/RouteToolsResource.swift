import GatewayCore

/// `/api/v1/routes/test`: where a call would go.
struct RouteToolsResource {
    let catalog: CatalogAccess
    let snapshot: (@Sendable () -> Snapshot)?

    /// The operations.
    var operations: [Operation] {
        [
            Operation(
                method: .post,
                path: "/api/v1/routes/test",
                name: "testRoute",
                summary: "Finds the endpoint of a method and URL, and where its upstream would be called.",
                tag: "Tools",
                body: Operation.Body(object: Self.question.input),
                successes: [
                    Operation.Success(status: 200, summary: "What was found.", object: Self.answer.output)
                ],
                access: .role(.viewer),
                perform: { call in
                    let request = ExplainedRequest(
                        method: call.body["method"]?.value.text ?? "GET",
                        url: call.body["url"]?.value.text ?? "/",
                        token: nil,
                        clientAddress: nil
                    )
                    let current = snapshot?() ?? Snapshot(catalog.current)
                    let test = RouteTest(request, current, requestID: call.requestID, now: call.now)
                    return AdminAnswer(200, Self.document(test))
                }
            )
        ]
    }

    private static let question = ObjectShape(
        name: "RouteQuestion",
        summary: "A call whose endpoint is asked for.",
        fields: [
            ObjectShape.Field("method", .text(.requestMethod), "The method.", default: .string("GET")),
            ObjectShape.Field(
                "url",
                .text(.requestURL),
                "The path and query, or an absolute URL.",
                isRequired: true
            ),
        ]
    )

    private static let answer = ObjectShape(
        name: "RouteAnswer",
        summary: "The endpoint that answers a call, or why none does.",
        fields: [
            ObjectShape.Field(
                "endpoint",
                .optional(.text(.any(0...1000))),
                "The endpoint, as `handle/name`."
            ),
            ObjectShape.Field("endpoint_id", .optional(.text(.identity)), "The identity of the endpoint."),
            ObjectShape.Field(
                "parameters",
                .list(.object(parameter), count: 0...Route.maximumParameters, isUnique: false),
                "What stands for the path's parameters."
            ),
            ObjectShape.Field(
                "upstream_url",
                .optional(.text(.any(0...200_000))),
                "Where the call would be sent."
            ),
            ObjectShape.Field(
                "code",
                .optional(.choice(Rejection.Code.allCases.map(\.rawValue))),
                "Why no endpoint answers."
            ),
            ObjectShape.Field("detail", .optional(.text(.any(0...100_000))), "The same in words."),
            ObjectShape.Field(
                "likely_causes",
                .list(.object(LikelyCause.shape), count: 0...100, isUnique: false),
                "What probably is wrong."
            ),
        ]
    )

    private static let parameter = ObjectShape(
        name: "RouteParameter",
        summary: "A parameter of a path and what stands for it.",
        fields: [
            ObjectShape.Field("name", .text(.any(1...64)), "Its name."),
            ObjectShape.Field("value", .text(.any(0...65_536)), "What stands for it, as written."),
        ]
    )

    private static func document(_ test: RouteTest) -> DocumentNode {
        let parameters = test.parameters.map { name, value in
            DocumentNode(object: [("name", .string(name)), ("value", .string(value))])
        }
        return DocumentNode(
            object: [
                ("endpoint", test.endpoint.map { .string($0) } ?? .null),
                ("endpoint_id", test.endpointID.map { .string($0.text) } ?? .null),
                ("parameters", .array(parameters)),
                ("upstream_url", test.upstreamURL.map { .string($0) } ?? .null),
                ("code", test.rejection.map { .string($0.code.rawValue) } ?? .null),
                ("detail", test.rejection.map { .string($0.operatorDetail) } ?? .null),
                ("likely_causes", .array(test.likelyCauses.map { $0.document() })),
            ]
        )
    }
}
