import GatewayCore

/// The revocations of a profile: tokens that are refused although signature and times are right.
struct RevocationPages {
    /// The pages.
    var routes: [ConsoleRoute] {
        [
            .show("/profiles/{id}/revocations/new", .role(.manager)) { visit in
                try await form(try await ProfilePages.profile(visit), visit).page()
            },
            .post("/profiles/{id}/revocations/new") { visit in try await add(visit) },
            .show("/profiles/{id}/revocations/{revocation_id}/delete", .role(.manager)) { visit in
                try await confirm(visit)
            },
            .post("/profiles/{id}/revocations/{revocation_id}/delete") { visit in
                try await CatalogPage.delete(visit, path(visit), then: ProfilePages.page(visit))
            },
        ]
    }

    private func path(_ visit: Visit) -> String {
        "\(ProfilePages.path(visit))/revocations/\(visit.segment("revocation_id"))"
    }

    private func form(_ profile: CatalogEntity, _ visit: Visit) async throws -> CatalogForm {
        let page = "\(ProfilePages.root)/\(profile.id)"
        var token = FormField(
            "token",
            "The token itself",
            .area(rows: 3, isCode: true),
            hint: "Its jti and exp are taken from it; it is not kept, and need not be valid."
        )
        token.isSecret = true
        return CatalogForm(
            title: "Revoke tokens",
            section: .clients,
            crumbs: ProfilePages.crumbs(profile),
            action: "\(page)/revocations/new",
            lead: "They are refused with 401 token_revoked from the next call on. Fill in one of the four.",
            notes: [try await RecentCalls.sentence(.profile(profile), visit)],
            groups: [
                CatalogForm.Group(
                    heading: "Which tokens",
                    fields: [
                        CatalogField(.text(emptyIsNull: true), token),
                        PlainField.text("jti", "The one with this jti", ""),
                        PlainField.text(
                            "subject",
                            "All with this sub",
                            "Not an API token: switch that off instead."
                        ),
                        PlainField.time(
                            "issued_before",
                            "All issued before (UTC)",
                            "By iat; those without iat too."
                        ),
                    ]
                ),
                CatalogForm.Group(
                    heading: "For people",
                    fields: [
                        CatalogField(.text(emptyIsNull: true), FormField("reason", "Reason")),
                        PlainField.time(
                            "expires_at",
                            "Until (UTC)",
                            "Empty: until the token expires, or for ever."
                        ),
                    ]
                ),
            ],
            submit: "Revoke",
            cancel: page
        )
    }

    private func add(_ visit: Visit) async throws -> ConsoleAnswer {
        let profile = try await ProfilePages.profile(visit)
        return try await form(profile, visit).submit(visit, "POST", "\(ProfilePages.path(visit))/revocations")
        { _ in
            .redirect(to: ProfilePages.page(visit))
        }
    }

    private func confirm(_ visit: Visit) async throws -> ConsoleAnswer {
        let profile = try await ProfilePages.profile(visit)
        let revocation = try await visit.api.entity(path(visit))
        return CatalogPage.confirm(
            "Withdraw revocation",
            .clients,
            ProfilePages.crumbs(profile),
            question: "The tokens are accepted again, as far as they are valid otherwise.",
            action: "\(ProfilePages.page(visit))/revocations/\(revocation.id)/delete",
            submit: "Withdraw",
            cancel: ProfilePages.page(visit),
            tag: revocation.tag
        )
    }
}
