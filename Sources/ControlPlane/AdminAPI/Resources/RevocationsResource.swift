import GatewayCore

/// `/api/v1/profiles/{id}/revocations`.
struct RevocationsResource: Resource {
    let catalog: CatalogAccess
    let kind = "revocation"
    let plural = "Revocations"
    let path = "/api/v1/profiles/{id}/revocations"
    let parameter = "revocation_id"
    let object = Schemas.revocation

    func entities(in catalog: Catalog, _ call: Call) throws(Problem) -> [Revocation] {
        try ProfileOwner.profile(in: catalog, call).revocations
    }

    func find(in catalog: Catalog, _ call: Call) -> Revocation? {
        let id: RevocationID? = call.id(parameter)
        return catalog.profiles[call.id(ProfileOwner.parameter)]?.revocations.first { $0.id == id }
    }

    func id(of revocation: Revocation) -> String { revocation.id.text }
    func name(of revocation: Revocation) -> String { revocation.name }

    func document(of revocation: Revocation, in catalog: Catalog) -> DocumentNode {
        revocation.document()
    }

    func create(
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> Revocation {
        let profile = try ProfileOwner.profile(in: draft.catalog, call)
        var reader = try DocumentReader(call.body)
        let revocation = try Revocation(from: &reader, of: profile, context: &context)
        if profile.revocations.contains(where: { $0.id == revocation.id }) {
            throw Problem(.conflict, "these tokens are revoked already")
        }
        try put(profile.revocations + [revocation], in: profile, call, &draft)
        return revocation
    }

    func replace(
        _ revocation: Revocation,
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> Revocation {
        var fresh = revocation
        fresh.reason = ""
        fresh.expiresAt = nil
        return try changed(fresh, call, &draft)
    }

    func update(
        _ revocation: Revocation,
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> Revocation {
        try changed(revocation, call, &draft)
    }

    private func changed(
        _ revocation: Revocation,
        _ call: Call,
        _ draft: inout CatalogDraft
    ) throws -> Revocation {
        let profile = try ProfileOwner.profile(in: draft.catalog, call)
        var reader = try DocumentReader(call.body)
        var changed = revocation
        try changed.update(from: &reader)
        try put(profile.revocations.map { $0.id == changed.id ? changed : $0 }, in: profile, nil, &draft)
        return changed
    }

    /// Puts the list in the profile; with a call, less what has ended by then.
    private func put(
        _ revocations: [Revocation],
        in profile: AccessProfile,
        _ call: Call?,
        _ draft: inout CatalogDraft
    ) throws {
        var profile = profile
        profile.revocations = revocations
        if let call {
            profile.revocations.removeAll { !$0.counts(at: call.now) && $0 != revocations.last }
        }
        try Problem.within("revocations") { try draft.put(profile) }
    }

    func delete(_ revocation: Revocation, _ call: Call, _ draft: inout CatalogDraft) throws {
        let profile = try ProfileOwner.profile(in: draft.catalog, call)
        try put(profile.revocations.filter { $0.id != revocation.id }, in: profile, call, &draft)
    }
}
