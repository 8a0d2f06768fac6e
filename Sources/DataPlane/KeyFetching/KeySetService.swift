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

    private static let pace = Duration.milliseconds(100)
    private static let idlePace = Duration.seconds(1)

    /// How a key set is fetched, and whether for a source that has failed.
    package typealias Fetch =
        @Sendable (_ source: KeySetSource, _ isFailing: Bool) async ->
        Result<FetchedKeySet, KeySetFailure>

    /// The key sets as the request path reads them.
    package let keySets = KeySetsSource()
    private let table = Mutex(KeySetTable())
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
            for begun in beginDue() { Task { await self.fetch(begun) } }
            do {
                try await Task.sleep(for: table.withLock { $0.isEmpty } ? Self.idlePace : Self.pace)
            } catch {
                return
            }
        }
    }

    /// Fetches what is due now, and waits for the end of it.
    package func fetchDue() async {
        await withTaskGroup { group in
            for begun in beginDue() { group.addTask { await self.fetch(begun) } }
        }
    }

    // MARK: Sources

    /// These sources are wanted, and no others.
    package func use(_ sources: some Sequence<KeySetSource>) {
        let wanted = Set(sources)
        let change = table.withLock {
            table -> (found: [KeySetSource: KeptKeySet], waiters: [KeySetTable.Waiter])? in
            guard let (new, waiters) = table.use(wanted) else { return nil }
            // Within the lock, so that a fetch which ends meanwhile brings back nothing.
            keySets.update { sets in
                for source in sets.sources where !wanted.contains(source) { sets[source] = nil }
            }
            var found: [KeySetSource: KeptKeySet] = [:]
            for source in new { found[source] = kept?[source.text] }
            return (found, waiters)
        }
        guard let change else { return }
        for waiter in change.waiters { waiter() }
        restore(change.found)
        guard let kept else { return }
        kept.forgetHere(except: Set(wanted.map(\.text)))
        Task { await kept.forget(except: { self.table.withLock { $0.sources.map(\.text) } }) }
    }

    /// Puts what was kept in force where nothing was fetched meanwhile.
    private func restore(_ found: [KeySetSource: KeptKeySet]) {
        // Read outside of the lock, which requests wait for.
        let read = found.compactMapValues { keySet($0) }
        guard !read.isEmpty else { return }
        table.withLock { table in
            keySets.update { sets in
                for (source, set) in read where sets[source] == nil && table.has(source) {
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
        guard let standing = table.withLock({ $0.standing(of: source) }) else { return nil }
        let keySet = keySets.current[source].flatMap { now() < $0.staleUntil ? $0 : nil }
        return KeySetStatus(keySet: keySet, lastError: standing.lastError, failures: standing.failures)
    }

    // MARK: On demand

    /// Fetches a key that a token needs, if that may be done, and calls back once the fetch is over.
    ///
    /// - Returns: the place, which can be given up with ``leave(_:)``; `nil`, and nobody is called, when nothing is
    ///   fetched.
    package func need(_ key: NeededKey, then body: @escaping @Sendable () -> Void) -> Place? {
        let now = clock()
        guard let (place, isDue) = table.withLock({ $0.need(key, now, then: body) }) else { return nil }
        if isDue { Task { await self.fetchIfDue(key.source) } }
        return place
    }

    /// Gives up a place; without effect when the fetch is over.
    package func leave(_ place: Place) {
        table.withLock { $0.leave(place) }
    }

    /// How many wait for a fetch.
    package var waiterCount: Int { table.withLock { $0.waiting } }

    /// As ``need(_:then:)``, for those who can wait.
    package func need(_ key: NeededKey) async {
        await withCheckedContinuation { continuation in
            if need(key, then: { continuation.resume() }) == nil { continuation.resume() }
        }
    }

    // MARK: Fetching

    private func beginDue() -> [KeySetTable.Begun] {
        let now = clock()
        return table.withLock { $0.beginDue(now) }
    }

    private func fetchIfDue(_ source: KeySetSource) async {
        let now = clock()
        if let begun = table.withLock({ $0.beginIfDue(source, now) }) { await fetch(begun) }
    }

    private func fetch(_ begun: KeySetTable.Begun) async {
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

    private func succeed(_ begun: KeySetTable.Begun, _ new: ProviderKeySet, _ freshSeconds: Int64) async {
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
        let waiters = table.withLock { table in
            let waiters = table.succeed(begun, freshFor: freshSeconds * 1000, now, has: set.has)
            // Before those who wait are told.
            if waiters != nil { keySets.update { $0[source] = set } }
            return waiters
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
        guard let kept, table.withLock({ $0.has(source) }) else { return }
        await kept.keep(
            KeptKeySet(
                text: String(decoding: set.text, as: UTF8.self),
                fetchedAt: set.fetchedAt,
                freshUntil: set.freshUntil
            ),
            of: source.text
        )
    }

    private func fail(_ begun: KeySetTable.Begun, _ failure: KeySetFailure) {
        let now = clock()
        let (waiters, isNews) = table.withLock { $0.fail(begun, failure, now) }
        for waiter in waiters { waiter() }
        // Once for each reason: a provider that is down for a day fills no log.
        guard isNews else { return }
        logger.warning(
            "keys of an identity provider could not be fetched, the old ones stay",
            metadata: ["issuer": "\(begun.source.issuer)", "reason": "\(failure)"]
        )
    }
}
