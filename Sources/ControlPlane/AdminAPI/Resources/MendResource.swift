import GatewayCore

/// `/api/v1/explain/mend`: does what mends a likely cause.
///
/// The caller names the cause, not the change: what is done is what an explanation of the same call finds anew, so
/// that nothing can be done through here that the explanation did not propose. Whoever says besides which remedy was
/// shown to them gets that one or none.
struct MendResource {
    let catalog: CatalogAccess
    let explain: Explainer

    /// The operations.
    var operations: [Operation] {
        [
            Operation(
                method: .post,
                path: "/api/v1/explain/mend",
                name: "mendLikelyCause",
                summary: "Explains a call anew, and applies the remedy of one of its likely causes.",
                tag: "Decisions",
                body: Operation.Body(object: Self.question.input),
                successes: [
                    Operation.Success(status: 200, summary: "What was done.", object: Self.outcome.output)
                ],
                problems: [.notFound, .invalid],
                changesCatalog: true,
                perform: { call in try await mend(call) }
            )
        ]
    }

    private func mend(_ call: Call) async throws -> AdminAnswer {
        let code = call.body["cause"]?.value.text ?? ""
        let (_, causes) = await explain(ExplainRequest(call.body))
        let likely = causes.filter { $0.code.rawValue == code }
        guard !likely.isEmpty else {
            throw Problem(.conflict, "the call has no such likely cause any more; have it explained again")
        }
        guard let cause = likely.first(where: { Self.difference($0.remedy, from: call.body) == nil }) else {
            let field = likely.compactMap { Self.difference($0.remedy, from: call.body) }.first ?? ""
            throw Problem(
                .conflict,
                "the remedy of \(code) is another one now (\(field)); have the call explained again"
            )
        }
        let remedy = cause.remedy
        _ = try await catalog.edit { draft in
            let old = draft.catalog
            guard try remedy.apply(to: &draft, now: call.now) else {
                throw Problem(
                    .conflict,
                    "nothing here mends \(code) (\(remedy.action)): it is for the caller to do"
                )
            }
            return ((), audit(cause, call, old, draft))
        }
        return AdminAnswer(
            200,
            DocumentNode(object: [("cause", .string(code)), ("action", .string(remedy.action))])
        )
    }

    /// The first field of a remedy that the body gives otherwise; what it does not give may be anything.
    private static func difference(_ remedy: Remedy, from body: DocumentNode) -> String? {
        let found = DocumentNode(object: [("action", .string(remedy.action))] + remedy.arguments)
        return LikelyCause.remedyShape.fields.map(\.name).first { name in
            body[name].map { $0.value != found[name]?.value } ?? false
        }
    }

    /// One entry for each entity that was changed, with what mended which cause.
    private func audit(
        _ cause: LikelyCause,
        _ call: Call,
        _ old: Catalog,
        _ draft: CatalogDraft
    ) -> [AuditEntry] {
        let new = draft.catalog
        var entries: [AuditEntry] = []
        func note(
            _ kind: String,
            _ id: String,
            _ name: String,
            _ before: DocumentNode?,
            _ after: DocumentNode?
        ) {
            let reason = DocumentNode(
                object: [
                    ("field", .string("likely_cause")), ("before", .string(cause.code.rawValue)),
                    ("after", .string(cause.remedy.action)),
                ]
            )
            let changes = AuditDetails.changes(from: before, to: after)
            // It was written just now, so it can be read.
            let known = try? DocumentNode(json: Array(changes.utf8), limits: DocumentNode.catalogJSONLimits)
            let details = DocumentNode(.array((known?.elements ?? []) + [reason])).json()
            entries.append(call.audit("mend", kind, id: id, name: name, details: details))
        }
        let change = draft.change
        if change.settings != nil {
            note("settings", "", "", old.settings.document(), new.settings.document())
        }
        for case (let id, .put(let client)) in change.clients {
            note("client", id.text, client.name, old.clients[id]?.document(), client.document())
        }
        for case (let id, .put(let profile)) in change.profiles {
            note(
                "profile",
                id.text,
                profile.name,
                old.profiles[id]?.document(in: old),
                profile.document(in: new)
            )
        }
        for case (let id, .put(let collection)) in change.collections {
            let before = old.collections[id]?.document(in: old)
            note("collection", id.text, collection.name, before, collection.document(in: new))
        }
        return entries
    }

    private static let question = ObjectShape(
        name: "Mending",
        summary:
            "The call whose likely cause is to be mended; of the remedy what was shown, which must still hold.",
        fields: DecisionShapes.question.fields + [
            ObjectShape.Field(
                "cause",
                .choice(LikelyCause.Code.allCases.map(\.rawValue)),
                "The likely cause, by its stable name.",
                isRequired: true
            )
        ] + LikelyCause.remedyShape.fields
    )

    private static let outcome = ObjectShape(
        name: "Mended",
        summary: "What was done about a likely cause.",
        fields: [
            ObjectShape.Field(
                "cause",
                .choice(LikelyCause.Code.allCases.map(\.rawValue)),
                "The likely cause."
            ),
            ObjectShape.Field("action", .choice(Remedy.actions), "What was done."),
        ]
    )
}
