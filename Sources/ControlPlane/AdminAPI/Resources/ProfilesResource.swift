import GatewayCore

/// `/api/v1/profiles`.
struct ProfilesResource: Resource {
    let catalog: CatalogAccess
    var lastUses: LastUses?
    let kind = "profile"
    let plural = "Profiles"
    let path = "/api/v1/profiles"
    let object = Schemas.profile
    let filters = [
        Operation.Parameter(
            name: "client",
            shape: .text(.any(1...200)),
            summary: "Only those of this client, by name."
        ),
        Operation.Parameter(
            name: "client_id",
            shape: .text(.identity),
            summary: "Only those of this client, by identity."
        ),
        Operation.Parameter(
            name: "collection",
            shape: .text(.any(1...100)),
            summary: "Only those that are granted this collection, by handle."
        ),
    ]

    func entities(in catalog: Catalog, _ call: Call) throws(Problem) -> [AccessProfile] {
        // One client's are found without looking at all the others.
        if let id: ClientID = call.text("client_id").flatMap({ ClientID($0) }) {
            return catalog.profiles(of: id)
        }
        return catalog.profiles.values
    }

    func isWanted(_ profile: AccessProfile, in catalog: Catalog, _ call: Call) -> Bool {
        if let name = call.text("client"), catalog.clients[profile.clientID]?.name != name { return false }
        if let id = call.text("client_id"), profile.clientID.text != id { return false }
        if let handle = call.text("collection") {
            guard let collection = catalog.collection(handle: handle) else { return false }
            return profile.grantedCollections.contains(collection.id)
        }
        return true
    }

    func searchedTexts(of profile: AccessProfile, in catalog: Catalog) -> [String] {
        [profile.name, catalog.clients[profile.clientID]?.name ?? ""]
    }

    var isActive: (@Sendable (AccessProfile) -> Bool)? { { $0.isActive } }

    func additions(to profiles: [AccessProfile]) async throws -> [[DocumentMember]] {
        try await LastUseAddition.times(of: profiles.map(UseID.all(of:)), lastUses).map { time in
            [LastUseAddition.member(time)]
        }
    }

    func find(in catalog: Catalog, _ call: Call) -> AccessProfile? {
        catalog.profiles[call.id(parameter)]
    }

    func id(of profile: AccessProfile) -> String { profile.id.text }
    func name(of profile: AccessProfile) -> String { profile.name }

    func document(of profile: AccessProfile, in catalog: Catalog) -> DocumentNode {
        profile.document(in: catalog)
    }

    func create(
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> AccessProfile {
        var reader = try DocumentReader(call.body)
        let profile = try AccessProfile(
            id: context.makeID(kind),
            clientID: try client(call, draft.catalog),
            from: &reader,
            catalog: draft.catalog,
            context: &context
        )
        try draft.put(profile)
        return profile
    }

    private func client(_ call: Call, _ catalog: Catalog) throws(Problem) -> ClientID {
        if let id = call.body["client_id"]?.value.text {
            guard let client = catalog.clients[ClientID(id)] else {
                throw Problem(.invalid, "client_id", "there is no client with this identity")
            }
            return client.id
        }
        guard let name = call.body["client"]?.value.text else {
            throw Problem(
                .invalid,
                "client",
                "the field is missing, expected the client's name here or client_id"
            )
        }
        guard let client = catalog.client(named: name) else {
            throw Problem(.invalid, "client", "there is no client of this name")
        }
        return client.id
    }

    func replace(
        _ profile: AccessProfile,
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> AccessProfile {
        var reader = try DocumentReader(call.body)
        var replaced = profile
        try replaced.replace(from: &reader, catalog: draft.catalog, context: &context)
        try draft.put(replaced)
        return replaced
    }

    func update(
        _ profile: AccessProfile,
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> AccessProfile {
        var reader = try DocumentReader(call.body)
        var updated = profile
        try updated.update(from: &reader, catalog: draft.catalog, context: &context)
        try draft.put(updated)
        return updated
    }

    func delete(_ profile: AccessProfile, _ call: Call, _ draft: inout CatalogDraft) throws {
        try draft.delete(profile: profile.id)
    }
}

/// A profile that the path of a key or an API token names.
enum ProfileOwner {
    /// The name of the path's parameter.
    static let parameter = "id"

    /// The profile.
    ///
    /// - Throws: ``Problem`` 404.
    static func profile(in catalog: Catalog, _ call: Call) throws(Problem) -> AccessProfile {
        guard let profile = catalog.profiles[call.id(parameter)] else {
            throw Problem(.notFound, "there is no profile with this id")
        }
        return profile
    }
}
