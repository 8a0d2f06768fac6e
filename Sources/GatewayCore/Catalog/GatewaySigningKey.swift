package import JOSE

/// A key of the gateway itself: what it signs access tokens and assertions with.
package struct GatewaySigningKey: Sendable {
    /// At most this many are kept at once, those that only verify included.
    package static let maximumCount = 16

    /// The identity, given once, which is the `kid` of what it signs.
    package let id: SigningKeyID
    /// When it was made.
    package let createdAt: Timestamp
    /// From when on it signs: others had time to learn its public half until then.
    package var activeFrom: Timestamp
    /// From when on what it signed is no longer accepted; `nil` while no other has taken its place.
    package var retireAt: Timestamp?
    /// The key pair, EC P-256 (ES256).
    package let key: SigningKey

    /// Takes a key pair.
    package init(id: SigningKeyID, key: SigningKey, createdAt: Timestamp, activeFrom: Timestamp) {
        self.id = id
        self.key = key
        self.createdAt = createdAt
        self.activeFrom = activeFrom
    }

    /// Whether it is another key, or at another stage of its life.
    package func isSame(as other: GatewaySigningKey) -> Bool {
        id == other.id && activeFrom == other.activeFrom && retireAt == other.retireAt
    }
}

/// The identity of a key of the gateway itself.
package typealias SigningKeyID = EntityID<GatewaySigningKey>
