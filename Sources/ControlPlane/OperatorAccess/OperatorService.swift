import Crypto
package import GatewayCore
import JOSE
package import Logging
import Synchronization

/// Who may come in: the use cases of operators, their sessions and admin tokens, each rule in one place.
///
/// What it changes is written with its audit entry. A gateway that runs from a file has no operators: the console is
/// then signed in to with the gateway's admin token, and only reads.
package final class OperatorService: Sendable {
    /// How long a session lives without being used, in seconds.
    package static let idleLifetime: Int64 = 30 * 60
    /// How long a session lives at most, in seconds.
    package static let absoluteLifetime: Int64 = 12 * 3600
    /// How exactly last uses are noted, in seconds.
    static let useInterval: Int64 = 60
    /// How long the link is good with which the first owner is set up, in seconds.
    package static let setUpLifetime: Int64 = 3600

    let store: any OperatorStore
    let hasher: PasswordHasher
    let limiter = SignInLimiter()
    let isAdminToken: IsAdminToken
    let random: RandomSource
    let logger: Logger
    let setUp = Mutex<Invitation?>(nil)
    let refusals = RefusalCounter()
    private let consoleURL: String?

    /// Whether the gateway runs from a file, so that there are no operators.
    package let isReadOnly: Bool

    /// Says whether the presented bytes are the gateway's own admin token.
    package typealias IsAdminToken = @Sendable ([UInt8]) async throws -> Bool

    /// Makes the service.
    ///
    /// - Parameters:
    ///   - store: where operators are kept.
    ///   - isReadOnly: whether the gateway runs from a file; the store then holds sessions alone.
    ///   - consoleURL: where people reach the admin listener, without a path; `nil` when that is as they say.
    ///   - isAdminToken: knows the gateway's own admin token.
    ///   - random: where identities, tokens and salts come from.
    ///   - logger: is told of refused sign-ins.
    package convenience init(
        store: any OperatorStore,
        isReadOnly: Bool = false,
        consoleURL: String? = nil,
        isAdminToken: @escaping IsAdminToken,
        random: RandomSource = .system,
        logger: Logger
    ) {
        self.init(
            store: store,
            isReadOnly: isReadOnly,
            consoleURL: consoleURL,
            isAdminToken: isAdminToken,
            random: random,
            cost: .standard,
            logger: logger
        )
    }

    init(
        store: any OperatorStore,
        isReadOnly: Bool = false,
        consoleURL: String? = nil,
        isAdminToken: @escaping IsAdminToken,
        random: RandomSource = .system,
        cost: PasswordHash.Cost,
        logger: Logger
    ) {
        self.store = store
        self.isReadOnly = isReadOnly
        self.consoleURL = consoleURL
        self.isAdminToken = isAdminToken
        self.random = random
        self.logger = logger
        hasher = PasswordHasher(cost: cost, random: random)
    }

    /// Makes ready what would otherwise make the first sign-in with an unknown name slower than the others.
    package func prepare() async {
        do {
            try await hasher.warmUp()
        } catch {
            logger.warning("the first sign-in may take longer", metadata: ["reason": "\(error)"])
        }
    }

    /// Whether the console's cookie is only to be sent over TLS.
    package var isReachedOverTLS: Bool { consoleURL?.hasPrefix("https://") ?? false }

    /// The name of the console's cookie: over TLS one that no other host, path or plain connection can set
    /// (RFC 6265bis §4.1.3.2).
    package var cookieName: String {
        isReachedOverTLS ? "__Host-\(Console.cookieName)" : Console.cookieName
    }

    /// A link of the console.
    ///
    /// - Parameters:
    ///   - page: the page below `/console`.
    ///   - token: what the link proves.
    ///   - authority: the host and port that the console was reached by, where no other is configured.
    /// - Returns: the link as it is shown to people.
    package func link(_ page: String, token: String, authority: String) -> String {
        "\(consoleURL ?? "http://\(authority)")/console/\(page)?token=\(token)"
    }

    // MARK: What all use cases share

    /// A new secret of 32 random bytes as 64 hex digits, and what is kept of it.
    func makeToken() throws -> (text: String, digest: APITokenDigest) {
        let token = random.apiToken()
        guard let digest = APITokenDigest(token: token) else {
            throw Problem(.internalError, "no token could be made")
        }
        return (String(decoding: token, as: UTF8.self), digest)
    }

    func makeID<Entity>() -> EntityID<Entity> {
        var random = random
        return EntityID(using: &random)
    }

    /// Changes operators, sessions or admin tokens; a gateway that runs from a file refuses.
    func change(_ changes: [OperatorChange], _ audit: AuditEntry) async throws {
        try checkIsWritable()
        try await store.apply(changes, audit: [audit])
    }

    func checkIsWritable() throws(Problem) {
        guard isReadOnly else { return }
        throw Problem(
            .readOnly,
            "this gateway runs from a file: there are no operators, only its admin token"
        )
    }

    /// Refuses a new password that is not acceptable.
    ///
    /// - Throws: ``Problem`` 422 that names the field.
    func check(_ password: Secret<String>, of name: String, field: String = "password") throws(Problem) {
        guard let fault = PasswordRule.fault(password.reveal(), of: name) else { return }
        throw Problem([Problem.FieldError(field: field, detail: fault)])
    }

    /// What every form of a session carries; only whoever has the session's token can say it.
    static func formToken(of token: String) -> String {
        let key = SymmetricKey(data: Array(token.utf8))
        return Hex.encode(
            HMAC<SHA256>.authenticationCode(for: Array("portcullis console form".utf8), using: key)
        )
    }
}

/// Who does something, from where and when.
package struct Acting: Sendable {
    /// Who does it.
    package let principal: Principal
    /// The address that it comes from.
    package let address: String
    /// When.
    package let now: Timestamp

    /// Takes the parts.
    package init(_ principal: Principal, from address: String, at now: Timestamp) {
        self.principal = principal
        self.address = address
        self.now = now
    }

    /// Begins an entry of the audit log.
    func audit(_ action: String, _ kind: String, id: String, name: String, details: String = "") -> AuditEntry
    {
        AuditEntry(
            at: now,
            actor: principal.actor,
            origin: address,
            action: action,
            kind: kind,
            id: id,
            name: name,
            details: details
        )
    }
}

extension Call {
    /// Who calls, from where and when.
    var acting: Acting { Acting(principal, from: request.clientAddress, at: now) }
}

extension Operator {
    /// The operator as who does something.
    func principal(session: OperatorSessionID? = nil) -> Principal {
        Principal(actor: actor, role: role, operatorID: id, sessionID: session)
    }
}

/// Lets one line a second about refusals into the log, so that guessing does not fill the disk.
final class RefusalCounter: Sendable {
    private let state = Mutex<(count: Int, reportedAt: Timestamp?)>((0, nil))

    /// Counts a refusal; gives the number to report when it is time for a line.
    func countToReport(at now: Timestamp) -> Int? {
        state.withLock { state in
            state.count += 1
            guard state.reportedAt != now else { return nil }
            defer { state = (0, now) }
            return state.count
        }
    }
}
