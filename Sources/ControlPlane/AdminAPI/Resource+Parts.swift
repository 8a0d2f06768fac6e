import GatewayCore

/// What the operations of a resource are made of.
extension Resource {
    /// A page of the entities that the call asks for.
    func list(_ call: Call) async throws -> AdminAnswer {
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

    /// Makes a change of the catalog, and has the audit log say what it changed.
    func edit(
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
