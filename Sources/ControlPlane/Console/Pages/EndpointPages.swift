import GatewayCore

/// The endpoints of a collection, each a form of its own.
struct EndpointPages {
    /// The pages.
    var routes: [ConsoleRoute] {
        let item = "/collections/{id}/endpoints/{endpoint_id}"
        return [
            .show("/collections/{id}/endpoints/new", .role(.manager)) { visit in
                let collection = try await CollectionPages.collection(visit)
                return try await newForm(collection, visit).page()
            },
            .post("/collections/{id}/endpoints/new") { visit in
                let collection = try await CollectionPages.collection(visit)
                return try await newForm(collection, visit).submit(
                    visit,
                    "POST",
                    "/api/v1/endpoints",
                    adding: [("collection_id", .string(collection.id))]
                ) { _ in .redirect(to: CollectionPages.page(visit)) }
            },
            .show(item) { visit in try await show(visit) },
            .show("\(item)/edit", .role(.manager)) { visit in
                let endpoint = try await found(visit)
                return try await editForm(endpoint, visit).page(showing: endpoint.document, tag: endpoint.tag)
            },
            .post("\(item)/edit") { visit in
                let endpoint = try await found(visit)
                return try await editForm(endpoint, visit).submit(
                    visit,
                    "PATCH",
                    path(visit),
                    changing: endpoint
                ) {
                    _ in .redirect(to: CollectionPages.page(visit))
                }
            },
            .show("\(item)/delete", .role(.manager)) { visit in try await delete(visit) },
            .post("\(item)/delete") { visit in
                _ = try await found(visit)
                return try await CatalogPage.delete(visit, path(visit), then: CollectionPages.page(visit))
            },
        ]
    }

    private func path(_ visit: Visit) -> String { "/api/v1/endpoints/\(visit.segment("endpoint_id"))" }

    /// The endpoint that the path names, when it is one of the path's collection.
    private func found(_ visit: Visit) async throws -> CatalogEntity {
        let endpoint = try await visit.api.entity(path(visit))
        guard endpoint.text("collection_id") == visit.path["id"] else {
            throw Problem(.notFound, "there is no such endpoint in this collection")
        }
        return endpoint
    }

    private func crumbs(_ collection: CatalogEntity) -> [Crumb] {
        [
            CollectionPages.crumb,
            Crumb(collection.name, "\(CollectionPages.root)/\(collection.id)"),
        ]
    }

    // MARK: Showing

    private func show(_ visit: Visit) async throws -> ConsoleAnswer {
        let collection = try await CollectionPages.collection(visit)
        let endpoint = try await found(visit)
        func texts(_ field: String) -> String {
            (endpoint.document[field]?.elements ?? []).compactMap(\.value.text).joined(separator: ", ")
        }
        func number(_ field: String) -> String {
            endpoint.document[field]?.value.number.map { "\($0)" } ?? ""
        }
        let isOpen = endpoint.text("authentication") == "none"
        let upstreamPath = endpoint.text("upstream_path")
        let facts: [(String, String)] = [
            ("Methods", texts("methods")),
            ("Path", "/\(collection.text("handle"))\(endpoint.text("path"))"),
            ("Upstream", endpoint.text("upstream")),
            ("Path at the upstream", upstreamPath.isEmpty ? "the same" : upstreamPath),
            ("Authentication", isOpen ? "none: anybody may call it" : "required"),
            ("Scopes", texts("scopes").isEmpty ? "none asked for" : texts("scopes")),
            ("Rule", endpoint.text("rule").isEmpty ? "none" : endpoint.text("rule")),
            ("Timeout", "\(number("timeout_seconds")) s"),
            ("Largest body", "\(number("max_body_bytes")) bytes"),
            (
                "Credential",
                endpoint.document["forward_credential"]?.value.isTrue == true
                    ? "passed on to the upstream" : "kept from the upstream"
            ),
        ]
        return .page(
            ConsolePage(
                "endpoint",
                title: endpoint.name,
                section: .collections,
                CatalogPage.crumbs(crumbs(collection)) + [
                    ("path", .string("\(CollectionPages.root)/\(collection.id)/endpoints/\(endpoint.id)")),
                    ("state", CatalogPage.state(endpoint.isActive)),
                    (
                        "facts",
                        .array(
                            facts.map {
                                DocumentNode(object: [("label", .string($0.0)), ("value", .string($0.1))])
                            }
                        )
                    ),
                ]
            )
        )
    }

    // MARK: Forms

    private func groups(_ visit: Visit) async throws -> [CatalogForm.Group] {
        [
            Self.calling, try await forwarding(visit),
            CatalogForm.Group(heading: "Who may", fields: Self.guarding), Self.more,
        ]
    }

