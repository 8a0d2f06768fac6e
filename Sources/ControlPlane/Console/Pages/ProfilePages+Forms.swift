import GatewayCore
import JOSE

/// The forms of an access profile, each with what belongs to the profile's method only.
enum ProfileForms {
    /// The forms.
    enum Part: String, CaseIterable, Sendable {
        /// Name, method, and what belongs to the method.
        case edit
        /// What its tokens' claims must fulfil.
        case rules
        /// What it may reach, and from where.
        case access
    }

    // MARK: A new one

    /// The choice of a method, and then the form for it.
    static func new(_ visit: Visit) async throws -> ConsoleAnswer {
        let client = try await visit.api.entity("/api/v1/clients/\(visit.segment("id"))")
        let page = "\(ClientPages.root)/\(client.id)"
        guard let method = ProfileMethod.all.first(where: { $0.value == visit.query.text("method") }) else {
            let choices = ProfileMethod.all.map { method in
                DocumentNode(
                    object: [
                        ("path", .string("\(page)/profiles/new?method=\(method.value)")),
                        ("words", .string(method.title)), ("hint", .string(method.hint)),
                    ]
                )
            }
            return .page(
                ConsolePage(
                    "profile-method",
                    title: "New access profile",
                    section: .clients,
                    CatalogPage.crumbs([ClientPages.crumb, Crumb(client.name, page)]) + [
                        ("choices", .array(choices))
                    ]
                )
            )
        }
        return try await newForm(client, method.value, visit).page()
    }

    /// Makes a profile.
    static func create(_ visit: Visit) async throws -> ConsoleAnswer {
        let client = try await visit.api.entity("/api/v1/clients/\(visit.segment("id"))")
        let method = visit.form.text("method")
        return try await newForm(client, method, visit).submit(
            visit,
            "POST",
            "/api/v1/profiles",
            adding: [("client_id", .string(client.id)), ("method", .string(method))]
        ) { made in .redirect(to: "\(ProfilePages.root)/\(made.text("id"))") }
    }

    private static func newForm(
        _ client: CatalogEntity,
        _ method: String,
        _ visit: Visit
    ) async throws -> CatalogForm {
        let page = "\(ClientPages.root)/\(client.id)"
        let title = ProfileMethod.title(method)
        return CatalogForm(
            title: "New access profile",
            section: .clients,
            crumbs: [ClientPages.crumb, Crumb(client.name, page)],
            action: "\(page)/profiles/new",
            lead: "Method: \(title). Its keys and API tokens come next, on the profile’s own page.",
            groups: [CatalogForm.Group(fields: [name])] + methodGroups(method) + [
                CatalogForm.Group(
                    heading: "What it may reach",
                    fields: [collections(try await visit.api.all("/api/v1/collections"))]
                )
            ],
            submit: "Make profile",
            cancel: "\(page)/profiles/new",
            hidden: [("method", method)]
        )
    }

    // MARK: Changing one

    /// The form for a part of a profile, when it has a method.
    static func form(
        _ part: Part,
        of profile: CatalogEntity,
        _ method: String,
        _ visit: Visit
    ) async throws -> CatalogForm {
        let page = "\(ProfilePages.root)/\(profile.id)"
        var form = CatalogForm(
            title: "",
            section: .clients,
            crumbs: ProfilePages.crumbs(profile),
            action: "\(page)/\(part.rawValue)",
            groups: [],
            cancel: page
        )
        switch part {
        case .edit:
            form = form.titled("Edit profile")
            form.groups = [CatalogForm.Group(fields: [name, methodField])] + methodGroups(method)
            form.button = CatalogForm.Button(
                name: "fields",
                label: "Show the fields of this method",
                follows: "method"
            )
        case .rules:
            form = form.titled("Claim rules")
            form.lead =
                "What a token’s claims must fulfil once its signature was found right. Empty fields ask for nothing."
            form.groups = ruleGroups(method)
        case .access:
            form = form.titled("Reach and addresses")
            form.groups = accessGroups(
                try await visit.api.all("/api/v1/collections"),
                granted: (profile.document["collections"]?.elements ?? []).compactMap(\.value.text)
            )
        }
        return form
    }

    /// Saves a part of a profile.
    static func save(_ part: Part, _ visit: Visit) async throws -> ConsoleAnswer {
        let profile = try await ProfilePages.profile(visit)
        let old = profile.text("method")
        let method = part == .edit ? visit.form.text("method") : old
        let form = try await form(part, of: profile, method, visit)
        if part == .edit, visit.form.isOn("fields") {
            return form.page(again: visit.form, nil, tag: visit.form.text("_tag"))
        }
        return try await form.submit(
            visit,
            "PATCH",
            ProfilePages.path(visit),
            changing: profile,
            adding: try await additions(part, profile, from: old, to: method, visit)
        ) { _ in .redirect(to: "\(ProfilePages.root)/\(profile.id)") }
    }

