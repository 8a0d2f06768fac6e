import GatewayCore
import JOSE

/// Setting up the first owner, accepting an invitation, signing in and out.
struct SignInPages {
    let service: OperatorService

    /// The pages.
    var routes: [ConsoleRoute] {
        [
            .show("/sign-in", .anyone) { visit in .page(signInPage(visit)) },
            .post("/sign-in", .anyone) { visit in try await signIn(visit) },
            .post("/sign-out", .role(.viewer)) { visit in try await signOut(visit) },
            .show("/setup", .anyone) { visit in
                try checkSetUp(visit.query["token"], visit)
                return .page(setUpPage(visit, visit.query))
            },
            .post("/setup", .anyone) { visit in try await setUp(visit) },
            .show("/invitation", .anyone) { visit in
                .page(invitationPage(visit, try await invited(visit.query["token"], visit), visit.query))
            },
            .post("/invitation", .anyone) { visit in try await accept(visit) },
        ]
    }

    // MARK: Signing in and out

    private func signInPage(_ visit: Visit, problem: ConsoleProblem? = nil) -> ConsolePage {
        let next = PageSecurity.ownPath(visit.form["next"] ?? visit.query["next"])
        let secret = service.isReadOnly ? "Admin token" : "Password"
        let password = FormField(
            "password",
            secret,
            .line(type: "password"),
            isRequired: true,
            autocomplete: "current-password"
        )
        let name = FormField(
            "name",
            "Name",
            value: visit.form.text("name"),
            isRequired: true,
            autocomplete: "username"
        )
        let form = FormContent(
            action: "/console/sign-in",
            fields: service.isReadOnly ? [password] : [name, password],
            submit: "Sign in",
            hidden: [(name: "next", value: next)],
            problem: problem
        )
        let lead =
            service.isReadOnly
            ? "This gateway runs from a catalog file: sign in with its admin token, to look at everything."
            : "Sign in to manage this gateway."
        return page("Sign in", lead, form)
    }

    private func signIn(_ visit: Visit) async throws -> ConsoleAnswer {
        do {
            let token = try await service.signIn(
                name: visit.form.text("name"),
                password: Secret(visit.form["password"] ?? ""),
                from: origin(visit),
                at: visit.now
            )
            guard let token else {
                return .page(
                    signInPage(
                        visit,
                        problem: ConsoleProblem(
                            Problem(
                                .invalid,
                                service.isReadOnly
                                    ? "this is not the admin token" : "name or password is not right"
                            )
                        )
                    )
                )
            }
            return .redirect(to: PageSecurity.ownPath(visit.form["next"]), cookies: [cookie(token)])
        } catch let problem as Problem where problem.code == .tooManyAttempts {
            var page = signInPage(visit, problem: ConsoleProblem(problem))
            page.headers = problem.headers
            return .page(page)
        }
    }

    private func signOut(_ visit: Visit) async throws -> ConsoleAnswer {
        if let token = origin(visit).earlierToken {
            try await service.signOut(token, from: visit.request.clientAddress, at: visit.now)
        }
        return .redirect(to: "/console/sign-in", cookies: [cookie(nil)])
    }

    // MARK: Choosing a password

    private func checkSetUp(_ token: String?, _ visit: Visit) throws {
        guard service.isSetUpOpen(token ?? "", at: visit.now) else {
            throw Problem(
                .notFound,
                "this link was used, or has expired; starting the gateway prints a new one"
            )
        }
    }

    private func setUpPage(_ visit: Visit, _ source: Form, problem: ConsoleProblem? = nil) -> ConsolePage {
        let name = FormField(
            "name",
            "Your name",
            value: source.text("name"),
            hint: "What you sign in with; the audit log names you by it.",
            isRequired: true,
            autocomplete: "username"
        )
        let form = passwordForm("/console/setup", [name], source, problem)
        return page("Set up the first owner", "An owner may do everything, and lets others in.", form)
    }

