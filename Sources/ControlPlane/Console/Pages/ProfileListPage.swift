import GatewayCore

/// The list of all access profiles, whosever they are.
struct ProfileListPage {
    /// The page.
    var routes: [ConsoleRoute] { [.show("/profiles") { visit in try await list(visit) }] }

    private func list(_ visit: Visit) async throws -> ConsoleAnswer {
        let search = visit.query.text("search")
        let client = visit.query.text("client")
        let state = visit.query.text("state")
        let active = ["active": "true", "inactive": "false"][state]
        let answer = try await visit.api.get(
            "/api/v1/profiles",
            [
                ("search", search.isEmpty ? nil : search), ("client", client.isEmpty ? nil : client),
                ("active", active), ("cursor", visit.query["cursor"]), ("limit", "50"),
            ]
        )
        let rows = (answer["items"]?.elements ?? []).map { row($0, visit) }
        let total = Int(answer["total"]?.value.number ?? 0)
        let isFiltered = !search.isEmpty || !client.isEmpty || active != nil
        let filter = [("search", search), ("client", client), ("state", state)].map { name, value in
            "\(name)=\(PathSegment.encoded(value))"
        }.joined(separator: "&")
        let next = answer["next_cursor"]?.value.text.map { "\(ProfilePages.root)?\(filter)&cursor=\($0)" }
        return .page(
            ConsolePage(
                "profiles",
                title: "Access profiles",
                section: .clients,
                CatalogPage.crumbs([ClientPages.crumb]) + [
                    ("rows", .array(rows)), ("hasRows", .bool(!rows.isEmpty)),
                    ("isFiltered", .bool(isFiltered)), ("isEmpty", .bool(rows.isEmpty && !isFiltered)),
                    ("isNotFound", .bool(rows.isEmpty && isFiltered)),
                    ("search", .string(search)), ("client", .string(client)),
                    ("isActiveOnly", .bool(state == "active")),
                    ("isInactiveOnly", .bool(state == "inactive")),
                    ("total", .string(CatalogPage.count(total, "access profile"))),
                    ("next", .string(next ?? "")), ("isPaged", .bool(visit.query["cursor"] != nil)),
                    ("first", .string("\(ProfilePages.root)?\(filter)")),
                ]
            )
        )
    }

    private func row(_ profile: DocumentNode, _ visit: Visit) -> DocumentNode {
        DocumentNode(
            object: [
                ("path", .string("\(ProfilePages.root)/\(profile.text("id"))")),
                ("name", .string(profile.text("name"))), ("owner", .string(profile.text("client"))),
                ("ownerPath", .string("\(ClientPages.root)/\(profile.text("client_id"))")),
                ("method", .string(ProfileMethod.title(profile.text("method")))),
                ("state", CatalogPage.state(profile["active"]?.value.isTrue ?? false)),
                ("lastUse", CatalogPage.moment(profile["last_used_at"]?.value.text, visit.now)),
            ]
        )
    }
}
