import GatewayCore

/// Refusals and samples of what was admitted: a list with filters, and a page for each.
struct DecisionPages {
    /// The pages.
    var routes: [ConsoleRoute] {
        [
            .show("/decisions") { visit in try await list(visit) },
            .show("/decisions.csv") { visit in
                .plain(await visit.api.answer("GET", "/api/v1/decisions.csv", filters.values(visit)))
            },
            .poll("/decisions/rows") { visit in try await newRows(visit) },
            .show("/decisions/{request_id}") { visit in try await one(visit) },
        ]
    }

    private let filters = ListFilters([
        "outcome", "code", "client", "profile", "endpoint", "address", "request_id", "from", "to",
    ])

    // MARK: The list

    private func list(_ visit: Visit) async throws -> ConsoleAnswer {
        let cursor = visit.query["cursor"]
        let found = try await filters.find(visit, "/api/v1/decisions", [("cursor", cursor), ("limit", "50")])
        let items = found.answer["items"]?.elements ?? []
        let query = filters.query(visit)
        let next =
            found.answer["next_cursor"]?.value.text.map { "/console/decisions?\(query)&cursor=\($0)" } ?? ""
        return .page(
            ConsolePage(
                "decisions",
                title: "Refusals",
                section: .decisions,
                status: found.fault.isEmpty ? 200 : 400,
                [
                    ("fields", .array(fields(visit).map(\.content))),
                    ("fault", .string(found.fault)),
                    ("items", .array(items.map(Self.row))), ("hasItems", .bool(!items.isEmpty)),
                    ("next", .string(next)), ("isPaged", .bool(cursor != nil)),
                    ("isFiltered", .bool(!query.isEmpty)), ("query", .string(query)),
                    ("newest", .string(found.answer["newest_cursor"]?.value.text ?? "")),
                ]
            )
        )
    }

    /// What came after a cursor, as rows of the list, oldest first: what the live view asks for.
    private func newRows(_ visit: Visit) async throws -> ConsoleAnswer {
        let answer = try await visit.api.get(
            "/api/v1/decisions",
            filters.values(visit) + [("after", visit.query["after"]), ("limit", "50")]
        )
        return .page(
            ConsolePage(
                "decision-rows",
                title: "",
                [
                    ("items", .array((answer["items"]?.elements ?? []).reversed().map(Self.row))),
                    ("newest", .string(answer["newest_cursor"]?.value.text ?? "")),
                ]
            )
        )
    }

    private func fields(_ visit: Visit) -> [FormField] {
        let value = { (name: String) in visit.query.text(name) }
        let any = FormField.Option("", "any")
        return [
            FormField(
                "outcome",
                "Outcome",
                .choice([
                    FormField.Option("refused", "refused"),
                    FormField.Option("admitted", "admitted (samples)"),
                    FormField.Option("all", "all"),
                ]),
                value: value("outcome")
            ),
            FormField(
                "code",
                "Code",
                .choice([any] + Rejection.Code.allCases.map { FormField.Option($0.rawValue, $0.rawValue) }),
                value: value("code")
            ),
            FormField("client", "Client", value: value("client")),
            FormField("profile", "Profile", value: value("profile")),
            FormField("endpoint", "Endpoint", value: value("endpoint"), placeholder: "handle/name"),
            FormField("address", "Address", value: value("address")),
            FormField("request_id", "Request id", value: value("request_id")),
            filters.timeField("from", "From (UTC)", visit),
            filters.timeField("to", "To (UTC)", visit),
        ]
    }

    /// A decision as a row of the list.
    private static func row(_ decision: DocumentNode) -> DocumentNode {
        let failed = (decision["checks"]?.elements ?? []).first { $0["result"]?.value.text == "failed" }
        let code = decision["code"]?.value.text
        var members = decision.value.members.filter { !["checks", "at"].contains($0.name) }
        members +=
            DocumentNode(
                object: [
                    ("at", decision["at"]?.value ?? .null),
                    ("moment", .string(NumberWords.moment(decision["at"]?.value.text ?? ""))),
                    ("detail", failed?["detail"]?.value ?? .null), ("isAdmitted", .bool(code == nil)),
                    ("duration", duration(decision)),
                ]
            ).value.members
        return DocumentNode(.object(members))
    }

