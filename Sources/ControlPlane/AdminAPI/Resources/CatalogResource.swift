import GatewayCore

/// `/api/v1/catalog`: the whole catalog, in the form of the catalog file.
struct CatalogResource {
    let catalog: CatalogAccess
    private let path = "/api/v1/catalog"
    private let tag = "Catalog"
    private static let bodyLimit = 256 << 20

    init(catalog: CatalogAccess) {
        self.catalog = catalog
    }

    /// The operations.
    var operations: [Operation] { [exportOperation, applyOperation] }

    private var exportOperation: Operation {
        Operation(
            method: .get,
            path: path,
            name: "exportCatalog",
            summary: "Exports the catalog, with digests and fingerprints where the secrets were.",
            tag: tag,
            successes: [
                Operation.Success(
                    status: 200,
                    summary: "The catalog.",
                    object: Self.file.input,
                    headers: ["ETag"]
                ),
                Operation.Success(status: 304, summary: "As the caller has it already.", headers: ["ETag"]),
            ],
            readsIfNoneMatch: true,
            perform: { call in
                let current = catalog.current
                let tag = Self.tag(of: current)
                let header = [(name: "ETag", value: tag)]
                guard !EntityTag.isKnown(ifNoneMatch: call.request.ifNoneMatch, tag) else {
                    return AdminAnswer(withoutBody: 304, headers: header)
                }
                return AdminAnswer(200, current.document(form: .export), headers: header)
            }
        )
    }

    private var applyOperation: Operation {
        Operation(
            method: .put,
            path: path,
            name: "applyCatalog",
            summary:
                "Makes the catalog like a document; what is not mentioned stays, unless pruning.",
            tag: tag,
            query: [
                Operation.Parameter(
                    name: "dry_run",
                    shape: .boolean,
                    summary: "Only answers the steps.",
                    fallback: .bool(false)
                ),
                Operation.Parameter(
                    name: "prune",
                    shape: .boolean,
                    summary: "Deletes what the document does not mention.",
                    fallback: .bool(false)
                ),
            ],
            body: Operation.Body(object: Self.file.input, limit: Self.bodyLimit, isChecked: false),
            successes: [
                Operation.Success(
                    status: 200,
                    summary: "What was done, or would be.",
                    object: Self.outcome.output
                )
            ],
            changesCatalog: true,
            readsIfMatch: true,
            perform: { call in
                if call.isOn("dry_run") {
                    let current = catalog.current
                    return answer(try plan(call, current), revision: current.revision, isApplied: false)
                }
                let (plan, after) = try await catalog.edit { draft -> (CatalogPlan, [AuditEntry]) in
                    let plan = try self.plan(call, draft.catalog)
                    try plan.apply(to: &draft)
                    let audit = plan.auditEntries(
                        at: call.now,
                        actor: call.principal.actor,
                        origin: call.request.clientAddress
                    )
                    return (plan, audit)
                }
                return answer(plan, revision: after.revision, isApplied: true)
            }
        )
    }

    private func plan(_ call: Call, _ current: Catalog) throws -> CatalogPlan {
        // Read before it is checked: the reader says what a misspelt name was meant to be.
        let plan = try CatalogPlan.make(
            document: call.body,
            catalog: current,
            prune: call.isOn("prune"),
            context: catalog.context(call)
        )
        let faults = Shape.object(Self.file.input).faults(call.body)
        guard faults.isEmpty else { throw Problem(faults) }
        // Last, since a condition counts only where all else is well (RFC 9110 §13.2.1).
        let tag = Self.tag(of: current)
        guard EntityTag.matches(ifMatch: call.request.ifMatch, tag) else {
            throw Problem(
                .preconditionFailed,
                "the entity tag is \(tag), If-Match names another; export it again"
            )
        }
        return plan
    }

    private func answer(_ plan: CatalogPlan, revision: CatalogRevision, isApplied: Bool) -> AdminAnswer {
        AdminAnswer(
            200,
            DocumentNode(
                object: [
                    ("revision", .integer(revision.number)),
                    ("applied", .bool(isApplied)),
                    ("steps", plan.document.value),
                ]
            )
        )
    }

    // The revision rather than a digest: the document may have hundreds of megabytes.
    private static func tag(of catalog: Catalog) -> String {
        "\"revision-\(catalog.revision)\""
    }

    // MARK: Its objects

    private static func all(_ object: ObjectShape, upTo limit: Int) -> Shape {
        .list(.object(object), count: 0...limit, isUnique: false)
    }

    private static let file = ObjectShape(
        name: "Catalog",
        summary: "The whole catalog, in the form of the catalog file.",
        fields: [
            ObjectShape.Field("settings", .object(Schemas.settings), "What holds for the whole gateway."),
            ObjectShape.Field("upstreams", all(Schemas.upstream, upTo: 100_000), "The upstreams."),
            ObjectShape.Field("collections", all(Schemas.collection, upTo: 100_000), "The collections."),
            ObjectShape.Field("clients", all(client, upTo: 1_000_000), "The clients with their profiles."),
        ]
    )

    private static let client = ObjectShape(
        name: "CatalogClient",
        summary: "A client with its profiles.",
        fields: Schemas.client.fields + [
            ObjectShape.Field("profiles", all(profile, upTo: 100_000), "Its profiles.")
        ]
    )

    private static let profile = ObjectShape(
        name: "CatalogProfile",
        summary: "A profile with what is refused of it.",
        fields: Schemas.profile.fields + [
            ObjectShape.Field(
                "revocations",
                all(Schemas.revocation, upTo: AccessProfile.maximumRevocations),
                "Its revocations; those that are not mentioned stay, but for a list that is given when pruning."
            )
        ]
    )

    private static let outcome = ObjectShape(
        name: "ApplyOutcome",
        summary: "What applying a document did, or would do.",
        fields: [
            ObjectShape.Field("revision", .natural, "The revision that the catalog has now."),
            ObjectShape.Field("applied", .boolean, "Whether the steps were taken."),
            ObjectShape.Field("steps", all(step, upTo: 10_000_000), "The steps, in order."),
        ]
    )

    private static let step = ObjectShape(
        name: "Step",
        summary: "What happens to one entity.",
        fields: [
            ObjectShape.Field(
                "action",
                .choice(CatalogPlan.Step.Action.allCases.map(\.rawValue)),
                "What is done."
            ),
            ObjectShape.Field(
                "kind",
                .choice(CatalogPlan.Step.Kind.allCases.map(\.rawValue)),
                "To which kind."
            ),
            ObjectShape.Field("name", .text(.any(0...1000)), "The name, its owners' names first."),
            ObjectShape.Field("changes", all(change, upTo: 1000), "The fields that change."),
        ]
    )

    /// One field that changes, as steps and audit entries show it.
    static let change = ObjectShape(
        name: "Change",
        summary: "One field that changes; of a secret only that it does.",
        fields: [
            ObjectShape.Field("field", .text(.any(1...1000)), "The field."),
            ObjectShape.Field("before", .anything, "The value as it was; null when there was none."),
            ObjectShape.Field("after", .anything, "The value as it becomes; null when there is none."),
        ]
    )
}
