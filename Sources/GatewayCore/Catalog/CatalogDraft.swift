import HashTreeCollections

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

    /// Rebuilds a catalog that a store kept, checking it as a whole.
    ///
    /// - Throws: ``CatalogError`` when what was kept is not a valid catalog.
    package static func restore(
        revision: CatalogRevision,
        settings: GatewaySettings,
        upstreams: [Upstream],
        collections: [Collection],
        clients: [Client],
        profiles: [AccessProfile]
    ) throws(CatalogError) -> Catalog {
        var draft = CatalogDraft(Catalog())
        try draft.put(settings)
        for upstream in upstreams { try draft.put(upstream) }
        for collection in collections { try draft.put(collection) }
        for client in clients { try draft.put(client) }
        for profile in profiles { try draft.put(profile) }
        draft.catalog.revision = revision
        return draft.catalog
    }

    // MARK: Settings

    /// Replaces the settings.
    package mutating func put(_ settings: GatewaySettings) throws(CatalogError) {
        try CatalogRules.check(settings)
        guard settings != catalog.settings else { return }
        catalog.settings = settings
        change.settings = settings
    }

    // MARK: Clients

    /// Makes or replaces a client.
    package mutating func put(_ client: Client) throws(CatalogError) {
        try CatalogRules.check(client)
        if let other = catalog.clientsByName[client.name], other != client.id {
            throw .conflict("name", "there is a client named \"\(client.name)\" already")
        }
        if let old = catalog.clients[client.id] { catalog.clientsByName[old.name] = nil }
        catalog.clientsByName[client.name] = client.id
        catalog.clients[client.id] = client
        change.clients[client.id] = .put(client)
    }

    /// Deletes a client with its profiles.
    package mutating func delete(client id: ClientID) throws(CatalogError) {
        guard let client = catalog.clients[id] else { throw .notFound("client", id.rawValue) }
        for profile in catalog.profiles(of: id) { try delete(profile: profile.id) }
        catalog.profilesByClient[id] = nil
        catalog.clientsByName[client.name] = nil
        catalog.clients[id] = nil
        change.clients[id] = .delete
    }

    // MARK: Profiles

    /// Makes or replaces a profile with its keys and API tokens.
    package mutating func put(_ profile: AccessProfile) throws(CatalogError) {
        try CatalogRules.check(profile)
        guard catalog.clients[profile.clientID] != nil else {
            throw .invalid("client", "there is no client \(profile.clientID)")
        }
        for (index, collection) in profile.grantedCollections.enumerated()
        where catalog.collections[collection] == nil {
            throw .invalid("collections[\(index)]", "there is no collection \(collection)")
        }
        if let other = catalog.profilesByClient[profile.clientID]?[profile.name], other != profile.id {
            throw .conflict("name", "the client has a profile named \"\(profile.name)\" already")
        }
        for (index, token) in profile.apiTokens.enumerated() {
            if let other = catalog.profilesByToken[token.digest], other != profile.id {
                throw .conflict("api_tokens[\(index)]", "this API token belongs to another profile")
            }
        }
        if let old = catalog.profiles[profile.id] { unindex(old) }
        catalog.profilesByClient[profile.clientID, default: [:]][profile.name] = profile.id
        for token in profile.apiTokens { catalog.profilesByToken[token.digest] = profile.id }
        catalog.profiles[profile.id] = profile
        change.profiles[profile.id] = .put(profile)
    }

    /// Deletes a profile with its keys and API tokens.
    package mutating func delete(profile id: ProfileID) throws(CatalogError) {
        guard let profile = catalog.profiles[id] else { throw .notFound("profile", id.rawValue) }
        unindex(profile)
        catalog.profiles[id] = nil
        change.profiles[id] = .delete
    }

    private mutating func unindex(_ profile: AccessProfile) {
        catalog.profilesByClient[profile.clientID]?[profile.name] = nil
        for token in profile.apiTokens { catalog.profilesByToken[token.digest] = nil }
    }

    // MARK: Collections

    /// Makes or replaces a collection with its endpoints.
    package mutating func put(_ collection: Collection) throws(CatalogError) {
        try CatalogRules.check(collection)
        for (index, endpoint) in collection.endpoints.enumerated() {
            guard catalog.upstreams[endpoint.upstreamID] != nil else {
                throw .invalid("endpoints[\(index)].upstream", "there is no upstream \(endpoint.upstreamID)")
            }
            if let owner = catalog.collectionsByEndpoint[endpoint.id], owner != collection.id {
                throw .conflict("endpoints[\(index)].id", "the endpoint belongs to another collection")
            }
        }
        if let other = catalog.collectionsByHandle[collection.handle], other != collection.id {
            throw .conflict(
                "handle",
                "there is a collection with the handle \"\(collection.handle)\" already"
            )
        }
        if let old = catalog.collections[collection.id] { unindex(old) }
        catalog.collectionsByHandle[collection.handle] = collection.id
        for endpoint in collection.endpoints { catalog.collectionsByEndpoint[endpoint.id] = collection.id }
        catalog.collections[collection.id] = collection
        change.collections[collection.id] = .put(collection)
    }

    /// Deletes a collection with its endpoints, and the grants of it.
    package mutating func delete(collection id: CollectionID) throws(CatalogError) {
        guard let collection = catalog.collections[id] else { throw .notFound("collection", id.rawValue) }
        for var profile in catalog.profiles.values where profile.grantedCollections.contains(id) {
            profile.grantedCollections.removeAll { $0 == id }
            catalog.profiles[profile.id] = profile
            change.profiles[profile.id] = .put(profile)
        }
        unindex(collection)
        catalog.collections[id] = nil
        change.collections[id] = .delete
    }

    private mutating func unindex(_ collection: Collection) {
        catalog.collectionsByHandle[collection.handle] = nil
        for endpoint in collection.endpoints { catalog.collectionsByEndpoint[endpoint.id] = nil }
    }

    // MARK: Upstreams

    /// Makes or replaces an upstream.
    package mutating func put(_ upstream: Upstream) throws(CatalogError) {
        try CatalogRules.check(upstream)
        if let other = catalog.upstreamsByName[upstream.name], other != upstream.id {
            throw .conflict("name", "there is an upstream named \"\(upstream.name)\" already")
        }
        if let old = catalog.upstreams[upstream.id] { catalog.upstreamsByName[old.name] = nil }
        catalog.upstreamsByName[upstream.name] = upstream.id
        catalog.upstreams[upstream.id] = upstream
        change.upstreams[upstream.id] = .put(upstream)
    }

    /// Deletes an upstream that no endpoint uses.
    package mutating func delete(upstream id: UpstreamID) throws(CatalogError) {
        guard let upstream = catalog.upstreams[id] else { throw .notFound("upstream", id.rawValue) }
        for collection in catalog.collections.values {
            if let endpoint = collection.endpoints.first(where: { $0.upstreamID == id }) {
                throw .conflict(
                    "upstream",
                    "upstream \"\(upstream.name)\" is used by endpoint \"\(endpoint.name)\" of \"\(collection.handle)\""
                )
            }
        }
        catalog.upstreamsByName[upstream.name] = nil
        catalog.upstreams[id] = nil
        change.upstreams[id] = .delete
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
