import GatewayCore

/// One kind of entity that managers list, make, read, replace, change and delete.
///
/// A kind says in what it differs from the others; the operations are the same for all.
protocol Resource: Sendable {
    associatedtype Entity: Sendable

    /// The catalog that it works on.
    var catalog: CatalogAccess { get }
    /// The kind, as messages and the audit log name it.
    var kind: String { get }
    /// The plural, as names of operations have it: `Clients`.
    var plural: String { get }
    /// The path of the list.
    var path: String { get }
    /// The name of the path's last parameter.
    var parameter: String { get }
    /// The fields.
    var object: ObjectShape { get }
    /// The parameters that the list is narrowed by, besides `name`.
    var filters: [Operation.Parameter] { get }

    /// All entities below the path, in any order.
    ///
    /// - Throws: ``Problem`` 404 when the path's owner is not there.
    func entities(in catalog: Catalog, _ call: Call) throws(Problem) -> [Entity]
    /// Whether the call's filters let an entity through.
    func isWanted(_ entity: Entity, in catalog: Catalog, _ call: Call) -> Bool
    /// The texts that `search` looks through; the name unless said otherwise.
    func searchedTexts(of entity: Entity, in catalog: Catalog) -> [String]
    /// Whether an entity is active, which lists can be narrowed by; `nil` for kinds that cannot be switched off.
    var isActive: (@Sendable (Entity) -> Bool)? { get }
    /// The entity that the call's path names.
    func find(in catalog: Catalog, _ call: Call) -> Entity?
    func id(of entity: Entity) -> String
    func name(of entity: Entity) -> String
    /// What an entity's answer says besides, which changes without the entity being changed; not a part of its
    /// entity tag. In the order of the entities.
    func additions(to entities: [Entity]) async throws -> [[DocumentMember]]
    /// The entity as it is answered; without any secret.
    func document(of entity: Entity, in catalog: Catalog) -> DocumentNode

