package import GatewayCore
import JOSE
package import Logging

/// The admin API, whatever server it is called through: routes, checks, and what all answers have in common.
package struct AdminAPI: Sendable {
    /// What the API works on.
    package struct Dependencies: Sendable {
        /// Where the catalog is read, and changed when it can be.
        package enum Source: Sendable {
            /// A catalog that managers change, with its audit log.
            case service(CatalogService, audit: any CatalogStore)
            /// A catalog that a file gives: it is only read.
            case file(@Sendable () -> Catalog)
        }

        /// Where the catalog is.
        package var source: Source
        /// Where recent decisions are.
        package var decisions: any DecisionLog
        /// Who it is that presents a Bearer token.
        package var authenticate: Authenticate
        /// Decides a request that is only asked about, with the very code of the request path.
        package var explain: Explainer
        /// Calls the gateway's listener; `nil` leaves out what tries calls.
        package var callGateway: CallGateway?
        /// Who may come in; `nil` leaves out what concerns operators.
        package var operators: OperatorService?
        /// What is known of identity providers' keys; `nil` when nobody fetches them.
        package var keySets: KeySets?
        /// The certificates that something rests on.
        package var certificates: @Sendable (Catalog) -> [CertificateNotice]
        /// What is in force, compiled; `nil` where it is compiled when it is asked for.
        package var snapshot: (@Sendable () -> Snapshot)?
        /// When keys and API tokens were last used; `nil` when nobody notes it.
        package var lastUses: LastUses?
        /// What is counted of the requests; `nil` when nobody counts.
        package var observation: Observation?
        /// Why the gateway is not ready to serve; `nil` when it is.
        package var unreadiness: @Sendable () -> String?
        /// The time.
        package var now: @Sendable () -> Timestamp
        /// Where identities, API tokens and request ids come from.
        package var random: RandomSource
        /// Where refused admin tokens and internal errors are told.
        package var logger: Logger

        /// Takes the parts.
        package init(
            source: Source,
            decisions: any DecisionLog,
            authenticate: @escaping Authenticate,
            explain: @escaping Explainer,
            callGateway: CallGateway? = nil,
            operators: OperatorService? = nil,
            keySets: KeySets? = nil,
            certificates: @escaping @Sendable (Catalog) -> [CertificateNotice] = { _ in [] },
            snapshot: (@Sendable () -> Snapshot)? = nil,
            lastUses: LastUses? = nil,
            observation: Observation? = nil,
            unreadiness: @escaping @Sendable () -> String? = { nil },
            now: @escaping @Sendable () -> Timestamp,
            random: RandomSource = .system,
            logger: Logger
        ) {
            self.source = source
            self.decisions = decisions
            self.authenticate = authenticate
            self.explain = explain
            self.callGateway = callGateway
            self.operators = operators
            self.keySets = keySets
            self.certificates = certificates
            self.snapshot = snapshot
            self.lastUses = lastUses
            self.observation = observation
            self.unreadiness = unreadiness
            self.now = now
            self.random = random
            self.logger = logger
        }
    }

    /// Says whose the presented token is, `nil` when nobody's; throws when that cannot be known now.
    package typealias Authenticate = @Sendable ([UInt8]) async throws -> Principal?

    /// Reads a request's body, at most so many bytes of it.
    package typealias BodyReader = (_ limit: Int) async throws -> [UInt8]

    /// The operations in the order of the document.
    let operations: [Operation]
    private let dependencies: Dependencies
    private let hosts: HostRule
    private let refusedTokens = RefusalCounter()

    /// Makes the API.
    ///
    /// - Parameters:
    ///   - dependencies: what it works on.
    ///   - hosts: the names under which it may be called.
    package init(_ dependencies: Dependencies, hosts: HostRule) {
        self.dependencies = dependencies
        self.hosts = hosts
        var access = CatalogAccess(source: dependencies.source, random: dependencies.random)
        if let keySets = dependencies.keySets { access.keyURLFault = keySets.fault }
        let catalog = access
        let exports = WorkLimit.forExports()
        var operations: [Operation] = []
        let lastUses = dependencies.lastUses
        operations += ClientsResource(catalog: catalog, lastUses: lastUses).operations
        operations += ProfilesResource(catalog: catalog, lastUses: lastUses).operations
        operations += KeysResource(catalog: catalog, lastUses: lastUses).operations
        operations += APITokensResource(catalog: catalog, lastUses: lastUses).operations
        operations += KeySetResource(catalog: catalog, keySets: dependencies.keySets).operations
        operations +=
            CertificatesResource(catalog: catalog, certificates: dependencies.certificates).operations
        operations +=
            RotationResource(
                catalog: catalog,
                lastUses: lastUses,
                traffic: dependencies.observation?.traffic
            ).operations
        operations += RevocationsResource(catalog: catalog).operations
        operations += CollectionsResource(catalog: catalog).operations
        operations += EndpointsResource(catalog: catalog).operations
        operations += UpstreamsResource(catalog: catalog).operations
        operations += SettingsResource(catalog: catalog).operations
        operations += SigningKeysResource(catalog: catalog).operations
        operations += CatalogResource(catalog: catalog).operations
        operations +=
            DecisionsResource(
                decisions: dependencies.decisions,
                explain: dependencies.explain,
                exports: exports
            ).operations
        operations += MendResource(catalog: catalog, explain: dependencies.explain).operations
        operations += TokenToolsResource(catalog: catalog).operations
        if let callGateway = dependencies.callGateway {
            operations +=
                TrialResource(catalog: catalog, decisions: dependencies.decisions, callGateway: callGateway)
                .operations
        }
        operations += KeyToolsResource().operations
        operations += RouteToolsResource(catalog: catalog, snapshot: dependencies.snapshot).operations
        operations += TrafficResource(observation: dependencies.observation, exports: exports).operations
        operations += AuditResource(source: dependencies.source, exports: exports).operations
        operations += MetricsResource(observation: dependencies.observation).operations
        if let operators = dependencies.operators {
            operations += OperatorsResource(service: operators).operations
            operations += SessionsResource(service: operators).operations
            operations += AdminTokensResource(service: operators).operations
        }
        operations += HealthResource(unreadiness: dependencies.unreadiness).operations
        let document = OpenAPIDocument.operation(describing: operations)
        self.operations = operations + [document]
    }

    /// Whether a host is one that the admin listener is called by.
    func isCalledByName(_ authority: String?) -> Bool { hosts.allows(authority) }

    /// The host and port of a proxy before the admin listener.
    var publicAuthority: String? { hosts.publicAuthority }

    /// Answers a request.
    ///
    /// - Parameters:
    ///   - request: the request.
    ///   - principal: who makes it, when that is known already; `nil` when its `Authorization` is to tell.
    ///   - body: reads the request's body.
    /// - Returns: the answer, whatever happened.
    package func answer(
        _ request: AdminRequest,
        as principal: Principal? = nil,
        body: BodyReader
    ) async -> AdminAnswer {
        var random = dependencies.random
        let requestID = EntityID<AdminRequest>(using: &random).text
        var answer: AdminAnswer
        do {
            answer = try await perform(request, principal, requestID, body)
        } catch {
            answer = AdminAnswer(problem(for: error, requestID), requestID: requestID)
        }
        answer.headers += [
            (name: "Cache-Control", value: "no-store"),
            (name: "X-Content-Type-Options", value: "nosniff"),
            (name: "X-Request-Id", value: requestID),
        ]
        return answer
    }

    private func problem(for error: any Error, _ requestID: String) -> Problem {
        if let problem = Problem(error) { return problem }
        // The kind only: what an unknown error says may hold what nobody should read.
        dependencies.logger.error(
            "an admin call ended with an unknown error",
            metadata: ["request_id": "\(requestID)", "error": "\(type(of: error))"]
        )
        return Problem(.internalError, "the call could not be completed; see the log under this request id")
    }

    private func perform(
        _ request: AdminRequest,
        _ known: Principal?,
        _ requestID: String,
        _ readBody: BodyReader
    ) async throws -> AdminAnswer {
        // First: a page of another origin must learn nothing, not even which paths there are (DNS rebinding).
        guard hosts.allows(request.authority) else {
            throw Problem(
                .hostNotAllowed,
                "the Host header names a host that the admin listener is not called by"
            )
        }
        let target = try AdminTarget(request.target)
        let fitting = operations.compactMap { operation in
            operation.match(target.segments).map { (operation: operation, path: $0) }
        }
        // A path that is written out is not taken for an identity: `sessions/end-others` for a session.
        let fewest = fitting.map(\.path.count).min()
        let matches = fitting.filter { $0.path.count == fewest }
        let method = request.method == "HEAD" ? "GET" : request.method
        let found = matches.first { $0.operation.method.rawValue == method }
        let principal = try await principal(
            for: found?.operation.access ?? matches.first?.operation.access
                ?? (target.segments.first == "api" ? .role(.viewer) : .anyone),
            request,
            known,
            requestID
        )
        guard !matches.isEmpty else { throw Problem(.notFound, "there is nothing at this path") }
        guard let (operation, path) = found else { throw methodNotAllowed(matches.map(\.operation.method)) }
        if operation.changesCatalog, case .file = dependencies.source {
            throw Problem(.readOnly, "this gateway runs from a file: the admin API only reads")
        }
        let query = try QueryReader.values(target.query, operation.query)
        let call = Call(
            request: request,
            principal: principal,
            path: path,
            query: query,
            body: try await BodyRule.read(operation.body, request, readBody),
            now: dependencies.now(),
            requestID: requestID
        )
        return try await operation.perform(call)
    }

    private func methodNotAllowed(_ methods: [Operation.Method]) -> Problem {
        let all = Operation.Method.allCases.filter(methods.contains).map(\.rawValue)
        let allowed = (all.contains("GET") ? ["GET", "HEAD"] : []) + all.filter { $0 != "GET" }
        var problem = Problem(.methodNotAllowed, "this path answers \(allowed.joined(separator: ", "))")
        problem.headers = [(name: "Allow", value: allowed.joined(separator: ", "))]
        return problem
    }

    // MARK: Who calls

    private func principal(
        for access: Operation.Access,
        _ request: AdminRequest,
        _ known: Principal?,
        _ requestID: String
    ) async throws -> Principal {
        // Nobody in particular has no role to use: such operations look at none.
        guard case .role(let needed) = access else { return Principal(actor: "anyone", role: .viewer) }
        let principal: Principal
        if let known { principal = known } else { principal = try await authenticate(request, requestID) }
        guard principal.role >= needed else {
            throw Problem(
                .roleNotSufficient,
                "your role is \(principal.role.rawValue), the call needs \(needed.rawValue)"
            )
        }
        return principal
    }

    private func authenticate(_ request: AdminRequest, _ requestID: String) async throws -> Principal {
        let fault: String
        if let authorization = request.authorization {
            let parts = authorization.utf8.split(separator: UInt8(ascii: " "), maxSplits: 1)
            let isBearer = parts.count == 2 && String(Substring(parts[0])).lowercased() == "bearer"
            if isBearer, let principal = try await dependencies.authenticate(Array(parts[1])) {
                return principal
            }
            fault =
                isBearer
                ? "the admin token is not the right one" : "expected Authorization: Bearer <admin token>"
            logRefusal(request, requestID)
        } else {
            fault = "the call needs Authorization: Bearer <admin token>"
        }
        var problem = Problem(.unauthorized, fault)
        let error = request.authorization == nil ? "" : ", error=\"invalid_token\""
        problem.headers = [(name: "WWW-Authenticate", value: "Bearer realm=\"portcullis-admin\"\(error)")]
        throw problem
    }

    private func logRefusal(_ request: AdminRequest, _ requestID: String) {
        guard let count = refusedTokens.countToReport(at: dependencies.now()) else { return }
        dependencies.logger.warning(
            "a wrong admin token was presented",
            metadata: [
                "code": "unauthorized", "client_address": "\(request.clientAddress)",
                "request_id": "\(requestID)", "refusals_since_last_line": "\(count)",
            ]
        )
    }
}

/// The names under which the admin API may be called: a guard against DNS rebinding.
package struct HostRule: Sendable {
    private let names: Set<String>?

    /// The host and port of a proxy before the listener, in lower case.
    let publicAuthority: String?

    /// Makes the rule of a listener: on loopback its address, this machine's names and a proxy's, elsewhere all.
    package init(listenHost: String, publicAuthority: String? = nil) {
        self.publicAuthority = publicAuthority?.lowercased()
        let host = listenHost.lowercased()
        let isLoopback = host == "localhost" || host == "::1" || host.hasPrefix("127.")
        var names: Set = ["localhost", "127.0.0.1", "[::1]", host.contains(":") ? "[\(host)]" : host]
        if let own = self.publicAuthority { names.insert(own) }
        self.names = isLoopback ? names : nil
    }

    /// Whether a host, with or without a port, is one of the names.
    func allows(_ authority: String?) -> Bool {
        guard let names else { return true }
        guard let authority = authority?.lowercased() else { return false }
        if names.contains(authority) { return true }
        guard let colon = authority.lastIndex(of: ":") else { return false }
        let port = authority[authority.index(after: colon)...]
        return names.contains(String(authority[..<colon]))
            && port.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}