    private func setUp(_ visit: Visit) async throws -> ConsoleAnswer {
        try checkSetUp(visit.form["token"], visit)
        do {
            let token = try await service.setUpOwner(
                token: visit.form["token"] ?? "",
                name: visit.form.text("name"),
                password: try repeated(visit.form),
                from: origin(visit),
                at: visit.now
            )
            return .redirect(to: Console.root, cookies: [cookie(token)])
        } catch let problem as Problem where problem.code != .notFound {
            return .page(setUpPage(visit, visit.form, problem: ConsoleProblem(problem)))
        }
    }

    private func invited(_ token: String?, _ visit: Visit) async throws -> String {
        guard let name = try await service.invited(token ?? "", at: visit.now) else {
            throw OperatorStoreError.invitationSpent
        }
        return name
    }

    private func invitationPage(
        _ visit: Visit,
        _ name: String,
        _ source: Form,
        problem: ConsoleProblem? = nil
    ) -> ConsolePage {
        let form = passwordForm("/console/invitation", [], source, problem)
        return page("Choose a password", "You will sign in as \(name).", form)
    }

    private func accept(_ visit: Visit) async throws -> ConsoleAnswer {
        let name = try await invited(visit.form["token"], visit)
        do {
            let token = try await service.acceptInvitation(
                token: visit.form["token"] ?? "",
                password: try repeated(visit.form),
                from: origin(visit),
                at: visit.now
            )
            return .redirect(to: Console.root, cookies: [cookie(token)])
        } catch let problem as Problem where problem.code != .notFound {
            return .page(invitationPage(visit, name, visit.form, problem: ConsoleProblem(problem)))
        }
    }

    // MARK: Parts

    private func passwordForm(
        _ action: String,
        _ fields: [FormField],
        _ source: Form,
        _ problem: ConsoleProblem?
    ) -> FormContent {
        let password = PasswordFields.new("password", "Password")
        let again = PasswordFields.again
        let all = (fields + [password, again]).map { problem == nil ? $0 : $0.entered(source, problem) }
        return FormContent(
            action: action,
            fields: all,
            submit: "Set the password",
            hidden: [(name: "token", value: source["token"] ?? "")],
            problem: problem
        )
    }

    private func repeated(_ form: Form) throws(Problem) -> Secret<String> {
        try PasswordFields.repeated(form, "password")
    }

    private func page(_ title: String, _ lead: String, _ form: FormContent) -> ConsolePage {
        ConsolePage(
            "sign-in",
            title: title,
            status: form.problem?.status ?? 200,
            [("lead", .string(lead)), ("form", form.content)]
        )
    }

    private func origin(_ visit: Visit) -> SignInOrigin {
        SignInOrigin(
            address: visit.request.clientAddress,
            userAgent: visit.request.userAgent ?? "",
            earlierToken: PageSecurity.cookie(visit.request.cookies, named: service.cookieName)
        )
    }

    /// The cookie of a session, or the one that takes it away.
    private func cookie(_ token: String?) -> String {
        // The prefix of the name asks for the path of all.
        let path = service.isReachedOverTLS ? "/" : Console.root
        return "\(service.cookieName)=\(token ?? ""); Path=\(path); HttpOnly; SameSite=Strict"
            + (service.isReachedOverTLS ? "; Secure" : "") + (token == nil ? "; Max-Age=0" : "")
    }
}

/// The fields in which a new password is chosen.
enum PasswordFields {
    static func new(_ name: String, _ label: String) -> FormField {
        FormField(
            name,
            label,
            .line(type: "password"),
            hint: "At least \(PasswordRule.minimumLength) characters.",
            isRequired: true,
            autocomplete: "new-password"
        )
    }

    static let again = FormField(
        "again",
        "The same once more",
        .line(type: "password"),
        isRequired: true,
        autocomplete: "new-password"
    )

    /// The password of a field, when it was typed twice alike.
    ///
    /// - Throws: ``Problem`` 422.
    static func repeated(_ form: Form, _ name: String) throws(Problem) -> Secret<String> {
        let password = form[name] ?? ""
        guard password.utf8.elementsEqual((form["again"] ?? "").utf8) else {
            throw Problem([Problem.FieldError(field: "again", detail: "the two passwords differ")])
        }
        return Secret(password)
    }
}
