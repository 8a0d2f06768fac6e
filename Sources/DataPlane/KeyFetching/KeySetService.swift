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

    private struct Entry {
        var schedule: KeySetSchedule
        var lastError: String?
        var waiters: [@Sendable () -> Void] = []
    }

    private struct State {
        var entries: [KeySetSource: Entry] = [:]
        var budget = KeySetService.sharedBudget
        var fetching = 0
        var waiting = 0
        var kept: [String: KeptKeySet] = [:]
    }

    /// The key sets as the request path reads them.
    package let keySets = KeySetsSource()
    private let state = Mutex(State())
    private let fetcher: KeySetFetcher
    private let store: (any KeySetStore)?
    private let limits: Limits
    private let now: @Sendable () -> Timestamp
    private let started = ContinuousClock.now
    private let logger: Logger

    /// Begins with no source; with a store what it kept is used at once.
    package init(
        _ fetcher: KeySetFetcher,
        store: (any KeySetStore)?,
        limits: Limits = Limits(),
        now: @escaping @Sendable () -> Timestamp,
        logger: Logger
    ) {
        self.fetcher = fetcher
        self.store = store
        self.limits = limits
        self.now = now
        self.logger = logger
    }

    /// Reads what the store kept; before the first source.
    package func restore() async {
        guard let store else { return }
        do {
            let kept = try await store.keySets()
            state.withLock { $0.kept = kept }
        } catch {
            logger.warning("the kept key sets cannot be read", metadata: ["reason": "\(error)"])
        }
    }

    /// Fetches what is due, until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            for source in due() { Task { await self.fetch(source) } }
            do {
                try await Task.sleep(for: state.withLock { $0.entries.isEmpty } ? Self.idlePace : Self.pace)
            } catch {
                return
            }
        }
    }

    private var milliseconds: Int64 {
        let passed = started.duration(to: .now).components
        return passed.seconds * 1000 + passed.attoseconds / 1_000_000_000_000_000
    }

    // MARK: Sources

    /// These sources are wanted, and no others.
    package func use(_ sources: some Sequence<KeySetSource>) {
        let wanted = Set(sources)
        var waiters: [@Sendable () -> Void] = []
        let (isChanged, found) = state.withLock { state -> (Bool, [KeySetSource: KeptKeySet]) in
            let known = Set(state.entries.keys)
            guard wanted != known else { return (false, [:]) }
            for gone in known.subtracting(wanted) {
                waiters += state.entries.removeValue(forKey: gone)?.waiters ?? []
            }
            state.waiting -= waiters.count
            var found: [KeySetSource: KeptKeySet] = [:]
            for new in wanted.subtracting(known) {
                state.entries[new] = Entry(schedule: KeySetSchedule(dueAt: 0))
                found[new] = state.kept[new.text]
            }
            return (true, found)
        }
        for waiter in waiters { waiter() }
        guard isChanged else { return }
        keySets.update { sets in
            for source in sets.sources where !wanted.contains(source) { sets[source] = nil }
            for (source, kept) in found where sets[source] == nil { sets[source] = keySet(kept) }
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
    /// - Returns: false, and nobody is called, when nothing is fetched.
    package func need(_ key: NeededKey, then body: @escaping @Sendable () -> Void) -> Bool {
        let now = milliseconds
        let (isWaiting, isDue) = state.withLock { state -> (Bool, Bool) in
            guard var entry = state.entries[key.source], state.waiting < Self.maximumWaiters,
                entry.waiters.count
                    < (entry.schedule.failures > 0 ? Self.maximumWaitersOfFailing : Self.maximumWaitersOfOne)
            else {
                return (false, false)
            }
            let answer = entry.schedule.need(key.keyID ?? [], now, budget: &state.budget)
            if answer != .refuse {
                entry.waiters.append(body)
                state.waiting += 1
            }
            state.entries[key.source] = entry
            return (answer != .refuse, answer == .fetch)
        }
        if isDue { Task { await self.fetchIfDue(key.source) } }
        return isWaiting
    }

    /// As ``need(_:then:)``, for those who can wait.
    package func need(_ key: NeededKey) async {
        await withCheckedContinuation { continuation in
            if !need(key, then: { continuation.resume() }) { continuation.resume() }
        }
    }

    // MARK: Fetching

    private func due() -> [KeySetSource] {
        let now = milliseconds
        return state.withLock { state in
            var due: [KeySetSource] = []
            for (source, entry) in state.entries where entry.schedule.isDue(now) {
                guard Self.hasRoom(for: entry, state) else { continue }
                Self.begin(source, now, &state)
                due.append(source)
            }
            return due
        }
    }

    private func fetchIfDue(_ source: KeySetSource) async {
        let now = milliseconds
        let isBegun = state.withLock { state in
            // With too many under way it has its turn a moment later.
            guard let entry = state.entries[source], entry.schedule.isDue(now),
                Self.hasRoom(for: entry, state)
            else { return false }
            Self.begin(source, now, &state)
            return true
        }
        if isBegun { await fetch(source) }
    }

    private static func hasRoom(for entry: Entry, _ state: State) -> Bool {
        state.fetching < (entry.schedule.failures > 0 ? maximumFetches / 2 : maximumFetches)
    }

    private static func begin(_ source: KeySetSource, _ now: Int64, _ state: inout State) {
        state.fetching += 1
        state.entries[source]?.schedule.begin(now)
    }

    private func fetch(_ source: KeySetSource) async {
        do throws(KeySetFailure) {
            let fetched = try await fetcher.fetch(source)
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
            await succeed(source, set, fetched.freshSeconds)
        } catch {
            fail(source, error)
        }
    }

    private func succeed(_ source: KeySetSource, _ new: ProviderKeySet, _ freshSeconds: Int64) async {
        let old = keySets.current[source]
        let isSame = old.map { $0.text == new.text } ?? false
        // The same objects go on where nothing changed.
        let set =
            isSame
            ? old?.renewed(fetchedAt: new.fetchedAt, freshUntil: new.freshUntil, staleUntil: new.staleUntil)
                ?? new
            : new
        let now = milliseconds
        let isWanted = state.withLock { $0.entries[source] != nil }
        // Before those who wait are told.
        if isWanted { keySets.update { $0[source] = set } }
        let waiters = state.withLock { state -> [@Sendable () -> Void] in
            state.fetching -= 1
            guard var entry = state.entries[source] else { return [] }
            entry.schedule.succeed(freshFor: freshSeconds * 1000, now, budget: &state.budget, has: set.has)
            entry.lastError = nil
            return Self.release(&entry, of: source, &state)
        }
        for waiter in waiters { waiter() }
        guard isWanted else { return }
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
        guard let store else { return }
        let kept = KeptKeySet(
            text: String(decoding: set.text, as: UTF8.self),
            fetchedAt: set.fetchedAt,
            freshUntil: set.freshUntil
        )
        let sources = state.withLock { state in
            state.kept[source.text] = kept
            return state.entries.keys.map(\.text)
        }
        do {
            try await store.keep(kept, of: source.text)
            try await store.forgetKeySets(except: sources)
        } catch {
            logger.warning("a key set could not be kept", metadata: ["reason": "\(error)"])
        }
    }

    private func fail(_ source: KeySetSource, _ failure: KeySetFailure) {
        let now = milliseconds
        let (waiters, isNews) = state.withLock { state -> ([@Sendable () -> Void], Bool) in
            state.fetching -= 1
            guard var entry = state.entries[source] else { return ([], false) }
            entry.schedule.fail(now)
            let isNews = entry.lastError != failure.description
            entry.lastError = failure.description
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
        let waiters = entry.waiters
        entry.waiters = []
        state.waiting -= waiters.count
        state.entries[source] = entry
        return waiters
    }
}
