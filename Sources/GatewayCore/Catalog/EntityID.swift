/// The identity of one entity of the catalog: 128 bits, written as 32 lower-case hex digits, never reused.
///
/// The phantom parameter keeps the identity of a client from being passed where a profile's is wanted.
package struct EntityID<Entity>: Hashable, Sendable, Comparable, CustomStringConvertible {
    // Numbers rather than the text: a catalog holds half a dozen identities for each profile.
    @usableFromInline let high: UInt64
    @usableFromInline let low: UInt64

    @inlinable
    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads an identity that was made earlier; `nil` unless it is exactly 32 lower-case hex digits.
    package init?(_ text: String) {
        var text = text
        guard let read = text.withUTF8({ Self(digits: $0.span) }) else { return nil }
        self = read
    }

    /// Reads the digits of an identity; `nil` unless they are exactly 32 lower-case hex digits.
    @inlinable
    package init?(digits: Span<UInt8>) {
        guard digits.count == 32, let high = Hex.word(digits), let low = Hex.word(digits, at: 16) else {
            return nil
        }
        self.init(high: high, low: low)
    }

    /// Takes the first 128 bits of a digest, which has at least so many.
    package init(digest: some Sequence<UInt8>) {
        var words: (UInt64, UInt64) = (0, 0)
        for byte in digest.prefix(16) {
            words = (words.0 << 8 | words.1 >> 56, words.1 << 8 | UInt64(byte))
        }
        (high, low) = words
    }

    /// Makes a new identity from 128 bits of the generator.
    package init(using generator: inout some RandomNumberGenerator) {
        high = generator.next()
        low = generator.next()
    }

    /// The text form, as the admin API and the store show it.
    package var text: String {
        var digits: [UInt8] = []
        append(to: &digits)
        return String(decoding: digits, as: UTF8.self)
    }

    /// Appends the text form.
    package func append(to bytes: inout [UInt8]) {
        bytes.reserveCapacity(bytes.count + 32)
        Hex.append(high, to: &bytes)
        Hex.append(low, to: &bytes)
    }

    package var description: String { text }

    package static func < (left: Self, right: Self) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

/// The identity of a client.
package typealias ClientID = EntityID<Client>
/// The identity of an access profile.
package typealias ProfileID = EntityID<AccessProfile>
/// The identity of a key.
package typealias KeyID = EntityID<ProfileKey>
/// The identity of an API token.
package typealias APITokenID = EntityID<APIToken>
/// The identity of a revocation.
package typealias RevocationID = EntityID<Revocation>
/// The identity of a collection.
package typealias CollectionID = EntityID<Collection>
/// The identity of an endpoint.
package typealias EndpointID = EntityID<Endpoint>
/// The identity of an upstream.
package typealias UpstreamID = EntityID<Upstream>
