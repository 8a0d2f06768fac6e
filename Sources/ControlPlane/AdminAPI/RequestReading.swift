import GatewayCore

/// Reads the parameters of a query as an operation describes them.
enum QueryReader {
    /// The values by name, with defaults for those that are absent.
    ///
    /// - Throws: ``Problem`` 400 that names each parameter that is unknown, there twice, or not acceptable.
    static func values(
        _ query: [(name: String, value: String)],
        _ parameters: [Operation.Parameter]
    ) throws(Problem) -> [String: DocumentValue] {
        var values: [String: DocumentValue] = [:]
        var errors: [Problem.FieldError] = []
        for (name, text) in query {
            guard let parameter = parameters.first(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
                let shown = String(String.UnicodeScalarView(name.unicodeScalars.prefix(60)))
                errors.append(Problem.FieldError(field: shown, detail: "unknown parameter"))
                continue
            }
            guard values[parameter.name] == nil else {
                errors.append(
                    Problem.FieldError(field: parameter.name, detail: "the parameter is there twice")
                )
                continue
            }
            let value = value(text, parameter.shape)
            errors += parameter.shape.faults(DocumentNode(value), parameter.name)
            values[parameter.name] = value
        }
        guard errors.isEmpty else {
            throw Problem(
                .badRequest,
                "the query is not acceptable: see errors",
                errors: Array(errors.prefix(50))
            )
        }
        for parameter in parameters where values[parameter.name] == nil {
            values[parameter.name] = parameter.fallback
        }
        return values
    }

    private static func value(_ text: String, _ shape: Shape) -> DocumentValue {
        switch shape {
        case .boolean where text == "true": .bool(true)
        case .boolean where text == "false": .bool(false)
        case .integer:
            // `Int64` alone would accept a sign before the digits.
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
                ? Int64(text).map { .integer($0) } ?? .string(text) : .string(text)
        case .boolean, .text, .choice, .list, .object, .anything, .anyOf, .optional: .string(text)
        }
    }
}

/// Reads a body as an operation describes it.
enum BodyRule {
    /// The body as a document; an empty object when none is asked for, or none was sent and none is needed.
    ///
    /// - Throws: ``Problem`` 400, 413, 415 or 422.
    static func read(
        _ body: Operation.Body?,
        _ request: AdminRequest,
        _ readBody: AdminAPI.BodyReader
    ) async throws -> DocumentNode {
        guard let body else { return DocumentNode(.object([])) }
        let mediaType = request.contentType.map(mediaType)
        if let mediaType {
            guard body.mediaTypes.contains(mediaType) else { throw unsupported(body, "another one") }
        }
        let bytes = try await readBody(body.limit)
        if bytes.isEmpty, !body.isRequired { return DocumentNode(.object([])) }
        guard mediaType != nil else { throw unsupported(body, "none") }
        let limits = body.limit > 1 << 20 ? DocumentNode.catalogJSONLimits : DocumentNode.entityJSONLimits
        let node: DocumentNode
        do {
            node = try DocumentNode(json: bytes, limits: limits)
        } catch {
            throw Problem(.badRequest, error.message)
        }
        guard body.isChecked else { return node }
        let faults = Shape.object(body.object).faults(node)
        guard faults.isEmpty else { throw Problem(faults) }
        return node
    }

    private static func unsupported(_ body: Operation.Body, _ found: String) -> Problem {
        let expected = body.mediaTypes.joined(separator: " or ")
        return Problem(.unsupportedMediaType, "the content type is \(found), expected \(expected)")
    }

    /// The type without its parameters (RFC 9110 §8.3.1).
    private static func mediaType(_ value: String) -> String {
        let type = value.prefix { $0 != ";" }
        return type.filter { $0 != " " && $0 != "\t" }.lowercased()
    }
}
