/// The identity of one entity of the catalog: 32 lower-case hex digits, never reused.
///
/// The phantom parameter keeps the identity of a client from being passed where a profile's is wanted.
package struct EntityID<Entity>: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The text form, as the admin API and the store show it.
    package let rawValue: String

    /// Takes an identity that was made earlier, for instance by the store.
    package init(_ rawValue: String) {
        self.rawValue = rawValue
    }

    /// Makes a new identity from 128 bits of the generator.
    package init(using generator: inout some RandomNumberGenerator) {
        rawValue = Hex.encode(generator.next()) + Hex.encode(generator.next())
    }

    package var description: String { rawValue }

    package static func < (left: Self, right: Self) -> Bool {
        left.rawValue < right.rawValue
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
/// The identity of a collection.
package typealias CollectionID = EntityID<Collection>
/// The identity of an endpoint.
package typealias EndpointID = EntityID<Endpoint>
/// The identity of an upstream.
package typealias UpstreamID = EntityID<Upstream>
