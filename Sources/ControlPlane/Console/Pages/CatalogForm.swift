import GatewayCore

/// A page with a form about one entity of the catalog, in groups of fields.
struct CatalogForm: Sendable {
    /// Fields that belong together.
    struct Group: Sendable {
        var heading = ""
        var hint = ""
        /// Whether it is folded until somebody opens it: for what most people leave as it is.
        var isFolded = false
        var fields: [CatalogField]
    }

    /// A second button, which sends the form without saving it.
    struct Button: Sendable {
        let name: String
        let label: String
        /// The name of a field whose change presses the button, where there is a script.
        var follows = ""
    }

    let title: String
    let section: ConsoleSection
    var crumbs: [Crumb]
    let action: String
    var lead = ""
    /// Sentences above the form.
    var notes: [String] = []
    var groups: [Group]
    var submit = "Save"
    let cancel: String
    var button: Button?
    /// What was recognised in what was entered, for those forms that can say so.
    var finding: [(String, DocumentValue)] = []
    /// Marks the form for the script.
    var marker = ""
    var hidden: [(name: String, value: String)] = []

    var fields: [CatalogField] { groups.flatMap(\.fields) }

    /// The page with what a document has.
    func page(showing document: DocumentNode = DocumentNode(.object([])), tag: String = "") -> ConsoleAnswer {
        render(tag: tag, problem: nil, notes: notes(on: document)) { field in
            field.canShow(document) ? field.shown(in: document) : nil
        }
    }

    /// The page with what was entered, and why it was not accepted.
    func page(again form: Form, _ problem: ConsoleProblem?, tag: String = "") -> ConsoleAnswer {
        let isPrivate = finding.contains { $0.0 == "isPrivate" && $0.1.isTrue }
        return render(tag: tag, problem: problem, notes: []) { field in
            var shown = field.field.entered(form, problem)
            // Recognised in a form that looks like no private key, such as bare Base64.
            if isPrivate, field.name == "public_key" { shown.values = [] }
            return shown
        }
    }

    private func notes(on document: DocumentNode) -> [String] {
        fields.filter { !$0.canShow(document) }.map {
            "“\($0.field.label)” has values that cannot be written here; they stay, and are changed through the API."
        }
    }

    private func render(
        tag: String,
        problem: ConsoleProblem?,
        notes further: [String],
        _ show: (CatalogField) -> FormField?
    ) -> ConsoleAnswer {
        var hasFault = false
        let groups = groups.map { group -> DocumentNode in
            let shown = group.fields.compactMap(show)
            let isFaulty = shown.contains { !$0.fault.isEmpty }
            hasFault = hasFault || isFaulty
            return DocumentNode(
                object: [
                    ("heading", .string(group.heading)), ("groupHint", .string(group.hint)),
                    ("isFolded", .bool(group.isFolded)), ("isOpen", .bool(isFaulty)),
                    ("fields", .array(shown.map(\.content))),
                ]
            )
        }
        var page = ConsolePage("catalog-form", title: title, section: section, status: problem?.status ?? 200)
        page.content =
            CatalogPage.crumbs(crumbs) + [
                ("action", .string(action)), ("lead", .string(lead)), ("tag", .string(tag)),
                ("notes", CatalogPage.texts(notes + further)), ("groups", .array(groups)),
                ("submit", .string(submit)), ("cancel", .string(cancel)),
                ("fault", .string(problem.map { fault($0, isShownBelow: hasFault) } ?? "")),
                ("button", button.map(content) ?? .null), ("marker", .string(marker)),
                (
                    "hidden",
                    .array(
                        hidden.map {
                            DocumentNode(object: [("name", .string($0.name)), ("value", .string($0.value))])
                        }
                    )
                ),
                ("finding", finding.isEmpty ? .null : .fields(finding)),
            ]
        return .page(page)
    }

    private func content(_ button: Button) -> DocumentValue {
        .fields([
            ("name", .string(button.name)), ("label", .string(button.label)),
            ("follows", .string(button.follows)),
        ])
    }

    private func fault(_ problem: ConsoleProblem, isShownBelow: Bool) -> String {
        if problem.status == 412 {
            return
                "Somebody changed this meanwhile, and nothing was saved. What you entered is still below: look "
                + "at the page as it is now, and save again if yours is to take its place."
        }
        return isShownBelow ? "Nothing was changed: see below what is not right." : problem.detail
    }
}

extension CatalogForm {
    /// Sends what was entered to the API, and leads on; or shows the form again.
    ///
    /// - Parameters:
    ///   - visit: the posted form.
    ///   - method: the API's method.
    ///   - path: the API's path.
    ///   - old: the entity that is changed; `nil` when one is made.
    ///   - members: what is sent besides.
    ///   - next: where it leads, from what was answered.
    /// - Returns: what `next` says, or the form again with what is wrong.
    /// - Throws: ``ConsoleProblem``, and what `next` throws.
    func submit(
        _ visit: Visit,
        _ method: String,
        _ path: String,
        changing old: CatalogEntity? = nil,
        adding members: [(String, DocumentValue)] = [],
        then next: (DocumentNode) throws -> ConsoleAnswer
    ) async throws -> ConsoleAnswer {
        let sent = old.map { entity in fields.filter { !entity.isUnwritable($0) } } ?? fields
        var document = sent.document(in: visit.form, changing: old?.document).members
        document += members.map { DocumentMember($0.0, DocumentNode($0.1)) }
        // What is left empty where nothing is there yet is left out: the API has its own defaults.
        if old == nil { document.removeAll { $0.node.value == .null } }
        do {
            let tag = old.map { _ in visit.form.text("_tag") } ?? ""
            let answer = try await visit.api.send(
                method,
                path,
                [],
                .object(document),
                ifMatch: tag.isEmpty ? nil : tag
            )
            return try next(answer)
        } catch let problem as ConsoleProblem where [409, 412, 422].contains(problem.status) {
            // The tag of what is there now, so that saving again is a decision and not a dead end.
            let tag = problem.status == 412 ? old?.tag ?? "" : visit.form.text("_tag")
            return page(again: visit.form, problem, tag: old == nil ? "" : tag)
        }
    }
}
