import Synchronization

/// When keys and API tokens were last used, gathered from the event loops and kept now and then.
///
/// Requests never wait for it: an event loop hands over what it noted once a second, and whoever owns this has
/// it written every few seconds.
package final class LastUses: Sendable {
    // More identities than a catalog of 100,000 profiles has; what comes on top is not noted.
    private static let limit = 1_000_000

    private let store: (any LastUseStore)?
    private let gathered = Mutex<[UseID: Timestamp]>([:])

    /// Gathers for a store, or for as long as the process runs.
    package init(store: (any LastUseStore)?) {
        self.store = store
    }

    /// Takes over what an event loop noted.
    package func add(_ uses: [UseID: Timestamp]) {
        gathered.withLock { gathered in
            for (id, time) in uses {
                if let known = gathered[id] {
                    gathered[id] = max(known, time)
                } else if gathered.count < Self.limit {
                    gathered[id] = time
                }
            }
        }
    }

    /// When they were last used, all of them for `nil`; those that never were are left out.
    ///
    /// - Throws: what the store throws.
    package func times(of ids: [UseID]?) async throws -> [UseID: Timestamp] {
        let kept = try await store?.lastUses(of: ids) ?? [:]
        return gathered.withLock { gathered in
            guard let ids else { return kept.merging(gathered, uniquingKeysWith: max) }
            return ids.reduce(into: kept) { times, id in
                if let time = gathered[id] { times[id] = max(time, times[id] ?? time) }
            }
        }
    }

    /// Has the store keep what was gathered; without a store it stays here.
    ///
    /// - Throws: what the store throws; then it is tried again the next time.
    package func keep() async throws {
        guard let store else { return }
        let uses = gathered.withLock { $0 }
        guard !uses.isEmpty else { return }
        try await store.record(uses)
        gathered.withLock { gathered in
            for (id, time) in uses where gathered[id] == time { gathered[id] = nil }
        }
    }
}
