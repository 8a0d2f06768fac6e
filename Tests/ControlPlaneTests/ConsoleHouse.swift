import GatewayCore
import Logging

@testable import ControlPlane

/// A console over a store in memory, with an operator of each role signed in.
struct ConsoleHouse {
    static let formToken = "the-form-token-of-the-tests"

    let admin: AdminHouse
    let console: Console

    init(
        readOnly: Bool = false,
        operators: OperatorService? = nil,
        traffic: (any TrafficStore)? = nil,
        decisions: [DecisionRecord] = [],
        change: (inout Console.Dependencies) -> Void = { _ in }
    ) {
        let operators = operators ?? OperatorHouse(isReadOnly: readOnly).service
        admin = AdminHouse(
            readOnly: readOnly,
            decisions: decisions,
            operators: operators,
            traffic: traffic
        )
        var dependencies = Self.dependencies(readOnly: readOnly)
        dependencies.operators = operators
        change(&dependencies)
        console = Console(admin.api, dependencies)
    }

    /// Cookies of the sessions are the names of roles.
    static func dependencies(readOnly: Bool = false) -> Console.Dependencies {
        Console.Dependencies(
            findSession: { cookie, _, _ in
                Role(rawValue: cookie).map { role in
                    ConsoleSession(
                        principal: Principal(actor: "operator:jdoe", role: role),
                        name: "jdoe",
                        formToken: formToken
                    )
                }
            },
            isReadOnly: readOnly,
            now: { Timestamp(secondsSinceEpoch: 1_800_000_000) },
            logger: Logger(label: "test") { _ in LineLog().handler }
        )
    }

    /// Asks for a page as an operator of a role; nobody for `nil`.
    func show(
        _ target: String,
        as role: Role? = .manager,
        change: (inout AdminRequest) -> Void = { _ in }
    ) async -> AdminAnswer {
        var request = AdminRequest(method: "GET", target: target, authority: "127.0.0.1:8081")
        if let role { request.cookies = "other=1; portcullis_session=\(role.rawValue)" }
        change(&request)
        return await console.answer(request) { _ in [] }
    }

    /// Posts a form as an operator of a role, with the session's form token unless another field takes its place.
    func post(
        _ target: String,
        _ fields: [(String, String)],
        as role: Role? = .manager,
        formToken: String? = Self.formToken,
        change: (inout AdminRequest) -> Void = { _ in }
    ) async -> AdminAnswer {
        var request = AdminRequest(method: "POST", target: target, authority: "127.0.0.1:8081")
        if let role { request.cookies = "portcullis_session=\(role.rawValue)" }
        request.contentType = "application/x-www-form-urlencoded"
        request.origin = "http://127.0.0.1:8081"
        request.fetchSite = "same-origin"
        change(&request)
        let all = (formToken.map { [("_csrf", $0)] } ?? []) + fields
        let body = all.map { "\(PathSegment.encoded($0.0))=\(PathSegment.encoded($0.1))" }.joined(
            separator: "&"
        )
        return await console.answer(request) { _ in Array(body.utf8) }
    }
}
