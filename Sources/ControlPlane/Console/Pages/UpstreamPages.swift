import GatewayCore

/// Upstreams: where calls go.
struct UpstreamPages {
    static let root = "/console/upstreams"
    static let crumb = Crumb("Upstreams", root)

    /// The pages.
    var routes: [ConsoleRoute] {
        [
            .show("/upstreams") { visit in try await list(visit) },
            .show("/upstreams/new", .role(.manager)) { _ in newForm.page() },
            .post("/upstreams/new") { visit in
                try await newForm.submit(visit, "POST", "/api/v1/upstreams") { made in
                    .redirect(to: "\(Self.root)/\(made.text("id"))")
                }
            },
            .show("/upstreams/{id}") { visit in try await show(visit) },
            .show("/upstreams/{id}/edit", .role(.manager)) { visit in
                let upstream = try await visit.api.entity(path(visit))
                return editForm(upstream).page(showing: upstream.document, tag: upstream.tag)
            },
            .post("/upstreams/{id}/edit") { visit in
                let upstream = try await visit.api.entity(path(visit))
                return try await editForm(upstream).submit(visit, "PATCH", path(visit), changing: upstream) {
                    _ in
                    .redirect(to: page(visit))
                }
            },
            .show("/upstreams/{id}/delete", .role(.manager)) { visit in try await delete(visit) },
            .post("/upstreams/{id}/delete") { visit in
                try await CatalogPage.delete(visit, path(visit), then: Self.root)
            },
        ]
    }

    private func path(_ visit: Visit) -> String { "/api/v1/upstreams/\(visit.segment("id"))" }
    private func page(_ visit: Visit) -> String { "\(Self.root)/\(visit.segment("id"))" }

    // MARK: Showing

    private func list(_ visit: Visit) async throws -> ConsoleAnswer {
        let answer = try await visit.api.get(
            "/api/v1/upstreams",
            [("cursor", visit.query["cursor"]), ("limit", "100")]
        )
        let rows = (answer["items"]?.elements ?? []).map { upstream in
            DocumentNode(
                object: [
                    ("path", .string("\(Self.root)/\(upstream.text("id"))")),
                    ("name", .string(upstream.text("name"))),
                    ("targets", CatalogPage.texts(targets(upstream))),
                    ("hasAssertion", .bool(upstream["assertion"]?.value.members.isEmpty == false)),
                ]
            )
        }
        return .page(
            ConsolePage(
                "upstreams",
                title: "Upstreams",
                section: .upstreams,
                [
                    ("rows", .array(rows)), ("hasRows", .bool(!rows.isEmpty)),
                    (
                        "next",
                        .string(answer["next_cursor"]?.value.text.map { "\(Self.root)?cursor=\($0)" } ?? "")
                    ),
                ]
            )
        )
    }

    private func targets(_ upstream: DocumentNode) -> [String] {
        (upstream["targets"]?.elements ?? []).map { $0.text("url") }
    }

    private func show(_ visit: Visit) async throws -> ConsoleAnswer {
        let upstream = try await visit.api.entity(path(visit))
        let users = try await users(of: upstream, visit)
        let rows = (users["items"]?.elements ?? []).map { endpoint in
            let collection = "\(CollectionPages.root)/\(endpoint.text("collection_id"))"
            return DocumentNode(
                object: [
                    ("path", .string("\(collection)/endpoints/\(endpoint.text("id"))")),
                    ("name", .string(endpoint.text("name"))),
                    ("template", .string("/\(endpoint.text("collection"))\(endpoint.text("path"))")),
                ]
            )
        }
        let total = users["total"]?.value.number ?? 0
        let headers = (upstream.document["claim_headers"]?.elements ?? []).map(
            CatalogField.LineForm.claimHeaders.line
        )
        let assertion = upstream.document["assertion"]
        return .page(
            ConsolePage(
                "upstream",
                title: upstream.name,
                section: .upstreams,
                CatalogPage.crumbs([Self.crumb]) + [
                    ("path", .string(page(visit))),
                    ("targets", CatalogPage.texts(targets(upstream.document))),
                    ("timeout", .integer(upstream.document["connect_timeout_seconds"]?.value.number ?? 0)),
                    ("headers", CatalogPage.texts(headers)), ("hasHeaders", .bool(!headers.isEmpty)),
                    ("audience", .string(assertion?.text("audience") ?? "")),
                    ("assertionHeader", .string(assertion?.text("header") ?? "")),
                    ("rows", .array(rows)), ("hasRows", .bool(!rows.isEmpty)),
                    ("total", .string(CatalogPage.count(Int(total), "endpoint"))),
                ]
            )
        )
    }

    private func users(of upstream: CatalogEntity, _ visit: Visit) async throws -> DocumentNode {
        try await visit.api.get("/api/v1/endpoints", [("upstream", upstream.name), ("limit", "100")])
    }

    // MARK: Forms

