import Crypto
import Synchronization

/// The tokens that profiles with one-time tokens have used, by their `jti` (RFC 7519 §4.1.7), for as long as
/// each could be used again.
///
/// It is shared by the event loops of a process and bounded for each profile. It knows nothing of what was used
/// before the process began, so tokens that could have been used then are refused.
package final class UsedTokens: Sendable {
    /// Why a token cannot be used.
    enum Refusal: Error, Sendable {
        /// It was used before.
        case used
        /// As many tokens are remembered as may be, and all of them could still be used again.
        case full
        /// It could have been used before anything was remembered.
        case issuedBeforeStart
    }

    /// How many used tokens of one profile are remembered.
    package static let capacity = 100_000
    private static let shardCount = 16

    /// When remembering began.
    let startedAt: Timestamp
    private let capacity: Int
    private let shards: [Shard]

    /// Begins with nothing remembered.
    package init(startedAt: Timestamp, capacity: Int = UsedTokens.capacity) {
        self.startedAt = startedAt
        self.capacity = capacity
        shards = (0..<Self.shardCount).map { _ in Shard() }
    }

    /// One profile's used tokens, and until when each has to be remembered, in seconds of the epoch.
    private struct Used {
        private static let fewest = 1024

        private(set) var ends: [Digest: Int64] = [:]
        // From when on nothing has to be remembered, not even that something was.
        private(set) var lastEnd = Int64.min
        // When they were forgotten before their time, because the profile was gone.
        private(set) var forgottenAt: Int64?
        // Sweeping looks at all of them: where that frees half of the places, each use pays for two looks.
        private var sweepsAbove = fewest
        private var sweptAt = Int64.min

        mutating func insert(_ token: Digest, until end: Int64, at now: Int64) {
            if ends.count >= sweepsAbove { sweep(now) }
            ends[token] = end
            lastEnd = max(lastEnd, end)
        }

        /// Forgets what cannot be used again; at most once a second.
        mutating func sweep(_ now: Int64) {
            guard now > sweptAt else { return }
            sweptAt = now
            ends = ends.filter { $0.value > now }
            sweepsAbove = max(Self.fewest, 2 * ends.count)
        }

        mutating func forget(_ now: Int64) {
            guard !ends.isEmpty else { return }
            ends = [:]
            forgottenAt = now
        }
    }

    /// The tables of some of the profiles.
    private struct Tables {
        private static let tidyingSeconds: Int64 = 60

        var used: [ProfileID: Used] = [:]
        private var tidiedAt = Int64.min

        /// Gives up the tables that have ended, and empties those of profiles that are gone; now and then, since it
        /// looks at each table, though at no token.
        mutating func tidy(_ now: Int64, _ isKnown: (ProfileID) -> Bool) {
            guard tidiedAt == .min || now >= tidiedAt + Self.tidyingSeconds else { return }
            tidiedAt = now
            used = used.filter { $0.value.lastEnd > now }
            // A profile that comes back, from a catalog file perhaps, must not accept its used tokens again.
            for profile in used.keys where !isKnown(profile) { used[profile]?.forget(now) }
        }
    }

    private final class Shard: Sendable {
        let tables = Mutex(Tables())
    }

    /// 128 bits of a digest: nobody finds two `jti` with the same.
    private struct Digest: Hashable {
        let value: EntityID<UsedTokens>

        init(_ tokenID: [UInt8]) {
            value = EntityID(digest: SHA256.hash(data: tokenID))
        }
    }

    /// Notes that a token is used now, or only asks whether it could be.
    ///
    /// - Parameters:
    ///   - tokenID: its `jti`.
    ///   - issuedAt: its `iat`, in seconds.
    ///   - leewaySeconds: how far ahead of now its `iat` may be.
    ///   - end: from when on it cannot be used for its `exp`, whatever the leeway becomes, in seconds.
    ///   - profile: whose it is.
    ///   - now: now.
    ///   - isAsking: whether nothing is noted.
    ///   - isKnown: whether there is a profile.
    /// - Throws: ``Refusal``.
    func use(
        _ tokenID: [UInt8],
        issuedAt: Int64,
        leewaySeconds: Int64,
        until end: Int64,
        by profile: ProfileID,
        at now: Timestamp,
        isAsking: Bool = false,
        isKnown: (ProfileID) -> Bool
    ) throws(Refusal) {
        // Before the start it was accepted from the leeway before its iat on.
        guard issuedAt > startedAt.secondsSinceEpoch + leewaySeconds else { throw .issuedBeforeStart }
        let digest = Digest(tokenID)
        let seconds = now.secondsSinceEpoch
        let shard = shards[Int(truncatingIfNeeded: profile.low % UInt64(Self.shardCount))]
        let refusal = shard.tables.withLock { tables -> Refusal? in
            if !isAsking { tables.tidy(seconds, isKnown) }
            if let forgottenAt = tables.used[profile]?.forgottenAt,
                issuedAt <= forgottenAt + Int64(GatewaySettings.maximumLeewaySeconds)
            {
                return .issuedBeforeStart
            }
            // In place: a copy of the table for each use would make every use as long as the table.
            if let known = tables.used[profile]?.ends[digest], known > seconds { return .used }
            if tables.used[profile]?.ends.count ?? 0 >= capacity {
                tables.used[profile]?.sweep(seconds)
                if tables.used[profile]?.ends.count ?? 0 >= capacity { return .full }
            }
            if !isAsking { tables.used[profile, default: Used()].insert(digest, until: end, at: seconds) }
            return nil
        }
        if let refusal { throw refusal }
    }

    /// How many profiles something is remembered of, and how many tokens.
    var size: (profiles: Int, tokens: Int) {
        shards.reduce((0, 0)) { size, shard in
            let used = shard.tables.withLock { $0.used }
            return (size.0 + used.count, size.1 + used.values.reduce(0) { $0 + $1.ends.count })
        }
    }
}
