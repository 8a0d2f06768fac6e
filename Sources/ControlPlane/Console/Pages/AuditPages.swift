import GatewayCore

/// The audit log: who changed what, when, and from where.
struct AuditPages {
    /// The pages.
    var routes: [ConsoleRoute] {
        [
            .show("/audit") { visit in try await list(visit) }
        ]
    }

    private func list(_ visit: Visit) async throws -> ConsoleAnswer {
        let before = visit.query["before"]
        let answer = try await visit.api.get("/api/v1/audit", [("before", before), ("limit", "50")])
        let entries = answer["items"]?.elements ?? []
        let next = answer["next_before"]?.value.number.map { "/console/audit?before=\($0)" } ?? ""
        return .page(
            ConsolePage(
                "audit",
                title: "Audit log",
                section: .audit,
                [
                    ("entries", .array(entries.map(entry))),
                    ("hasEntries", .bool(!entries.isEmpty)),
                    ("next", .string(next)),
                    ("isPaged", .bool(before != nil)),
                ]
            )
        )
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
