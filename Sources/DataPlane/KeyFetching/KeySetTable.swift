import GatewayCore

/// The wanted sources of key sets: when each is fetched, how it stands, and who waits for it.
///
/// A value without clock, network and lock; times are milliseconds of a clock that never goes back. Those who waited
/// are given back to be told outside of the lock that it is kept behind.
struct KeySetTable {
    // What all sources may fetch on demand together, so that many sources are no way around the bound of each.
    private static let sharedBudget = TokenBucket(capacity: 20, oneEveryMilliseconds: 3000)
    // Sources that fail have half of them, so that many slow ones leave room for those that answer.
    private static let maximumFetches = 64
    private static let maximumWaiters = 65_536
    // So that those who wait for one slow source take no place from the others; least of all for one that fails.
    private static let maximumWaitersOfOne = 8192
    private static let maximumWaitersOfFailing = 256

    /// Called when a fetch that somebody waited for is over.
    typealias Waiter = @Sendable () -> Void

    /// A fetch that is under way.
    struct Begun {
        let source: KeySetSource
        let isFailing: Bool
        fileprivate let generation: UInt64
    }

    private struct Entry {
        var schedule: KeySetSchedule
        // A source that is gone and came again is another entry: what was begun for the one ends nothing of the other.
        let generation: UInt64
        var lastError: String?
        var waiters: [UInt64: Waiter] = [:]

        var isFailing: Bool { schedule.failures > 0 }
    }

    private var entries: [KeySetSource: Entry] = [:]
    private var budget = Self.sharedBudget
    private var fetching = 0
    /// How many wait for a fetch.
    private(set) var waiting = 0
    private var numbers: UInt64 = 0

    /// Whether no source is wanted.
    var isEmpty: Bool { entries.isEmpty }
    /// The sources that are wanted.
    var sources: some Sequence<KeySetSource> { entries.keys }

    /// Whether a source is wanted.
    func has(_ source: KeySetSource) -> Bool {
        entries[source] != nil
    }

    /// How a source stands; `nil` when it is not wanted.
    func standing(of source: KeySetSource) -> (lastError: String?, failures: Int)? {
        entries[source].map { ($0.lastError, $0.schedule.failures) }
    }

    private mutating func nextNumber() -> UInt64 {
        numbers += 1
        return numbers
    }

    // MARK: Sources

    /// These sources are wanted, and no others.
    ///
    /// - Returns: those that are new, and who waited for those that are gone; `nil` when nothing changes.
    mutating func use(_ wanted: Set<KeySetSource>) -> (new: Set<KeySetSource>, waiters: [Waiter])? {
        let known = Set(entries.keys)
        guard wanted != known else { return nil }
        var waiters: [Waiter] = []
        for gone in known.subtracting(wanted) {
            waiters += (entries.removeValue(forKey: gone)?.waiters ?? [:]).values
        }
        waiting -= waiters.count
        let new = wanted.subtracting(known)
        for source in new {
            entries[source] = Entry(schedule: KeySetSchedule(dueAt: 0), generation: nextNumber())
        }
        return (new, waiters)
    }

    // MARK: Waiting

    /// Takes a place for somebody who needs a key, if it may be fetched.
    ///
    /// - Returns: the place, and whether the fetch is due now; `nil` when nothing is fetched.
    mutating func need(
        _ key: NeededKey,
        _ now: Int64,
        then body: @escaping Waiter
    ) -> (place: KeySetService.Place, isDue: Bool)? {
        guard var entry = entries[key.source], waiting < Self.maximumWaiters,
            entry.waiters.count < (entry.isFailing ? Self.maximumWaitersOfFailing : Self.maximumWaitersOfOne)
        else { return nil }
        // Not copied to be changed, since many may wait there.
        entries[key.source] = nil
        defer { entries[key.source] = entry }
        let answer = entry.schedule.need(key.keyID ?? [], now, budget: &budget)
        guard answer != .refuse else { return nil }
        let place = KeySetService.Place(source: key.source, number: nextNumber())
        entry.waiters[place.number] = body
        waiting += 1
        return (place, answer == .fetch)
    }

    /// Gives up a place; without effect when the fetch is over.
    mutating func leave(_ place: KeySetService.Place) {
        guard entries[place.source]?.waiters.removeValue(forKey: place.number) != nil else { return }
        waiting -= 1
    }

    // MARK: Fetches

    /// Begins every fetch that is due, as far as there is room.
    mutating func beginDue(_ now: Int64) -> [Begun] {
        var begun: [Begun] = []
        for (source, entry) in entries where entry.schedule.isDue(now) {
            guard hasRoom(for: entry) else { continue }
            begun.append(begin(source, entry, now))
        }
        return begun
    }

    /// Begins the fetch of one source, if it is due; with too many under way it has its turn a moment later.
    mutating func beginIfDue(_ source: KeySetSource, _ now: Int64) -> Begun? {
        guard let entry = entries[source], entry.schedule.isDue(now), hasRoom(for: entry) else { return nil }
        return begin(source, entry, now)
    }

    private func hasRoom(for entry: Entry) -> Bool {
        fetching < (entry.isFailing ? Self.maximumFetches / 2 : Self.maximumFetches)
    }

    private mutating func begin(_ source: KeySetSource, _ entry: Entry, _ now: Int64) -> Begun {
        fetching += 1
        entries[source]?.schedule.begin(now)
        return Begun(source: source, isFailing: entry.isFailing, generation: entry.generation)
    }

    /// A fetch brought a key set.
    ///
    /// - Parameters:
    ///   - begun: the fetch.
    ///   - freshFor: how long the key set is good for, in milliseconds.
    ///   - now: the time.
    ///   - has: whether a key is in it.
    /// - Returns: who waited for it; `nil` when the source is not wanted any more.
    mutating func succeed(
        _ begun: Begun,
        freshFor: Int64,
        _ now: Int64,
        has: ([UInt8]) -> Bool
    ) -> [Waiter]? {
        fetching -= 1
        guard var entry = entries[begun.source], entry.generation == begun.generation else { return nil }
        entry.schedule.succeed(freshFor: freshFor, now, budget: &budget, has: has)
        entry.lastError = nil
        return release(&entry, of: begun.source)
    }

    /// A fetch brought nothing.
    ///
    /// - Returns: who waited for it, and whether the reason is another one than before.
    mutating func fail(
        _ begun: Begun,
        _ failure: KeySetFailure,
        _ now: Int64
    ) -> (waiters: [Waiter], isNews: Bool) {
        fetching -= 1
        guard var entry = entries[begun.source], entry.generation == begun.generation else {
            return ([], false)
        }
        let isNews = entry.lastError != failure.description
        entry.lastError = failure.description
        // Whoever waits for a source that was not even asked waits on, unless it has failed before.
        if failure.isOurs {
            entry.schedule.postpone(now)
            if !begun.isFailing {
                entries[begun.source] = entry
                return ([], isNews)
            }
        } else {
            entry.schedule.fail(now)
        }
        return (release(&entry, of: begun.source), isNews)
    }

    private mutating func release(_ entry: inout Entry, of source: KeySetSource) -> [Waiter] {
        // The first who came is the first who is told.
        let waiters = entry.waiters.sorted { $0.key < $1.key }.map(\.value)
        entry.waiters = [:]
        waiting -= waiters.count
        entries[source] = entry
        return waiters
    }
}

extension KeySetService {
    /// The place of somebody who waits for a fetch.
    package struct Place: Sendable {
        fileprivate let source: KeySetSource
        fileprivate let number: UInt64
    }
}
