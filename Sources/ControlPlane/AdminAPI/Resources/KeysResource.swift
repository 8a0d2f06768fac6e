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

    /// The operations, with the one that lets a key follow another.
    var operations: [Operation] { standardOperations + [rotateOperation] }

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

    // MARK: Rotating

    private var rotateOperation: Operation {
        Operation(
            method: .post,
            path: "\(path)/{\(parameter)}/rotate",
            name: "rotate\(operationNoun)",
            summary: "Adds a key that follows another, and retires that one, at once or with an overlap.",
            tag: plural,
            body: Operation.Body(object: Self.successor.input),
            successes: [
                Operation.Success(
                    status: 201,
                    summary: "The new key.",
                    object: object.output,
                    headers: ["Location", "ETag"]
                )
            ],
            changesCatalog: true,
            readsIfMatch: true,
            perform: { call in try await rotate(call) }
        )
    }

    private static let overlap = "overlap_seconds"

    private static let successor = ObjectShape(
        name: "KeySuccessor",
        summary: "The key that follows another, and for how long both verify.",
        fields: Schemas.key.fields + Schemas.refresh.fields
    )

    /// Both in one transaction: either the new key verifies and the old one has its end, or nothing was changed.
    private func rotate(_ call: Call) async throws -> AdminAnswer {
        var members = call.body.value.members
        let overlap = members.first { $0.name == Self.overlap }?.node.value.number ?? 0
        members.removeAll { $0.name == Self.overlap }
        let body = DocumentNode(.object(members), at: call.body.position)
        let end = Timestamp(secondsSinceEpoch: call.now.secondsSinceEpoch + overlap)
        let made = try await catalog.edit { draft in
            let (old, new) = try rotate(call, body, until: end, &draft)
            return (new, audit(old, new, call))
        }.outcome
        return try await answer((entity: made, document: made.document()), status: 201, call, isNew: true)
    }

    private typealias Retired = (before: ProfileKey, after: ProfileKey)

    private func rotate(
        _ call: Call,
        _ body: DocumentNode,
        until end: Timestamp,
        _ draft: inout CatalogDraft
    ) throws -> (old: Retired, new: ProfileKey) {
        var context = catalog.context(call)
        let old = try existingForChange(in: draft.catalog, call)
        let profile = try ProfileOwner.profile(in: draft.catalog, call)
        var reader = try DocumentReader(body)
        let new = try ProfileKey(from: &reader, of: profile.id, context: &context)
        try put(new, in: profile, replacing: nil, &draft)
        var retired = old
        // It never lives longer for having a successor.
        retired.retireAt = min(old.retireAt ?? end, end)
        do {
            let current = try ProfileOwner.profile(in: draft.catalog, call)
            try put(retired, in: current, replacing: old, &draft)
        } catch let problem as Problem {
            let fault = Problem.FieldError(field: Self.overlap, detail: "the old key: \(problem.detail)")
            throw Problem(problem.code, "\(fault.field): \(fault.detail)", errors: [fault])
        }
        return ((old, retired), new)
    }

    private func audit(_ old: Retired, _ new: ProfileKey, _ call: Call) -> [AuditEntry] {
        let made = AuditDetails.changes(from: nil, to: new.document())
        let retired = AuditDetails.changes(from: old.before.document(), to: old.after.document())
        return [
            call.audit("create", kind, id: new.id.text, name: new.name, details: made),
            call.audit("update", kind, id: old.after.id.text, name: old.after.name, details: retired),
        ]
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
