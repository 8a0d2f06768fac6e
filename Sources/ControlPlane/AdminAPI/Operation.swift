import GatewayCore

/// One method on one path: what it accepts, what it answers, and what it does.
///
/// The routes and the OpenAPI document are made from the same operations.
struct Operation: Sendable {
    /// The methods of the API; `HEAD` is answered wherever `GET` is (RFC 9110 §9.3.2).
    enum Method: String, Sendable, CaseIterable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    /// A parameter of the query.
    struct Parameter: Sendable {
        let name: String
        let shape: Shape
        let summary: String
        var fallback: DocumentValue?
    }

    /// What a request carries.
    struct Body: Sendable {
        let object: ObjectShape
        var isRequired = true
        /// The largest one, in bytes.
        var limit = 1 << 20
        /// Whether it is a merge patch (RFC 7396).
        var isPatch = false
        /// Whether the fields are checked before the operation sees them; a catalog is checked where it is read.
        var isChecked = true

        var mediaTypes: [String] {
            isPatch ? ["application/merge-patch+json", "application/json"] : ["application/json"]
        }
    }

    /// What is answered when all went well.
    struct Success: Sendable {
        let status: Int
        let summary: String
        var object: ObjectShape?
        /// The media type of an answer that is a text and no object.
        var textType: String?
        /// The names of the fields that come with it.
        var headers: [String] = []
    }

    let method: Method
    /// The path; `{name}` stands for one segment.
    let path: String
    /// The name of the operation, unique.
    let name: String
    let summary: String
    /// The group that it belongs to in the document.
    let tag: String
    let query: [Parameter]
    let body: Body?
    let successes: [Success]
    /// The refusals of its own, besides those that every operation has.
    let problems: Set<Problem.Code>
    /// Who may perform it.
    let access: Access
    /// Whether it changes the catalog, which a gateway that runs from a file refuses.
    let changesCatalog: Bool
    let readsIfMatch: Bool
    let readsIfNoneMatch: Bool
    let perform: @Sendable (Call) async throws -> AdminAnswer

    /// Who may perform an operation.
    enum Access: Sendable, Equatable {
        /// Anybody who reaches the admin listener.
        case anyone
        /// Whoever has this role, or one that may more.
        case role(Role)
    }

    /// Takes the parts; unless said otherwise viewers may read, and managers do the rest.
    init(
        method: Method,
        path: String,
        name: String,
        summary: String,
        tag: String,
        query: [Parameter] = [],
        body: Body? = nil,
        successes: [Success],
        problems: Set<Problem.Code> = [],
        access: Access? = nil,
        changesCatalog: Bool = false,
        readsIfMatch: Bool = false,
        readsIfNoneMatch: Bool = false,
        perform: @escaping @Sendable (Call) async throws -> AdminAnswer
    ) {
        self.method = method
        self.path = path
        self.name = name
        self.summary = summary
        self.tag = tag
        self.query = query
        self.body = body
        self.successes = successes
        self.problems = problems
        self.access = access ?? .role(method == .get ? .viewer : .manager)
        self.changesCatalog = changesCatalog
        self.readsIfMatch = readsIfMatch
        self.readsIfNoneMatch = readsIfNoneMatch
        self.perform = perform
    }

    /// The names of the path's parameters.
    var parameterNames: [String] { PathPattern(path).parameterNames }

    /// The values of the path's parameters; `nil` when the path is another one.
    func match(_ segments: [String]) -> [String: String]? { PathPattern(path).match(segments) }

    /// All refusals that can be answered.
    var allProblems: Set<Problem.Code> {
        var all = problems.union([
            .badRequest, .methodNotAllowed, .requestTimeout, .hostNotAllowed, .internalError,
        ])
        if access != .anyone { all.formUnion([.unauthorized, .storeUnavailable]) }
        if case .role(let role) = access, role > .viewer { all.insert(.roleNotSufficient) }
        if !parameterNames.isEmpty { all.insert(.notFound) }
        if body != nil { all.formUnion([.bodyTooLarge, .unsupportedMediaType, .invalid]) }
        if readsIfMatch { all.insert(.preconditionFailed) }
        if changesCatalog {
            all.formUnion([.readOnly, .conflict, .revisionConflict, .storeFull, .storeUnavailable])
        }
        return all
    }
}

/// One call of an operation, its parameters and body read.
struct Call: Sendable {
    /// The request.
    let request: AdminRequest
    /// Who makes the call.
    let principal: Principal
    /// The values of the path's parameters.
    let path: [String: String]
    /// The values of the query's parameters that were given, or their defaults.
    let query: [String: DocumentValue]
    /// The body; an empty object when there was none.
    let body: DocumentNode
    /// The time of the call.
    let now: Timestamp
    /// The id that the answer carries.
    let requestID: String

    /// The identity that a path's parameter gives; `nil` when the parameter is none, so that nothing has it.
    func id<Entity>(_ name: String) -> EntityID<Entity>? {
        path[name].flatMap { EntityID($0) }
    }

    /// The text of a query's parameter, when it was given.
    func text(_ name: String) -> String? {
        query[name]?.text
    }

    /// The whole number of a query's parameter.
    func integer(_ name: String) -> Int64? {
        guard case .integer(let number) = query[name] else { return nil }
        return number
    }

    /// Whether a switch of the query is on.
    func isOn(_ name: String) -> Bool {
        query[name] == .bool(true)
    }

    /// Begins an entry of the audit log about what this call does.
    func audit(_ action: String, _ kind: String, id: String, name: String, details: String = "") -> AuditEntry
    {
        AuditEntry(
            at: now,
            actor: principal.actor,
            origin: request.clientAddress,
            action: action,
            kind: kind,
            id: id,
            name: name,
            details: details
        )
    }
}
