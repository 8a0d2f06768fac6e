import JOSE

extension Remedy {
    /// Changes a catalog as the remedy says.
    ///
    /// - Parameters:
    ///   - draft: the catalog being changed; as it was when the remedy is the caller's to do.
    ///   - now: the time from which extensions count.
    /// - Returns: whether the catalog was changed.
    /// - Throws: ``CatalogError`` when what it is about is there no more, or the catalog's rules forbid it.
    package func apply(to draft: inout CatalogDraft, now: Timestamp) throws(CatalogError) -> Bool {
        switch self {
        // Whom to trust with the addresses of all calls is for people to know: one private address proves nothing.
        case .none, .mintAnother, .sendCorrected, .usePath, .trustProxy: return false
        case .setSecretIsBase64(let profile, let key, let isBase64):
            try Self.change(key, of: profile, &draft) { key throws(KeyReadingError) in
                guard case .secret(let secret, _) = key.material else { return }
                key = try key.remade(of: .secret(secret, isBase64: isBase64))
            }
        case .rewriteSecret(let profile, let key, let reading):
            try Self.change(key, of: profile, &draft) { key throws(KeyReadingError) in
                guard let material = reading.material(of: key.material) else { return }
                key = try key.remade(of: material)
            }
        case .reactivateKey(let profile, let key):
            try Self.change(key, of: profile, &draft) { $0.isActive = true }
        case .extendKeyRetirement(let profile, let key):
            try Self.change(key, of: profile, &draft) { $0.retireAt = Self.extended(now) }
        case .startKey(let profile, let key):
            try Self.change(key, of: profile, &draft) { $0.activeFrom = nil }
        case .setAlgorithm(let profile, let key, let name):
            try Self.change(key, of: profile, &draft) { key throws(KeyReadingError) in
                key = try key.widened(to: name)
            }
        case .setMethod, .activateProfile, .setIdentityClaim, .grantCollection, .addAudience, .addIssuer,
            .raiseLeeway, .raiseMaximumLifetime, .allowAddress, .activateAPIToken, .extendAPIToken:
            try changeProfile(&draft, now: now)
        case .activateClient(let id):
            guard var client = draft.catalog.clients[id] else { throw .notFound("client", id.text) }
            client.isActive = true
            try draft.put(client)
        case .activateEndpoint, .activateCollection, .addHost, .addMethod:
            try changeCollection(&draft)
        }
        return true
    }

    private func changeProfile(_ draft: inout CatalogDraft, now: Timestamp) throws(CatalogError) {
        guard let id = profileID, var profile = draft.catalog.profiles[id] else {
            throw .notFound("profile", profileID?.text ?? "")
        }
        switch self {
        case .setMethod(_, let method): profile.method = method
        case .activateProfile: profile.isActive = true
        case .setIdentityClaim(_, let claim): profile.identityClaim = claim
        case .grantCollection(_, let collection): profile.grantedCollections.append(collection)
        case .addAudience(_, let value): profile.claimRules.audiences.append(value)
        case .addIssuer(_, let value): profile.claimRules.issuers.append(value)
        case .raiseLeeway(_, let seconds): profile.claimRules.leewaySeconds = seconds
        case .raiseMaximumLifetime(_, let seconds): profile.claimRules.maximumLifetimeSeconds = seconds
        case .allowAddress(_, let address): profile.allowedAddresses.append(try Self.range(address))
        case .activateAPIToken(_, let token):
            for index in profile.apiTokens.indices where profile.apiTokens[index].id == token {
                profile.apiTokens[index].isActive = true
            }
        case .extendAPIToken(_, let token):
            for index in profile.apiTokens.indices where profile.apiTokens[index].id == token {
                profile.apiTokens[index].expiresAt = Self.extended(now)
            }
        case .none, .mintAnother, .sendCorrected, .usePath, .setSecretIsBase64, .rewriteSecret,
            .reactivateKey, .extendKeyRetirement, .startKey, .setAlgorithm, .activateClient, .trustProxy,
            .activateEndpoint, .activateCollection, .addHost, .addMethod:
            return
        }
        try draft.put(profile)
    }

