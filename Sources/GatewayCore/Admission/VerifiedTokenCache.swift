import JOSE

/// What is remembered of a token whose signature was verified.
///
/// It is bound to the profile's generation and to the key: whoever uses it checks both again, and everything
/// after check 3 that can have changed since.
package final class RememberedToken: Sendable {
    let bytes: [UInt8]
    let hash: UInt64
    let token: VerifiedToken
    /// The API token that the token names; `nil` when its profile recognised it by its claims.
    let apiToken: APITokenDigest?
    let proof: TokenProof
    let caller: Caller
    let identityHeaders: [UInt8]
    /// The certificate that its holder must have; `nil` for most.
    let binding: CertificateBinding?
    let standing: TokenStanding

    var profile: CompiledProfile { caller.profile }

    init(
        bytes: [UInt8],
        hash: UInt64,
        token: VerifiedToken,
        apiToken: APITokenDigest?,
        proof: TokenProof,
        caller: Caller,
        identityHeaders: [UInt8]
    ) {
        self.bytes = bytes
        self.hash = hash
        self.token = token
        self.apiToken = apiToken
        self.proof = proof
        self.caller = caller
        self.identityHeaders = identityHeaders
        binding = token.claims.flatMap { CertificateBinding($0) }
        standing = TokenStanding(token, caller, proof.key)
    }
}

/// What a decision tells of a verified token.
final class TokenProof: Sendable {
    let key: ProfileKey
    let hasExpiry: Bool
    /// For an access token that the gateway issued: the generation of keys that verified it.
    let gatewayKeys: GatewayKeys?

    /// The identity provider's keys that it was one of; `nil` for a key of the profile itself.
    let keySet: ProviderKeySet?

    /// The key in the record of uses; the gateway's and a provider's keys are nobody's to retire.
    let use: UseID?

    init(
        key: ProfileKey,
        hasExpiry: Bool,
        keySet: ProviderKeySet? = nil,
        gatewayKeys: GatewayKeys? = nil
    ) {
        self.key = key
        self.hasExpiry = hasExpiry
        self.keySet = keySet
        self.gatewayKeys = gatewayKeys
        use = keySet == nil && gatewayKeys == nil ? UseID(key.id) : nil
    }
}

/// When a token passes checks 4 to 6 with a key that may still be used, as found once.
///
/// They depend on the token, the profile as compiled and the time, so that a remembered token needs two
/// comparisons instead of all of them. Outside of that time they are made again, and say what is wrong.
struct TokenStanding: Sendable {
    // Empty when the token passes never.
    private let seconds: Range<Int64>

    init(_ token: VerifiedToken, _ caller: Caller, _ key: ProfileKey) {
        seconds = Self.seconds(token, caller, key) ?? 0..<0
    }

    /// Whether the checks pass now; false also when they might.
    @inline(__always)
    func holds(at now: Timestamp) -> Bool {
        seconds.contains(now.secondsSinceEpoch)
    }

    private static func seconds(_ token: VerifiedToken, _ caller: Caller, _ key: ProfileKey) -> Range<Int64>?
    {
        let profile = caller.profile
        guard let claims = token.claims, key.isActive, caller.apiToken?.isActive ?? true,
            profile.client.isActive,
            profile.profile.isActive, passes(token, profile)
        else { return nil }
        let window = TimeWindow.seconds(
            claims,
            leeway: .seconds(profile.leewaySeconds),
            maximumLifetime: profile.profile.claimRules.maximumLifetimeSeconds.map { .seconds($0) },
            requireExpiry: profile.requiresExpiry
        )
        guard let window else { return nil }
        let ends = [key.retireAt, caller.apiToken?.expiresAt].compactMap { $0?.secondsSinceEpoch }
        let start = max(window.lowerBound, key.activeFrom?.secondsSinceEpoch ?? .min)
        let end = ends.reduce(window.upperBound, min)
        return start < end ? start..<end : nil
    }

    private static func passes(_ token: VerifiedToken, _ profile: CompiledProfile) -> Bool {
        do throws(Rejection) {
            try TokenRules.checkClaims(token, of: profile, now: nil)
            return true
        } catch {
            return false
        }
    }
}

