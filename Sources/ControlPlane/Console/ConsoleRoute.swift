import GatewayCore

/// One method on one path of the console, and who may use it.
struct ConsoleRoute: Sendable {
    /// The methods of forms; `HEAD` is answered wherever `GET` is.
    enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
    }

    let method: Method
    /// The path below `/console`; `{name}` stands for one segment.
    let path: String
    /// Who may use it: a page that shows is for viewers, one that changes is for managers, unless said otherwise.
    let access: Operation.Access
    /// Whether open pages ask for it by themselves, which is no use of the session.
    var isPolled = false
    let perform: @Sendable (Visit) async throws -> ConsoleAnswer

    private init(
        _ method: Method,
        _ path: String,
        _ access: Operation.Access,
        _ perform: @escaping @Sendable (Visit) async throws -> ConsoleAnswer
    ) {
        self.method = method
        self.path = path
        self.access = access
        self.perform = perform
    }

    /// A page that is shown.
    static func show(
        _ path: String,
        _ access: Operation.Access = .role(.viewer),
        _ perform: @escaping @Sendable (Visit) async throws -> ConsoleAnswer
    ) -> ConsoleRoute {
        ConsoleRoute(.get, path, access, perform)
    }

    /// What an open page asks for by itself, again and again.
    static func poll(
        _ path: String,
        _ perform: @escaping @Sendable (Visit) async throws -> ConsoleAnswer
    ) -> ConsoleRoute {
        var route = show(path, .role(.viewer), perform)
        route.isPolled = true
        return route
    }

    /// A form that is posted.
    static func post(
        _ path: String,
        _ access: Operation.Access = .role(.manager),
        _ perform: @escaping @Sendable (Visit) async throws -> ConsoleAnswer
    ) -> ConsoleRoute {
        ConsoleRoute(.post, path, access, perform)
    }

    /// The values of the path's parameters; `nil` when the path is another one.
    func match(_ segments: [String]) -> [String: String]? {
        PathPattern(path).match(segments)
    }
}

/// What a page answers.
enum ConsoleAnswer: Sendable {
    /// A page to be rendered.
    case page(ConsolePage)
    /// Another page is to be shown instead; a path of the console, never an outside address.
    case redirect(to: String, cookies: [String] = [])
    /// Something else, as it is.
    case plain(AdminAnswer)
}

/// A page before it is rendered.
struct ConsolePage: Sendable {
    /// The name of the template.
    let template: String
    /// What stands in the window's title and at the top.
    let title: String
    /// The part of the console that the navigation marks.
    var section: ConsoleSection?
    var status = 200
    /// What the template shows; all texts are escaped when it is rendered.
    var content: [(String, DocumentValue)]
    /// Further fields that go with it.
    var headers: [(name: String, value: String)] = []
    /// Cookies that go with it.
    var cookies: [String] = []

    init(
        _ template: String,
        title: String,
        section: ConsoleSection? = nil,
        status: Int = 200,
        _ content: [(String, DocumentValue)] = []
    ) {
        self.template = template
        self.title = title
        self.section = section
        self.status = status
        self.content = content
    }
}

/// The parts of the console, in the order of the navigation.
enum ConsoleSection: String, Sendable, CaseIterable {
    case overview
    case clients
    case collections
    case upstreams
    case workbench
    case decisions
    case audit
    case settings
    case operators

    /// What the navigation calls it.
    var title: String {
        switch self {
        case .overview: "Overview"
        case .clients: "Clients"
        case .collections: "Collections"
        case .upstreams: "Upstreams"
        case .workbench: "Token workbench"
        case .decisions: "Refusals"
        case .audit: "Audit log"
        case .settings: "Settings"
        case .operators: "Operators"
        }
    }

    /// Its first page.
    var path: String { self == .overview ? "/console" : "/console/\(rawValue)" }

    /// The role that it takes to see it.
    var role: Role {
        switch self {
        case .operators: .owner
        case .overview, .clients, .collections, .upstreams, .workbench, .decisions, .audit, .settings: .viewer
        }
    }
}
