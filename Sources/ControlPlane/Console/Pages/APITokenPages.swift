import GatewayCore

/// The API tokens of a profile: made and shown once, refreshed, switched off.
struct APITokenPages {
    /// The pages.
    var routes: [ConsoleRoute] {
        let item = "/profiles/{id}/api-tokens/{token_id}"
        return [
            .show("/profiles/{id}/api-tokens/new", .role(.manager)) { visit in
                newForm(try await ProfilePages.profile(visit)).page()
            },
            .post("/profiles/{id}/api-tokens/new") { visit in try await make(visit) },
            .show("\(item)/refresh", .role(.manager)) { visit in
                let (profile, token) = try await found(visit)
                return try await refreshForm(profile, token, visit).page()
            },
            .post("\(item)/refresh") { visit in try await refresh(visit) },
            .show("\(item)/edit", .role(.manager)) { visit in
                let (profile, token) = try await found(visit)
                return editForm(profile, token).page(showing: token.document, tag: token.tag)
            },
            .post("\(item)/edit") { visit in
                let (profile, token) = try await found(visit)
                return try await editForm(profile, token).submit(visit, "PATCH", path(visit), changing: token)
                {
                    _ in .redirect(to: ProfilePages.page(visit))
                }
            },
            .show("\(item)/deactivate", .role(.manager)) { visit in
                try await confirm(visit, isDeleting: false)
            },
            .post("\(item)/deactivate") { visit in
                try await CatalogPage.setActive(false, visit, path(visit), then: ProfilePages.page(visit))
            },
            .post("\(item)/activate") { visit in
                try await CatalogPage.setActive(true, visit, path(visit), then: ProfilePages.page(visit))
            },
            .show("\(item)/delete", .role(.manager)) { visit in try await confirm(visit, isDeleting: true) },
            .post("\(item)/delete") { visit in
                try await CatalogPage.delete(visit, path(visit), then: ProfilePages.page(visit))
            },
        ]
    }

    private func path(_ visit: Visit) -> String {
        "\(ProfilePages.path(visit))/api-tokens/\(visit.segment("token_id"))"
    }

    private func found(_ visit: Visit) async throws -> (profile: CatalogEntity, token: CatalogEntity) {
        let token = try await visit.api.entity(path(visit))
        return (try await ProfilePages.profile(visit), token)
    }

    // MARK: Forms

    private static let name = CatalogField(
        .text(emptyIsNull: false),
        FormField("name", "Name", hint: "For people, unique within the profile.", isRequired: true)
    )

    private static let limits = [
        PlainField.time("expires_at", "Expires at (UTC)", "Empty: never. You can refresh it at any time."),
        PlainField.list(
            "ip_allow",
            "Allowed addresses",
            "One address or CIDR block in a line. Empty: all that the profile allows."
        ),
        PlainField.list("ip_deny", "Denied addresses", "Refused even when allowed."),
    ]

    private func newForm(_ profile: CatalogEntity) -> CatalogForm {
        let page = "\(ProfilePages.root)/\(profile.id)"
        return CatalogForm(
            title: "Make an API token",
            section: .clients,
            crumbs: ProfilePages.crumbs(profile),
            action: "\(page)/api-tokens/new",
            lead:
                "It is 64 hexadecimal digits that name this profile in each call. It is shown once, on the next page.",
            groups: [
                CatalogForm.Group(fields: [Self.name]),
                CatalogForm.Group(heading: "Limits", isFolded: true, fields: Self.limits),
            ],
            submit: "Make the API token",
            cancel: page
        )
    }

    private func make(_ visit: Visit) async throws -> ConsoleAnswer {
        let profile = try await ProfilePages.profile(visit)
        return try await newForm(profile).submit(visit, "POST", "\(ProfilePages.path(visit))/api-tokens") {
            made in
            shown(made, "Your new API token", profile)
        }
    }

