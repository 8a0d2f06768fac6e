/// When the key set of one source is fetched: ahead of its expiry, again after failures, and when a token names a key
/// that is not known.
///
/// A value without clock and network; times are milliseconds of a clock that never goes back.
package struct KeySetSchedule: Sendable {
    /// What becomes of a token that needs a key which is not known.
    package enum Answer: Equatable, Sendable {
        /// A fetch is to begin now, and the token waits for its end.
        case fetch
        /// A fetch is under way or will begin soon, and the token waits for its end.
        case wait
        /// Nothing is fetched soon: the key was asked for in vain, or the source fails.
        case refuse
    }

    /// How long a key set is good for when its answer does not say, in seconds.
    package static let defaultFreshSeconds: Int64 = 600
    /// The bounds on what the answer says, in seconds.
    package static let freshSeconds: ClosedRange<Int64> = 60...86_400

    // A token that names a new key waits at most this long for its turn.
    private static let pause: Int64 = 500
    // Every source may be asked that often on demand, whatever it and others were asked for before. A token waits 6 s,
    // so that a fetch has 2 s left.
    private static let ownPause: Int64 = 4000
    // Of what all share, a source that fails or was asked in vain leaves the others a part.
    private static let partOfOthers = 10.0
    private static let longestBackOff: Int64 = 30_000
    // A key that its provider does not know is not asked for again for so long.
    private static let absence: Int64 = 30_000
    // Without a `kid` nobody can say which key was missing: the next token may mean another one.
    private static let absenceOfNameless: Int64 = 2000
    private static let maximumAbsent = 256

    /// Whether a fetch is under way.
    package private(set) var isFetching = false
    /// How many fetches have failed since the last good one.
    package private(set) var failures = 0
    /// When the next fetch is due, whether a token asks for it or not.
    package private(set) var dueAt: Int64
    private var startedAt: Int64?
    private var onDemandAt: Int64?
    private var bucket = TokenBucket(capacity: 3, oneEveryMilliseconds: 15_000)
    // Where the fetch on demand was taken from.
    private var hasTakenOwn = false
    private var hasTakenShared = false
    private var wasInVain = false
    private var wanted: Set<[UInt8]> = []
    private var absent: [[UInt8]: Int64] = [:]

    /// Begins with a fetch that is due at once, or later when an earlier key set is still good.
    package init(dueAt: Int64) {
        self.dueAt = dueAt
    }

    /// Whether a fetch should begin now.
    package func isDue(_ now: Int64) -> Bool {
        guard !isFetching else { return false }
        if let onDemandAt, now >= onDemandAt { return true }
        return now >= dueAt
    }

    /// A token needs a key that is not in the set.
    ///
    /// - Parameters:
    ///   - keyID: the `kid` that it names; empty for none.
    ///   - now: now.
    ///   - budget: what all sources may fetch on demand together.
    /// - Returns: what becomes of the token.
    package mutating func need(_ keyID: [UInt8], _ now: Int64, budget: inout TokenBucket) -> Answer {
        if let until = absent[keyID] {
            guard now >= until else { return .refuse }
            absent[keyID] = nil
        }
        // What a fetch brings that began before may be older than the key: its absence there proves nothing.
        if isFetching { return .wait }
        if onDemandAt != nil {
            if wanted.count < Self.maximumAbsent { wanted.insert(keyID) }
            return .wait
        }
        guard let turn = turn(now, &budget) else { return .refuse }
        wanted = [keyID]
        onDemandAt = turn
        return turn <= now ? .fetch : .wait
    }

    /// When a fetch may begin; `nil` when that is too far away for a token to wait.
    private mutating func turn(_ now: Int64, _ budget: inout TokenBucket) -> Int64? {
        let ownTurn = startedAt.map { $0 + Self.ownPause } ?? now
        (hasTakenOwn, hasTakenShared) = (false, false)
        if now >= ownTurn {
            if failures == 0 { hasTakenOwn = bucket.take(at: now) }
            return now
        }
        let soon = startedAt.map { max(now, $0 + Self.pause) } ?? now
        if failures > 0 {
            // Its own bucket is kept for when it answers again.
            hasTakenShared = budget.take(at: now, leaving: Self.partOfOthers)
            return hasTakenShared ? soon : nil
        }
        // A source that was not asked lately needs nothing of what others can use up.
        let wasFull = bucket.isFull(at: now)
        guard bucket.take(at: now) else { return ownTurn }
        hasTakenOwn = true
        guard !wasFull else { return soon }
        hasTakenShared = budget.take(at: now, leaving: wasInVain ? Self.partOfOthers : 0)
        guard !hasTakenShared else { return soon }
        bucket.giveBack()
        hasTakenOwn = false
        return ownTurn
    }

    /// A fetch begins.
    package mutating func begin(_ now: Int64) {
        isFetching = true
        startedAt = now
    }

    /// A fetch ended with a key set.
    ///
    /// - Parameters:
    ///   - freshMilliseconds: for how long the set is good.
    ///   - now: now.
    ///   - budget: what all sources may fetch on demand together.
    ///   - has: whether the set has a key of this `kid`.
    package mutating func succeed(
        freshFor freshMilliseconds: Int64,
        _ now: Int64,
        budget: inout TokenBucket,
        has: ([UInt8]) -> Bool
    ) {
        isFetching = false
        let wasOnDemand = onDemandAt != nil
        onDemandAt = nil
        failures = 0
        // A fifth ahead, so that the set never becomes stale between two fetches.
        dueAt = now + freshMilliseconds / 5 * 4
        if wasOnDemand {
            wasInVain = !wanted.contains(where: has)
            // A provider that really has new keys is never slowed by what it had before.
            if !wasInVain, hasTakenOwn { bucket.giveBack() }
            if !wasInVain, hasTakenShared { budget.giveBack() }
        }
        if absent.count + wanted.count > Self.maximumAbsent { absent = absent.filter { $0.value > now } }
        for keyID in wanted where !has(keyID) && absent.count < Self.maximumAbsent {
            absent[keyID] = now + (keyID.isEmpty ? Self.absenceOfNameless : Self.absence)
        }
        wanted = []
    }

    /// A fetch ended without a key set.
    package mutating func fail(_ now: Int64) {
        isFetching = false
        onDemandAt = nil
        wanted = []
        failures = min(failures + 1, 30)
        let backOff = min(Self.longestBackOff, 1000 << Int64(min(failures - 1, 5)))
        dueAt = now + backOff
    }

    /// A fetch ended before the source was asked, for want of a place: it has another turn soon.
    package mutating func postpone(_ now: Int64) {
        isFetching = false
        onDemandAt = onDemandAt.map { _ in now + Self.pause }
        dueAt = max(dueAt, now + Self.pause)
    }
}
