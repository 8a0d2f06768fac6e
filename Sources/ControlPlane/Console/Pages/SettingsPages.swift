import GatewayCore

/// What holds for the whole gateway, and the keys that it signs with.
struct SettingsPages {
    static let root = "/console/settings"
    static let crumb = Crumb("Settings", root)

    /// The pages.
    var routes: [ConsoleRoute] {
        [
            .show("/settings") { visit in try await show(visit) },
            .show("/settings/edit", .role(.manager)) { visit in
                let settings = try await visit.api.entity("/api/v1/settings")
                return form.page(showing: settings.document, tag: settings.tag)
            },
            .post("/settings/edit") { visit in
                let settings = try await visit.api.entity("/api/v1/settings")
                if visit.form.isOn("preset") {
                    return form.page(
                        again: visit.form.replacing("identity_claims", Self.preset),
                        nil,
                        tag: visit.form.text("_tag")
                    )
                }
                return try await form.submit(visit, "PATCH", "/api/v1/settings", changing: settings) { _ in
                    .redirect(to: Self.root)
                }
            },
            .show("/settings/signing-keys/rotate", .role(.manager)) { _ in rotationForm.page() },
            .post("/settings/signing-keys/rotate") { visit in
                try await rotationForm.submit(visit, "POST", "/api/v1/signing-keys/rotate") { _ in
                    .redirect(to: Self.root + "#signing-keys")
                }
            },
        ]
    }

    /// The claims of the preset for clients who sign for that product today.
    private static let preset = GatewaySettings.workatoIdentityClaims.joined(separator: "\n")

    private func show(_ visit: Visit) async throws -> ConsoleAnswer {
        let settings = try await visit.api.get("/api/v1/settings")
        let keys = try await visit.api.get("/api/v1/signing-keys")["items"]?.elements ?? []
        func texts(_ field: String, else none: String) -> String {
            let texts = (settings[field]?.elements ?? []).compactMap(\.value.text)
            return texts.isEmpty ? none : texts.joined(separator: ", ")
        }
        func number(_ field: String) -> String { settings[field]?.value.number.map { "\($0)" } ?? "" }
        let requires = settings["require_exp"]?.value.isTrue ?? false
        let facts = [
            ("Identity claims", texts("identity_claims", else: "none")),
            ("Tokens must expire", requires ? "yes" : "no, unless a profile says so"),
            ("Difference of clocks", "\(number("leeway_seconds")) s"),
            ("Trusted proxies", texts("trusted_proxies", else: "none")),
            ("They say the address in", Self.headerTitle(settings.text("client_address_header"))),
            ("Issuer", settings.text("issuer")),
            ("Signing key rotates after", "\(number("signing_key_days")) days"),
        ]
        let rows = keys.reversed().map { key in
            DocumentNode(
                object: [
                    ("kid", .string(key.text("kid"))), ("fingerprint", .string(key.text("fingerprint"))),
                    ("state", CatalogPage.badge(Self.colour(key.text("state")), key.text("state"))),
                    ("created", CatalogPage.moment(key.text("created_at"), visit.now)),
                    ("from", CatalogPage.moment(key.text("active_from"), visit.now)),
                    ("until", CatalogPage.moment(key["retire_at"]?.value.text, visit.now)),
                ]
            )
        }
        return .page(
            ConsolePage(
                "settings",
                title: "Settings",
                section: .settings,
                [
                    (
                        "facts",
                        .array(
                            facts.map {
                                DocumentNode(object: [("label", .string($0.0)), ("value", .string($0.1))])
                            }
                        )
                    ),
                    ("isLax", .bool(!requires)), ("keys", .array(rows)), ("hasKeys", .bool(!rows.isEmpty)),
                ]
            )
        )
    }

    private static func colour(_ state: String) -> String {
        switch state {
        case "signing": "good"
        case "upcoming", "verifying": "info"
        case "retired": "bad"
        default: ""
        }
    }

    private static func headerTitle(_ value: String) -> String {
        switch value {
        case "x-forwarded-for": "X-Forwarded-For"
        case "forwarded": "Forwarded (RFC 7239)"
        case "proxy-protocol": "the PROXY protocol"
        default: value
        }
    }

    // MARK: Forms

    private var form: CatalogForm {
        CatalogForm(
            title: "Edit settings",
            section: .settings,
            crumbs: [Self.crumb],
            action: "\(Self.root)/edit",
            lead: "They hold for every profile that does not say otherwise.",
            groups: [
                CatalogForm.Group(
                    heading: "Tokens",
                    fields: [
                        PlainField.list(
                            "identity_claims",
                            "Identity claims",
                            "One in a line, in order: the claims that may carry the API token. The gateway’s own names are looked at besides."
                        ),
                        PlainField.flag(
                            "require_exp",
                            "Tokens must expire",
                            "On: a token without exp is refused, unless a profile says otherwise."
                        ),
                        PlainField.number(
                            "leeway_seconds",
                            "Allowed difference of clocks in seconds",
                            "0 to 300. Empty: 30."
                        ),
                    ]
                ),
                CatalogForm.Group(
                    heading: "Proxies in front of the gateway",
                    fields: [
                        PlainField.list(
                            "trusted_proxies",
                            "Trusted proxies",
                            "One address or CIDR block in a line: they are believed when they say whom a call comes from. Empty: nobody."
                        ),
                        CatalogField(
                            .text(emptyIsNull: false),
                            FormField(
                                "client_address_header",
                                "They say it in",
                                .choice(
                                    ClientAddressHeader.allCases.map {
                                        FormField.Option($0.rawValue, Self.headerTitle($0.rawValue))
                                    }
                                )
                            )
                        ),
                    ]
                ),
                CatalogForm.Group(
                    heading: "What the gateway signs",
                    fields: [
                        PlainField.text(
                            "issuer",
                            "Issuer",
                            "iss of its access tokens and assertions: the URL that others know the gateway by."
                        ),
                        PlainField.number(
                            "signing_key_days",
                            "Signing key rotates after days",
                            "1 to 3650. Empty: 90."
                        ),
                    ]
                ),
            ],
            cancel: Self.root,
            button: CatalogForm.Button(name: "preset", label: "Fill in the identity claims of Workato")
        )
    }

    private var rotationForm: CatalogForm {
        CatalogForm(
            title: "Rotate the signing key",
            section: .settings,
            crumbs: [Self.crumb],
            action: "\(Self.root)/signing-keys/rotate",
            lead:
                "A new key is published at once, and signs after a while, when everybody has fetched it. The old ones "
                + "verify for some time after that.",
            groups: [
                CatalogForm.Group(fields: [
                    PlainField.number(
                        "activate_after_seconds",
                        "Signs after seconds",
                        "Empty: 300, as long as others may keep the keys that they fetched."
                    ),
                    PlainField.number(
                        "retire_after_seconds",
                        "The old ones verify for seconds after that",
                        "Empty: as long as what they signed can live. 0 ends what they signed."
                    ),
                ])
            ],
            submit: "Rotate",
            cancel: Self.root
        )
    }
}

extension Form {
    /// The form with another value in a field.
    fileprivate func replacing(_ field: String, _ value: String) -> Form {
        Form(fields.filter { $0.name != field } + [(name: field, value: value)])
    }
}
