import GatewayCore

/// Who may come in; for owners.
struct OperatorPages {
    /// The pages.
    var routes: [ConsoleRoute] {
        [
            .show("/operators", .role(.owner)) { visit in try await list(visit) },
            .post("/operators", .role(.owner)) { visit in try await create(visit) },
            .post("/operators/{id}", .role(.owner)) { visit in try await update(visit) },
            .post("/operators/{id}/invitation", .role(.owner)) { visit in
                let path = "/api/v1/operators/\(visit.segment("id"))/invitation"
                return link(try await visit.api.send("POST", path))
            },
            .post("/operators/{id}/invitation/withdraw", .role(.owner)) { visit in
                try await visit.api.send("DELETE", "/api/v1/operators/\(visit.segment("id"))/invitation")
                return .redirect(to: "/console/operators")
            },
            .show("/operators/{id}/deactivate", .role(.owner)) { visit in try await askDeactivate(visit) },
            .show("/operators/{id}/delete", .role(.owner)) { visit in try await askDelete(visit) },
            .post("/operators/{id}/delete", .role(.owner)) { visit in
                try await visit.api.send("DELETE", "/api/v1/operators/\(visit.segment("id"))")
                return .redirect(to: "/console/operators")
            },
        ]
    }

    /// The roles, with what each may do.
    static let roles = FormField.Option.roles

    private func list(_ visit: Visit, problem: ConsoleProblem? = nil) async throws -> ConsoleAnswer {
        let page = try await visit.api.get(
            "/api/v1/operators",
            [("limit", "100"), ("cursor", visit.query["cursor"])]
        )
        let fields = [
            FormField(
                "name",
                "Name",
                hint: "What the operator signs in with; never changes.",
                isRequired: true
            ),
            FormField("role", "Role", .choice(Self.roles), value: Role.viewer.rawValue),
        ]
        let form = FormContent(
            action: "/console/operators",
            fields: fields.map { problem == nil ? $0 : $0.entered(visit.form, problem) },
            submit: "Make the operator",
            problem: problem
        )
        let operators = (page["items"]?.elements ?? []).map { item in
            let role = item["role"]?.value.text ?? ""
            let options = Self.roles.map { option in
                DocumentNode(
                    object: [
                        ("value", .string(option.value)), ("text", .string(option.value)),
                        ("isChosen", .bool(option.value == role)),
                    ]
                )
            }
            return item.with("options", .array(options))
        }
        let next = page["next_cursor"]?.value.text.map { "/console/operators?cursor=\($0)" } ?? ""
        return .page(
            ConsolePage(
                "operators",
                title: "Operators",
                section: .operators,
                status: problem?.status ?? 200,
                [
                    ("form", form.content), ("operators", .array(operators)), ("next", .string(next)),
                    ("hasOperators", .bool(!operators.isEmpty)),
                ]
            )
        )
    }

    private func create(_ visit: Visit) async throws -> ConsoleAnswer {
        do {
            return link(
                try await visit.api.send(
                    "POST",
                    "/api/v1/operators",
                    [],
                    .fields([
                        ("name", .string(visit.form.text("name"))),
                        ("role", .string(visit.form.text("role"))),
                    ])
                )
            )
        } catch let problem as ConsoleProblem {
            return try await list(visit, problem: problem)
        }
    }

    private func update(_ visit: Visit) async throws -> ConsoleAnswer {
        var members: [(String, DocumentValue)] = []
        if let role = visit.form["role"] { members.append(("role", .string(role))) }
        if let active = visit.form["active"] { members.append(("active", .bool(active == "true"))) }
        do {
            try await visit.api.send(
                "PATCH",
                "/api/v1/operators/\(visit.segment("id"))",
                [],
                .fields(members)
            )
            return .redirect(to: "/console/operators")
        } catch let problem as ConsoleProblem {
            return try await list(visit, problem: problem)
        }
    }

    private func askDeactivate(_ visit: Visit) async throws -> ConsoleAnswer {
        let found = try await visit.api.get("/api/v1/operators/\(visit.segment("id"))")
        let name = found["name"]?.value.text ?? ""
        return .page(
            .confirmation(
                "Deactivate the operator \(name)?",
                section: .operators,
                action: "/console/operators/\(visit.segment("id"))",
                cancel: "/console/operators",
                consequences: [
                    "All sessions of \(name) end at once, and so does an open link to choose a password.",
                    "The admin tokens that \(name) made stop until the operator is active again.",
                ],
                submit: "Deactivate",
                hidden: [(name: "active", value: "false")]
            )
        )
    }

    private func askDelete(_ visit: Visit) async throws -> ConsoleAnswer {
        let found = try await visit.api.get("/api/v1/operators/\(visit.segment("id"))")
        let name = found["name"]?.value.text ?? ""
        return .page(
            .confirmation(
                "Delete the operator \(name)?",
                section: .operators,
                action: "/console/operators/\(visit.segment("id"))/delete",
                cancel: "/console/operators",
                consequences: [
                    "All sessions of \(name) end at once.", "All admin tokens that \(name) made stop.",
                ]
            )
        )
    }

    private func link(_ invited: DocumentNode) -> ConsoleAnswer {
        .page(
            .shownOnce(
                "The link for \(invited["name"]?.value.text ?? "")",
                section: .operators,
                lead:
                    "Pass it on: whoever opens it chooses the password. It is good once, for 72 hours, and shown only now."
                    + " When it is used, all sessions of the operator end, and all admin tokens that the operator made.",
                secret: invited["invitation_url"]?.value.text ?? "",
                back: "/console/operators"
            )
        )
    }
}

extension FormField.Option {
    /// The roles, with what each may do.
    static let roles = [
        FormField.Option("viewer", "viewer: reads everything that is no secret"),
        FormField.Option("manager", "manager: changes the catalog"),
        FormField.Option("owner", "owner: decides who may come in"),
    ]
}

extension ConsolePage {
    /// A page that asks before something is destroyed.
    static func confirmation(
        _ question: String,
        section: ConsoleSection,
        action: String,
        cancel: String,
        consequences: [String],
        submit: String = "Delete",
        hidden: [(name: String, value: String)] = []
    ) -> ConsolePage {
        let list = consequences.map { DocumentNode(object: [("text", .string($0))]) }
        return ConsolePage(
            "confirm",
            title: "Are you sure?",
            section: section,
            [
                ("question", .string(question)), ("hasConsequences", .bool(!list.isEmpty)),
                ("consequences", .array(list)), ("action", .string(action)), ("submit", .string(submit)),
                ("cancel", .string(cancel)),
                (
                    "hidden",
                    .array(
                        hidden.map {
                            DocumentNode(object: [("name", .string($0.name)), ("value", .string($0.value))])
                        }
                    )
                ),
            ]
        )
    }

    /// A page with a secret that is not shown again.
    static func shownOnce(
        _ title: String,
        section: ConsoleSection,
        lead: String,
        secret: String,
        back: String
    ) -> ConsolePage {
        ConsolePage(
            "shown-once",
            title: title,
            section: section,
            [("lead", .string(lead)), ("secret", .string(secret)), ("back", .string(back))]
        )
    }
}
