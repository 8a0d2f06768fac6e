import Synchronization

/// How often one address may fail to authenticate: at most ``attempts`` in ``window`` seconds.
///
/// An attempt is counted before its secret is looked at and given back when it was right, so that attempts
/// that are made at the same time are all counted. The memory is bounded: beyond ``capacity`` addresses the one
/// that failed longest ago is forgotten first.
package struct GuessLimit: Sendable {
    /// How many attempts may fail.
    package static let attempts = 10
    /// Within how many seconds.
    package static let window: Int64 = 60
    /// About half as many addresses as are remembered at most.
    static let capacity = 8192

    // Two generations: the older one is dropped as a whole, once all of it is out of date or the younger is full.
    private var young: [IPAddress: [Int64]] = [:]
    private var old: [IPAddress: [Int64]] = [:]
    private var youngSince: Int64 = 0

    /// Begins with nothing counted.
    package init() {}

    /// Counts an attempt from an address.
    ///
    /// - Parameters:
    ///   - address: where it comes from; IPv6 addresses count by their first 64 bits, which one caller has.
    ///   - now: the seconds of a clock that never goes back.
    /// - Returns: `nil` when it may be made; else after how many seconds the next may be.
    package mutating func begin(_ address: IPAddress, at now: Int64) -> Int64? {
        turnOver(at: now)
        let key = Self.key(address)
        var times = (young[key] ?? old[key] ?? []).filter { now - $0 < Self.window }
        guard times.count < Self.attempts else {
            // The oldest one first leaves the window.
            return max(1, Self.window - (now - (times.first ?? now)))
        }
        times.append(now)
        young[key] = times
        return nil
    }

    /// Gives back the attempt that was counted last: its secret was right.
    package mutating func succeeded(_ address: IPAddress) {
        let key = Self.key(address)
        guard var times = young[key], !times.isEmpty else { return }
        times.removeLast()
        young[key] = times
    }

    private mutating func turnOver(at now: Int64) {
        guard young.count >= Self.capacity || now - youngSince >= Self.window else { return }
        old = young
        young = [:]
        youngSince = now
    }

    private static func key(_ address: IPAddress) -> IPAddress {
        address.isV4 ? address : IPAddress(high: address.high, low: 0)
    }
}

/// The limit that all event loops of a gateway share.
package final class GuessLimiter: Sendable {
    private let limit = Mutex(GuessLimit())

    /// Begins with nothing counted.
    package init() {}

    func begin(_ address: IPAddress, at now: Int64) -> Int64? {
        limit.withLock { $0.begin(address, at: now) }
    }

    func succeeded(_ address: IPAddress) {
        limit.withLock { $0.succeeded(address) }
    }
}
