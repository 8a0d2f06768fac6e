package import GatewayCore
package import Logging
import Synchronization

/// Keeps the key sets of identity providers: fetched ahead, fetched again, and never more often than they may be.
package final class KeySetService: Sendable {
    /// Bounds that operators can set.
    package struct Limits: Sendable {
        /// For how long keys are believed after they should have been fetched again, in seconds.
        package var staleSeconds: Int64 = 86_400

        /// Makes the default bounds.
        package init() {}
    }

    // What all sources may fetch on demand together, so that many sources are no way around the bound of each.
    private static let sharedBudget = TokenBucket(capacity: 20, oneEveryMilliseconds: 3000)
    // Sources that fail have half of them, so that many slow ones leave room for those that answer.
    private static let maximumFetches = 64
    private static let maximumWaiters = 65_536
    // So that those who wait for one slow source take no place from the others; least of all for one that fails.
    private static let maximumWaitersOfOne = 8192
    private static let maximumWaitersOfFailing = 256
    private static let pace = Duration.milliseconds(100)
    private static let idlePace = Duration.seconds(1)

    /// How a key set is fetched, and whether for a source that has failed.
    package typealias Fetch =
        @Sendable (_ source: KeySetSource, _ isFailing: Bool) async ->
        Result<FetchedKeySet, KeySetFailure>

    /// The place of somebody who waits for a fetch.
    package struct Place: Sendable {
        fileprivate let source: KeySetSource
        fileprivate let number: UInt64
    }

    private struct Entry {
        var schedule: KeySetSchedule
        // A source that is gone and came again is another entry: what was begun for the one ends nothing of the other.
        let generation: UInt64
        var lastError: String?
        var waiters: [UInt64: @Sendable () -> Void] = [:]
    }

    /// A fetch that is under way.
    private struct Begun {
        let source: KeySetSource
        let generation: UInt64
        let isFailing: Bool
    }

    private struct State {
        var entries: [KeySetSource: Entry] = [:]
        var budget = KeySetService.sharedBudget
        var fetching = 0
        var waiting = 0
        private var numbers: UInt64 = 0

        mutating func nextNumber() -> UInt64 {
            numbers += 1
            return numbers
        }
    }

    /// The key sets as the request path reads them.
    package let keySets = KeySetsSource()
    private let state = Mutex(State())
    private let fetcher: Fetch
    private let kept: KeptKeySets?
    private let limits: Limits
    private let now: @Sendable () -> Timestamp
    private let clock: @Sendable () -> Int64
    private let logger: Logger

    /// Begins with no source; with a store what it kept is used at once.
    ///
    /// - Parameters:
    ///   - store: where the last good ones are kept.
    ///   - limits: bounds that operators can set.
    ///   - now: the wall clock.
    ///   - clock: the milliseconds of a clock that never goes back; by default those since now.
    ///   - logger: where it tells of new keys and of failures.
    ///   - fetch: how a key set is fetched.
    package init(
        store: (any KeySetStore)?,
        limits: Limits = Limits(),
        now: @escaping @Sendable () -> Timestamp,
        clock: @escaping @Sendable () -> Int64 = KeySetService.millisecondsFromNowOn(),
        logger: Logger,
        fetch: @escaping Fetch
    ) {
        fetcher = fetch
        kept = store.map { KeptKeySets($0, logger) }
        self.limits = limits
        self.now = now
        self.clock = clock
        self.logger = logger
    }

    /// A clock that begins with 0 and never goes back.
    package static func millisecondsFromNowOn() -> @Sendable () -> Int64 {
        let started = ContinuousClock.now
        return {
            let passed = started.duration(to: .now).components
            return passed.seconds * 1000 + passed.attoseconds / 1_000_000_000_000_000
        }
    }

    /// Reads what the store kept; before the first source.
    package func restore() async {
        await kept?.read()
    }

    /// Fetches what is due, until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            for begun in due() { Task { await self.fetch(begun) } }
            do {
                try await Task.sleep(for: state.withLock { $0.entries.isEmpty } ? Self.idlePace : Self.pace)
            } catch {
                return
            }
        }
    }

    /// Fetches what is due now, and waits for the end of it.
    package func fetchDue() async {
        await withTaskGroup { group in
            for begun in due() { group.addTask { await self.fetch(begun) } }
        }
    }

    // MARK: Sources

    /// These sources are wanted, and no others.
    package func use(_ sources: some Sequence<KeySetSource>) {
        let wanted = Set(sources)
        var waiters: [@Sendable () -> Void] = []
        let found = state.withLock { state -> [KeySetSource: KeptKeySet]? in
            let known = Set(state.entries.keys)
            guard wanted != known else { return nil }
            for gone in known.subtracting(wanted) {
                waiters += (state.entries.removeValue(forKey: gone)?.waiters ?? [:]).values
            }
            state.waiting -= waiters.count
            var found: [KeySetSource: KeptKeySet] = [:]
            for new in wanted.subtracting(known) {
                let generation = state.nextNumber()
                state.entries[new] = Entry(schedule: KeySetSchedule(dueAt: 0), generation: generation)
                found[new] = kept?[new.text]
            }
            // Within the lock, so that a fetch which ends meanwhile brings back nothing.
            keySets.update { sets in
                for source in sets.sources where !wanted.contains(source) { sets[source] = nil }
            }
            return found
        }
        for waiter in waiters { waiter() }
        guard let found else { return }
        restore(found)
        guard let kept else { return }
        kept.forgetHere(except: Set(wanted.map(\.text)))
        Task { await kept.forget(except: { self.state.withLock { $0.entries.keys.map(\.text) } }) }
    }

    /// Puts what was kept in force where nothing was fetched meanwhile.
    private func restore(_ found: [KeySetSource: KeptKeySet]) {
        // Read outside of the lock, which requests wait for.
        let read = found.compactMapValues { keySet($0) }
        guard !read.isEmpty else { return }
        state.withLock { state in
            keySets.update { sets in
                for (source, set) in read where sets[source] == nil && state.entries[source] != nil {
                    sets[source] = set
                }
            }
        }
    }

    private func keySet(_ kept: KeptKeySet) -> ProviderKeySet? {
        // What was kept by an earlier version may not be readable; then it is fetched anew.
        try? ProviderKeySet(
            reading: Array(kept.text.utf8),
            fetchedAt: kept.fetchedAt,
            freshUntil: kept.freshUntil,
            staleUntil: later(kept.freshUntil, limits.staleSeconds)
        )
    }

    private func later(_ time: Timestamp, _ seconds: Int64) -> Timestamp {
        let (sum, isTooLate) = time.secondsSinceEpoch.addingReportingOverflow(seconds)
        return Timestamp(secondsSinceEpoch: isTooLate ? .max : sum)
    }

    /// How a source stands; `nil` when it is not wanted.
    package func status(of source: KeySetSource) -> KeySetStatus? {
        let entry = state.withLock { $0.entries[source] }
        guard let entry else { return nil }
        let keySet = keySets.current[source].flatMap { now() < $0.staleUntil ? $0 : nil }
        return KeySetStatus(keySet: keySet, lastError: entry.lastError, failures: entry.schedule.failures)
    }

    // MARK: On demand

    /// Fetches a key that a token needs, if that may be done, and calls back once the fetch is over.
    ///
    /// - Returns: the place, which can be given up with ``leave(_:)``; `nil`, and nobody is called, when nothing is
    ///   fetched.
    package func need(_ key: NeededKey, then body: @escaping @Sendable () -> Void) -> Place? {
        let now = clock()
        let (place, isDue) = state.withLock { state -> (Place?, Bool) in
            guard var entry = state.entries[key.source], state.waiting < Self.maximumWaiters,
                entry.waiters.count
                    < (entry.schedule.failures > 0 ? Self.maximumWaitersOfFailing : Self.maximumWaitersOfOne)
            else {
                return (nil, false)
            }
            // Not copied to be changed, since many may wait there.
            state.entries[key.source] = nil
            defer { state.entries[key.source] = entry }
            let answer = entry.schedule.need(key.keyID ?? [], now, budget: &state.budget)
            guard answer != .refuse else { return (nil, false) }
            let place = Place(source: key.source, number: state.nextNumber())
            entry.waiters[place.number] = body
            state.waiting += 1
            return (place, answer == .fetch)
        }
        if isDue { Task { await self.fetchIfDue(key.source) } }
        return place
    }

    /// Gives up a place; without effect when the fetch is over.
    package func leave(_ place: Place) {
        state.withLock { state in
            guard state.entries[place.source]?.waiters.removeValue(forKey: place.number) != nil else {
                return
            }
            state.waiting -= 1
        }
    }

    /// How many wait for a fetch.
    package var waiterCount: Int { state.withLock { $0.waiting } }

    /// As ``need(_:then:)``, for those who can wait.
    package func need(_ key: NeededKey) async {
        await withCheckedContinuation { continuation in
            if need(key, then: { continuation.resume() }) == nil { continuation.resume() }
        }
    }

    // MARK: Fetching

    private func due() -> [Begun] {
        let now = clock()
        return state.withLock { state in
            var due: [Begun] = []
            for (source, entry) in state.entries where entry.schedule.isDue(now) {
                guard Self.hasRoom(for: entry, state) else { continue }
                due.append(Self.begin(source, entry, now, &state))
            }
            return due
        }
    }

    private func fetchIfDue(_ source: KeySetSource) async {
        let now = clock()
        let begun = state.withLock { state -> Begun? in
            // With too many under way it has its turn a moment later.
            guard let entry = state.entries[source], entry.schedule.isDue(now),
                Self.hasRoom(for: entry, state)
            else { return nil }
            return Self.begin(source, entry, now, &state)
        }
        if let begun { await fetch(begun) }
    }

    private static func hasRoom(for entry: Entry, _ state: State) -> Bool {
        state.fetching < (entry.schedule.failures > 0 ? maximumFetches / 2 : maximumFetches)
    }

    private static func begin(
        _ source: KeySetSource,
        _ entry: Entry,
        _ now: Int64,
        _ state: inout State
    ) -> Begun {
        state.fetching += 1
        state.entries[source]?.schedule.begin(now)
        return Begun(source: source, generation: entry.generation, isFailing: entry.schedule.failures > 0)
    }

    private func fetch(_ begun: Begun) async {
        do throws(KeySetFailure) {
            let fetched = try await fetcher(begun.source, begun.isFailing).get()
            let set: ProviderKeySet
            do throws(InvalidValue) {
                let time = now()
                let fresh = later(time, fetched.freshSeconds)
                set = try ProviderKeySet(
                    reading: fetched.text,
                    fetchedAt: time,
                    freshUntil: fresh,
                    staleUntil: later(fresh, limits.staleSeconds)
                )
            } catch {
                throw KeySetFailure(description: error.description)
            }
            await succeed(begun, set, fetched.freshSeconds)
        } catch {
            fail(begun, error)
        }
    }

    private func succeed(_ begun: Begun, _ new: ProviderKeySet, _ freshSeconds: Int64) async {
        let source = begun.source
        let old = keySets.current[source]
        let isSame = old.map { $0.text == new.text } ?? false
        // The same objects go on where nothing changed.
        let set =
            isSame
            ? old?.renewed(fetchedAt: new.fetchedAt, freshUntil: new.freshUntil, staleUntil: new.staleUntil)
                ?? new
            : new
        let now = clock()
        let waiters = state.withLock { state -> [@Sendable () -> Void]? in
            state.fetching -= 1
            guard var entry = state.entries[source], entry.generation == begun.generation else { return nil }
            // Before those who wait are told.
            keySets.update { $0[source] = set }
            entry.schedule.succeed(freshFor: freshSeconds * 1000, now, budget: &state.budget, has: set.has)
            entry.lastError = nil
            return Self.release(&entry, of: source, &state)
        }
        guard let waiters else { return }
        for waiter in waiters { waiter() }
        if !isSame {
            logger.notice(
                "keys of an identity provider",
                metadata: [
                    "issuer": "\(source.issuer)", "keys": "\(set.keys.map(\.name).joined(separator: ", "))",
                ]
            )
        }
        await keep(source, set)
    }

    private func keep(_ source: KeySetSource, _ set: ProviderKeySet) async {
        guard let kept, state.withLock({ $0.entries[source] != nil }) else { return }
        await kept.keep(
            KeptKeySet(
                text: String(decoding: set.text, as: UTF8.self),
                fetchedAt: set.fetchedAt,
                freshUntil: set.freshUntil
            ),
            of: source.text
        )
    }

    private func fail(_ begun: Begun, _ failure: KeySetFailure) {
        let (source, now) = (begun.source, clock())
        let (waiters, isNews) = state.withLock { state -> ([@Sendable () -> Void], Bool) in
            state.fetching -= 1
            guard var entry = state.entries[source], entry.generation == begun.generation else {
                return ([], false)
            }
            let isNews = entry.lastError != failure.description
            entry.lastError = failure.description
            // Whoever waits for a source that was not even asked waits on, unless it has failed before.
            if failure.isOurs {
                entry.schedule.postpone(now)
                if !begun.isFailing {
                    state.entries[source] = entry
                    return ([], isNews)
                }
            } else {
                entry.schedule.fail(now)
            }
            return (Self.release(&entry, of: source, &state), isNews)
        }
        for waiter in waiters { waiter() }
        // Once for each reason: a provider that is down for a day fills no log.
        guard isNews else { return }
        logger.warning(
            "keys of an identity provider could not be fetched, the old ones stay",
            metadata: ["issuer": "\(source.issuer)", "reason": "\(failure)"]
        )
    }

    /// Those who waited for a fetch, who are told outside of the lock.
    private static func release(
        _ entry: inout Entry,
        of source: KeySetSource,
        _ state: inout State
    ) -> [@Sendable () -> Void] {
        // The first who came is the first who is told.
        let waiters = entry.waiters.sorted { $0.key < $1.key }.map(\.value)
        entry.waiters = [:]
        state.waiting -= waiters.count
        state.entries[source] = entry
        return waiters
    }
}
