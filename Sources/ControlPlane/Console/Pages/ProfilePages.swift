import GatewayCore

/// The screen of an access profile, and the forms that change it.
struct ProfilePages {
    static let root = "/console/profiles"

    /// The pages.
    var routes: [ConsoleRoute] {
        [
            .show("/clients/{id}/profiles/new", .role(.manager)) { visit in
                try await ProfileForms.new(visit)
            },
            .post("/clients/{id}/profiles/new") { visit in try await ProfileForms.create(visit) },
            .show("/profiles/{id}") { visit in try await show(visit) },
            .show("/profiles/{id}/deactivate", .role(.manager)) { visit in try await deactivate(visit) },
            .post("/profiles/{id}/deactivate") { visit in
                try await CatalogPage.setActive(false, visit, Self.path(visit), then: Self.page(visit))
            },
            .post("/profiles/{id}/activate") { visit in
                try await CatalogPage.setActive(true, visit, Self.path(visit), then: Self.page(visit))
            },
            .show("/profiles/{id}/delete", .role(.manager)) { visit in try await delete(visit) },
            .post("/profiles/{id}/delete") { visit in
                let profile = try await Self.profile(visit)
                return try await CatalogPage.delete(
                    visit,
                    Self.path(visit),
                    then: "\(ClientPages.root)/\(profile.text("client_id"))"
                )
            },
        ] + ProfileForms.Part.allCases.flatMap(formRoutes)
    }

    private func formRoutes(_ part: ProfileForms.Part) -> [ConsoleRoute] {
        [
            .show("/profiles/{id}/\(part.rawValue)", .role(.manager)) { visit in
                let profile = try await Self.profile(visit)
                let form = try await ProfileForms.form(part, of: profile, profile.text("method"), visit)
                return form.page(showing: profile.document, tag: profile.tag)
            },
            .post("/profiles/{id}/\(part.rawValue)") { visit in
                try await ProfileForms.save(part, visit)
            },
        ]
    }

    /// The profile that the path names, in the API.
    static func path(_ visit: Visit) -> String { "/api/v1/profiles/\(visit.segment("id"))" }
    /// Its page.
    static func page(_ visit: Visit) -> String { "\(root)/\(visit.segment("id"))" }
    /// The profile.
    static func profile(_ visit: Visit) async throws -> CatalogEntity {
        try await visit.api.entity(path(visit))
    }

    /// The way back from a page below the profile's.
    static func crumbs(_ profile: CatalogEntity, isBelow: Bool = true) -> [Crumb] {
        let client = Crumb(profile.text("client"), "\(ClientPages.root)/\(profile.text("client_id"))")
        let own = Crumb(profile.name, "\(root)/\(profile.id)")
        return [ClientPages.crumb, client] + (isBelow ? [own] : [])
    }

    private func show(_ visit: Visit) async throws -> ConsoleAnswer {
        let screen = try await ProfileScreen(visit)
        return .page(
            ConsolePage(
                "profile",
                title: screen.profile.name,
                section: .clients,
                CatalogPage.crumbs(Self.crumbs(screen.profile, isBelow: false)) + screen.content
            )
        )
    }

    // MARK: What asks first

    private func deactivate(_ visit: Visit) async throws -> ConsoleAnswer {
        let profile = try await Self.profile(visit)
        let use = CatalogPage.lastUse(profile.document["last_used_at"]?.value.text, visit.now)
        return CatalogPage.confirm(
            "Deactivate profile",
            .clients,
            Self.crumbs(profile),
            question: "From the next call on, tokens of \(CatalogPage.quoted(profile.name)) are refused.",
            consequences: [
                "It was \(use).", try await RecentCalls.sentence(.profile(profile), visit),
                "Nothing is deleted: it can be activated again.",
            ],
            action: "\(Self.page(visit))/deactivate",
            submit: "Deactivate",
            cancel: Self.page(visit)
        )
    }

    private func delete(_ visit: Visit) async throws -> ConsoleAnswer {
        let profile = try await Self.profile(visit)
        let keys = profile.document["keys"]?.elements.count ?? 0
        let tokens = profile.document["api_tokens"]?.elements.count ?? 0
        let use = CatalogPage.lastUse(profile.document["last_used_at"]?.value.text, visit.now)
        return CatalogPage.confirm(
            "Delete profile",
            .clients,
            Self.crumbs(profile),
            question: "\(CatalogPage.quoted(profile.name)) is deleted with everything that belongs to it. "
                + "This cannot be undone.",
            consequences: [
                "\(CatalogPage.count(keys, "key")) and \(CatalogPage.count(tokens, "API token")); \(use).",
                try await RecentCalls.sentence(.profile(profile), visit),
            ],
            action: "\(Self.page(visit))/delete",
            submit: "Delete profile",
            cancel: Self.page(visit),
            tag: profile.tag
        )
    }
}