    private func shown(_ made: DocumentNode, _ title: String, _ profile: CatalogEntity) -> ConsoleAnswer {
        let use =
            switch profile.text("method") {
            case "token":
                "The client sends it with each call, in the header API-Token or as the password of HTTP Basic."
            case "oauth2": "It is the client_secret that goes with the client_id \(profile.id)."
            default: "The client puts it into each token that it signs, as the claim sub."
            }
        return OncePage.page(
            title,
            profile,
            secrets: [OncePage.Item(label: "API token", value: made.text("token"))],
            lead: use
        )
    }

    private func editForm(_ profile: CatalogEntity, _ token: CatalogEntity) -> CatalogForm {
        let page = "\(ProfilePages.root)/\(profile.id)"
        let active = PlainField.flag(
            "active",
            "Active",
            "Switched off it is refused, and can be switched on again."
        )
        return CatalogForm(
            title: "Edit API token",
            section: .clients,
            crumbs: ProfilePages.crumbs(profile),
            action: "\(page)/api-tokens/\(token.id)/edit",
            groups: [CatalogForm.Group(fields: [Self.name, active] + Self.limits)],
            cancel: page
        )
    }

    private func refreshForm(
        _ profile: CatalogEntity,
        _ token: CatalogEntity,
        _ visit: Visit
    ) async throws -> CatalogForm {
        let page = "\(ProfilePages.root)/\(profile.id)"
        let use = CatalogPage.lastUse(token.document["last_used_at"]?.value.text, visit.now)
        var form = CatalogForm(
            title: "Refresh API token",
            section: .clients,
            crumbs: ProfilePages.crumbs(profile),
            action: "\(page)/api-tokens/\(token.id)/refresh",
            lead:
                "A new API token takes the name of \(CatalogPage.quoted(token.name)), which was \(use). The new one "
                + "is shown once, on the next page.",
            notes: [try await RecentCalls.sentence(with: "API token", token, of: profile, visit)],
            groups: [
                CatalogForm.Group(fields: [
                    KeyFields.overlap("The old one ends", now: "At once, without an overlap")
                ])
            ],
            submit: "Refresh",
            cancel: page
        )
        form.groups[0].fields[0].field.values = ["86400"]
        return form
    }

    private func refresh(_ visit: Visit) async throws -> ConsoleAnswer {
        let (profile, token) = try await found(visit)
        do {
            let made = try await visit.api.send(
                "POST",
                "\(path(visit))/refresh",
                [],
                .fields([("overlap_seconds", .integer(KeyFields.overlapSeconds(visit)))])
            )
            return shown(made, "Your new API token", profile)
        } catch let problem as ConsoleProblem where [409, 422].contains(problem.status) {
            return try await refreshForm(profile, token, visit).page(again: visit.form, problem)
        }
    }

    // MARK: What asks first

    private func confirm(_ visit: Visit, isDeleting: Bool) async throws -> ConsoleAnswer {
        let (profile, token) = try await found(visit)
        let use = CatalogPage.lastUse(token.document["last_used_at"]?.value.text, visit.now)
        let name = CatalogPage.quoted(token.name)
        let last =
            isDeleting
            ? "To let the client change over first, refresh it with an overlap instead."
            : "It can be activated again."
        return CatalogPage.confirm(
            isDeleting ? "Delete API token" : "Deactivate API token",
            .clients,
            ProfilePages.crumbs(profile),
            question: isDeleting
                ? "The API token \(name) is deleted: calls with it are refused at once, and it cannot be had back."
                : "Calls with the API token \(name) are refused from the next one on.",
            consequences: [
                "It was \(use).",
                try await RecentCalls.sentence(with: "API token", token, of: profile, visit), last,
            ],
            action:
                "\(ProfilePages.page(visit))/api-tokens/\(token.id)/\(isDeleting ? "delete" : "deactivate")",
            submit: isDeleting ? "Delete API token" : "Deactivate",
            cancel: ProfilePages.page(visit),
            tag: isDeleting ? token.tag : ""
        )
    }
}
