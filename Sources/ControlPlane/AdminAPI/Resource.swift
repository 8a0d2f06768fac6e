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

    // MARK: Their parts

    private func list(_ call: Call) async throws -> AdminAnswer {
        let current = catalog.current
        let wantedName = call.text("name")
        let wantedText = call.text("search").map(SearchText.init)
        let wantsActive = call.query["active"].map { $0 == .bool(true) }
        let isActive = isActive
        let wanted = try entities(in: current, call).filter { entity in
            (wantedName.map { $0.utf8.elementsEqual(name(of: entity).utf8) } ?? true)
                && (wantsActive == nil || isActive?(entity) == wantsActive)
                && (wantedText?.isFound(in: searchedTexts(of: entity, in: current)) ?? true)
                && isWanted(entity, in: current, call)
        }
        let page = Page(of: wanted, call) { (name(of: $0), id(of: $0)) }
        let additions = try await additions(to: page.items)
        var documents = zip(page.items, additions).map { document(of: $0, in: current).adding($1) }
            .makeIterator()
        return AdminAnswer(200, page.document { _ in documents.next() ?? DocumentNode(.null) })
    }

    /// The entity that the call's path names.
    ///
    /// - Throws: ``Problem`` 404.
    func existing(in catalog: Catalog, _ call: Call) throws(Problem) -> Entity {
        guard let entity = find(in: catalog, call) else {
            throw Problem(.notFound, "there is no \(words) with this id here")
        }
        return entity
    }

    /// The entity that the call's path names, when the call's `If-Match` holds for it.
    ///
    /// - Throws: ``Problem`` 404 or 412.
    func existingForChange(in catalog: Catalog, _ call: Call) throws(Problem) -> Entity {
        let entity = try existing(in: catalog, call)
        let tag = self.document(of: entity, in: catalog).entityTag
        guard EntityTag.matches(ifMatch: call.request.ifMatch, tag) else {
            throw Problem(
                .preconditionFailed,
                "the entity tag is \(tag), If-Match names another; read it again"
            )
        }
        return entity
    }

    /// What an edit made of an entity.
    typealias Edited = (entity: Entity, document: DocumentNode)

    private func edit(
        _ call: Call,
        _ action: String,
        _ change:
            @Sendable (inout CatalogDraft, inout DocumentContext) throws -> (before: Entity?, after: Entity)
    ) async throws -> Edited {
        try await catalog.edit { draft in
            var context = catalog.context(call)
            let old = draft.catalog
            let (before, after) = try change(&draft, &context)
            let document = document(of: after, in: draft.catalog)
            let details = AuditDetails.changes(
                from: before.map { self.document(of: $0, in: old) },
                to: document
            )
            let entry = call.audit(action, kind, id: id(of: after), name: name(of: after), details: details)
            return ((entity: after, document: document), [entry])
        }.outcome
    }

    /// What a change answers: the entity with its entity tag, and where it is when it is new.
    func answer(
        _ edited: Edited,
        status: Int,
        _ call: Call,
        isNew: Bool
    ) async throws -> AdminAnswer {
        let additions = try await additions(to: [edited.entity]).first ?? []
        var answer = AdminAnswer(status, edited.document.adding(additions))
        answer.headers.append((name: "ETag", value: edited.document.entityTag))
        if isNew { answer.headers.append((name: "Location", value: location(id(of: edited.entity), call))) }
        return answer
    }

    /// The path of an entity.
    func location(_ id: String, _ call: Call) -> String {
        let owners = path.dropFirst().split(separator: "/").map { part in
            part.hasPrefix("{") ? call.path[String(part.dropFirst().dropLast())] ?? "" : String(part)
        }
        return "/" + (owners + [id]).joined(separator: "/")
    }
}

extension AdminAnswer {
    /// Answers with a document and its entity tag, or with 304 when the caller has it already.
    static func entity(
        _ document: DocumentNode,
        _ call: Call,
        adding additions: [DocumentMember] = []
    ) -> AdminAnswer {
        let tag = document.entityTag
        let header = [(name: "ETag", value: tag)]
        guard !EntityTag.isKnown(ifNoneMatch: call.request.ifNoneMatch, tag) else {
            return AdminAnswer(withoutBody: 304, headers: header)
        }
        return AdminAnswer(200, document.adding(additions), headers: header)
    }
}

extension DocumentNode {
    /// The object with further members.
    fileprivate func adding(_ additions: [DocumentMember]) -> DocumentNode {
        guard !additions.isEmpty, case .object(let members) = value else { return self }
        return DocumentNode(.object(members + additions), at: position)
    }
}

extension Problem {
    /// Performs a change of an owned list, and names the fields of its refusal from the element on:
    /// `keys[2].name` is the body's `name`.
    static func within<Outcome>(_ list: String, _ change: () throws -> Outcome) throws -> Outcome {
        do {
            return try change()
        } catch let error as CatalogError where error.field.hasPrefix("\(list)[") || error.field == list {
            let rest = error.field.split(separator: "]", maxSplits: 1).dropFirst().first ?? ""
            throw Problem(error.kind, rest.isEmpty ? "name" : String(rest.drop { $0 == "." }), error.message)
        }
    }
}
