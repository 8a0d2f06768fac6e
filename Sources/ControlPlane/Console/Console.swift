package import GatewayCore
package import Logging

/// The console: pages for managers, rendered here, over the operations of the admin API.
package struct Console: Sendable {
    /// What the console works with, besides the admin API.
    package struct Dependencies: Sendable {
        /// Finds the session that a cookie names.
        package var findSession: FindSession
        /// Whether the gateway runs from a file, so that nothing can be changed.
        package var isReadOnly: Bool
        /// Who may come in; `nil` leaves out the pages to sign in and around operators.
        package var operators: OperatorService?
        /// Where the gateway is; `nil` when that is not known.
        package var gateway: GatewayAddress?
        /// The time.
        package var now: @Sendable () -> Timestamp
        /// Where internal errors are told.
        package var logger: Logger

        /// Takes the parts.
        package init(
            findSession: @escaping FindSession,
            isReadOnly: Bool,
            operators: OperatorService? = nil,
            gateway: GatewayAddress? = nil,
            now: @escaping @Sendable () -> Timestamp,
            logger: Logger
        ) {
            self.findSession = findSession
            self.isReadOnly = isReadOnly
            self.operators = operators
            self.gateway = gateway
            self.now = now
            self.logger = logger
        }
    }

    /// The path that all pages are below.
    package static let root = "/console"
    /// The cookie that names the session, where the console is not reached over TLS.
    static let cookieName = "portcullis_session"

    /// All pages and forms.
    let routes: [ConsoleRoute]
    private let api: AdminAPI
    private let dependencies: Dependencies
    private let renderer: PageRenderer

    /// Makes the console.
    ///
    /// - Parameters:
    ///   - api: the admin API, which every page reads from and every form changes through.
    ///   - dependencies: what else it works with.
    package init(_ api: AdminAPI, _ dependencies: Dependencies) {
        let operators = dependencies.operators
        let own = operators.map { SignInPages(service: $0).routes + AccountPages(service: $0).routes } ?? []
        self.init(api, dependencies, pages: ConsolePages.all + own)
    }

    init(_ api: AdminAPI, _ dependencies: Dependencies, pages: [ConsoleRoute]) {
        self.api = api
        self.dependencies = dependencies
        routes = pages
        renderer = PageRenderer(isReadOnly: dependencies.isReadOnly)
    }

    /// Answers a request below ``root``.
    package func answer(_ request: AdminRequest, body: AdminAPI.BodyReader) async -> AdminAnswer {
        var session: ConsoleSession?
        var answer: AdminAnswer
        do {
            answer = try await perform(request, &session, body)
        } catch {
            answer = failure(error, session)
        }
        // An export has some of them from the API already.
        for header in PageSecurity.headers where answer.header(header.name) == nil {
            answer.headers.append(header)
        }
        if answer.header("Cache-Control") == nil {
            answer.headers.append((name: "Cache-Control", value: "no-store"))
        }
        return answer
    }

    private func perform(
        _ request: AdminRequest,
        _ session: inout ConsoleSession?,
        _ readBody: AdminAPI.BodyReader
    ) async throws -> AdminAnswer {
        guard api.isCalledByName(request.authority) else {
            throw Problem(
                .hostNotAllowed,
                "the Host header names a host that the admin listener is not called by"
            )
        }
        let target = try AdminTarget(request.target)
        if let asset = Assets.answer(target, request) { return asset }
        let now = dependencies.now()
        let segments = Array(target.segments.dropFirst().drop { $0.isEmpty })
        let matches = routes.compactMap { route in route.match(segments).map { (route: route, path: $0) } }
        let isUse = !matches.contains { $0.route.isPolled }
        if let cookie = PageSecurity.cookie(
            request.cookies,
            named: dependencies.operators?.cookieName ?? Self.cookieName
        ) {
            session = try await dependencies.findSession(cookie, now, isUse)
        }
        let method = request.method == "HEAD" ? "GET" : request.method
        guard let (route, path) = matches.first(where: { $0.route.method.rawValue == method }) else {
            // Who has not signed in learns nothing, not even which pages there are.
            guard session != nil else { return signIn(target, request) }
            if matches.isEmpty { throw Problem(.notFound, "there is no such page") }
            throw Problem(.methodNotAllowed, "this page is not used that way")
        }
        if case .role(let needed) = route.access {
            guard let session else { return signIn(target, request) }
            try Self.check(session.principal.role, atLeast: needed)
        }
        let visit = Visit(
            request: request,
            path: path,
            query: Form(target.query),
            form: try await form(request, route, session, readBody),
            session: session,
            now: now,
            api: ConsoleAPI(
                api: api,
                principal: session?.principal ?? Principal(actor: "anyone", role: .viewer),
                authority: request.authority,
                clientAddress: request.clientAddress
            ),
            gateway: dependencies.gateway?.url(seenFrom: request.authority) ?? ""
        )
        return rendered(try await route.perform(visit), session)
    }

    private static func check(_ role: Role, atLeast needed: Role) throws(Problem) {
        guard role >= needed else {
            throw Problem(
                .roleNotSufficient,
                "your role is \(role.rawValue), this needs \(needed.rawValue)"
            )
        }
    }

    private func form(
        _ request: AdminRequest,
        _ route: ConsoleRoute,
        _ session: ConsoleSession?,
        _ readBody: AdminAPI.BodyReader
    ) async throws -> Form {
        guard route.method == .post else { return Form() }
        try PageSecurity.checkOrigin(request, publicAuthority: api.publicAuthority)
        let type = (request.contentType ?? "").prefix { $0 != ";" }
        guard type.lowercased() == "application/x-www-form-urlencoded" else {
            throw Problem(.unsupportedMediaType, "expected a form of this console")
        }
        let form = try Form(try await readBody(Form.limit))
        if let session {
            try PageSecurity.checkFormToken(form, session)
        }
        return form
    }

    private func rendered(_ answer: ConsoleAnswer, _ session: ConsoleSession?) -> AdminAnswer {
        switch answer {
        case .page(let page): renderer.render(page, session)
        case .redirect(let path, let cookies):
            AdminAnswer(
                withoutBody: 303,
                headers: [(name: "Location", value: path)]
                    + cookies.map { (name: "Set-Cookie", value: $0) }
            )
        case .plain(let answer): answer
        }
    }

    /// Sends whoever has not signed in to do so, and back to the page that was asked for.
    private func signIn(_ target: AdminTarget, _ request: AdminRequest) -> AdminAnswer {
        let wanted = request.method == "GET" && request.target != Self.root ? request.target : nil
        let query = wanted.map { "?next=" + PathSegment.encoded($0) } ?? ""
        return AdminAnswer(
            withoutBody: 303,
            headers: [(name: "Location", value: "\(Self.root)/sign-in\(query)")]
        )
    }

    private func failure(_ error: any Error, _ session: ConsoleSession?) -> AdminAnswer {
        let status: Int
        let title: String
        let detail: String
        var headers: [(name: String, value: String)] = []
        if let problem = Problem(error) {
            headers = problem.headers
            (status, title, detail) = (problem.code.status, problem.code.title, problem.detail)
        } else if let problem = error as? ConsoleProblem {
            (status, title, detail) = (problem.status, "This did not work", problem.detail)
        } else {
            // The kind only: what an unknown error says may hold what nobody should read.
            dependencies.logger.error(
                "a page ended with an unknown error",
                metadata: ["error": "\(type(of: error))"]
            )
            (status, title, detail) = (500, "Internal error", "the page could not be made; see the log")
        }
        var page = ConsolePage(
            "problem",
            title: title,
            status: status,
            [("detail", .string(detail)), ("status", .integer(Int64(status)))]
        )
        page.headers = headers.filter { $0.name == "Retry-After" }
        return renderer.render(page, session)
    }
}
