import GatewayCore

/// `/api/v1/collections`.
struct CollectionsResource: Resource {
    let catalog: CatalogAccess
    let kind = "collection"
    let plural = "Collections"
    let path = "/api/v1/collections"
    let object = Schemas.collection
    let filters = [
        Operation.Parameter(
            name: "handle",
            shape: .text(.any(1...100)),
            summary: "Only the one with this handle."
        )
    ]

    /// The operations, and the one that puts the endpoints in another order.
    var operations: [Operation] { standardOperations + [EndpointOrder(collections: self).operation] }

    func entities(in catalog: Catalog, _ call: Call) throws(Problem) -> [GatewayCore.Collection] {
        Array(catalog.collections.values)
    }

    func isWanted(_ collection: GatewayCore.Collection, in catalog: Catalog, _ call: Call) -> Bool {
        call.text("handle").map { $0.utf8.elementsEqual(collection.handle.utf8) } ?? true
    }

    func find(in catalog: Catalog, _ call: Call) -> GatewayCore.Collection? {
        catalog.collections[call.id(parameter)]
    }

    var isActive: (@Sendable (GatewayCore.Collection) -> Bool)? { { $0.isActive } }
    func searchedTexts(of collection: GatewayCore.Collection, in catalog: Catalog) -> [String] {
        [collection.name, collection.handle]
    }
    func id(of collection: GatewayCore.Collection) -> String { collection.id.text }
    func name(of collection: GatewayCore.Collection) -> String { collection.name }

    func document(of collection: GatewayCore.Collection, in catalog: Catalog) -> DocumentNode {
        collection.document(in: catalog)
    }

    func create(
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> GatewayCore.Collection {
        var reader = try DocumentReader(call.body)
        let collection = try GatewayCore.Collection(
            id: context.makeID(kind),
            from: &reader,
            catalog: draft.catalog,
            context: &context
        )
        try draft.put(collection)
        return collection
    }

    func replace(
        _ collection: GatewayCore.Collection,
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> GatewayCore.Collection {
        var reader = try DocumentReader(call.body)
        var replaced = collection
        try replaced.replace(from: &reader, catalog: draft.catalog, context: &context)
        try draft.put(replaced)
        return replaced
    }

    func update(
        _ collection: GatewayCore.Collection,
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> GatewayCore.Collection {
        var reader = try DocumentReader(call.body)
        var updated = collection
        try updated.update(from: &reader, catalog: draft.catalog, context: &context)
        try draft.put(updated)
        return updated
    }

    func delete(_ collection: GatewayCore.Collection, _ call: Call, _ draft: inout CatalogDraft) throws {
        try draft.delete(collection: collection.id)
    }

    /// The profiles that were granted the collection lose the grant with it.
    func consequences(
        ofDeleting collection: GatewayCore.Collection,
        from old: Catalog,
        to new: Catalog,
        _ call: Call
    ) -> [AuditEntry] {
        let profiles = ProfilesResource(catalog: catalog)
        let granted = old.profiles.values.filter { $0.grantedCollections.contains(collection.id) }
        return granted.sorted { $0.id.text < $1.id.text }.compactMap { before in
            guard let after = new.profiles[before.id] else { return nil }
            let details = AuditDetails.changes(
                from: profiles.document(of: before, in: old),
                to: profiles.document(of: after, in: new)
            )
            return call.audit(
                "update",
                profiles.kind,
                id: after.id.text,
                name: after.name,
                details: details
            )
        }
    }
}
