import GatewayCore

/// `/api/v1/upstreams`.
struct UpstreamsResource: Resource {
    let catalog: CatalogAccess
    let kind = "upstream"
    let plural = "Upstreams"
    let path = "/api/v1/upstreams"
    let object = Schemas.upstream

    func entities(in catalog: Catalog, _ call: Call) throws(Problem) -> [Upstream] {
        Array(catalog.upstreams.values)
    }

    func find(in catalog: Catalog, _ call: Call) -> Upstream? {
        catalog.upstreams[call.id(parameter)]
    }

    func id(of upstream: Upstream) -> String { upstream.id.text }
    func name(of upstream: Upstream) -> String { upstream.name }

    func document(of upstream: Upstream, in catalog: Catalog) -> DocumentNode {
        upstream.document()
    }

    func create(
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> Upstream {
        var reader = try DocumentReader(call.body)
        let upstream = try Upstream(id: context.makeID(kind), from: &reader)
        try draft.put(upstream)
        return upstream
    }

    func replace(
        _ upstream: Upstream,
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> Upstream {
        var reader = try DocumentReader(call.body)
        let replaced = try Upstream(id: upstream.id, from: &reader)
        try draft.put(replaced)
        return replaced
    }

    func update(
        _ upstream: Upstream,
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> Upstream {
        var reader = try DocumentReader(call.body)
        var updated = upstream
        try updated.update(from: &reader)
        try draft.put(updated)
        return updated
    }

    func delete(_ upstream: Upstream, _ call: Call, _ draft: inout CatalogDraft) throws {
        try draft.delete(upstream: upstream.id)
    }
}
