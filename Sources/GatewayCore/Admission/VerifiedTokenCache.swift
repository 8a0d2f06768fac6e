import JOSE

/// What is remembered of a token whose signature was verified.
///
/// It is bound to the profile's generation and to the key: whoever uses it checks both, and everything after
/// check 3, again.
package final class RememberedToken: Sendable {
    let bytes: [UInt8]
    let hash: UInt64
    let token: VerifiedToken
    let apiToken: APITokenDigest
    let proof: TokenProof
    let profile: CompiledProfile
    let identityHeaders: [UInt8]

    init(
        bytes: [UInt8],
        hash: UInt64,
        token: VerifiedToken,
        apiToken: APITokenDigest,
        proof: TokenProof,
        profile: CompiledProfile,
        identityHeaders: [UInt8]
    ) {
        self.bytes = bytes
        self.hash = hash
        self.token = token
        self.apiToken = apiToken
        self.proof = proof
        self.profile = profile
        self.identityHeaders = identityHeaders
    }
}

/// What a decision tells of a verified token.
final class TokenProof: Sendable {
    let key: ProfileKey
    let hasExpiry: Bool

    init(key: ProfileKey, hasExpiry: Bool) {
        self.key = key
        self.hasExpiry = hasExpiry
    }
}

/// Remembers verified tokens, so that RS256 costs what HS256 costs; bounded in entries and bytes.
///
/// Only verified tokens get in, and the whole token is compared: a changed payload, or spare bits of the last
/// character, never match.
package struct VerifiedTokenCache: Sendable {
    private static let ways = 4
    private let setMask: Int
    private let maximumBytes: Int
    private let seed: UInt64
    private var slots: [RememberedToken?]
    private var nextVictim = 0
    /// The bytes that the entries hold, roughly.
    package private(set) var heldBytes = 0

    /// Makes an empty cache of at most `capacity` (rounded up to a power of two) tokens and `maximumBytes`.
    ///
    /// The seed is secret and of this process, so that no one can aim tokens at one place.
    package init(capacity: Int, maximumBytes: Int, seed: UInt64) {
        var sets = 1
        while sets * Self.ways < capacity { sets *= 2 }
        setMask = sets - 1
        self.maximumBytes = maximumBytes
        self.seed = seed
        slots = Array(repeating: nil, count: sets * Self.ways)
    }

    /// The place of a token; the tail is its signature, which differs from token to token.
    func hash(_ token: Span<UInt8>) -> UInt64 {
        var value = seed ^ UInt64(truncatingIfNeeded: token.count)
        for index in max(0, token.count - 24)..<token.count {
            value = (value ^ UInt64(token[index])) &* 0x9e37_79b9_7f4a_7c15
            value ^= value >> 29
        }
        return value
    }

    /// What is remembered of exactly this token.
    func find(_ token: Span<UInt8>, hash: UInt64) -> RememberedToken? {
        let start = (Int(truncatingIfNeeded: hash >> 20) & setMask) * Self.ways
        for index in start..<start + Self.ways {
            guard let entry = slots[index], entry.hash == hash, entry.bytes.count == token.count else {
                continue
            }
            let bytes = entry.bytes
            if Self.isEqual(bytes.span, token) { return entry }
        }
        return nil
    }

    /// Remembers a token, in the place of an older one when its set is full.
    mutating func insert(_ entry: RememberedToken) {
        let cost = Self.cost(entry)
        let start = (Int(truncatingIfNeeded: entry.hash >> 20) & setMask) * Self.ways
        var place = start + nextVictim % Self.ways
        nextVictim &+= 1
        for index in start..<start + Self.ways where slots[index] == nil { place = index }
        if let old = slots[place] { heldBytes -= Self.cost(old) }
        slots[place] = nil
        guard heldBytes + cost <= maximumBytes else {
            // Full of long tokens: begin anew rather than search for what to give up.
            for index in slots.indices { slots[index] = nil }
            heldBytes = cost
            slots[place] = entry
            return
        }
        heldBytes += cost
        slots[place] = entry
    }

    /// Forgets one token.
    mutating func remove(_ entry: RememberedToken) {
        let start = (Int(truncatingIfNeeded: entry.hash >> 20) & setMask) * Self.ways
        for index in start..<start + Self.ways where slots[index] === entry {
            heldBytes -= Self.cost(entry)
            slots[index] = nil
        }
    }

    private static func cost(_ entry: RememberedToken) -> Int {
        // The token, its payload, the claims' nodes and the headers made of it: about four times its length.
        512 + 4 * entry.bytes.count
    }

    private static func isEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for index in left.indices where left[index] != right[index] { return false }
        return true
    }
}