    /// What goes with the fields that were entered: what the old method had and the new one cannot have.
    private static func additions(
        _ part: Part,
        _ profile: CatalogEntity,
        from old: String,
        to method: String,
        _ visit: Visit
    ) async throws -> [(String, DocumentValue)] {
        guard part == .edit, old != method else { return [] }
        let kept = Set(methodGroups(method).flatMap(\.fields).map { String($0.name.prefix { $0 != "." }) })
        let dropped = Set(methodGroups(old).flatMap(\.fields).map { String($0.name.prefix { $0 != "." }) })
        var members = dropped.subtracting(kept).sorted().map { ($0, DocumentValue.null) }
        if method == "token" {
            members += ruleGroups(old).flatMap(\.fields).map { ($0.name, .null) }
        }
        return members
    }

    // MARK: Fields

    private static let name = CatalogField(
        .text(emptyIsNull: false),
        FormField(
            "name",
            "Name",
            hint: "For people, unique within the client: “production”, “billing job”.",
            isRequired: true
        )
    )

    private static let methodField = CatalogField(
        .text(emptyIsNull: false),
        FormField(
            "method",
            "Authentication method",
            .choice(ProfileMethod.all.map { FormField.Option($0.value, $0.title) }),
            hint: "Another method needs other keys; what the new one cannot have is dropped."
        )
    )

    private static func methodGroups(_ method: String) -> [CatalogForm.Group] {
        switch method {
        case "jwt": [identityGroup(isProvider: false)]
        case "oidc": [providerGroup, identityGroup(isProvider: true)]
        case "oauth2": [oauth2Group]
        default: []
        }
    }

    private static var providerGroup: CatalogForm.Group {
        CatalogForm.Group(
            heading: "Identity provider",
            hint:
                "Its public keys are fetched from its discovery document below the issuer, unless you say where else.",
            fields: [
                text(
                    "identity_provider.issuer",
                    "Issuer",
                    "Exactly what its tokens have as iss: https://login.example/tenant.",
                    isRequired: true
                ),
                text(
                    "identity_provider.discovery_url",
                    "Discovery URL",
                    "https only; leave empty unless it is elsewhere."
                ),
                text(
                    "identity_provider.jwks_url",
                    "JWK set URL",
                    "https only; instead of a discovery document."
                ),
                CatalogField(
                    .text(emptyIsNull: true),
                    FormField(
                        "identity_provider.jwks",
                        "JWK set",
                        .area(rows: 4, isCode: true),
                        hint: "The keys themselves, where nothing can be fetched."
                    )
                ),
                algorithms(
                    "identity_provider.algorithms",
                    SignatureAlgorithm.allCases.filter { !$0.isHMAC }
                ),
            ]
        )
    }

    private static func identityGroup(isProvider: Bool) -> CatalogForm.Group {
        CatalogForm.Group(
            heading: "How tokens name this profile",
            hint: "By one of its API tokens in a claim, unless you say otherwise.",
            isFolded: !isProvider,
            fields: [
                text(
                    "identity_claim",
                    "Claim that carries the API token",
                    "Besides those of the settings, for a signer that reserves sub. Empty: those alone."
                ),
                CatalogField(
                    .lines(.tokenMatches),
                    FormField(
                        "token_matches",
                        "Tokens without an API token",
                        .area(rows: 3, isCode: true),
                        hint: "One rule in a line, claims separated by semicolons; all must hold: "
                            + "iss = https://login.example ; aud = orders ; azp = web"
                    )
                ),
                flag(
                    "one_time_tokens",
                    "Accept each token once only",
                    "Tokens must then have jti, iat and exp."
                ),
            ]
        )
    }

    private static var oauth2Group: CatalogForm.Group {
        CatalogForm.Group(
            heading: "Access tokens",
            fields: [
                list(
                    "oauth2.scopes",
                    "Scopes",
                    "One in a line: what may be asked for. All are given when none is."
                ),
                number("oauth2.token_lifetime_seconds", "Lifetime in seconds", "3600 when empty."),
            ]
        )
    }

    private static func ruleGroups(_ method: String) -> [CatalogForm.Group] {
        [
            CatalogForm.Group(
                heading: "Who and for whom",
                fields: [
                    list("required_claims", "Required claims", "One in a line: must be there, and not null."),
                    list("issuers", "Issuers", "One in a line: accepted values of iss. Empty: any."),
                    list("audiences", "Audiences", "One in a line: aud must have one of them. Empty: any."),
                ]
            ),
            CatalogForm.Group(
                heading: "Times",
                fields: [
                    CatalogField(
                        .threeWay,
                        FormField(
                            "require_exp",
                            "Tokens must expire",
                            .choice([
                                FormField.Option("", "As the settings say"),
                                FormField.Option("true", "Yes: without exp they are refused"),
                                FormField.Option("false", "No: tokens that never expire are accepted"),
                            ])
                        )
                    ),
                    number(
                        "max_lifetime_seconds",
                        "Longest accepted life in seconds",
                        "From iat to exp: 900 is 15 minutes, 86400 a day. Empty: any."
                    ),
                    number(
                        "leeway_seconds",
                        "Allowed difference of clocks in seconds",
                        "0 to 300. Empty: as the settings say."
                    ),
                ]
            ),
        ]
    }

