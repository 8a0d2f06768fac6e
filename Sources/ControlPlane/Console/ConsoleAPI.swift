import GatewayCore

/// The admin API as the pages call it: in the process, in the name of the operator.
///
/// The console decides nothing by itself: every rule, every right and every audit entry is the API's.
struct ConsoleAPI: Sendable {
    let api: AdminAPI
    let principal: Principal
    let authority: String?
    let clientAddress: String

    /// Reads something.
    ///
    /// - Throws: ``ConsoleProblem``.
    func get(_ path: String, _ query: [(String, String?)] = []) async throws -> DocumentNode {
        try await send("GET", path, query)
    }

    /// Does something.
    ///
    /// - Parameters:
    ///   - method: the method.
    ///   - path: the path; what stands in it must be encoded (``PathSegment``).
    ///   - query: the parameters of the query; those without a value are left out.
    ///   - body: the JSON body, if there is one.
    ///   - ifMatch: the entity tag of what is changed, when the change is only to be made to that.
    /// - Returns: what was answered; null when that has no body.
    /// - Throws: ``ConsoleProblem``.
    @discardableResult func send(
        _ method: String,
        _ path: String,
        _ query: [(String, String?)] = [],
        _ body: DocumentValue? = nil,
        ifMatch: String? = nil
    ) async throws -> DocumentNode {
        let answer = await answer(method, path, query, body, ifMatch: ifMatch)
        guard !answer.body.isEmpty else { return DocumentNode(.null) }
        let document = try DocumentNode(json: answer.body, limits: DocumentNode.catalogJSONLimits)
        guard (200..<300).contains(answer.status) else {
            throw ConsoleProblem(status: answer.status, document)
        }
        return document
    }

    /// What is answered, as it is: for exports, and where the entity tag is needed.
    func answer(
        _ method: String,
        _ path: String,
        _ query: [(String, String?)] = [],
        _ body: DocumentValue? = nil,
        ifMatch: String? = nil
    ) async -> AdminAnswer {
        let parts = query.compactMap { name, value in
            value.map { "\(PathSegment.encoded(name))=\(PathSegment.encoded($0))" }
        }
        var request = AdminRequest(
            method: method,
            target: path + (parts.isEmpty ? "" : "?" + parts.joined(separator: "&")),
            authority: authority,
            clientAddress: clientAddress
        )
        if body != nil { request.contentType = "application/json" }
        request.ifMatch = ifMatch
        let bytes = body.map { DocumentNode($0).jsonBytes() } ?? []
        return await api.answer(request, as: principal) { _ in bytes }
    }
}

/// Why the admin API refused what a page asked of it.
struct ConsoleProblem: Error, Sendable {
    let status: Int
    let code: String
    /// What was expected and found.
    let detail: String
    /// The fields that it is about, each as a path of the document.
    let errors: [(field: String, detail: String)]

    init(status: Int, _ document: DocumentNode) {
        self.status = status
        code = document["code"]?.value.text ?? ""
        detail = document["detail"]?.value.text ?? "the call was refused"
        errors = (document["errors"]?.elements ?? []).map { error in
            (error["field"]?.value.text ?? "", error["detail"]?.value.text ?? "")
        }
    }

    /// A fault that a page found before it asked the API.
    init(_ status: Int, _ errors: [(field: String, detail: String)]) {
        self.status = status
        code = "invalid"
        detail = errors.first.map { "\($0.field): \($0.detail)" } ?? ""
        self.errors = errors
    }

    /// Takes what a use case refused that is no operation of the API.
    init(_ problem: Problem) {
        status = problem.code.status
        code = problem.code.rawValue
        detail = problem.detail
        errors = problem.errors.map { ($0.field, $0.detail) }
    }

    /// What is wrong with a field, or with something within it.
    func fault(of field: String) -> String? {
        errors.first { error in
            guard error.field.hasPrefix(field) else { return false }
            let next = error.field.dropFirst(field.count).first
            return next == nil || next == "." || next == "["
        }?.detail
    }
}

extension DocumentValue {
    /// The members of an object; none for anything else.
    var members: [DocumentMember] {
        guard case .object(let members) = self else { return [] }
        return members
    }

    /// Whether it is the boolean `true`.
    var isTrue: Bool { self == .bool(true) }

    /// The whole number.
    var number: Int64? {
        guard case .integer(let number) = self else { return nil }
        return number
    }
}
