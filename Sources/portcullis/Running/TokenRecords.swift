import GatewayCore
import Logging
import SQLiteStore

/// What a running gateway remembers of tokens besides those verified: which were used up, and when keys and API
/// tokens were last used.
struct TokenRecords: Sendable {
    /// The one-time tokens that were used.
    let used: UsedTokens
    /// When keys and API tokens were last used.
    let lastUses: LastUses
    private let keeping: Task<Void, Never>

    // What a loss of power may cost of the times.
    private static let interval = Duration.seconds(5)

    /// Begins to remember; with a store the times of last use are written to it every few seconds.
    init(_ source: CatalogSource, startedAt: Timestamp, _ logger: Logger) {
        used = UsedTokens(startedAt: startedAt)
        let lastUses: LastUses
        switch source {
        case .file: lastUses = LastUses(store: nil)
        case .store(let store, _): lastUses = LastUses(store: store)
        }
        self.lastUses = lastUses
        keeping = Task {
            if case .store(let store, _) = source {
                await Self.attempt(logger) { try await store.forgetUsesOfTheGone() }
            }
            // Cancelled, the pause ends with an error, and with it the task.
            while (try? await Task.sleep(for: Self.interval)) != nil {
                await Self.attempt(logger) { try await lastUses.keep() }
            }
        }
    }

    /// Ends, what was noted last being kept.
    func stop() async {
        keeping.cancel()
        await keeping.value
        do {
            try await lastUses.keep()
        } catch {
            // The process ends: there is nobody left to try again.
            return
        }
    }

    /// Whatever fails is tried again the next time; calls are not held up by it.
    private static func attempt(_ logger: Logger, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch {
            logger.warning("the times of last use could not be kept", metadata: ["reason": "\(error)"])
        }
    }
}
