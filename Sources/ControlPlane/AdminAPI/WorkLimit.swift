import Synchronization

/// Lets little of something be done at once: each may be large, or take long.
final class WorkLimit: Sendable {
    /// At most so many at once.
    let width: Int
    /// What those are told who come when that many are at it.
    private let words: String
    private let running = Mutex(0)

    /// Takes how many may be at it at once, and what the others are told.
    init(_ width: Int, _ words: String) {
        self.width = width
        self.words = words
    }

    /// For tables: each reads a long way back.
    static func forExports() -> WorkLimit { WorkLimit(2, "an export is being made; try again") }

    /// Does the work, unless too many are at it.
    ///
    /// - Throws: ``Problem`` 429; or what the work throws.
    func perform(_ work: () async throws -> AdminAnswer) async throws -> AdminAnswer {
        let isAccepted = running.withLock { count in
            guard count < width else { return false }
            count += 1
            return true
        }
        guard isAccepted else { throw Problem.wait(5, words) }
        defer { running.withLock { $0 -= 1 } }
        return try await work()
    }
}
