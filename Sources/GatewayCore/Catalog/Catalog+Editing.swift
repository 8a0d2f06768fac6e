import HashTreeCollections

// Each step checks everything before it touches anything, and keeps the look-ups in step with the tables.
extension Catalog {
    mutating func put(_ settings: GatewaySettings) throws(CatalogError) {
        try CatalogRules.check(settings)
        self.settings = settings
    }

    mutating func put(_ keys: [GatewaySigningKey]) throws(CatalogError) {
        try CatalogRules.check(keys)
        signingKeys = keys
    }

    // MARK: Clients

    mutating func put(_ client: Client) throws(CatalogError) {
        try CatalogRules.check(client)
        if let other = clientsByName.updateValue(client.id, forKey: client.name), other != client.id {
            clientsByName[client.name] = other
            throw .conflict("name", "there is a client named \"\(client.name)\" already")
        }
        if let old = clients.put(client, client.id), old.name != client.name {
            clientsByName[old.name] = nil
        }
    }

    /// - Returns: the profiles that went with it.
    mutating func remove(client id: ClientID) throws(CatalogError) -> [ProfileID] {
        guard let client = clients[id] else { throw .notFound("client", id.text) }
        let owned = profiles(of: id).map(\.id)
        for profile in owned { try remove(profile: profile) }
        profilesByClient[id] = nil
        clientsByName[client.name] = nil
        clients.remove(id)
        return owned
    }

    // MARK: Profiles

    mutating func put(_ profile: consuming AccessProfile) throws(CatalogError) {
        try CatalogRules.check(profile)
        guard clients.shared(profile.clientID) != nil else {
            throw .invalid("client", "there is no client \(profile.clientID)")
        }
        for (index, collection) in profile.grantedCollections.enumerated()
        where collections.shared(collection) == nil {
            throw .invalid("collections[\(index)]", "there is no collection \(collection)")
        }
        if let claim = profile.identityClaim, profilesByIdentityClaim[claim] == nil,
            profilesByIdentityClaim.count >= Self.maximumIdentityClaims
        {
            throw .invalid(
                "identity_claim",
                "profiles name \(Self.maximumIdentityClaims) different claims already, the most there can be"
            )
        }
        try index(profile)
        let (id, name, apiTokens) = (profile.id, profile.name, profile.apiTokens)
        if let claim = profile.identityClaim { profilesByIdentityClaim[claim, default: 0] += 1 }
        guard let old = profiles.put(profile, id) else { return }
        if let claim = old.identityClaim { forget(identityClaim: claim) }
        if old.name != name { profilesByClient[old.clientID]?.release(old.name) }
        for token in old.apiTokens where !apiTokens.contains(where: { $0.digest == token.digest }) {
            profilesByToken[token.digest] = nil
        }
    }

    /// Takes the profile's name and API tokens, or none of them when one is another profile's.
    private mutating func index(_ profile: AccessProfile) throws(CatalogError) {
        guard profilesByClient[profile.clientID, default: .none].claim(profile.name, for: profile.id) else {
            throw .conflict("name", "the client has a profile named \"\(profile.name)\" already")
        }
        for (index, token) in profile.apiTokens.enumerated() {
            guard let other = profilesByToken.updateValue(profile.id, forKey: token.digest),
                other != profile.id
            else { continue }
            profilesByToken[token.digest] = other
            let old = profiles[profile.id]
            if old?.name != profile.name { profilesByClient[profile.clientID]?.release(profile.name) }
            for taken in profile.apiTokens[..<index]
            where !(old?.apiTokens.contains { $0.digest == taken.digest } ?? false) {
                profilesByToken[taken.digest] = nil
            }
            throw .conflict("api_tokens[\(index)]", "this API token belongs to another profile")
        }
    }

    mutating func remove(profile id: ProfileID) throws(CatalogError) {
        guard let profile = profiles[id] else { throw .notFound("profile", id.text) }
        profilesByClient[profile.clientID]?.release(profile.name)
        for token in profile.apiTokens { profilesByToken[token.digest] = nil }
        if let claim = profile.identityClaim { forget(identityClaim: claim) }
        profiles.remove(id)
    }

    // Each is looked for in tokens whose other claims name nobody.
    private static let maximumIdentityClaims = 20

    private mutating func forget(identityClaim claim: String) {
        guard let count = profilesByIdentityClaim[claim] else { return }
        profilesByIdentityClaim[claim] = count > 1 ? count - 1 : nil
    }

    // MARK: Collections

    mutating func put(_ collection: Collection) throws(CatalogError) {
        try CatalogRules.check(collection)
        for (index, endpoint) in collection.endpoints.enumerated() {
            guard upstreams.shared(endpoint.upstreamID) != nil else {
                throw .invalid("endpoints[\(index)].upstream", "there is no upstream \(endpoint.upstreamID)")
            }
            if let owner = collectionsByEndpoint[endpoint.id], owner != collection.id {
                throw .conflict("endpoints[\(index)].id", "the endpoint belongs to another collection")
            }
        }
        if let other = collectionsByHandle[collection.handle], other != collection.id {
            throw .conflict(
                "handle",
                "there is a collection with the handle \"\(collection.handle)\" already"
            )
        }
        if let old = collections.put(collection, collection.id) { unindex(old) }
        collectionsByHandle[collection.handle] = collection.id
        for endpoint in collection.endpoints { collectionsByEndpoint[endpoint.id] = collection.id }
    }

    /// - Returns: the profiles that had been granted it, as they are now.
    mutating func remove(collection id: CollectionID) throws(CatalogError) -> [AccessProfile] {
        guard let collection = collections[id] else { throw .notFound("collection", id.text) }
        let granted = profiles.values.filter { $0.grantedCollections.contains(id) }.map { before in
            var profile = before
            profile.grantedCollections.removeAll { $0 == id }
            return profile
        }
        for profile in granted { profiles.put(profile, profile.id) }
        unindex(collection)
        collections.remove(id)
        return granted
    }

    private mutating func unindex(_ collection: Collection) {
        collectionsByHandle[collection.handle] = nil
        for endpoint in collection.endpoints { collectionsByEndpoint[endpoint.id] = nil }
    }

    // MARK: Upstreams

    mutating func put(_ upstream: Upstream) throws(CatalogError) {
        try CatalogRules.check(upstream)
        if let other = upstreamsByName[upstream.name], other != upstream.id {
            throw .conflict("name", "there is an upstream named \"\(upstream.name)\" already")
        }
        if let old = upstreams.put(upstream, upstream.id) { upstreamsByName[old.name] = nil }
        upstreamsByName[upstream.name] = upstream.id
    }

    mutating func remove(upstream id: UpstreamID) throws(CatalogError) {
        guard let upstream = upstreams[id] else { throw .notFound("upstream", id.text) }
        for collection in collections.values {
            if let endpoint = collection.endpoints.first(where: { $0.upstreamID == id }) {
                throw .conflict(
                    "upstream",
                    "upstream \"\(upstream.name)\" is used by endpoint \"\(endpoint.name)\" of \"\(collection.handle)\""
                )
            }
        }
        upstreamsByName[upstream.name] = nil
        upstreams.remove(id)
    }
}
