import GatewayCore

/// Named tokens for the admin API; for owners.
struct AdminTokenPages {
    /// The pages.
    var routes: [ConsoleRoute] {
        [
            .show("/admin-tokens", .role(.owner)) { visit in try await list(visit) },
            .post("/admin-tokens", .role(.owner)) { visit in try await create(visit) },
            .show("/admin-tokens/{id}/delete", .role(.owner)) { visit in try await askDelete(visit) },
            .post("/admin-tokens/{id}/delete", .role(.owner)) { visit in
                try await visit.api.send("DELETE", "/api/v1/admin-tokens/\(visit.segment("id"))")
                return .redirect(to: "/console/admin-tokens")
            },
        ]
    }

    private func askDelete(_ visit: Visit) async throws -> ConsoleAnswer {
        let token = try await found(visit)
        let lastUse = token["last_used_at"]?.value.text.map {
            "It was last used at \(NumberWords.moment($0)) UTC."
        }
        return .page(
            .confirmation(
                "Revoke the admin token \(token["name"]?.value.text ?? "")?",
                section: .operators,
                action: "/console/admin-tokens/\(visit.segment("id"))/delete",
                cancel: "/console/admin-tokens",
                consequences: [lastUse ?? "It was never used.", "Whatever uses it is refused from now on."],
                submit: "Revoke"
            )
        )
    }

    /// The token that the path names.
    ///
    /// - Throws: ``Problem`` 404.
    private func found(_ visit: Visit) async throws -> DocumentNode {
        var cursor: String?
        repeat {
            let page = try await visit.api.get(
                "/api/v1/admin-tokens",
                [("limit", "200"), ("cursor", cursor)]
            )
            let token = page.elements("items").first { $0["id"]?.value.text == visit.path["id"] }
            if let token { return token }
            cursor = page["next_cursor"]?.value.text
        } while cursor != nil
        throw Problem(.notFound, "there is no admin token with this id")
    }

    private func list(_ visit: Visit, problem: ConsoleProblem? = nil) async throws -> ConsoleAnswer {
        let page = try await visit.api.get(
            "/api/v1/admin-tokens",
            [("limit", "100"), ("cursor", visit.query["cursor"])]
        )
        let days = "\(AdminTokenRecord.defaultDays)"
        let fields = [
            FormField("name", "Name", hint: "What uses it, for instance ci.", isRequired: true),
            FormField("role", "Role", .choice(FormField.Option.roles), value: Role.viewer.rawValue),
            FormField("expires_in_days", "Days until it expires", .line(type: "number"), value: days),
        ]
        let form = FormContent(
            action: "/console/admin-tokens",
            fields: fields.map { problem == nil ? $0 : $0.entered(visit.form, problem) },
            submit: "Make the admin token",
            problem: problem
        )
        let tokens = page["items"]?.elements ?? []
        let next = page["next_cursor"]?.value.text.map { "/console/admin-tokens?cursor=\($0)" } ?? ""
        return .page(
            ConsolePage(
                "admin-tokens",
                title: "Admin tokens",
                section: .operators,
                status: problem?.status ?? 200,
                [
                    ("form", form.content), ("tokens", .array(tokens)), ("next", .string(next)),
                    ("hasTokens", .bool(!tokens.isEmpty)),
                ]
            )
        )
    }

    private func create(_ visit: Visit) async throws -> ConsoleAnswer {
        let days = Int64(visit.form.text("expires_in_days")) ?? 0
        do {
            let made = try await visit.api.send(
                "POST",
                "/api/v1/admin-tokens",
                [],
                .fields([
                    ("name", .string(visit.form.text("name"))), ("role", .string(visit.form.text("role"))),
                    ("expires_in_days", .integer(days)),
                ])
            )
            return .page(
                .shownOnce(
                    "The admin token \(made["name"]?.value.text ?? "")",
                    section: .operators,
                    lead: "Copy it now: it is not shown again.",
                    secret: made["token"]?.value.text ?? "",
                    back: "/console/admin-tokens"
                )
            )
        } catch let problem as ConsoleProblem {
            return try await list(visit, problem: problem)
        }
    }
}
