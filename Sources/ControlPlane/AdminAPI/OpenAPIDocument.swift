import GatewayCore

/// The OpenAPI 3.1 document, written from the operations that are performed.
struct OpenAPIDocument {
    private var schemas: [(String, DocumentValue)] = []
    private var schemaNames: Set<String> = []

    /// The operation that answers the document; it describes itself too.
    static func operation(describing others: [Operation]) -> Operation {
        func operation(_ document: DocumentNode) -> Operation {
            Operation(
                method: .get,
                path: "/api/v1/openapi.json",
                name: "getOpenAPI",
                summary: "This document.",
                tag: "Health",
                successes: [
                    Operation.Success(
                        status: 200,
                        summary: "OpenAPI 3.1.",
                        object: ObjectShape(
                            name: "OpenAPI",
                            summary: "An OpenAPI document.",
                            fields: [
                                ObjectShape.Field("openapi", .text(.any(1...20)), "The version of OpenAPI.")
                            ],
                            isOpen: true
                        ).output
                    )
                ],
                access: .anyone,
                perform: { _ in AdminAnswer(200, document) }
            )
        }
        let all = others + [operation(DocumentNode(.null))]
        return operation(document(of: all))
    }

    /// The document of these operations.
    static func document(of operations: [Operation]) -> DocumentNode {
        var writer = OpenAPIDocument()
        var paths: [(String, DocumentValue)] = []
        for operation in operations where !paths.contains(where: { $0.0 == operation.path }) {
            let item = operations.filter { $0.path == operation.path }.map { operation in
                (operation.method.rawValue.lowercased(), writer.describe(operation))
            }
            paths.append((operation.path, .fields(item)))
        }
        let problem = writer.schemaReference(Schemas.problem)
        let responses = Problem.Code.allCases.reduce(into: [(String, DocumentValue)]()) { responses, code in
            guard !responses.contains(where: { $0.0 == responseName(code.status) }) else { return }
            responses.append((responseName(code.status), problemResponse(code, problem)))
        }
        return DocumentNode(
            object: [
                ("openapi", .string("3.1.0")),
                ("info", info),
                ("servers", .array([DocumentNode(object: [("url", .string("/"))])])),
                ("security", .array([DocumentNode(object: [("adminToken", .array([]))])])),
                ("paths", .fields(paths)),
                (
                    "components",
                    .fields(
                        [
                            ("schemas", .fields(writer.schemas.sorted { $0.0 < $1.0 })),
                            ("responses", .fields(responses)),
                            ("headers", headers),
                            ("securitySchemes", securitySchemes),
                        ]
                    )
                ),
            ]
        )
    }

    private static let info = DocumentValue.fields(
        [
            ("title", .string("Portcullis admin API")),
            ("version", .string("1")),
            (
                "description",
                .string(
                    "Registers clients, sets how they may authenticate, publishes endpoints, and says why."
                )
            ),
        ]
    )

    private static let securitySchemes = DocumentValue.fields(
        [
            (
                "adminToken",
                .fields(
                    [
                        ("type", .string("http")), ("scheme", .string("bearer")),
                        (
                            "description",
                            .string(
                                "The admin token that was shown at the first start, or one made under /api/v1/admin-tokens."
                            )
                        ),
                    ]
                )
            )
        ]
    )

    // MARK: Fields of answers

    private static let headers = DocumentValue.fields(
        [
            header("ETag", "The entity tag of the document, for If-Match and If-None-Match."),
            header("Location", "The path of what was made."),
            header("Allow", "The methods that the path answers."),
            header("WWW-Authenticate", "Asks for the admin token."),
            header("X-Request-Id", "The id of the call."),
        ]
    )

    private static func header(_ name: String, _ summary: String) -> (String, DocumentValue) {
        let string = DocumentValue.fields([("type", .string("string"))])
        return (
            name, .fields([("description", .string(summary)), ("required", .bool(true)), ("schema", string)])
        )
    }

    private static func headerReferences(_ names: [String]) -> DocumentValue {
        .fields((names + ["X-Request-Id"]).map { ($0, reference("headers", $0)) })
    }

    private static func reference(_ group: String, _ name: String) -> DocumentValue {
        .fields([("$ref", .string("#/components/\(group)/\(name)"))])
    }

    // MARK: Problems

    private static func responseName(_ status: Int) -> String { "Problem\(status)" }

    private static func problemResponse(_ code: Problem.Code, _ problem: DocumentValue) -> DocumentValue {
        let sameStatus = Problem.Code.allCases.filter { $0.status == code.status }
        let names = sameStatus.map { "`\($0.rawValue)`" }.joined(separator: ", ")
        var headers: [String] = []
        if code == .unauthorized { headers = ["WWW-Authenticate"] }
        if code == .methodNotAllowed { headers = ["Allow"] }
        return .fields(
            [
                ("description", .string("\(code.title): \(names).")),
                ("headers", headerReferences(headers)),
                ("content", .fields([("application/problem+json", .fields([("schema", problem)]))])),
            ]
        )
    }

    // MARK: Operations

    private mutating func describe(_ operation: Operation) -> DocumentValue {
        var members: [(String, DocumentValue)] = [
            ("operationId", .string(operation.name)),
            ("summary", .string(operation.summary)),
            ("tags", .list([operation.tag])),
        ]
        if operation.access == .anyone { members.append(("security", .array([]))) }
        let parameters = describeParameters(operation)
        if !parameters.isEmpty { members.append(("parameters", .array(parameters))) }
        if let body = operation.body {
            let schema = schemaReference(body.object)
            let content = body.mediaTypes.map { ($0, DocumentValue.fields([("schema", schema)])) }
            members.append(
                (
                    "requestBody",
                    .fields([("required", .bool(body.isRequired)), ("content", .fields(content))])
                )
            )
        }
        members.append(("responses", describeResponses(operation)))
        return .fields(members)
    }

