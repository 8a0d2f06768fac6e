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

package typealias ClientID = EntityID<Client>
package typealias ProfileID = EntityID<AccessProfile>
package typealias KeyID = EntityID<ProfileKey>
package typealias APITokenID = EntityID<APIToken>
package typealias CollectionID = EntityID<Collection>
package typealias EndpointID = EntityID<Endpoint>
package typealias UpstreamID = EntityID<Upstream>