    private static func duration(_ decision: DocumentNode) -> DocumentValue {
        decision["duration_us"]?.value.number.map { .string(NumberWords.duration(microseconds: $0)) } ?? .null
    }

    // MARK: One decision

    private func one(_ visit: Visit) async throws -> ConsoleAnswer {
        let decision: DocumentNode
        do {
            decision = try await visit.api.get("/api/v1/decisions/\(visit.segment("request_id"))")
        } catch let problem as ConsoleProblem where problem.status == 404 {
            throw Problem(
                .notFound,
                "no decision is kept under this request id: it may be too old, or a call that was let in and not sampled"
            )
        }
        let code = decision["code"]?.value.text
        let status = decision.count("status")
        return .page(
            ConsolePage(
                "decision",
                title: code == nil ? "Admitted" : "Refused: \(code ?? "")",
                section: .decisions,
                CatalogPage.crumbs([Crumb("Refusals", "/console/decisions")]) + [
                    ("facts", .array(facts(decision))),
                    ("status", status == 0 ? .string("none") : .integer(status)),
                    ("checks", .array((decision["checks"]?.elements ?? []).map(CheckWords.content))),
                    ("isAdmitted", .bool(code == nil)),
                    ("workbench", .string(Self.workbench(decision))),
                ]
            )
        )
    }

    private func facts(_ decision: DocumentNode) -> [DocumentNode] {
        let facts: [(String, String?)] = [
            (
                "Request",
                [decision["method"], decision["path"]].compactMap { $0?.value.text }.joined(separator: " ")
            ),
            ("When", NumberWords.moment(decision["at"]?.value.text ?? "") + " UTC"),
            ("From", decision["client_address"]?.value.text), ("Client", decision["client"]?.value.text),
            ("Profile", decision["profile"]?.value.text), ("Endpoint", decision["endpoint"]?.value.text),
            ("Took", Self.duration(decision).text), ("Trace id", decision["trace_id"]?.value.text),
            ("Request id", decision["request_id"]?.value.text),
        ]
        return facts.compactMap { name, value in
            guard let value, !value.isEmpty else { return nil }
            return DocumentNode(object: [("name", .string(name)), ("value", .string(value))])
        }
    }
}

extension DecisionPages {
    /// The bench with this call on it.
    ///
    /// What the caller wrote is encoded as a whole, so that it becomes no other
    /// parameter.
    fileprivate static func workbench(_ decision: DocumentNode) -> String {
        let method = PathSegment.encoded(decision["method"]?.value.text ?? "")
        let path = PathSegment.encoded(decision["path"]?.value.text ?? "")
        return "/console/workbench?method=\(method)&url=\(path)"
    }
}

/// The checks of a decision, as the template `checks` shows them.
enum CheckWords {
    /// One check: its name in words, how it ended with a sign and in words, and what was found.
    static func content(_ outcome: DocumentNode) -> DocumentNode {
        let result = outcome["result"]?.value.text ?? ""
        let check = outcome["check"]?.value.text.flatMap { Check(rawValue: $0) }
        let signs = ["passed": "✓", "failed": "✕", "skipped": "–"]
        return DocumentNode(
            object: [
                ("title", .string(check.map(title) ?? "")), ("result", .string(result)),
                ("sign", .string(signs[result] ?? "")), ("detail", outcome["detail"]?.value ?? .null),
            ]
        )
    }

    private static func title(_ check: Check) -> String {
        switch check {
        case .wellFormed: "Well-formed request"
        case .route: "Endpoint"
        case .credential: "Credential"
        case .signature: "Signature"
        case .time: "Times"
        case .claims: "Claims"
        case .active: "Active"
        case .address: "Address and certificate"
        case .grant: "Granted collection"
        case .authorization: "Scopes and rule"
        case .upstream: "Upstream"
        }
    }
}
