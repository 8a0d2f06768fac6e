import GatewayCore
import JOSE
import Logging
import Synchronization
import Testing

@testable import ControlPlane

/// A service over a store in memory, and the ways in which tests use it.
struct OperatorHouse {
    static let password = "a long password"
    static let adminToken = String(repeating: "a", count: 64)

    let service: OperatorService
    let store: MemoryOperatorStore
    let audit: AuditLines
    let log: LineLog

    init(isReadOnly: Bool = false, consoleURL: String? = nil) {
        let (audit, log) = (AuditLines(), LineLog())
        self.audit = audit
        self.log = log
        store = MemoryOperatorStore { audit.append($0) }
        service = OperatorService(
            store: store,
            isReadOnly: isReadOnly,
            consoleURL: consoleURL,
            isAdminToken: { $0 == Array(Self.adminToken.utf8) },
            cost: PasswordTests.cost,
            logger: Logger(label: "test") { _ in log.handler }
        )
    }

    static func time(_ seconds: Int64) -> Timestamp { Timestamp(secondsSinceEpoch: 1_800_000_000 + seconds) }

    /// A session in force, as who acts.
    func acting(_ token: String, at seconds: Int64 = 1) async throws -> Acting {
        let session = try #require(try await service.session(token, at: Self.time(seconds)))
        return Acting(session.principal, from: "192.0.2.7", at: Self.time(seconds))
    }

    /// Sets up the first owner, and gives the session's token.
    func setUp(_ name: String = "owner") async throws -> String {
        let link = try #require(try await service.openSetUp(at: Self.time(0)))
        return try await service.setUpOwner(
            token: link,
            name: name,
            password: Secret(Self.password),
            from: SignInOrigin(address: "192.0.2.7"),
            at: Self.time(0)
        )
    }

    /// Makes an operator who has a password, and gives the session's token.
    func add(_ name: String, _ role: Role, by owner: String) async throws -> String {
        let invited = try await service.createOperator(name: name, role: role, try await acting(owner))
        return try await service.acceptInvitation(
            token: invited.token,
            password: Secret(Self.password),
            from: SignInOrigin(address: "192.0.2.8"),
            at: Self.time(1)
        )
    }

    func signIn(
        _ name: String,
        _ password: String = OperatorHouse.password,
        from address: String = "192.0.2.7",
        earlier: String? = nil,
        at seconds: Int64 = 2
    ) async throws -> String? {
        try await service.signIn(
            name: name,
            password: Secret(password),
            from: SignInOrigin(address: address, userAgent: "a browser", earlierToken: earlier),
            at: Self.time(seconds)
        )
    }

    func isInForce(_ token: String, at seconds: Int64 = 3) async throws -> Bool {
        try await service.session(token, at: Self.time(seconds)) != nil
    }

    func find(_ name: String) async throws -> Operator {
        try #require(try await store.findOperator(.name(name)))
    }
}

/// The entries of the audit log in one line each.
final class AuditLines: Sendable {
    private let state = Mutex<[String]>([])

    var lines: [String] { state.withLock { $0 } }

    func append(_ entry: AuditEntry) {
        let line =
            "\(entry.actor) \(entry.origin) \(entry.action) \(entry.kind) \(entry.name) \(entry.details)"
        state.withLock { $0.append(line) }
    }
}

/// The code of the problem that a body is refused with; `nil` when it is not.
func problemCode(_ body: () async throws -> Void) async throws -> Problem.Code? {
    do {
        try await body()
        return nil
    } catch {
        return try #require(Problem(error)).code
    }
}
