import GatewayCore

/// The audit log: who changed what, when, and from where.
struct AuditPages {
    /// The pages.
    var routes: [ConsoleRoute] {
        [
            .show("/audit") { visit in try await list(visit) },
            .show("/audit.csv") { visit in
                .plain(await visit.api.answer("GET", "/api/v1/audit.csv", filters.values(visit)))
            },
        ]
    }

    private let filters = ListFilters(["actor", "kind", "action", "name", "from", "to"])

    private func list(_ visit: Visit) async throws -> ConsoleAnswer {
        let before = visit.query["before"]
        let found = try await filters.find(visit, "/api/v1/audit", [("before", before), ("limit", "50")])
        let entries = found.answer["items"]?.elements ?? []
        let query = filters.query(visit)
        let next =
            found.answer["next_before"]?.value.number.map { "/console/audit?\(query)&before=\($0)" } ?? ""
        return .page(
            ConsolePage(
                "audit",
                title: "Audit log",
                section: .audit,
                status: found.fault.isEmpty ? 200 : 400,
                [
                    ("fields", .array(fields(visit).map(\.content))),
                    ("fault", .string(found.fault)),
                    ("entries", .array(entries.map(entry))),
                    ("hasEntries", .bool(!entries.isEmpty)),
                    ("next", .string(next)),
                    ("isPaged", .bool(before != nil)),
                    ("isFiltered", .bool(!query.isEmpty)), ("query", .string(query)),
                ]
            )
        )
    }

    private func fields(_ visit: Visit) -> [FormField] {
        let value = { (name: String) in visit.query.text(name) }
        return [
            FormField("actor", "Who", value: value("actor"), placeholder: "operator:jdoe"),
            FormField("action", "Action", value: value("action"), placeholder: "create"),
            FormField("kind", "Kind", value: value("kind"), placeholder: "profile"),
            FormField("name", "Name", value: value("name")),
            filters.timeField("from", "From (UTC)", visit),
            filters.timeField("to", "To (UTC)", visit),
        ]
    }

    private func entry(_ entry: DocumentNode) -> DocumentNode {
        let changes = (entry["changes"]?.elements ?? []).map { change in
            DocumentNode(
                object: [
                    ("field", change["field"]?.value ?? .null),
                    ("before", .string(Self.words(change["before"]?.value))),
                    ("after", .string(Self.words(change["after"]?.value))),
                ]
            )
        }
        var members = entry.value.members.filter { $0.name != "changes" }
        members.append(
            DocumentMember(
                "moment",
                DocumentNode(.string(NumberWords.moment(entry["at"]?.value.text ?? "")))
            )
        )
        members.append(DocumentMember("changes", DocumentNode(.array(changes))))
        members.append(DocumentMember("hasChanges", DocumentNode(.bool(!changes.isEmpty))))
        return DocumentNode(.object(members))
    }

    /// A value of a document, as people read it.
    private static func words(_ value: DocumentValue?) -> String {
        switch value {
        case nil, .null: "—"
        case .bool(let bool): bool ? "yes" : "no"
        case .integer(let number): "\(number)"
        case .decimal(let text): text
        case .string(let text): text.isEmpty ? "(empty)" : text
        case .array(let nodes) where nodes.isEmpty: "(none)"
        case .array, .object: DocumentNode(value ?? .null).json()
        }
    }
}
