import GatewayCore

/// `/api/v1/endpoints`: the endpoints of all collections.
struct EndpointsResource: Resource {
    let catalog: CatalogAccess
    let kind = "endpoint"
    let plural = "Endpoints"
    let path = "/api/v1/endpoints"
    let object = Schemas.endpoint
    let filters = [
        Operation.Parameter(
            name: "collection",
            shape: .text(.any(1...100)),
            summary: "Only those of this collection, by handle."
        ),
        Operation.Parameter(
            name: "upstream",
            shape: .text(.any(1...200)),
            summary: "Only those that forward to this upstream, by name."
        ),
    ]

    func entities(in catalog: Catalog, _ call: Call) throws(Problem) -> [Endpoint] {
        guard let handle = call.text("collection") else {
            return catalog.collections.values.flatMap(\.endpoints)
        }
        return catalog.collection(handle: handle)?.endpoints ?? []
    }

    func isWanted(_ endpoint: Endpoint, in catalog: Catalog, _ call: Call) -> Bool {
        call.text("upstream").map { catalog.upstreams[endpoint.upstreamID]?.name == $0 } ?? true
    }

    func find(in catalog: Catalog, _ call: Call) -> Endpoint? {
        guard let id: EndpointID = call.id(parameter) else { return nil }
        return catalog.collection(of: id)?.endpoints.first { $0.id == id }
    }

    var isActive: (@Sendable (Endpoint) -> Bool)? { { $0.isActive } }
    func searchedTexts(of endpoint: Endpoint, in catalog: Catalog) -> [String] {
        [endpoint.name, endpoint.path.description]
    }
    func id(of endpoint: Endpoint) -> String { endpoint.id.text }
    func name(of endpoint: Endpoint) -> String { endpoint.name }

    func document(of endpoint: Endpoint, in catalog: Catalog) -> DocumentNode {
        endpoint.document(in: catalog)
    }

    func create(
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> Endpoint {
        var collection = try collection(call, draft.catalog)
        // The collection is where the endpoint is put, not a field that it could read by itself yet.
        var reader = try DocumentReader(call.body.without(["collection", "collection_id"]))
        let endpoint = try Endpoint(
            id: context.makeID(kind),
            from: &reader,
            catalog: draft.catalog,
            context: &context
        )
        collection.endpoints.append(endpoint)
        try Problem.within("endpoints") { try draft.put(collection) }
        return endpoint
    }

    private func collection(_ call: Call, _ catalog: Catalog) throws(Problem) -> GatewayCore.Collection {
        if let id = call.body["collection_id"]?.value.text {
            guard let collection = catalog.collections[CollectionID(id)] else {
                throw Problem(.invalid, "collection_id", "there is no collection with this identity")
            }
            return collection
        }
        guard let handle = call.body["collection"]?.value.text else {
            throw Problem(
                .invalid,
                "collection",
                "the field is missing, expected the collection's handle here or collection_id"
            )
        }
        guard let collection = catalog.collection(handle: handle) else {
            throw Problem(.invalid, "collection", "there is no collection with this handle")
        }
        return collection
    }

    func replace(
        _ endpoint: Endpoint,
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> Endpoint {
        var reader = try DocumentReader(call.body)
        let replaced = try Endpoint(id: endpoint.id, from: &reader, catalog: draft.catalog, context: &context)
        try put(replaced, &draft)
        return replaced
    }

    func update(
        _ endpoint: Endpoint,
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> Endpoint {
        var reader = try DocumentReader(call.body)
        var updated = endpoint
        try updated.update(from: &reader, catalog: draft.catalog, context: &context)
        try put(updated, &draft)
        return updated
    }

    private func put(_ endpoint: Endpoint, _ draft: inout CatalogDraft) throws {
        try changeList(of: endpoint, &draft) { endpoints, index in endpoints[index] = endpoint }
    }

    func delete(_ endpoint: Endpoint, _ call: Call, _ draft: inout CatalogDraft) throws {
        try changeList(of: endpoint, &draft) { endpoints, index in endpoints.remove(at: index) }
    }

    private func changeList(
        of endpoint: Endpoint,
        _ draft: inout CatalogDraft,
        _ change: (inout [Endpoint], Int) -> Void
    ) throws {
        guard var collection = draft.catalog.collection(of: endpoint.id),
            let index = collection.endpoints.firstIndex(where: { $0.id == endpoint.id })
        else { throw Problem(.notFound, "there is no endpoint with this id here") }
        change(&collection.endpoints, index)
        try Problem.within("endpoints") { try draft.put(collection) }
    }
}

extension DocumentNode {
    /// The object less some of its members.
    fileprivate func without(_ names: Set<String>) -> DocumentNode {
        guard case .object(let members) = value else { return self }
        return DocumentNode(.object(members.filter { !names.contains($0.name) }), at: position)
    }
}
