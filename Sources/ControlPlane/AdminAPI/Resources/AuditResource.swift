import GatewayCore

/// `/api/v1/audit`: what managers did, newest first.
struct AuditResource {
    let source: AdminAPI.Dependencies.Source
    let exports: WorkLimit

    /// The operations.
    var operations: [Operation] {
        [
            Operation(
                method: .get,
                path: "/api/v1/audit",
                name: "listAuditEntries",
                summary: "Lists what managers did, newest first; empty for a gateway that runs from a file.",
                tag: "Audit",
                query: [
                    Operation.Parameter(
                        name: "limit",
                        shape: .integer(1...200),
                        summary: "At most so many.",
                        fallback: .integer(50)
                    ),
                    Operation.Parameter(
                        name: "before",
                        shape: .integer(1 ... .max),
                        summary: "Only entries older than this sequence number."
                    ),
                ] + Self.filters,
                successes: [
                    Operation.Success(status: 200, summary: "The entries.", object: Self.list.output)
                ],
                perform: { call in try await list(call) }
            ),
            Operation(
                method: .get,
                path: "/api/v1/audit.csv",
                name: "exportAuditEntries",
                summary: "Gives what managers did as a table, newest first.",
                tag: "Audit",
                query: [CSV.limit] + Self.filters,
                successes: [Operation.Success(status: 200, summary: "The table.", textType: CSV.type)],
                problems: [.tooManyAttempts],
                perform: { call in try await exports.perform { try await export(call) } }
            ),
        ]
    }

    private static let filters = [
        Operation.Parameter(name: "actor", shape: .text(.any(1...1000)), summary: "Only what this one did."),
        Operation.Parameter(
            name: "kind",
            shape: .text(.any(1...100)),
            summary: "Only what was done to this kind of thing, for instance `client`."
        ),
        Operation.Parameter(
            name: "action",
            shape: .text(.any(1...100)),
            summary: "Only this act, for instance `delete`."
        ),
        Operation.Parameter(
            name: "name",
            shape: .text(.any(1...1000)),
            summary: "Only what was done to something of this name."
        ),
        Operation.Parameter(name: "from", shape: .text(.time), summary: "Only from this moment on."),
        Operation.Parameter(name: "to", shape: .text(.time), summary: "Only up to this moment."),
    ]

    private static func query(_ call: Call, limit: Int) -> AuditQuery {
        var query = AuditQuery()
        query.before = call.integer("before")
        query.limit = limit
        query.actor = call.text("actor")
        query.kind = call.text("kind")
        query.action = call.text("action")
        query.name = call.text("name")
        query.from = call.text("from").flatMap { Timestamp(rfc3339: $0) }
        query.to = call.text("to").flatMap { Timestamp(rfc3339: $0) }
        return query
    }

    // How many are read at once.
    private static let exportPage = 1000

    private func export(_ call: Call) async throws -> AdminAnswer {
        var table = CSV([
            "sequence", "at", "actor", "origin", "action", "kind", "id", "name", "revision", "changes",
        ])
        var left = CSV.limit(of: call)
        guard case .service(_, let store) = source else { return table.answer(named: "audit") }
        var query = Self.query(call, limit: 0)
        while left > 0 {
            query.limit = min(left, Self.exportPage)
            let records = try await store.auditEntries(query)
            for record in records {
                let entry = record.entry
                table.add([
                    "\(record.sequence)", entry.at.description, entry.actor, entry.origin, entry.action,
                    entry.kind,
                    entry.id, entry.name, record.revision.map { "\($0.number)" } ?? "", entry.details,
                ])
            }
            left -= records.count
            guard records.count == query.limit, let last = records.last, !table.isFull else { break }
            query.before = last.sequence
        }
        return table.answer(named: "audit")
    }

    private func list(_ call: Call) async throws -> AdminAnswer {
        let limit = Int(call.integer("limit") ?? 50)
        let records: [AuditRecord]
        switch source {
        case .service(_, let store):
            records = try await store.auditEntries(Self.query(call, limit: limit))
        case .file: records = []
        }
        // The sequence has no gaps, so that entry 1 is the last of the last page.
        let next = records.last.flatMap { records.count == limit && $0.sequence > 1 ? $0.sequence : nil }
        return AdminAnswer(
            200,
            DocumentNode(
                object: [
                    ("items", .array(try records.map(document))),
                    ("next_before", next.map { .integer($0) } ?? .null),
                ]
            )
        )
    }

    private func document(_ record: AuditRecord) throws -> DocumentNode {
        let entry = record.entry
        return DocumentNode(
            object: [
                ("sequence", .integer(record.sequence)),
                ("revision", record.revision.map { .integer($0.number) } ?? .null),
                ("at", .string(entry.at.description)),
                ("actor", .string(entry.actor)),
                ("origin", .string(entry.origin)),
                ("action", .string(entry.action)),
                ("kind", .string(entry.kind)),
                ("id", .string(entry.id)),
                ("name", .string(entry.name)),
                ("changes", try changes(entry.details)),
            ]
        )
    }

    /// The details as they were written: JSON, or a text of the command line.
    private func changes(_ details: String) throws -> DocumentValue {
        guard details.utf8.first == UInt8(ascii: "[") else { return .array([]) }
        return try DocumentNode(json: Array(details.utf8), limits: DocumentNode.catalogJSONLimits).value
    }

    private static let list = ObjectShape(
        name: "AuditPage",
        summary: "Entries of the audit log, newest first.",
        fields: [
            ObjectShape.Field(
                "items",
                .list(.object(entry), count: 0...200, isUnique: false),
                "The entries."
            ),
            ObjectShape.Field(
                "next_before",
                .optional(.integer(1 ... .max)),
                "What `before` has to be for the next page, if there may be one."
            ),
        ]
    )

    private static let entry = ObjectShape(
        name: "AuditEntry",
        summary: "One act of a manager.",
        fields: [
            ObjectShape.Field("sequence", .integer(1 ... .max), "Its place in the log, without gaps."),
            ObjectShape.Field("revision", .optional(.natural), "The revision of the catalog that it made."),
            ObjectShape.Field("at", .text(.time), "When it happened."),
            ObjectShape.Field("actor", .text(.any(0...1000)), "Who did it."),
            ObjectShape.Field("origin", .text(.any(0...1000)), "Where it came from."),
            ObjectShape.Field("action", .text(.any(0...100)), "What was done."),
            ObjectShape.Field("kind", .text(.any(0...100)), "The kind of what it was done to."),
            ObjectShape.Field("id", .text(.any(0...100)), "The identity of what it was done to."),
            ObjectShape.Field("name", .text(.any(0...1000)), "The name of what it was done to."),
            ObjectShape.Field(
                "changes",
                .list(.object(CatalogResource.change), count: 0...1000, isUnique: false),
                "The fields that changed; never a secret."
            ),
        ]
    )
}
