import GatewayCore

/// Collections with their endpoints, in order.
struct CollectionPages {
    static let root = "/console/collections"
    static let crumb = Crumb("Collections", root)

    /// The pages.
    var routes: [ConsoleRoute] {
        [
            .show("/collections") { visit in try await list(visit) },
            .show("/collections/new", .role(.manager)) { _ in newForm.page() },
            .post("/collections/new") { visit in
                try await newForm.submit(visit, "POST", "/api/v1/collections") { made in
                    .redirect(to: "\(Self.root)/\(made.text("id"))")
                }
            },
            .show("/collections/{id}") { visit in try await show(visit) },
            .show("/collections/{id}/edit", .role(.manager)) { visit in
                let collection = try await Self.collection(visit)
                return editForm(collection).page(showing: collection.document, tag: collection.tag)
            },
            .post("/collections/{id}/edit") { visit in
                let collection = try await Self.collection(visit)
                return try await editForm(collection)
                    .submit(visit, "PATCH", Self.path(visit), changing: collection) { _ in
                        .redirect(to: Self.page(visit))
                    }
            },
            .show("/collections/{id}/deactivate", .role(.manager)) { visit in
                try await confirm(visit, isDeleting: false)
            },
            .post("/collections/{id}/deactivate") { visit in
                try await CatalogPage.setActive(false, visit, Self.path(visit), then: Self.page(visit))
            },
            .post("/collections/{id}/activate") { visit in
                try await CatalogPage.setActive(true, visit, Self.path(visit), then: Self.page(visit))
            },
            .show("/collections/{id}/delete", .role(.manager)) { visit in
                try await confirm(visit, isDeleting: true)
            },
            .post("/collections/{id}/delete") { visit in
                try await CatalogPage.delete(visit, Self.path(visit), then: Self.root)
            },
            .post("/collections/{id}/move") { visit in try await move(visit) },
        ]
    }

    /// The collection that the path names, in the API.
    static func path(_ visit: Visit) -> String { "/api/v1/collections/\(visit.segment("id"))" }
    /// Its page.
    static func page(_ visit: Visit) -> String { "\(root)/\(visit.segment("id"))" }
    /// The collection.
    static func collection(_ visit: Visit) async throws -> CatalogEntity {
        try await visit.api.entity(path(visit))
    }

    // MARK: Showing

    private func list(_ visit: Visit) async throws -> ConsoleAnswer {
        let answer = try await visit.api.get(
            "/api/v1/collections",
            [("cursor", visit.query["cursor"]), ("limit", "100")]
        )
        let rows = (answer["items"]?.elements ?? []).map { collection in
            DocumentNode(
                object: [
                    ("path", .string("\(Self.root)/\(collection.text("id"))")),
                    ("name", .string(collection.text("name"))),
                    ("handle", .string(collection.text("handle"))),
                    ("version", .string(collection.text("version"))),
                    ("state", CatalogPage.state(collection["active"]?.value.isTrue ?? false)),
                    ("count", .integer(Int64(collection["endpoints"]?.elements.count ?? 0))),
                ]
            )
        }
        let hasUpstream = try await visit.api.count("/api/v1/upstreams", []) > 0
        return .page(
            ConsolePage(
                "collections",
                title: "Collections",
                section: .collections,
                [
                    ("rows", .array(rows)), ("hasRows", .bool(!rows.isEmpty)),
                    ("hasUpstream", .bool(hasUpstream)),
                    (
                        "next",
                        .string(answer["next_cursor"]?.value.text.map { "\(Self.root)?cursor=\($0)" } ?? "")
                    ),
                ]
            )
        )
    }

    private func show(_ visit: Visit) async throws -> ConsoleAnswer {
        let collection = try await Self.collection(visit)
        let endpoints = collection.document["endpoints"]?.elements ?? []
        let rows = endpoints.enumerated().map { index, endpoint in
            row(endpoint, collection, isFirst: index == 0, isLast: index == endpoints.count - 1)
        }
        let granted = try await visit.api.count(
            "/api/v1/profiles",
            [("collection", collection.text("handle"))]
        )
        let hosts = (collection.document["hosts"]?.elements ?? []).compactMap(\.value.text)
        return .page(
            ConsolePage(
                "collection",
                title: collection.name,
                section: .collections,
                CatalogPage.crumbs([Self.crumb]) + [
                    ("path", .string(Self.page(visit))), ("handle", .string(collection.text("handle"))),
                    ("version", .string(collection.text("version"))),
                    ("isActive", .bool(collection.isActive)), ("isInactive", .bool(!collection.isActive)),
                    ("state", CatalogPage.state(collection.isActive)), ("tag", .string(collection.tag)),
                    ("moveAction", .string("\(Self.page(visit))/move")),
                    ("hosts", .string(hosts.joined(separator: ", "))),
                    ("granted", .string(CatalogPage.count(Int(granted), "profile"))),
                    ("isGrantedToNone", .bool(granted == 0)),
                    ("rows", .array(rows)), ("hasRows", .bool(!rows.isEmpty)),
                ]
            )
        )
    }