/// Remembers verified tokens, so that RS256 costs what HS256 costs; bounded in entries and bytes.
///
/// Only verified tokens get in, so that no flood of others pushes them out, and the whole token is compared: a
/// changed payload, or spare bits of the last character, never match. Each token has two sets of places that it
/// may be in, of which half stay empty: up to its capacity practically nothing is lost to chance.
package struct VerifiedTokenCache: Sendable {
    // The hashes of a set fill one line of the processor's cache.
    private static let ways = 8
    private let setMask: Int
    private let capacity: Int
    private let maximumBytes: Int
    private let seed: UInt64
    // 0 where nothing is.
    private var hashes: [UInt64]
    private var entries: [RememberedToken?]
    // The second, in its lowest bits, in which an entry was last noted as used.
    private var noted: [UInt32]
    // The snapshot, by a number of its own, in which an entry's caller was last found to be the same.
    private var confirmed: [UInt32]
    private var snapshot: Snapshot?
    private var snapshotNumber: UInt32 = 0
    private var hand = 0
    /// How many tokens are remembered.
    package private(set) var count = 0
    /// The bytes that the entries hold, roughly.
    package private(set) var heldBytes = 0

    /// Makes an empty cache of at most `capacity` tokens and `maximumBytes`.
    ///
    /// The seed is secret and of this process, so that no one can aim tokens at one place.
    package init(capacity: Int, maximumBytes: Int, seed: UInt64) {
        self.capacity = max(1, capacity)
        var sets = 1
        while sets * Self.ways < 2 * self.capacity { sets *= 2 }
        setMask = sets - 1
        self.maximumBytes = maximumBytes
        self.seed = seed
        hashes = Array(repeating: 0, count: sets * Self.ways)
        entries = Array(repeating: nil, count: sets * Self.ways)
        confirmed = Array(repeating: 0, count: sets * Self.ways)
        noted = Array(repeating: 0, count: sets * Self.ways)
    }

    // MARK: Finding

    /// Where a token belongs; never 0.
    ///
    /// Its tail is the signature, which differs from token to token.
    func hash(_ token: Span<UInt8>) -> UInt64 {
        var value = seed ^ UInt64(truncatingIfNeeded: token.count)
        token.withUnsafeBytes { bytes in
            var index = max(0, bytes.count - 24)
            while index + 8 <= bytes.count {
                value = Self.mixed(value ^ bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                index += 8
            }
            while index < bytes.count {
                value = Self.mixed(value ^ UInt64(bytes[index]))
                index += 1
            }
        }
        return value | 1
    }

    /// The two halves of a product: each bit of the result depends on every bit of the value.
    @inline(__always)
    private static func mixed(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
        return product.high ^ product.low
    }

    /// Where exactly this token is remembered.
    func find(_ token: Span<UInt8>, hash: UInt64) -> Int? {
        find(token, hash, in: first(hash)) ?? find(token, hash, in: second(hash))
    }

    @inline(__always)
    private func find(_ token: Span<UInt8>, _ hash: UInt64, in set: Int) -> Int? {
        for place in set..<set + Self.ways where hashes[place] == hash {
            guard let bytes = entries[place]?.bytes else { continue }
            if Self.isEqual(bytes.span, token) { return place }
        }
        return nil
    }

    /// What is remembered at a place that was found.
    func entry(at place: Int) -> RememberedToken {
        guard let entry = entries[place] else { preconditionFailure("the place is empty") }
        return entry
    }

    private func first(_ hash: UInt64) -> Int {
        (Int(truncatingIfNeeded: hash >> 8) & setMask) * Self.ways
    }

    private func second(_ hash: UInt64) -> Int {
        (Int(truncatingIfNeeded: hash >> 36) & setMask) * Self.ways
    }

    /// Compares in a time that depends on the length alone: a remembered token is a secret.
    private static func isEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        return left.withUnsafeBytes { left in
            right.withUnsafeBytes { right in
                var differences: UInt64 = 0
                var index = 0
                // Both have as many bytes, so what is loaded lies within both.
                while index + 8 <= left.count {
                    differences |=
                        left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                        ^ right.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    index += 8
                }
                while index < left.count {
                    differences |= UInt64(left[index] ^ right[index])
                    index += 1
                }
                return differences == 0
            }
        }
    }

    // MARK: Confirming

    /// Whether the entry's caller was found to be the same in this snapshot already.
    mutating func isConfirmed(at place: Int, for current: Snapshot) -> Bool {
        if snapshot !== current {
            snapshot = current
            snapshotNumber &+= 1
            // After four thousand million snapshots the numbers begin anew, and the entries with them.
            if snapshotNumber == 0 { removeAll() }
        }
        return confirmed[place] == snapshotNumber && hashes[place] != 0
    }

    /// The entry's caller is the same in the snapshot that was asked for last.
    mutating func confirm(at place: Int) {
        confirmed[place] = snapshotNumber
    }

    /// Whether the entry is used for the first time in this second, which then counts as noted.
    @inline(__always)
    mutating func isFirstUse(at place: Int, _ now: Timestamp) -> Bool {
        let second = UInt32(truncatingIfNeeded: now.secondsSinceEpoch)
        guard noted[place] != second else { return false }
        noted[place] = second
        return true
    }

    // MARK: Changing

    /// Remembers a token that was verified in a snapshot, in the place of an older one when it is full.
    mutating func insert(_ entry: RememberedToken, for current: Snapshot) {
        let cost = Self.cost(entry)
        // Full of long tokens: begin anew rather than search for what to give up.
        if heldBytes + cost > maximumBytes { removeAll() }
        if count >= capacity { removeNext() }
        let place = free(first(entry.hash)) ?? free(second(entry.hash)) ?? replaced(entry.hash)
        hashes[place] = entry.hash
        entries[place] = entry
        count += 1
        heldBytes += cost
        if isConfirmed(at: place, for: current) { return }
        confirm(at: place)
    }

    /// Forgets the token at a place.
    mutating func remove(at place: Int) {
        guard let entry = entries[place] else { return }
        heldBytes -= Self.cost(entry)
        count -= 1
        hashes[place] = 0
        entries[place] = nil
    }

    private func free(_ set: Int) -> Int? {
        for place in set..<set + Self.ways where hashes[place] == 0 { return place }
        return nil
    }

    /// Makes a place where both sets are full.
    private mutating func replaced(_ hash: UInt64) -> Int {
        hand = (hand + 1) % entries.count
        let place = first(hash) + hand % Self.ways
        remove(at: place)
        return place
    }

    /// Forgets one token, in turn.
    private mutating func removeNext() {
        repeat { hand = (hand + 1) % entries.count } while hashes[hand] == 0 && count > 0
        remove(at: hand)
    }

    private mutating func removeAll() {
        for place in entries.indices { remove(at: place) }
    }

    private static func cost(_ entry: RememberedToken) -> Int {
        // The token, its payload, the claims' nodes and the headers made of it: about four times its length.
        512 + 4 * entry.bytes.count
    }
}