    private func changeCollection(_ draft: inout CatalogDraft) throws(CatalogError) {
        guard let id = collectionID, var collection = draft.catalog.collections[id] else {
            throw .notFound("collection", collectionID?.text ?? "")
        }
        switch self {
        case .activateCollection: collection.isActive = true
        case .addHost(_, let host): collection.hosts.append(host)
        case .activateEndpoint(_, let endpoint):
            for index in collection.endpoints.indices where collection.endpoints[index].id == endpoint {
                collection.endpoints[index].isActive = true
            }
        case .addMethod(_, let endpoint, let method):
            for index in collection.endpoints.indices where collection.endpoints[index].id == endpoint {
                collection.endpoints[index].methods.append(method)
            }
        case .none, .mintAnother, .sendCorrected, .usePath, .setSecretIsBase64, .rewriteSecret,
            .reactivateKey, .extendKeyRetirement, .startKey, .setAlgorithm, .setMethod, .activateProfile,
            .activateClient, .activateAPIToken, .extendAPIToken, .setIdentityClaim, .grantCollection,
            .addAudience, .addIssuer, .raiseLeeway, .raiseMaximumLifetime, .allowAddress, .trustProxy:
            return
        }
        try draft.put(collection)
    }

    /// The profile that would be changed besides its keys; `nil` where it is something else.
    private var profileID: ProfileID? {
        switch self {
        case .setMethod(let id, _), .activateProfile(let id), .setIdentityClaim(let id, _),
            .grantCollection(let id, _), .addAudience(let id, _), .addIssuer(let id, _),
            .raiseLeeway(let id, _), .raiseMaximumLifetime(let id, _), .allowAddress(let id, _),
            .activateAPIToken(let id, _), .extendAPIToken(let id, _):
            id
        case .none, .mintAnother, .sendCorrected, .usePath, .setSecretIsBase64, .rewriteSecret,
            .reactivateKey, .extendKeyRetirement, .startKey, .setAlgorithm, .activateClient, .trustProxy,
            .activateEndpoint, .activateCollection, .addHost, .addMethod:
            nil
        }
    }

    /// The collection that would be changed; `nil` where it is something else.
    private var collectionID: CollectionID? {
        switch self {
        case .activateEndpoint(let id, _), .activateCollection(let id), .addHost(let id, _),
            .addMethod(let id, _, _):
            id
        case .none, .mintAnother, .sendCorrected, .usePath, .setSecretIsBase64, .rewriteSecret,
            .reactivateKey, .extendKeyRetirement, .startKey, .setAlgorithm, .setMethod, .activateProfile,
            .activateClient, .activateAPIToken, .extendAPIToken, .setIdentityClaim, .grantCollection,
            .addAudience, .addIssuer, .raiseLeeway, .raiseMaximumLifetime, .allowAddress, .trustProxy:
            nil
        }
    }

    private static func range(_ address: IPAddress) throws(CatalogError) -> AddressRange {
        do throws(InvalidValue) {
            return try AddressRange(address.description)
        } catch {
            throw .invalid("ip_allow", "\(error)")
        }
    }

    private static func extended(_ now: Timestamp) -> Timestamp {
        Timestamp(secondsSinceEpoch: now.secondsSinceEpoch + extensionSeconds)
    }

    private static func change(
        _ id: KeyID,
        of profileID: ProfileID,
        _ draft: inout CatalogDraft,
        _ change: (inout ProfileKey) throws(KeyReadingError) -> Void
    ) throws(CatalogError) {
        guard var profile = draft.catalog.profiles[profileID],
            let index = profile.keys.firstIndex(where: { $0.id == id })
        else { throw .notFound("key", id.text) }
        do throws(KeyReadingError) {
            try change(&profile.keys[index])
        } catch {
            throw .invalid("keys[\(index)]", "\(error)")
        }
        try draft.put(profile)
    }
}

extension ProfileKey {
    /// The same key of other material.
    func remade(of material: Material) throws(KeyReadingError) -> ProfileKey {
        var key = try ProfileKey(
            id: id,
            name: name,
            material: material,
            createdAt: createdAt,
            wasAccepted: true
        )
        (key.isActive, key.keyID, key.algorithms) = (isActive, keyID, algorithms)
        (key.activeFrom, key.retireAt) = (activeFrom, retireAt)
        return key
    }

    /// The same key for one algorithm besides; a JWK's own `alg` gives way.
    func widened(to name: String) throws(KeyReadingError) -> ProfileKey {
        guard let algorithm = SignatureAlgorithm(headerValue: Array(name.utf8)) else { return self }
        var key = self
        if !verificationKey.algorithms.contains(algorithm),
            let text = verificationKey.subjectPublicKeyInfoPEM
        {
            key = try remade(of: .publicKey(text))
        }
        if !key.algorithms.isEmpty, !key.algorithms.contains(algorithm) { key.algorithms.append(algorithm) }
        return key
    }
}
