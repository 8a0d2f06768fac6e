import JOSE
import Synchronization

/// Computes password hashes away from the event loops, a few at a time.
///
/// Each takes 32 MiB and a good part of a core: a crowd at the sign-in page must not take the gateway's.
final class PasswordHasher: Sendable {
    /// At most so many at once.
    static let width = 2
    /// At most so many that run or wait; whoever comes then is told to try again.
    static let maximumPending = 16

    private let queue: BoundedQueue
    private let cost: PasswordHash.Cost
    private let random: RandomSource
    /// What the password of somebody unknown is compared with, so that it takes as long.
    private let decoy: Mutex<PasswordHash?> = Mutex(nil)

    /// Makes one with nothing to do.
    init(cost: PasswordHash.Cost, random: RandomSource) {
        self.cost = cost
        self.random = random
        queue = BoundedQueue(
            "portcullis.passwords",
            width: Self.width,
            maximumPending: Self.maximumPending,
            busy: .busy
        )
    }

    /// The kept form of a password.
    ///
    /// - Throws: ``Problem`` 429 when too many wait.
    func hash(_ password: Secret<String>) async throws -> Secret<String> {
        try await queue.perform { [cost, random] in
            Secret(try PasswordHash(of: password, cost: cost, using: random).text)
        }
    }

    /// Whether a password is the one of a kept form; takes as long, and says no, when there is none.
    ///
    /// - Throws: ``Problem`` 429 when too many wait.
    func matches(_ password: Secret<String>, _ kept: Secret<String>?) async throws -> Bool {
        try await queue.perform { [self] in
            guard let hash = kept.flatMap({ PasswordHash($0.reveal()) }) else {
                // The outcome does not matter: only a password that somebody has lets anybody in.
                _ = try madeDecoy().matches(password)
                return false
            }
            return try hash.matches(password)
        }
    }

    /// Makes what stands in for the passwords of the unknown, so that the first of them takes no longer.
    func warmUp() async throws {
        _ = try await queue.perform { [self] in try madeDecoy() }
    }

    private func madeDecoy() throws -> PasswordHash {
        if let made = decoy.withLock({ $0 }) { return made }
        let unknown = Secret(String(decoding: random.apiToken(), as: UTF8.self))
        let made = try PasswordHash(of: unknown, cost: cost, using: random)
        decoy.withLock { $0 = made }
        return made
    }
}

extension Problem {
    /// Too many sign in at once.
    static var busy: Problem { .wait(1, "too many people sign in at this moment; try again") }

    /// Tells to come back after some seconds.
    static func wait(_ seconds: Int64, _ detail: String) -> Problem {
        var problem = Problem(.tooManyAttempts, detail)
        problem.headers = [(name: "Retry-After", value: "\(seconds)")]
        return problem
    }
}