    private func row(
        _ endpoint: DocumentNode,
        _ collection: CatalogEntity,
        isFirst: Bool,
        isLast: Bool
    ) -> DocumentNode {
        let methods = (endpoint["methods"]?.elements ?? []).compactMap(\.value.text)
        let upstreamPath = endpoint["upstream_path"]?.value.text ?? ""
        let isProtected = endpoint.text("authentication") != "none"
        let hasRule = endpoint["rule"]?.value.text != nil || endpoint["scopes"]?.elements.isEmpty == false
        return DocumentNode(
            object: [
                ("path", .string("\(Self.root)/\(collection.id)/endpoints/\(endpoint.text("id"))")),
                ("endpointID", .string(endpoint.text("id"))), ("name", .string(endpoint.text("name"))),
                ("methods", .string(methods.joined(separator: ", "))),
                ("template", .string(endpoint.text("path"))),
                ("upstream", .string(endpoint.text("upstream"))),
                ("upstreamPath", .string(upstreamPath)),
                ("state", CatalogPage.state(endpoint["active"]?.value.isTrue ?? false)),
                ("isOpen", .bool(!isProtected)), ("hasRule", .bool(hasRule)),
                ("isFirst", .bool(isFirst)), ("isLast", .bool(isLast)),
            ]
        )
    }

    /// Moves an endpoint one place up or down.
    private func move(_ visit: Visit) async throws -> ConsoleAnswer {
        let collection = try await Self.collection(visit)
        var ids = (collection.document["endpoints"]?.elements ?? []).map { $0.text("id") }
        let step = visit.form.text("direction") == "up" ? -1 : 1
        let tag = visit.form.text("_tag")
        guard let index = ids.firstIndex(of: visit.form.text("endpoint")), ids.indices.contains(index + step)
        else {
            return .redirect(to: Self.page(visit))
        }
        ids.swapAt(index, index + step)
        try await visit.api.send(
            "PUT",
            "\(Self.path(visit))/endpoint-order",
            [],
            .fields([("endpoints", .list(ids))]),
            ifMatch: tag.isEmpty ? nil : tag
        )
        return .redirect(to: Self.page(visit) + "#endpoints")
    }

    // MARK: Forms

    private var group: CatalogForm.Group {
        CatalogForm.Group(fields: [
            CatalogField(
                .text(emptyIsNull: false),
                FormField("name", "Name", hint: "For people: “Orders”.", isRequired: true)
            ),
            CatalogField(
                .text(emptyIsNull: false),
                FormField(
                    "handle",
                    "Handle",
                    hint: "The first segment of its URLs: orders-v1 answers at /orders-v1/….",
                    isRequired: true,
                    placeholder: "orders-v1"
                )
            ),
            CatalogField(.text(emptyIsNull: false), FormField("version", "Version", hint: "For people.")),
            PlainField.list(
                "hosts",
                "Host names",
                "One in a line, without a port. Empty: it answers under all."
            ),
        ])
    }

    private var newForm: CatalogForm {
        CatalogForm(
            title: "New collection",
            section: .collections,
            crumbs: [Self.crumb],
            action: "\(Self.root)/new",
            lead: "A group of endpoints that is granted as a whole. Its endpoints come next.",
            groups: [group],
            submit: "Make collection",
            cancel: Self.root
        )
    }

    private func editForm(_ collection: CatalogEntity) -> CatalogForm {
        let page = "\(Self.root)/\(collection.id)"
        return CatalogForm(
            title: "Edit collection",
            section: .collections,
            crumbs: [Self.crumb, Crumb(collection.name, page)],
            action: "\(page)/edit",
            lead: "Another handle is another URL: whoever calls the old one gets 404 from then on.",
            groups: [group],
            cancel: page
        )
    }

    // MARK: What asks first

    private func confirm(_ visit: Visit, isDeleting: Bool) async throws -> ConsoleAnswer {
        let collection = try await Self.collection(visit)
        let profiles = try await visit.api.get(
            "/api/v1/profiles",
            [("collection", collection.text("handle")), ("limit", "5")]
        )
        let total = Int(profiles["total"]?.value.number ?? 0)
        let count = collection.document["endpoints"]?.elements.count ?? 0
        let names = (profiles["items"]?.elements ?? []).map {
            "\(CatalogPage.quoted($0.text("client"))) / \(CatalogPage.quoted($0.text("name")))"
        }
        let last = isDeleting ? "The profiles lose the grant." : "It can be activated again."
        let granted = "It is granted to \(CatalogPage.count(total, "profile"))"
        return CatalogPage.confirm(
            isDeleting ? "Delete collection" : "Deactivate collection",
            .collections,
            [Self.crumb, Crumb(collection.name, Self.page(visit))],
            question: isDeleting
                ? "\(CatalogPage.quoted(collection.name)) is deleted with its endpoints. This cannot be undone."
                : "From the next call on, everything below /\(collection.text("handle")) answers 404.",
            consequences: [
                "\(CatalogPage.count(count, "endpoint")) no longer \(count == 1 ? "answers" : "answer").",
                names.isEmpty
                    ? "\(granted)."
                    : "\(granted): \(names.joined(separator: ", "))\(total > names.count ? ", …" : "").",
                try await RecentCalls.sentence(.collection(handle: collection.text("handle")), visit),
                last,
            ],
            action: "\(Self.page(visit))/\(isDeleting ? "delete" : "deactivate")",
            submit: isDeleting ? "Delete collection" : "Deactivate",
            cancel: Self.page(visit),
            tag: isDeleting ? collection.tag : ""
        )
    }
}
