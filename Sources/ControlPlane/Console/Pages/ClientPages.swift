import GatewayCore

/// Clients: who consumes APIs, each with its access profiles.
struct ClientPages {
    static let root = "/console/clients"
    static let crumb = Crumb("Clients", root)

    /// The pages.
    var routes: [ConsoleRoute] {
        [
            .show("/clients") { visit in try await list(visit) },
            .show("/clients/new", .role(.manager)) { _ in newForm.page() },
            .post("/clients/new") { visit in
                try await newForm.submit(visit, "POST", "/api/v1/clients") { made in
                    .redirect(to: "\(Self.root)/\(made["id"]?.value.text ?? "")")
                }
            },
            .show("/clients/{id}") { visit in try await show(visit) },
            .show("/clients/{id}/edit", .role(.manager)) { visit in
                let client = try await client(visit)
                return editForm(client).page(showing: client.document, tag: client.tag)
            },
            .post("/clients/{id}/edit") { visit in
                let client = try await client(visit)
                return try await editForm(client).submit(visit, "PATCH", path(visit), changing: client) { _ in
                    .redirect(to: "\(Self.root)/\(client.id)")
                }
            },
            .show("/clients/{id}/deactivate", .role(.manager)) { visit in try await deactivate(visit) },
            .post("/clients/{id}/deactivate") { visit in
                try await CatalogPage.setActive(false, visit, path(visit), then: page(visit))
            },
            .post("/clients/{id}/activate") { visit in
                try await CatalogPage.setActive(true, visit, path(visit), then: page(visit))
            },
            .show("/clients/{id}/delete", .role(.manager)) { visit in try await delete(visit) },
            .post("/clients/{id}/delete") { visit in
                try await CatalogPage.delete(visit, path(visit), then: Self.root)
            },
        ]
    }

    private func path(_ visit: Visit) -> String { "/api/v1/clients/\(visit.segment("id"))" }
    private func page(_ visit: Visit) -> String { "\(Self.root)/\(visit.segment("id"))" }
    private func client(_ visit: Visit) async throws -> CatalogEntity {
        try await visit.api.entity(path(visit))
    }

    // MARK: The list

    private func list(_ visit: Visit) async throws -> ConsoleAnswer {
        let search = visit.query.text("search")
        let state = visit.query.text("state")
        let active = ["active": "true", "inactive": "false"][state]
        let answer = try await visit.api.get(
            "/api/v1/clients",
            [
                ("search", search.isEmpty ? nil : search), ("active", active),
                ("cursor", visit.query["cursor"]), ("limit", "50"),
            ]
        )
        let items = answer["items"]?.elements ?? []
        let rows = items.map { row($0, visit) }
        let total = answer["total"]?.value.number ?? 0
        let isFiltered = !search.isEmpty || active != nil
        let filter = "search=\(PathSegment.encoded(search))&state=\(PathSegment.encoded(state))"
        let next = answer["next_cursor"]?.value.text.map { "\(Self.root)?\(filter)&cursor=\($0)" } ?? ""
        return .page(
            ConsolePage(
                "clients",
                title: "Clients",
                section: .clients,
                [
                    ("rows", .array(rows)), ("hasRows", .bool(!rows.isEmpty)),
                    ("isFiltered", .bool(isFiltered)), ("isEmpty", .bool(rows.isEmpty && !isFiltered)),
                    ("isNotFound", .bool(rows.isEmpty && isFiltered)),
                    ("search", .string(search)), ("isActiveOnly", .bool(state == "active")),
                    ("isInactiveOnly", .bool(state == "inactive")),
                    ("total", .string(CatalogPage.count(Int(total), "client"))),
                    ("next", .string(next)), ("isPaged", .bool(visit.query["cursor"] != nil)),
                    ("first", .string("\(Self.root)?\(filter)")),
                ]
            )
        )
    }

    private func row(_ client: DocumentNode, _ visit: Visit) -> DocumentNode {
        DocumentNode(
            .object(
                client.value.members + [
                    DocumentMember("path", DocumentNode(.string("\(Self.root)/\(client.text("id"))"))),
                    DocumentMember(
                        "state",
                        DocumentNode(CatalogPage.state(client["active"]?.value.isTrue ?? false))
                    ),
                    DocumentMember(
                        "lastUse",
                        DocumentNode(CatalogPage.moment(client["last_used_at"]?.value.text, visit.now))
                    ),
                ]
            )
        )
    }

    // MARK: One of them

    private func show(_ visit: Visit) async throws -> ConsoleAnswer {
        let client = try await client(visit)
        let profiles = try await visit.api.beginning(
            of: "/api/v1/profiles",
            [("client_id", client.id)],
            pages: 1
        )
        let rows = profiles.items.map { profile in
            DocumentNode(
                object: [
                    ("path", .string("/console/profiles/\(profile.text("id"))")),
                    ("name", .string(profile.text("name"))),
                    ("method", .string(ProfileMethod.title(profile.text("method")))),
                    ("state", CatalogPage.state(profile["active"]?.value.isTrue ?? false)),
                    ("keyCount", .integer(Int64(profile["keys"]?.elements.count ?? 0))),
                    ("tokenCount", .integer(Int64(profile["api_tokens"]?.elements.count ?? 0))),
                    ("collectionCount", .integer(Int64(profile["collections"]?.elements.count ?? 0))),
                    ("lastUse", CatalogPage.moment(profile["last_used_at"]?.value.text, visit.now)),
                ]
            )
        }
        return .page(
            ConsolePage(
                "client",
                title: client.name,
                section: .clients,
                CatalogPage.crumbs([Self.crumb]) + [
                    ("path", .string("\(Self.root)/\(client.id)")),
                    ("description", .string(client.text("description"))),
                    ("email", .string(client.text("contact_email"))),
                    ("isInactive", .bool(!client.isActive)), ("isActive", .bool(client.isActive)),
                    ("state", CatalogPage.state(client.isActive)), ("id", .string(client.id)),
                    ("lastUse", CatalogPage.moment(client.document["last_used_at"]?.value.text, visit.now)),
                    ("rows", .array(rows)), ("hasRows", .bool(!rows.isEmpty)),
                    ("isCut", .bool(!profiles.isWhole)), ("shownCount", .integer(Int64(rows.count))),
                    ("total", .integer(Int64(profiles.total))),
                    ("all", .string("\(ProfilePages.root)?client=\(PathSegment.encoded(client.name))")),
                ]
            )
        )
    }

