import GatewayCore
import JOSE

/// One's own account: the password, and where one is signed in.
struct AccountPages {
    let service: OperatorService

    /// The pages.
    var routes: [ConsoleRoute] {
        [
            .show("/account") { visit in try await account(visit) },
            .post("/account/password", .role(.viewer)) { visit in try await changePassword(visit) },
            .post("/account/sessions/end-others", .role(.viewer)) { visit in
                try await visit.api.send("POST", "/api/v1/sessions/end-others")
                return .redirect(to: "/console/account")
            },
            .post("/account/sessions/{id}/end", .role(.viewer)) { visit in
                try await visit.api.send("DELETE", "/api/v1/sessions/\(visit.segment("id"))")
                return .redirect(to: "/console/account")
            },
        ]
    }

    private func account(_ visit: Visit, problem: ConsoleProblem? = nil) async throws -> ConsoleAnswer {
        let fields = [
            FormField(
                "old_password",
                "Old password",
                .line(type: "password"),
                isRequired: true,
                autocomplete: "current-password"
            ),
            PasswordFields.new("new_password", "New password"), PasswordFields.again,
        ]
        let form = FormContent(
            action: "/console/account/password",
            fields: fields.map { problem == nil ? $0 : $0.entered(visit.form, problem) },
            submit: "Change the password",
            problem: problem
        )
        let cursor = visit.query["cursor"].map { [("cursor", $0)] } ?? []
        let sessions = try await visit.api.get("/api/v1/sessions", cursor)
        let next = sessions["next_cursor"]?.value.text.map { "/console/account?cursor=\($0)" } ?? ""
        return .page(
            ConsolePage(
                "account",
                title: "Your account",
                status: problem?.status ?? 200,
                [
                    ("form", form.content), ("hasPassword", .bool(!service.isReadOnly)),
                    ("areAll", .bool(visit.may(.owner))),
                    ("sessions", .array(sessions["items"]?.elements ?? [])), ("next", .string(next)),
                    ("isPaged", .bool(!cursor.isEmpty)),
                    ("hasPages", .bool(!cursor.isEmpty || !next.isEmpty)),
                ]
            )
        )
    }

    private func changePassword(_ visit: Visit) async throws -> ConsoleAnswer {
        do {
            let new = try PasswordFields.repeated(visit.form, "new_password")
            try await visit.api.send(
                "PUT",
                "/api/v1/account/password",
                [],
                .fields([
                    ("old_password", .string(visit.form["old_password"] ?? "")),
                    ("new_password", .string(new.reveal())),
                ])
            )
            return .redirect(to: "/console/account")
        } catch let problem as Problem {
            return try await account(visit, problem: ConsoleProblem(problem))
        } catch let problem as ConsoleProblem {
            return try await account(visit, problem: problem)
        }
    }
}