    private static let calling = CatalogForm.Group(
        heading: "What is called",
        fields: [
            CatalogField(
                .text(emptyIsNull: false),
                FormField(
                    "name",
                    "Name",
                    hint: "For people and reports, unique here.",
                    isRequired: true
                )
            ),
            methods,
            CatalogField(
                .text(emptyIsNull: false),
                FormField(
                    "path",
                    "Path",
                    hint: "Below the handle; a name in braces stands for one segment.",
                    isRequired: true,
                    placeholder: "/orders/{id}"
                )
            ),
            PlainField.flag("active", "Active", "Switched off it answers 404.", isOn: true),
        ]
    )

    private func forwarding(_ visit: Visit) async throws -> CatalogForm.Group {
        let upstreams = try await visit.api.beginning(of: "/api/v1/upstreams")
        let names = upstreams.items.map { $0.text("name") }
        // A choice of only some would not say so: where there are too many for one, the name is typed.
        let field =
            upstreams.isWhole
            ? FormField("upstream", "Upstream", .choice(names.map { FormField.Option($0, $0) }))
            : FormField(
                "upstream",
                "Upstream",
                hint: "The name of one of the \(upstreams.total) upstreams.",
                isRequired: true
            )
        return CatalogForm.Group(
            heading: "Where it goes",
            hint: names.isEmpty ? "There is no upstream yet: make one under Upstreams first." : "",
            fields: [
                CatalogField(.text(emptyIsNull: false), field),
                PlainField.text(
                    "upstream_path",
                    "Path at the upstream",
                    "May use the path’s parameters. Empty: the same."
                ),
                PlainField.number(
                    "timeout_seconds",
                    "Timeout in seconds",
                    "How long the upstream may take to begin its answer, 1 to 240. Empty: 30."
                ),
            ]
        )
    }

    private static let more = CatalogForm.Group(
        heading: "More: body limit, credential",
        isFolded: true,
        fields: [
            PlainField.number("max_body_bytes", "Largest request body in bytes", "Empty: 5,000,000."),
            PlainField.flag(
                "forward_credential",
                "Pass the credential on",
                "Off: the upstream gets the caller’s name and claims, and not its token."
            ),
        ]
    )

    private static let methods = CatalogField(
        .list,
        FormField(
            "methods",
            "Methods",
            .area(rows: 2, isCode: true),
            value: "GET",
            hint: "One in a line, in capitals. GET answers HEAD too."
        )
    )

    private static let guarding = [
        CatalogField(
            .text(emptyIsNull: false),
            FormField(
                "authentication",
                "Authentication",
                .choice([
                    FormField.Option("required", "Required: only profiles that were granted this collection"),
                    FormField.Option("none", "None: anybody may call it"),
                ])
            )
        ),
        PlainField.list(
            "scopes",
            "Scopes",
            "One in a line: a token must have all of them, in scope or scp."
        ),
        CatalogField(
            .text(emptyIsNull: true),
            FormField(
                "rule",
                "Rule",
                .area(rows: 2, isCode: true),
                hint:
                    "A condition over claims and request: claims.tenant == path.tenant && \"write\" in scopes(claims.scope). "
                    + "Also: query.x, headers.x, method, !, ||, <, has(…), starts_with(…, …)."
            )
        ),
    ]

    private func newForm(_ collection: CatalogEntity, _ visit: Visit) async throws -> CatalogForm {
        let page = "\(CollectionPages.root)/\(collection.id)"
        return CatalogForm(
            title: "New endpoint",
            section: .collections,
            crumbs: crumbs(collection),
            action: "\(page)/endpoints/new",
            lead: "A method and path below /\(collection.text("handle")), and where its calls go.",
            groups: try await groups(visit),
            submit: "Make endpoint",
            cancel: page
        )
    }

    private func editForm(_ endpoint: CatalogEntity, _ visit: Visit) async throws -> CatalogForm {
        let collection = try await CollectionPages.collection(visit)
        let page = "\(CollectionPages.root)/\(collection.id)"
        return CatalogForm(
            title: "Edit endpoint",
            section: .collections,
            crumbs: crumbs(collection),
            action: "\(page)/endpoints/\(endpoint.id)/edit",
            notes: [
                try await RecentCalls.sentence(
                    .endpoint(endpoint.name, handle: collection.text("handle")),
                    visit
                )
            ],
            groups: try await groups(visit),
            cancel: page
        )
    }

    private func delete(_ visit: Visit) async throws -> ConsoleAnswer {
        let collection = try await CollectionPages.collection(visit)
        let endpoint = try await found(visit)
        return CatalogPage.confirm(
            "Delete endpoint",
            .collections,
            crumbs(collection),
            question: "\(CatalogPage.quoted(endpoint.name)) no longer answers from the next call on.",
            consequences: [
                "Calls of /\(collection.text("handle"))\(endpoint.text("path")) get 404 endpoint_not_found.",
                try await RecentCalls.sentence(
                    .endpoint(endpoint.name, handle: collection.text("handle")),
                    visit
                ),
                "To switch it off for a while, edit it and make it inactive.",
            ],
            action: "\(CollectionPages.page(visit))/endpoints/\(endpoint.id)/delete",
            submit: "Delete endpoint",
            cancel: CollectionPages.page(visit),
            tag: endpoint.tag
        )
    }
}