    // MARK: Forms

    private var group: CatalogForm.Group {
        CatalogForm.Group(fields: [
            CatalogField(
                .text(emptyIsNull: false),
                FormField(
                    "name",
                    "Name",
                    hint: "The organisation, department or app, as your colleagues know it. Unique.",
                    isRequired: true
                )
            ),
            CatalogField(
                .text(emptyIsNull: false),
                FormField("description", "Description", .area(rows: 3, isCode: false))
            ),
            CatalogField(
                .text(emptyIsNull: false),
                FormField(
                    "contact_email",
                    "Contact e-mail",
                    .line(type: "email"),
                    hint: "Whom to write to before a key is retired."
                )
            ),
        ])
    }

    private var newForm: CatalogForm {
        CatalogForm(
            title: "New client",
            section: .clients,
            crumbs: [Self.crumb],
            action: "\(Self.root)/new",
            lead:
                "First the client; then its access profile says how it authenticates and what it may reach.",
            groups: [group],
            submit: "Register client",
            cancel: Self.root
        )
    }

    private func editForm(_ client: CatalogEntity) -> CatalogForm {
        let page = "\(Self.root)/\(client.id)"
        return CatalogForm(
            title: "Edit client",
            section: .clients,
            crumbs: [Self.crumb, Crumb(client.name, page)],
            action: "\(page)/edit",
            groups: [group],
            cancel: page
        )
    }

    // MARK: What asks first

    private func deactivate(_ visit: Visit) async throws -> ConsoleAnswer {
        let client = try await client(visit)
        return CatalogPage.confirm(
            "Deactivate client",
            .clients,
            [Self.crumb, Crumb(client.name, page(visit))],
            question:
                "From the next call on, \(CatalogPage.quoted(client.name)) is refused with 403 client_inactive.",
            consequences: try await consequences(client, visit) + [
                "Nothing is deleted: it can be activated again."
            ],
            action: "\(page(visit))/deactivate",
            submit: "Deactivate",
            cancel: page(visit)
        )
    }

    private func delete(_ visit: Visit) async throws -> ConsoleAnswer {
        let client = try await client(visit)
        return CatalogPage.confirm(
            "Delete client",
            .clients,
            [Self.crumb, Crumb(client.name, page(visit))],
            question: "\(CatalogPage.quoted(client.name)) is deleted with everything that belongs to it. "
                + "This cannot be undone.",
            consequences: try await consequences(client, visit) + [
                "Its keys and API tokens can never be used again."
            ],
            action: "\(page(visit))/delete",
            submit: "Delete client",
            cancel: page(visit),
            tag: client.tag
        )
    }

    private func consequences(_ client: CatalogEntity, _ visit: Visit) async throws -> [String] {
        let profiles = try await visit.api.beginning(of: "/api/v1/profiles", [("client_id", client.id)])
        let keys = profiles.items.reduce(0) { $0 + ($1["keys"]?.elements.count ?? 0) }
        let tokens = profiles.items.reduce(0) { $0 + ($1["api_tokens"]?.elements.count ?? 0) }
        let use = CatalogPage.lastUse(client.document["last_used_at"]?.value.text, visit.now)
        // The number of profiles is known whatever there is; keys are counted in those that were read.
        let atLeast = profiles.isWhole ? "" : "at least "
        return [
            "\(CatalogPage.count(profiles.total, "profile")), \(atLeast)\(CatalogPage.count(keys, "key")), "
                + "\(atLeast)\(CatalogPage.count(tokens, "API token")); \(use).",
            try await RecentCalls.sentence(.client(client.name), visit),
        ]
    }
}

/// The methods of authentication, as people read them.
enum ProfileMethod {
    /// All of them: the value, the title, and what it is for.
    static let all: [(value: String, title: String, hint: String)] = [
        (
            "jwt", "Signed JWT",
            "The client signs each token itself, with an HMAC secret or the private half of a key."
        ),
        (
            "token", "API token alone",
            "The API token goes with each call, in a header or as a password. Simple, and as safe as the wire."
        ),
        (
            "oauth2", "OAuth 2.0 client credentials",
            "The client exchanges its API token for short-lived access tokens that this gateway signs."
        ),
        (
            "oidc", "Identity provider",
            "Okta, Auth0, Keycloak or another one issues the tokens; their keys are fetched from there."
        ),
    ]

    /// The title of a method.
    static func title(_ value: String) -> String {
        all.first { $0.value == value }?.title ?? value
    }
}

extension DocumentNode {
    /// The text of a field; empty when there is none.
    func text(_ field: String) -> String { self[field]?.value.text ?? "" }
}
