import GatewayCore
import JOSE

/// The forms of an access profile, each with what belongs to the profile's method only.
enum ProfileForms {
    /// The forms.
    enum Part: String, CaseIterable, Sendable {
        /// Name, method, and what belongs to the method.
        case edit
        /// What its tokens' claims must fulfil.
        case rules
        /// What it may reach, and from where.
        case access
    }

    // MARK: A new one

    /// The choice of a method, and then the form for it.
    static func new(_ visit: Visit) async throws -> ConsoleAnswer {
        let client = try await visit.api.entity("/api/v1/clients/\(visit.segment("id"))")
        let page = "\(ClientPages.root)/\(client.id)"
        guard let method = ProfileMethod.all.first(where: { $0.value == visit.query.text("method") }) else {
            let choices = ProfileMethod.all.map { method in
                DocumentNode(
                    object: [
                        ("path", .string("\(page)/profiles/new?method=\(method.value)")),
                        ("words", .string(method.title)), ("hint", .string(method.hint)),
                    ]
                )
            }
            return .page(
                ConsolePage(
                    "profile-method",
                    title: "New access profile",
                    section: .clients,
                    CatalogPage.crumbs([ClientPages.crumb, Crumb(client.name, page)]) + [
                        ("choices", .array(choices))
                    ]
                )
            )
        }
        return try await newForm(client, method.value, visit).page()
    }

    /// Makes a profile.
    static func create(_ visit: Visit) async throws -> ConsoleAnswer {
        let client = try await visit.api.entity("/api/v1/clients/\(visit.segment("id"))")
        let method = visit.form.text("method")
        return try await newForm(client, method, visit).submit(
            visit,
            "POST",
            "/api/v1/profiles",
            adding: [("client_id", .string(client.id)), ("method", .string(method))]
        ) { made in .redirect(to: "\(ProfilePages.root)/\(made.text("id"))") }
    }

    private static func newForm(
        _ client: CatalogEntity,
        _ method: String,
        _ visit: Visit
    ) async throws -> CatalogForm {
        let page = "\(ClientPages.root)/\(client.id)"
        let title = ProfileMethod.title(method)
        return CatalogForm(
            title: "New access profile",
            section: .clients,
            crumbs: [ClientPages.crumb, Crumb(client.name, page)],
            action: "\(page)/profiles/new",
            lead: "Method: \(title). Its keys and API tokens come next, on the profile’s own page.",
            groups: [CatalogForm.Group(fields: [name])] + methodGroups(method) + [
                CatalogForm.Group(
                    heading: "What it may reach",
                    fields: [collections(try await visit.api.all("/api/v1/collections"))]
                )
            ],
            submit: "Make profile",
            cancel: "\(page)/profiles/new",
            hidden: [("method", method)]
        )
    }

    // MARK: Changing one

    /// The form for a part of a profile, when it has a method.
    static func form(
        _ part: Part,
        of profile: CatalogEntity,
        _ method: String,
        _ visit: Visit
    ) async throws -> CatalogForm {
        let page = "\(ProfilePages.root)/\(profile.id)"
        var form = CatalogForm(
            title: "",
            section: .clients,
            crumbs: ProfilePages.crumbs(profile),
            action: "\(page)/\(part.rawValue)",
            groups: [],
            cancel: page
        )
        switch part {
        case .edit:
            form = form.titled("Edit profile")
            form.groups = [CatalogForm.Group(fields: [name, methodField])] + methodGroups(method)
            form.button = CatalogForm.Button(
                name: "fields",
                label: "Show the fields of this method",
                follows: "method"
            )
        case .rules:
            form = form.titled("Claim rules")
            form.lead =
                "What a token’s claims must fulfil once its signature was found right. Empty fields ask for nothing."
            form.groups = ruleGroups(method)
        case .access:
            form = form.titled("Reach and addresses")
            form.groups = accessGroups(
                try await visit.api.all("/api/v1/collections"),
                granted: (profile.document["collections"]?.elements ?? []).compactMap(\.value.text)
            )
        }
        return form
    }

    /// Saves a part of a profile.
    static func save(_ part: Part, _ visit: Visit) async throws -> ConsoleAnswer {
        let profile = try await ProfilePages.profile(visit)
        let old = profile.text("method")
        let method = part == .edit ? visit.form.text("method") : old
        let form = try await form(part, of: profile, method, visit)
        if part == .edit, visit.form.isOn("fields") {
            return form.page(again: visit.form, nil, tag: visit.form.text("_tag"))
        }
        return try await form.submit(
            visit,
            "PATCH",
            ProfilePages.path(visit),
            changing: profile,
            adding: try await additions(part, profile, from: old, to: method, visit)
        ) { _ in .redirect(to: "\(ProfilePages.root)/\(profile.id)") }
    }

    /// What goes with the fields that were entered: what the old method had and the new one cannot have.
    private static func additions(
        _ part: Part,
        _ profile: CatalogEntity,
        from old: String,
        to method: String,
        _ visit: Visit
    ) async throws -> [(String, DocumentValue)] {
        guard part == .edit, old != method else { return [] }
        let kept = Set(methodGroups(method).flatMap(\.fields).map { String($0.name.prefix { $0 != "." }) })
        let dropped = Set(methodGroups(old).flatMap(\.fields).map { String($0.name.prefix { $0 != "." }) })
        var members = dropped.subtracting(kept).sorted().map { ($0, DocumentValue.null) }
        if method == "token" {
            members += ruleGroups(old).flatMap(\.fields).map { ($0.name, .null) }
        }
        return members
    }
}

extension CatalogForm {
    /// The same form under another title.
    fileprivate func titled(_ title: String) -> CatalogForm {
        var form = CatalogForm(
            title: title,
            section: section,
            crumbs: crumbs,
            action: action,
            groups: groups,
            cancel: cancel
        )
        form.lead = lead
        return form
    }
}
