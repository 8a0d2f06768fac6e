/// What it takes to make the catalog like a document: the steps for people, and the same for the draft.
///
/// Names identify: a client by its name, a profile by its name within the client, a collection by its handle,
/// an endpoint by its name within the collection, an upstream by its name, a key and an API token by their
/// names within the profile.
package struct CatalogPlan: Sendable {
    /// The steps, in the order in which they are taken.
    package let steps: [Step]
    /// The catalog as it is after the steps.
    package let result: CatalogDraft
    let operations: [Operation]

    /// Compares a document of a whole catalog with the catalog.
    ///
    /// What the document does not mention stays, unless it prunes. Fields that are absent are at their
    /// default; a document without `settings` leaves those alone.
    ///
    /// - Parameters:
    ///   - document: an object with `settings`, `upstreams`, `collections`, `clients`.
    ///   - catalog: the catalog as it is.
    ///   - prune: whether what the document does not mention is deleted.
    ///   - context: the time, and where identities come from.
    /// - Returns: the plan, empty when the catalog is like the document already.
    /// - Throws: ``DocumentError`` with the field and its place; then nothing is planned.
    package static func make(
        document: DocumentNode,
        catalog: Catalog,
        prune: Bool,
        context: DocumentContext
    ) throws(DocumentError) -> CatalogPlan {
        var planner = CatalogPlanner(catalog: catalog, document: document, prunes: prune, context: context)
        try planner.plan()
        return CatalogPlan(steps: planner.steps, result: planner.draft, operations: planner.operations)
    }

    /// Whether the catalog is like the document already.
    package var isEmpty: Bool { steps.isEmpty }

    /// Takes the steps, on a draft of the catalog that the plan was made for.
    ///
    /// - Throws: ``CatalogError`` when the draft is of another catalog.
    package func apply(to draft: inout CatalogDraft) throws(CatalogError) {
        for operation in operations { try operation.perform(on: &draft) }
    }

    /// One entry for each step.
    package func auditEntries(at now: Timestamp, actor: String, origin: String) -> [AuditEntry] {
        steps.map { step in
            AuditEntry(
                at: now,
                actor: actor,
                origin: origin,
                action: step.action.rawValue,
                kind: step.kind.rawValue,
                id: step.id,
                name: step.name,
                details: step.changes.isEmpty
                    ? "" : DocumentNode(.array(step.changes.map(\.document))).json()
            )
        }
    }

    /// The steps as a list of documents: `{"action", "kind", "name", "changes"}`.
    package var document: DocumentNode {
        DocumentNode(.array(steps.map(\.document)))
    }
}

extension CatalogPlan {
    /// What happens to one entity.
    package struct Step: Sendable {
        /// What is done.
        package enum Action: String, Sendable, CaseIterable { case create, update, delete }

        /// To which kind of entity.
        package enum Kind: String, Sendable, CaseIterable {
            case settings, upstream, collection, endpoint, client, profile, key
            case apiToken = "api_token"
        }

        /// What is done.
        package let action: Action
        /// To which kind of entity.
        package let kind: Kind
        /// The name, its owners' names first: `Acme/acme-rsa/laptop`; empty for the settings.
        package let name: String
        /// The identity; empty for the settings.
        package let id: String
        /// The fields that change; empty when an entity is made or deleted.
        package let changes: [Change]

        var document: DocumentNode {
            var writer = DocumentWriter(.resource)
            writer.add("action", action.rawValue)
            writer.add("kind", kind.rawValue)
            writer.add("name", name)
            writer.add("changes", .array(changes.map(\.document)))
            return writer.node
        }
    }

    /// One field that changes; of a secret only that it does.
    package struct Change: Sendable {
        /// What is shown where a secret is or was.
        package static let secret = DocumentValue.string("(secret)")

        /// The field.
        package let field: String
        /// The value as it was; `nil` when the field was at its default.
        package let before: DocumentValue?
        /// The value as it becomes; `nil` when the field goes back to its default.
        package let after: DocumentValue?

        var document: DocumentNode {
            var writer = DocumentWriter(.resource)
            writer.add("field", field)
            writer.add("before", before ?? .null)
            writer.add("after", after ?? .null)
            return writer.node
        }

        /// The fields in which two documents of an entity in the export form differ.
        static func between(
            _ before: DocumentNode,
            _ after: DocumentNode,
            except ignored: Set<String> = []
        ) -> [Change] {
            guard case .object(let old) = before.value, case .object(let new) = after.value else { return [] }
            var changes: [Change] = []
            for member in new where !ignored.contains(member.name) {
                let was = before[member.name]?.value
                if was != member.node.value {
                    changes.append(Change(field: member.name, before: was, after: member.node.value))
                }
            }
            for member in old where !ignored.contains(member.name) && after[member.name] == nil {
                changes.append(Change(field: member.name, before: member.node.value, after: nil))
            }
            return changes
        }
    }

    /// One change of the draft.
    enum Operation: Sendable {
        case settings(GatewaySettings)
        case putUpstream(Upstream)
        case deleteUpstream(UpstreamID)
        case putCollection(Collection)
        case deleteCollection(CollectionID)
        case putClient(Client)
        case deleteClient(ClientID)
        case putProfile(AccessProfile)
        case deleteProfile(ProfileID)

        func perform(on draft: inout CatalogDraft) throws(CatalogError) {
            switch self {
            case .settings(let settings): try draft.put(settings)
            case .putUpstream(let upstream): try draft.put(upstream)
            case .deleteUpstream(let id): try draft.delete(upstream: id)
            case .putCollection(let collection): try draft.put(collection)
            case .deleteCollection(let id): try draft.delete(collection: id)
            case .putClient(let client): try draft.put(client)
            case .deleteClient(let id): try draft.delete(client: id)
            case .putProfile(let profile): try draft.put(profile)
            case .deleteProfile(let id): try draft.delete(profile: id)
            }
        }
    }
}
