import GatewayCore

/// `/api/v1/clients`.
struct ClientsResource: Resource {
    let catalog: CatalogAccess
    let lastUses: LastUses?
    let kind = "client"
    let plural = "Clients"
    let path = "/api/v1/clients"
    let object = Schemas.client

    func entities(in catalog: Catalog, _ call: Call) throws(Problem) -> [Client] {
        Array(catalog.clients.values)
    }

    func find(in catalog: Catalog, _ call: Call) -> Client? {
        catalog.clients[call.id(parameter)]
    }

    func id(of client: Client) -> String { client.id.text }
    func name(of client: Client) -> String { client.name }

    func document(of client: Client, in catalog: Catalog) -> DocumentNode {
        client.document()
    }

    func searchedTexts(of client: Client, in catalog: Catalog) -> [String] {
        [client.name, client.contactEmail]
    }
    var isActive: (@Sendable (Client) -> Bool)? { { $0.isActive } }

    func additions(to clients: [Client]) async throws -> [[DocumentMember]] {
        let current = catalog.current
        let profiles = clients.map { current.profiles(of: $0.id) }
        let times = try await LastUseAddition.times(of: profiles.map { $0.flatMap(UseID.all(of:)) }, lastUses)
        return zip(profiles, times).map { profiles, time in
            [
                DocumentMember("profile_count", DocumentNode(.integer(Int64(profiles.count)))),
                LastUseAddition.member(time),
            ]
        }
    }

    func create(_ call: Call, _ draft: inout CatalogDraft, _ context: inout DocumentContext) throws -> Client
    {
        var reader = try DocumentReader(call.body)
        let client = try Client(id: context.makeID(kind), from: &reader)
        try draft.put(client)
        return client
    }

    func replace(
        _ client: Client,
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> Client {
        var reader = try DocumentReader(call.body)
        let replaced = try Client(id: client.id, from: &reader)
        try draft.put(replaced)
        return replaced
    }

    func update(
        _ client: Client,
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> Client {
        var reader = try DocumentReader(call.body)
        var updated = client
        try updated.update(from: &reader)
        try draft.put(updated)
        return updated
    }

    func delete(_ client: Client, _ call: Call, _ draft: inout CatalogDraft) throws {
        try draft.delete(client: client.id)
    }
}