    private mutating func describeParameters(_ operation: Operation) -> [DocumentNode] {
        var parameters = operation.parameterNames.map { name in
            parameter(name, "path", "An identity.", .text(.identity), isRequired: true)
        }
        parameters += operation.query.map { query in
            parameter(query.name, "query", query.summary, query.shape, default: query.fallback)
        }
        if operation.readsIfMatch {
            parameters.append(Self.condition("If-Match", "Changes it only if its entity tag is this one."))
        }
        if operation.readsIfNoneMatch {
            parameters.append(Self.condition("If-None-Match", "Answers 304 if its entity tag is this one."))
        }
        return parameters
    }

    private static func condition(_ name: String, _ summary: String) -> DocumentNode {
        DocumentNode(
            object: [
                ("name", .string(name)), ("in", .string("header")), ("required", .bool(false)),
                ("description", .string(summary)), ("schema", .fields([("type", .string("string"))])),
            ]
        )
    }

    private mutating func parameter(
        _ name: String,
        _ place: String,
        _ summary: String,
        _ shape: Shape,
        isRequired: Bool = false,
        default fallback: DocumentValue? = nil
    ) -> DocumentNode {
        DocumentNode(
            object: [
                ("name", .string(name)), ("in", .string(place)), ("required", .bool(isRequired)),
                ("description", .string(summary)), ("schema", schema(shape, default: fallback)),
            ]
        )
    }

    private mutating func describeResponses(_ operation: Operation) -> DocumentValue {
        var responses: [(String, DocumentValue)] = []
        for success in operation.successes {
            var members: [(String, DocumentValue)] = [
                ("description", .string(success.summary)),
                ("headers", Self.headerReferences(success.headers)),
            ]
            if let object = success.object {
                let content = DocumentValue.fields([("schema", schemaReference(object))])
                members.append(("content", .fields([("application/json", content)])))
            } else if let type = success.textType {
                let text = DocumentValue.fields([("type", .string("string"))])
                members.append(("content", .fields([(type, .fields([("schema", text)]))])))
            }
            responses.append((String(success.status), .fields(members)))
        }
        for status in Set(operation.allProblems.map(\.status)).sorted() {
            responses.append((String(status), Self.reference("responses", Self.responseName(status))))
        }
        return .fields(responses)
    }

    // MARK: Schemas

    private mutating func schemaReference(_ object: ObjectShape) -> DocumentValue {
        if schemaNames.insert(object.name).inserted {
            let described = describe(object)
            schemas.append((object.name, described))
        }
        return Self.reference("schemas", object.name)
    }

    // Recursion follows the descriptions in this module, which are a few levels deep.
    private mutating func describe(_ object: ObjectShape) -> DocumentValue {
        var properties: [(String, DocumentValue)] = []
        for field in object.fields {
            var members: [(String, DocumentValue)] = [("description", .string(field.summary))]
            switch field.access {
            case .readOnly: members.append(("readOnly", .bool(true)))
            case .writeOnly: members.append(("writeOnly", .bool(true)))
            case .readWrite: break
            }
            members += keywords(field.shape)
            if let fallback = field.fallback { members.append(("default", fallback)) }
            properties.append((field.name, .fields(members)))
        }
        var members: [(String, DocumentValue)] = [
            ("type", .string("object")), ("description", .string(object.summary)),
            ("properties", .fields(properties)),
        ]
        let required = object.fields.filter(\.isRequired).map(\.name)
        if !required.isEmpty { members.append(("required", .list(required))) }
        if !object.isOpen { members.append(("additionalProperties", .bool(false))) }
        return .fields(members)
    }

    private mutating func schema(_ shape: Shape, default fallback: DocumentValue? = nil) -> DocumentValue {
        var members = keywords(shape)
        if let fallback { members.append(("default", fallback)) }
        return .fields(members)
    }

    private mutating func keywords(_ shape: Shape) -> [(String, DocumentValue)] {
        switch shape {
        case .boolean: [("type", .string("boolean"))]
        case .integer(let range):
            [
                ("type", .string("integer")), ("format", .string("int64")),
                ("minimum", .integer(range.lowerBound)), ("maximum", .integer(range.upperBound)),
            ]
        case .text(let rule): keywords(rule)
        case .choice(let choices): [("type", .string("string")), ("enum", .list(choices))]
        case .list(let element, let count, let isUnique):
            [
                ("type", .string("array")), ("items", schema(element)),
                ("minItems", .integer(Int64(count.lowerBound))),
                ("maxItems", .integer(Int64(count.upperBound))),
            ] + (isUnique ? [("uniqueItems", .bool(true))] : [])
        case .object(let object): [("$ref", .string("#/components/schemas/\(register(object))"))]
        case .anything: []
        case .anyOf(let shapes): [("anyOf", .array(shapes.map { DocumentNode(schema($0)) }))]
        case .optional(let shape):
            [
                (
                    "anyOf",
                    .array([DocumentNode(schema(shape)), DocumentNode(object: [("type", .string("null"))])])
                )
            ]
        }
    }

    private mutating func register(_ object: ObjectShape) -> String {
        _ = schemaReference(object)
        return object.name
    }

    private func keywords(_ rule: TextRule) -> [(String, DocumentValue)] {
        var members: [(String, DocumentValue)] = [
            ("type", .string("string")), ("minLength", .integer(Int64(rule.lengths.lowerBound))),
            ("maxLength", .integer(Int64(rule.lengths.upperBound))),
        ]
        if let pattern = rule.pattern { members.append(("pattern", .string(pattern))) }
        if let format = rule.format { members.append(("format", .string(format))) }
        return members
    }
}
