/// What one commit does to the catalog: whole entities written, or deleted.
///
/// A profile stands for its keys and API tokens, a collection for its endpoints.
package struct CatalogChange: Sendable {
    /// What happens to one entity.
    package enum Edit<Entity: Sendable>: Sendable {
        /// It is made, or replaced by this.
        case put(Entity)
        /// It is deleted, with all that it owns.
        case delete
    }

    /// The new settings, when they change.
    package internal(set) var settings: GatewaySettings?
    /// All of the gateway's signing keys, when one of them changes.
    package internal(set) var signingKeys: [GatewaySigningKey]?
    /// The clients written or deleted; the profiles of a deleted one are named in ``profiles``.
    package internal(set) var clients: [ClientID: Edit<Client>] = [:]
    /// The profiles written or deleted.
    package internal(set) var profiles: [ProfileID: Edit<AccessProfile>] = [:]
    /// The collections written or deleted.
    package internal(set) var collections: [CollectionID: Edit<Collection>] = [:]
    /// The upstreams written or deleted.
    package internal(set) var upstreams: [UpstreamID: Edit<Upstream>] = [:]

    init() {}

    /// Whether nothing changes.
    package var isEmpty: Bool {
        settings == nil && signingKeys == nil && clients.isEmpty && profiles.isEmpty && collections.isEmpty
            && upstreams.isEmpty
    }
}