    private var groups: [CatalogForm.Group] {
        [
            CatalogForm.Group(fields: [
                CatalogField(
                    .text(emptyIsNull: false),
                    FormField(
                        "name",
                        "Name",
                        hint: "Endpoints are sent to it by this name.",
                        isRequired: true
                    )
                ),
                CatalogField(
                    .lines(.targets),
                    FormField(
                        "targets",
                        "Targets",
                        .area(rows: 3, isCode: true),
                        hint: "One URL in a line; calls go to them in turn: http://10.0.0.5:9000/prefix.",
                        isRequired: true,
                        placeholder: "http://127.0.0.1:9000"
                    )
                ),
                PlainField.number(
                    "connect_timeout_seconds",
                    "Connection timeout in seconds",
                    "1 to 60. Empty: 5."
                ),
            ]),
            CatalogForm.Group(
                heading: "What it is told of the caller",
                hint: "Besides the Portcullis-… headers that every upstream gets.",
                isFolded: true,
                fields: [
                    CatalogField(
                        .lines(.claimHeaders),
                        FormField(
                            "claim_headers",
                            "Claims as headers",
                            .area(rows: 3, isCode: true),
                            hint:
                                "One in a line: department -> X-Department. A list’s elements are joined by a comma, "
                                + "or by what stands in brackets: groups -> X-Groups (;)."
                        )
                    ),
                    PlainField.text(
                        "assertion.audience",
                        "Audience of a signed assertion",
                        "Empty: it gets none."
                    ),
                    PlainField.text(
                        "assertion.header",
                        "Header of the assertion",
                        "Empty: Portcullis-Assertion."
                    ),
                    PlainField.number(
                        "assertion.lifetime_seconds",
                        "Life of the assertion in seconds",
                        "10 to 600."
                    ),
                ]
            ),
        ]
    }

    private var newForm: CatalogForm {
        CatalogForm(
            title: "New upstream",
            section: .upstreams,
            crumbs: [Self.crumb],
            action: "\(Self.root)/new",
            lead: "A service that this gateway stands in front of, with one or more servers.",
            groups: groups,
            submit: "Make upstream",
            cancel: Self.root
        )
    }

    private func editForm(_ upstream: CatalogEntity) -> CatalogForm {
        let page = "\(Self.root)/\(upstream.id)"
        return CatalogForm(
            title: "Edit upstream",
            section: .upstreams,
            crumbs: [Self.crumb, Crumb(upstream.name, page)],
            action: "\(page)/edit",
            groups: groups,
            cancel: page
        )
    }

    private func delete(_ visit: Visit) async throws -> ConsoleAnswer {
        let upstream = try await visit.api.entity(path(visit))
        let total = try await users(of: upstream, visit)["total"]?.value.number ?? 0
        let crumbs = [Self.crumb, Crumb(upstream.name, page(visit))]
        guard total == 0 else {
            return .page(
                ConsolePage(
                    "problem",
                    title: "This upstream is in use",
                    section: .upstreams,
                    status: 409,
                    [
                        (
                            "detail",
                            .string(
                                "\(CatalogPage.count(Int(total), "endpoint")) \(total == 1 ? "forwards" : "forward") to "
                                    + "\(CatalogPage.quoted(upstream.name)): send them elsewhere or delete them first."
                            )
                        )
                    ]
                )
            )
        }
        return CatalogPage.confirm(
            "Delete upstream",
            .upstreams,
            crumbs,
            question: "\(CatalogPage.quoted(upstream.name)) is deleted. No endpoint uses it.",
            action: "\(page(visit))/delete",
            submit: "Delete upstream",
            cancel: page(visit),
            tag: upstream.tag
        )
    }
}

extension CatalogField.LineForm {
    /// Targets: each its URL.
    static let targets = CatalogField.LineForm(
        line: { $0.text("url") },
        object: { .fields([("url", .string($0))]) }
    )

    /// Claims as headers: `groups -> X-Groups (;)`.
    static let claimHeaders = CatalogField.LineForm(
        line: { entry in
            let separator = entry["separator"]?.value.text ?? ","
            return "\(entry.text("claim")) -> \(entry.text("header"))"
                + (separator == "," ? "" : " (\(separator))")
        },
        object: { line in
            let arrow = line.ranges(of: " -> ").last
            let claim = arrow.map { String(line[..<$0.lowerBound]) } ?? line
            let rest = arrow.map { line[$0.upperBound...] } ?? ""
            let header = rest.prefix { $0 != " " }
            let tail = rest.dropFirst(header.count)
            var members: [(String, DocumentValue)] = [
                ("claim", .string(claim)), ("header", .string(String(header))),
            ]
            if tail.hasPrefix(" ("), tail.hasSuffix(")") {
                members.append(("separator", .string(String(tail.dropFirst(2).dropLast()))))
            } else if !tail.isEmpty {
                members.append(("separator", .string(String(tail))))
            }
            return .fields(members)
        }
    )
}
