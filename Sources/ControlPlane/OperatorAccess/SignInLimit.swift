import GatewayCore
import Synchronization

/// Slows guesses of passwords down, by address and by account, without ever locking an account.
///
/// An address may fail so often a minute, whatever the account (``GuessLimit``). Besides, for one account the wait
/// doubles with each further failure from an address; and while many addresses fail at one account, each that
/// comes new to it is told once to come back after a while, and is let in then, whatever the others do
/// meanwhile: whoever knows the password waits a minute at most from an address that the attacker does not use.
/// Whoever shares the attacker's address waits with the attacker, for as long as the guesses go on.
///
/// The memory is bounded: beyond ``capacity`` entries those that are oldest are forgotten. Time goes in as
/// seconds of a clock, and comes out as seconds to wait.
struct SignInLimit: Sendable {
    /// After how many failures at one account an address begins to wait.
    static let freeFailures = 3
    /// The longest wait of an address at an account, in seconds.
    static let longestWait: Int64 = 300
    /// After how many failures at one account, from any addresses, addresses that come new to it wait.
    static let freeAccountFailures = 20
    /// The longest wait of an address that comes new to an account, in seconds.
    static let longestFirstWait: Int64 = 60
    /// After how many seconds without a failure all is forgotten.
    static let memory: Int64 = 900
    /// About half as many entries as are remembered at most.
    static let capacity = 8192

    // Calls that come at once may be counted in another order.
    private static let tolerance: Int64 = 30

    private struct Place: Hashable {
        // The name's hash, under a key of this process: names have any length.
        let account: Int
        let address: IPAddress
    }

    private struct Entry {
        var failures = 0
        var notBefore: Int64 = 0
    }

    // Two generations of each, of which the older one is dropped as a whole.
    private var young: [Place: Entry] = [:]
    private var old: [Place: Entry] = [:]
    private var youngAccounts: [Int: Int] = [:]
    private var oldAccounts: [Int: Int] = [:]
    private var youngSince: Int64 = 0
    private var latest: Int64 = 0
    private var addresses = GuessLimit()

    /// Counts an attempt, before its password is looked at: attempts made at once are all counted.
    ///
    /// - Parameters:
    ///   - name: the account, whether there is one or not.
    ///   - address: where the attempt comes from; IPv6 addresses count by their first 64 bits.
    ///   - now: the seconds of a clock.
    /// - Returns: `nil` when it may be made; else after how many seconds the next may be.
    mutating func begin(_ name: String, _ address: IPAddress, at now: Int64) -> Int64? {
        turnOver(at: now)
        let place = Self.place(name, address)
        let failures = youngAccounts[place.account] ?? oldAccounts[place.account] ?? 0
        let known = young[place] ?? old[place]
        var entry = known ?? Entry()
        if known == nil {
            entry.notBefore = now + Self.wait(failures - Self.freeAccountFailures, Self.longestFirstWait)
        }
        guard now >= entry.notBefore else {
            young[place] = entry
            return entry.notBefore - now
        }
        if let wait = addresses.begin(address, at: now) { return wait }
        entry.failures += 1
        entry.notBefore = now + Self.wait(entry.failures - Self.freeFailures, Self.longestWait)
        young[place] = entry
        youngAccounts[place.account] = failures + 1
        return nil
    }

    /// How many entries are remembered.
    var count: Int { max(young.count + old.count, youngAccounts.count + oldAccounts.count) }

    /// Forgets the failures of an address at an account: the password was right.
    mutating func succeeded(_ name: String, _ address: IPAddress) {
        let place = Self.place(name, address)
        withdraw(place, address)
        // Remembered as one that has no wait, however many others fail.
        young[place] = Entry()
    }

    /// Gives back the attempt that was counted last: its password was not looked at.
    mutating func giveBack(_ name: String, _ address: IPAddress) {
        let place = Self.place(name, address)
        withdraw(place, address)
        guard var entry = young[place], entry.failures > 0 else { return }
        entry.failures -= 1
        entry.notBefore = 0
        young[place] = entry
    }

    private mutating func withdraw(_ place: Place, _ address: IPAddress) {
        addresses.succeeded(address)
        if let failures = youngAccounts[place.account] { youngAccounts[place.account] = max(0, failures - 1) }
    }

    private mutating func turnOver(at now: Int64) {
        // A clock that was set back would let nobody in until it has caught up.
        if now < latest - Self.tolerance { self = SignInLimit() }
        latest = max(latest, now)
        let isFull = young.count >= Self.capacity || youngAccounts.count >= Self.capacity
        guard isFull || now - youngSince >= Self.memory else { return }
        (old, young) = (young, [:])
        (oldAccounts, youngAccounts) = (youngAccounts, [:])
        youngSince = now
    }

    /// 1, 2, 4, … seconds from the first excess on, up to the longest.
    private static func wait(_ excess: Int, _ longest: Int64) -> Int64 {
        excess < 0 ? 0 : min(longest, 1 << Int64(min(excess, 30)))
    }

    private static func place(_ name: String, _ address: IPAddress) -> Place {
        var hasher = Hasher()
        for byte in name.utf8 { hasher.combine(byte) }
        return Place(
            account: hasher.finalize(),
            address: address.isV4 ? address : IPAddress(high: address.high, low: 0)
        )
    }
}

/// The limit that all sign-ins of a gateway share.
final class SignInLimiter: Sendable {
    private let limit = Mutex(SignInLimit())

    /// Counts an attempt.
    ///
    /// - Throws: ``Problem`` 429 that says how long to wait.
    func begin(_ name: String, _ address: IPAddress, at now: Timestamp) throws(Problem) {
        let wait = limit.withLock { $0.begin(name, address, at: now.secondsSinceEpoch) }
        guard let wait else { return }
        throw .wait(
            wait,
            "too many attempts have failed; try again in \(wait) \(wait == 1 ? "second" : "seconds")"
        )
    }

    func succeeded(_ name: String, _ address: IPAddress) {
        limit.withLock { $0.succeeded(name, address) }
    }

    func giveBack(_ name: String, _ address: IPAddress) {
        limit.withLock { $0.giveBack(name, address) }
    }
}
