/// A catalog being changed: every step is checked against the whole before it is taken.
///
/// A refused step leaves the draft as it was. What comes out is valid, or nothing comes out.
package struct CatalogDraft: Sendable {
    /// The catalog as it is after the steps so far; its revision is still the one that was begun from.
    package private(set) var catalog: Catalog
    /// The steps so far.
    package private(set) var change = CatalogChange()

    /// Begins from a valid catalog.
    package init(_ catalog: Catalog) {
        self.catalog = catalog
    }

    /// The changed catalog under the next revision.
    package func finished() -> Catalog {
        var finished = catalog
        finished.revision = catalog.revision.next
        return finished
    }

    // MARK: Steps

    /// Replaces the settings.
    package mutating func put(_ settings: GatewaySettings) throws(CatalogError) {
        guard settings != catalog.settings else { return }
        try catalog.put(settings)
        change.settings = settings
    }

    /// Replaces the gateway's signing keys.
    package mutating func put(_ signingKeys: [GatewaySigningKey]) throws(CatalogError) {
        try catalog.put(signingKeys)
        change.signingKeys = signingKeys
    }

    /// Makes or replaces a client.
    package mutating func put(_ client: Client) throws(CatalogError) {
        try catalog.put(client)
        change.clients[client.id] = .put(client)
    }

    /// Deletes a client with its profiles.
    package mutating func delete(client id: ClientID) throws(CatalogError) {
        for profile in try catalog.remove(client: id) { change.profiles[profile] = .delete }
        change.clients[id] = .delete
    }

    /// Makes or replaces a profile with its keys and API tokens.
    package mutating func put(_ profile: AccessProfile) throws(CatalogError) {
        try catalog.put(profile)
        change.profiles[profile.id] = .put(profile)
    }

    /// Deletes a profile with its keys and API tokens.
    package mutating func delete(profile id: ProfileID) throws(CatalogError) {
        try catalog.remove(profile: id)
        change.profiles[id] = .delete
    }

    /// Makes or replaces a collection with its endpoints.
    package mutating func put(_ collection: Collection) throws(CatalogError) {
        try catalog.put(collection)
        change.collections[collection.id] = .put(collection)
    }

    /// Deletes a collection with its endpoints, and the grants of it.
    package mutating func delete(collection id: CollectionID) throws(CatalogError) {
        for profile in try catalog.remove(collection: id) { change.profiles[profile.id] = .put(profile) }
        change.collections[id] = .delete
    }

    /// Makes or replaces an upstream.
    package mutating func put(_ upstream: Upstream) throws(CatalogError) {
        try catalog.put(upstream)
        change.upstreams[upstream.id] = .put(upstream)
    }

    /// Deletes an upstream that no endpoint uses.
    package mutating func delete(upstream id: UpstreamID) throws(CatalogError) {
        try catalog.remove(upstream: id)
        change.upstreams[id] = .delete
    }
}

extension Catalog {
    /// The same catalog with these keys to sign with.
    ///
    /// - Throws: ``CatalogError`` when there are too many.
    package func signed(with keys: [GatewaySigningKey]) throws(CatalogError) -> Catalog {
        var catalog = self
        try catalog.put(keys)
        return catalog
    }
}

/// A catalog being read from where it was kept, checked as it is put together.
///
/// What others refer to comes first: upstreams, collections, clients, profiles.
package struct CatalogRestoration: Sendable {
    /// The catalog as far as it was read.
    package private(set) var catalog = Catalog()

    /// Begins with nothing.
    package init(revision: CatalogRevision) {
        catalog.revision = revision
    }

    /// Takes the settings.
    package mutating func put(_ settings: GatewaySettings) throws(CatalogError) { try catalog.put(settings) }
    /// Takes the gateway's signing keys.
    package mutating func put(_ keys: [GatewaySigningKey]) throws(CatalogError) { try catalog.put(keys) }
    /// Takes an upstream.
    package mutating func put(_ upstream: Upstream) throws(CatalogError) { try catalog.put(upstream) }
    /// Takes a collection.
    package mutating func put(_ collection: Collection) throws(CatalogError) { try catalog.put(collection) }
    /// Takes a client.
    package mutating func put(_ client: Client) throws(CatalogError) { try catalog.put(client) }
    /// Takes a profile.
    package mutating func put(_ profile: consuming AccessProfile) throws(CatalogError) {
        try catalog.put(profile)
    }
}

/// Why a change of the catalog was refused.
package struct CatalogError: Error, Sendable, CustomStringConvertible {
    /// What kind of refusal it is.
    package enum Kind: Sendable {
        /// A value is not acceptable.
        case invalid
        /// What should be changed is not there.
        case notFound
        /// The change clashes with something that is there.
        case conflict
    }

    /// What kind of refusal it is.
    package let kind: Kind
    /// The field, as a path of the document: `keys[0].public_key`.
    package let field: String
    /// What was expected and found; lower case, no full stop; never a secret.
    package let message: String

    package var description: String { field.isEmpty ? message : "\(field): \(message)" }

    /// A value is not acceptable.
    package static func invalid(_ field: String, _ message: String) -> CatalogError {
        CatalogError(kind: .invalid, field: field, message: message)
    }

    /// What should be changed is not there.
    package static func notFound(_ kind: String, _ id: String) -> CatalogError {
        CatalogError(kind: .notFound, field: "", message: "there is no \(kind) \(id)")
    }

    /// The change clashes with something that is there.
    package static func conflict(_ field: String, _ message: String) -> CatalogError {
        CatalogError(kind: .conflict, field: field, message: message)
    }
}
