import Crypto

/// What a token names its profile by; only the digest is kept.
package struct APIToken: Sendable, Hashable {
    /// The identity, given once.
    package let id: APITokenID
    /// The name, unique within the profile.
    package var name: String
    /// Whether it is accepted; `true` unless said otherwise.
    package var isActive = true
    /// When it was added.
    package let createdAt: Timestamp
    /// From when on it is no longer accepted; `nil` means never.
    package var expiresAt: Timestamp?
    /// The addresses that it may be used from; empty means all that the profile allows.
    package var allowedAddresses: [AddressRange] = []
    /// The addresses that it may not be used from, even when allowed above.
    package var deniedAddresses: [AddressRange] = []
    /// The SHA-256 digest of the 64 hex digits.
    package let digest: APITokenDigest

    /// Makes an active API token that never expires.
    package init(id: APITokenID, name: String, digest: APITokenDigest, createdAt: Timestamp) {
        self.id = id
        self.name = name
        self.digest = digest
        self.createdAt = createdAt
    }

    /// Whether it is accepted at this moment.
    package func isUsable(at now: Timestamp) -> Bool {
        guard isActive else { return false }
        if let expiresAt, now >= expiresAt { return false }
        return true
    }
}

/// The SHA-256 digest of an API token's 64 hex digits: all that is kept of it.
package struct APITokenDigest: Hashable, Sendable {
    /// The number of characters of an API token.
    package static let tokenLength = 64

    // Four words rather than an array: a lookup on the request path allocates nothing.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// Digests an API token; `nil` unless it is exactly 64 lower-case hex digits.
    package init?(token: some Sequence<UInt8>) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.tokenLength)
        for character in token {
            guard Hex.value(of: character) != nil, bytes.count < Self.tokenLength else { return nil }
            bytes.append(character)
        }
        guard bytes.count == Self.tokenLength else { return nil }
        self.init(digest: SHA256.hash(data: bytes))
    }

    /// Reads the 64 hex digits of a digest.
    package init?(hex: String) {
        var hex = hex
        guard let read = hex.withUTF8({ Self(hex: $0.span) }) else { return nil }
        self = read
    }

    /// Reads the 64 hex digits of a digest.
    package init?(hex digits: Span<UInt8>) {
        guard digits.count == 64, let first = Hex.word(digits), let second = Hex.word(digits, at: 16),
            let third = Hex.word(digits, at: 32), let fourth = Hex.word(digits, at: 48)
        else { return nil }
        words = (first, second, third, fourth)
    }

    private init(digest: some Sequence<UInt8>) {
        var all: [UInt64] = [0, 0, 0, 0]
        for (index, byte) in digest.prefix(32).enumerated() {
            all[index / 8] = all[index / 8] << 8 | UInt64(byte)
        }
        words = (all[0], all[1], all[2], all[3])
    }

    /// The digest as 64 hex digits.
    package var hex: String {
        Hex.encode(words.0) + Hex.encode(words.1) + Hex.encode(words.2) + Hex.encode(words.3)
    }

    /// Whether two digests are the same, in a time that does not depend on where they differ.
    package func isEqualInConstantTime(_ other: APITokenDigest) -> Bool {
        let differences =
            (words.0 ^ other.words.0) | (words.1 ^ other.words.1) | (words.2 ^ other.words.2)
            | (words.3 ^ other.words.3)
        return differences == 0
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.words == right.words
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
    }
}