    private static func accessGroups(_ all: [DocumentNode], granted: [String]) -> [CatalogForm.Group] {
        [
            CatalogForm.Group(heading: "What it may reach", fields: [collections(all, granted: granted)]),
            CatalogForm.Group(
                heading: "From where",
                fields: [
                    list(
                        "ip_allow",
                        "Allowed addresses",
                        "One address or CIDR block in a line: 192.0.2.0/24. Empty: all."
                    ),
                    list("ip_deny", "Denied addresses", "Refused even when allowed above."),
                ]
            ),
            CatalogForm.Group(
                heading: "Client certificate",
                hint: "Callers must then present one in TLS, besides their credential.",
                isFolded: true,
                fields: [
                    CatalogField(
                        .text(emptyIsNull: true),
                        FormField(
                            "client_certificate.roots",
                            "Root certificates",
                            .area(rows: 5, isCode: true),
                            hint:
                                "PEM: what the certificate’s chain must end in. Empty: no certificate is asked for."
                        )
                    ),
                    list("client_certificate.subjects", "Subjects", "One in a line (RFC 4514). Empty: any."),
                    list(
                        "client_certificate.san",
                        "Alternative names",
                        "One in a line: dns:…, uri:…, email:…, ip:…. Empty: any."
                    ),
                ]
            ),
        ]
    }

    private static func collections(_ all: [DocumentNode], granted: [String] = []) -> CatalogField {
        var options = all.map { collection in
            FormField.Option(
                collection.text("handle"),
                "\(collection.text("name")) — /\(collection.text("handle"))"
            )
        }
        // More than are listed may be granted: what did not stand here would be taken away by saving.
        let listed = Set(options.map(\.value))
        options += granted.filter { !listed.contains($0) }.map { FormField.Option($0, "/\($0)") }
        return CatalogField(
            .list,
            FormField(
                "collections",
                "Granted collections",
                .checks(options),
                hint: options.isEmpty
                    ? "There are no collections yet: make one under Collections, then grant it here."
                    : "Calls of anything else are refused with 403 collection_not_granted."
            )
        )
    }

    // MARK: Kinds of field

    static func text(
        _ name: String,
        _ label: String,
        _ hint: String,
        isRequired: Bool = false
    ) -> CatalogField {
        CatalogField(
            .text(emptyIsNull: true),
            FormField(name, label, hint: hint, isRequired: isRequired)
        )
    }

    static func number(_ name: String, _ label: String, _ hint: String) -> CatalogField {
        CatalogField(.number, FormField(name, label, .line(type: "number"), hint: hint))
    }

    static func flag(_ name: String, _ label: String, _ hint: String, isOn: Bool = false) -> CatalogField {
        CatalogField(.flag, FormField(name, label, .check, value: isOn ? "on" : "", hint: hint))
    }

    static func list(_ name: String, _ label: String, _ hint: String) -> CatalogField {
        CatalogField(.list, FormField(name, label, .area(rows: 3, isCode: true), hint: hint))
    }

    static func time(_ name: String, _ label: String, _ hint: String) -> CatalogField {
        CatalogField(.time, FormField(name, label, .line(type: "datetime-local"), hint: hint))
    }

    static func algorithms(_ name: String, _ algorithms: [SignatureAlgorithm]) -> CatalogField {
        CatalogField(
            .list,
            FormField(
                name,
                "Algorithms",
                .checks(algorithms.map { FormField.Option($0.rawValue, $0.rawValue) }),
                hint: "None checked: all that fit the key."
            )
        )
    }
}

extension CatalogForm {
    /// The same form under another title.
    fileprivate func titled(_ title: String) -> CatalogForm {
        var form = CatalogForm(
            title: title,
            section: section,
            crumbs: crumbs,
            action: action,
            groups: groups,
            cancel: cancel
        )
        form.lead = lead
        return form
    }
}

extension CatalogField.LineForm {
    /// Rules for tokens without an API token: `iss = https://login.example ; azp = web`.
    static let tokenMatches = CatalogField.LineForm(
        line: { match in
            let claims = (match["claims"]?.value.members ?? []).map { ($0.name, $0.node.value.text ?? "") }
            let all =
                [("iss", match.text("issuer"))] + (match["audience"]?.value.text.map { [("aud", $0)] } ?? [])
                + claims
            return all.map { "\($0.0) = \($0.1)" }.joined(separator: " ; ")
        },
        object: { line in
            var members: [(String, DocumentValue)] = []
            var claims: [(String, DocumentValue)] = []
            for part in line.split(separator: ";") {
                let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let name = Form([("x", String(sides[0]))]).text("x")
                let value = sides.count == 2 ? Form([("x", String(sides[1]))]).text("x") : ""
                switch name {
                case "iss": members.append(("issuer", .string(value)))
                case "aud": members.append(("audience", .string(value)))
                default: claims.append((name, .string(value)))
                }
            }
            return .fields(members + (claims.isEmpty ? [] : [("claims", .fields(claims))]))
        }
    )
}
