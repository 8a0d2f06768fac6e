import GatewayCore

/// `/api/v1/profiles/{id}/keys`.
struct KeysResource: Resource {
    let catalog: CatalogAccess
    let lastUses: LastUses?
    let kind = "key"
    let plural = "Keys"
    let path = "/api/v1/profiles/{id}/keys"
    let parameter = "key_id"
    let object = Schemas.key

    func entities(in catalog: Catalog, _ call: Call) throws(Problem) -> [ProfileKey] {
        try ProfileOwner.profile(in: catalog, call).keys
    }

    func find(in catalog: Catalog, _ call: Call) -> ProfileKey? {
        let id: KeyID? = call.id(parameter)
        return catalog.profiles[call.id(ProfileOwner.parameter)]?.keys.first { $0.id == id }
    }

    var isActive: (@Sendable (ProfileKey) -> Bool)? { { $0.isActive } }
    func id(of key: ProfileKey) -> String { key.id.text }
    func name(of key: ProfileKey) -> String { key.name }

    func document(of key: ProfileKey, in catalog: Catalog) -> DocumentNode {
        key.document()
    }

    func additions(to keys: [ProfileKey]) async throws -> [[DocumentMember]] {
        try await LastUseAddition.members(of: keys.map { UseID($0.id) }, lastUses)
    }

    func create(
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> ProfileKey {
        let profile = try ProfileOwner.profile(in: draft.catalog, call)
        var reader = try DocumentReader(call.body)
        let key = try ProfileKey(from: &reader, of: profile.id, context: &context)
        try put(key, in: profile, replacing: nil, &draft)
        return key
    }

    func replace(
        _ key: ProfileKey,
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> ProfileKey {
        let profile = try ProfileOwner.profile(in: draft.catalog, call)
        var reader = try DocumentReader(call.body)
        let replaced = try ProfileKey(from: &reader, replacing: key, of: profile.id, context: &context)
        try put(replaced, in: profile, replacing: key, &draft)
        return replaced
    }

    func update(
        _ key: ProfileKey,
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> ProfileKey {
        let profile = try ProfileOwner.profile(in: draft.catalog, call)
        var reader = try DocumentReader(call.body)
        var updated = key
        try updated.update(from: &reader, of: profile.id, context: &context)
        try put(updated, in: profile, replacing: key, &draft)
        return updated
    }

    private func put(
        _ key: ProfileKey,
        in profile: AccessProfile,
        replacing old: ProfileKey?,
        _ draft: inout CatalogDraft
    ) throws {
        var profile = profile
        if let index = profile.keys.firstIndex(where: { $0.id == old?.id }) {
            profile.keys[index] = key
        } else if profile.keys.count >= AccessProfile.maximumKeys {
            throw Problem(
                .conflict,
                "the profile has \(profile.keys.count) keys already, the most it can have"
            )
        } else {
            profile.keys.append(key)
        }
        try Problem.within("keys") { try draft.put(profile) }
    }

    func delete(_ key: ProfileKey, _ call: Call, _ draft: inout CatalogDraft) throws {
        var profile = try ProfileOwner.profile(in: draft.catalog, call)
        profile.keys.removeAll { $0.id == key.id }
        try draft.put(profile)
    }
}
