import Crypto
import Synchronization

/// The tokens that profiles with one-time tokens have used, by their `jti` (RFC 7519 §4.1.7), for as long as
/// each could be used again.
///
/// It is shared by the event loops of a process and bounded for each profile. It knows nothing of what was used
/// before the process began, so tokens that were issued before are refused.
package final class UsedTokens: Sendable {
    /// Why a token cannot be used.
    enum Refusal: Error, Sendable {
        /// It was used before.
        case used
        /// As many tokens are remembered as may be, and all of them could still be used again.
        case full
        /// It was issued before anything was remembered.
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
        var ends: [Digest: Int64] = [:]
        // Sweeping looks at all of them, so it waits until some can have ended.
        var sweepAt: Int64 = .min

        /// Forgets what cannot be used again; at most once a second.
        mutating func sweep(_ now: Int64) {
            guard now >= sweepAt else { return }
            sweepAt = now + 1
            ends = ends.filter { $0.value > now }
        }
    }

    private final class Shard: Sendable {
        let profiles = Mutex<[ProfileID: Used]>([:])
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
    ///   - end: from when on it cannot be used for its `exp`, in seconds.
    ///   - profile: whose it is.
    ///   - now: now.
    ///   - isAsking: whether nothing is noted.
    /// - Throws: ``Refusal``.
    func use(
        _ tokenID: [UInt8],
        issuedAt: Int64,
        until end: Int64,
        by profile: ProfileID,
        at now: Timestamp,
        isAsking: Bool = false
    ) throws(Refusal) {
        guard issuedAt >= startedAt.secondsSinceEpoch else { throw .issuedBeforeStart }
        let digest = Digest(tokenID)
        let seconds = now.secondsSinceEpoch
        let shard = shards[Int(truncatingIfNeeded: profile.low % UInt64(Self.shardCount))]
        let refusal = shard.profiles.withLock { profiles -> Refusal? in
            // In place: a copy of the table for each use would make every use as long as the table.
            if let known = profiles[profile]?.ends[digest], known > seconds { return .used }
            if profiles[profile]?.ends.count ?? 0 >= capacity {
                profiles[profile]?.sweep(seconds)
                if profiles[profile]?.ends.count ?? 0 >= capacity { return .full }
            }
            if !isAsking { profiles[profile, default: Used()].ends[digest] = end }
            return nil
        }
        if let refusal { throw refusal }
    }
}
