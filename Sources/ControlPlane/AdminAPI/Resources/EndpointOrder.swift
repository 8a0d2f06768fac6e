import GatewayCore

/// `/api/v1/collections/{id}/endpoint-order`: the order in which a collection's endpoints are listed.
struct EndpointOrder: Sendable {
    let collections: CollectionsResource

    /// Puts the endpoints in another order; which of them answers a call does not depend on it.
    var operation: Operation {
        Operation(
            method: .put,
            path: "\(collections.path)/{\(collections.parameter)}/endpoint-order",
            name: "orderEndpoints",
            summary: "Puts the endpoints of a collection in another order, for people.",
            tag: collections.plural,
            body: Operation.Body(object: Self.object),
            successes: [
                Operation.Success(
                    status: 200,
                    summary: "The collection as it is now.",
                    object: Schemas.collection.output,
                    headers: ["ETag"]
                )
            ],
            changesCatalog: true,
            readsIfMatch: true,
            perform: { call in try await perform(call) }
        )
    }

    private func perform(_ call: Call) async throws -> AdminAnswer {
        let wanted = (call.body["endpoints"]?.elements ?? []).compactMap(\.value.text)
        let document = try await collections.catalog.edit { draft in
            var collection = try collections.existingForChange(in: draft.catalog, call)
            let before = collection.endpoints
            let byID = Dictionary(before.map { ($0.id.text, $0) }) { first, _ in first }
            let ordered = wanted.compactMap { byID[$0] }
            guard ordered.count == before.count, wanted.count == before.count else {
                throw Problem(.invalid, "endpoints", "expected every endpoint of the collection, each once")
            }
            collection.endpoints = ordered
            try draft.put(collection)
            let names = { (endpoints: [Endpoint]) in
                DocumentNode(object: [("endpoint_order", .list(endpoints.map(\.name)))])
            }
            let details = AuditDetails.changes(from: names(before), to: names(ordered))
            let entry = call.audit(
                "update",
                collections.kind,
                id: collection.id.text,
                name: collection.name,
                details: details
            )
            return (collections.document(of: collection, in: draft.catalog), [entry])
        }.outcome
        return AdminAnswer(200, document, headers: [(name: "ETag", value: document.entityTag)])
    }

    private static let object = ObjectShape(
        name: "EndpointOrder",
        summary: "The endpoints of a collection in another order.",
        fields: [
            ObjectShape.Field(
                "endpoints",
                .set(.text(.identity), upTo: 10_000),
                "The identities of all of them.",
                isRequired: true
            )
        ]
    ).input
}