    /// Makes an entity of the call's body.
    func create(_ call: Call, _ draft: inout CatalogDraft, _ context: inout DocumentContext) throws -> Entity
    /// Replaces an entity by the call's body.
    func replace(
        _ entity: Entity,
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> Entity
    /// Changes the fields of an entity that the call's body gives.
    func update(
        _ entity: Entity,
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> Entity
    /// Deletes an entity with all that it owns.
    func delete(_ entity: Entity, _ call: Call, _ draft: inout CatalogDraft) throws
    /// What else the audit log must say when an entity was deleted: changes of entities that it did not own.
    func consequences(
        ofDeleting entity: Entity,
        from old: Catalog,
        to new: Catalog,
        _ call: Call
    ) -> [AuditEntry]
}

extension Resource {
    var parameter: String { "id" }
    var filters: [Operation.Parameter] { [] }
    func isWanted(_ entity: Entity, in catalog: Catalog, _ call: Call) -> Bool { true }
    func searchedTexts(of entity: Entity, in catalog: Catalog) -> [String] { [name(of: entity)] }
    var isActive: (@Sendable (Entity) -> Bool)? { nil }
    func additions(to entities: [Entity]) async throws -> [[DocumentMember]] { entities.map { _ in [] } }
    func consequences(
        ofDeleting entity: Entity,
        from old: Catalog,
        to new: Catalog,
        _ call: Call
    ) -> [AuditEntry] { [] }

    /// The operations of the kind.
    var operations: [Operation] { standardOperations }

    /// The operations that every kind has.
    var standardOperations: [Operation] {
        [listOperation, createOperation, readOperation, replaceOperation, updateOperation, deleteOperation]
    }

    private var itemPath: String { "\(path)/{\(parameter)}" }
    private var tag: String { plural }
    /// A name that operations are called by: `api_token` → `ApiToken`.
    var operationNoun: String {
        kind.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }
    /// The kind in words: `API token`.
    var words: String {
        kind.replacing("_", with: " ").replacing("api ", with: "API ")
    }

    // MARK: The operations

    private var listOperation: Operation {
        Operation(
            method: .get,
            path: path,
            name: "list\(plural)",
            summary: "Lists them by name, page by page.",
            tag: tag,
            query: [
                Operation.Parameter(
                    name: "name",
                    shape: .text(.any(1...200)),
                    summary: "Only the one of this name."
                ),
                Operation.Parameter(
                    name: "search",
                    shape: .text(.any(1...200)),
                    summary: "Only those that have this text in them, in whatever case."
                ),
            ] + (isActive == nil ? [] : [Self.activeParameter]) + filters + Paging.parameters,
            successes: [
                Operation.Success(status: 200, summary: "One page.", object: Paging.shape(of: object))
            ],
            perform: { call in try await list(call) }
        )
    }

    private static var activeParameter: Operation.Parameter {
        Operation.Parameter(
            name: "active",
            shape: .boolean,
            summary: "Only those that are active, or are not."
        )
    }

    private var createOperation: Operation {
        Operation(
            method: .post,
            path: path,
            name: "create\(operationNoun)",
            summary: "Makes one.",
            tag: tag,
            body: Operation.Body(object: object.input),
            successes: [
                Operation.Success(
                    status: 201,
                    summary: "It was made.",
                    object: object.output,
                    headers: ["Location", "ETag"]
                )
            ],
            changesCatalog: true,
            perform: { call in
                let made = try await edit(call, "create") { draft, context in
                    (nil, try create(call, &draft, &context))
                }
                return try await answer(made, status: 201, call, isNew: true)
            }
        )
    }

    private var readOperation: Operation {
        Operation(
            method: .get,
            path: itemPath,
            name: "get\(operationNoun)",
            summary: "Reads one.",
            tag: tag,
            successes: [
                Operation.Success(
                    status: 200,
                    summary: "As it is.",
                    object: object.output,
                    headers: ["ETag"]
                ),
                Operation.Success(
                    status: 304,
                    summary: "It is as the caller has it already.",
                    headers: ["ETag"]
                ),
            ],
            readsIfNoneMatch: true,
            perform: { call in
                let current = catalog.current
                let entity = try existing(in: current, call)
                let additions = try await additions(to: [entity]).first ?? []
                return .entity(document(of: entity, in: current), call, adding: additions)
            }
        )
    }

    private var replaceOperation: Operation {
        changeOperation(
            .put,
            "replace",
            "Replaces one: fields that are absent are set to their default.",
            Operation.Body(object: object.input)
        ) { entity, call, draft, context in
            try replace(entity, call, &draft, &context)
        }
    }

    private var updateOperation: Operation {
        changeOperation(
            .patch,
            "update",
            "Changes the fields that are given (RFC 7396).",
            Operation.Body(object: object.patch, isPatch: true)
        ) { entity, call, draft, context in
            try update(entity, call, &draft, &context)
        }
    }

    private func changeOperation(
        _ method: Operation.Method,
        _ verb: String,
        _ summary: String,
        _ body: Operation.Body,
        _ change:
            @escaping @Sendable (Entity, Call, inout CatalogDraft, inout DocumentContext) throws -> Entity
    ) -> Operation {
        Operation(
            method: method,
            path: itemPath,
            name: "\(verb)\(operationNoun)",
            summary: summary,
            tag: tag,
            body: body,
            successes: [
                Operation.Success(
                    status: 200,
                    summary: "As it is now.",
                    object: object.output,
                    headers: ["ETag"]
                )
            ],
            changesCatalog: true,
            readsIfMatch: true,
            perform: { call in
                let changed = try await edit(call, "update") { draft, context in
                    let before = try existingForChange(in: draft.catalog, call)
                    return (before, try change(before, call, &draft, &context))
                }
                return try await answer(
                    changed,
                    status: 200,
                    call,
                    isNew: id(of: changed.entity) != call.path[parameter]
                )
            }
        )
    }

    private var deleteOperation: Operation {
        Operation(
            method: .delete,
            path: itemPath,
            name: "delete\(operationNoun)",
            summary: "Deletes one, with all that it owns.",
            tag: tag,
            successes: [Operation.Success(status: 204, summary: "It is gone.")],
            changesCatalog: true,
            readsIfMatch: true,
            perform: { call in
                _ = try await catalog.edit { draft in
                    let old = draft.catalog
                    let entity = try existingForChange(in: old, call)
                    try delete(entity, call, &draft)
                    let entries = consequences(ofDeleting: entity, from: old, to: draft.catalog, call)
                    return (
                        (), entries + [call.audit("delete", kind, id: id(of: entity), name: name(of: entity))]
                    )
                }
                return AdminAnswer(withoutBody: 204)
            }
        )
    }
}
