import Synchronization

/// Lets few tables be made at once: each may be large, and reads a long way back.
final class ExportLimit: Sendable {
    /// At most so many at once.
    static let width = 2

    private let running = Mutex(0)

    /// Makes a table, unless too many are being made.
    ///
    /// - Throws: ``Problem`` 429; or what making the table throws.
    func perform(_ export: () async throws -> AdminAnswer) async throws -> AdminAnswer {
        let isAccepted = running.withLock { count in
            guard count < Self.width else { return false }
            count += 1
            return true
        }
        guard isAccepted else { throw Problem.wait(5, "an export is being made; try again") }
        defer { running.withLock { $0 -= 1 } }
        return try await export()
    }
}
