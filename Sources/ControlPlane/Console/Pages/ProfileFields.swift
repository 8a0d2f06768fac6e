import GatewayCore
import JOSE

/// The fields of an access profile, in groups.
extension ProfileForms {
    static let name = CatalogField(
        .text(emptyIsNull: false),
        FormField(
            "name",
            "Name",
            hint: "For people, unique within the client: “production”, “billing job”.",
            isRequired: true
        )
    )

    static let methodField = CatalogField(
        .text(emptyIsNull: false),
        FormField(
            "method",
            "Authentication method",
            .choice(ProfileMethod.all.map { FormField.Option($0.value, $0.title) }),
            hint: "Another method needs other keys; what the new one cannot have is dropped."
        )
    )

    static func methodGroups(_ method: String) -> [CatalogForm.Group] {
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
                PlainField.text(
                    "identity_provider.issuer",
                    "Issuer",
                    "Exactly what its tokens have as iss: https://login.example/tenant.",
                    isRequired: true
                ),
                PlainField.text(
                    "identity_provider.discovery_url",
                    "Discovery URL",
                    "https only; leave empty unless it is elsewhere."
                ),
                PlainField.text(
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
                PlainField.algorithms(
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
                PlainField.text(
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
                PlainField.flag(
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
                PlainField.list(
                    "oauth2.scopes",
                    "Scopes",
                    "One in a line: what may be asked for. All are given when none is."
                ),
                PlainField.number("oauth2.token_lifetime_seconds", "Lifetime in seconds", "3600 when empty."),
            ]
        )
    }

    static func ruleGroups(_ method: String) -> [CatalogForm.Group] {
        [
            CatalogForm.Group(
                heading: "Who and for whom",
                fields: [
                    PlainField.list(
                        "required_claims",
                        "Required claims",
                        "One in a line: must be there, and not null."
                    ),
                    PlainField.list(
                        "issuers",
                        "Issuers",
                        "One in a line: accepted values of iss. Empty: any."
                    ),
                    PlainField.list(
                        "audiences",
                        "Audiences",
                        "One in a line: aud must have one of them. Empty: any."
                    ),
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
                    PlainField.number(
                        "max_lifetime_seconds",
                        "Longest accepted life in seconds",
                        "From iat to exp: 900 is 15 minutes, 86400 a day. Empty: any."
                    ),
                    PlainField.number(
                        "leeway_seconds",
                        "Allowed difference of clocks in seconds",
                        "0 to 300. Empty: as the settings say."
                    ),
                ]
            ),
        ]
    }

    static func accessGroups(_ all: [DocumentNode], granted: [String]) -> [CatalogForm.Group] {
        [
            CatalogForm.Group(heading: "What it may reach", fields: [collections(all, granted: granted)]),
            CatalogForm.Group(
                heading: "From where",
                fields: [
                    PlainField.list(
                        "ip_allow",
                        "Allowed addresses",
                        "One address or CIDR block in a line: 192.0.2.0/24. Empty: all."
                    ),
                    PlainField.list("ip_deny", "Denied addresses", "Refused even when allowed above."),
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
                    PlainField.list(
                        "client_certificate.subjects",
                        "Subjects",
                        "One in a line (RFC 4514). Empty: any."
                    ),
                    PlainField.list(
                        "client_certificate.san",
                        "Alternative names",
                        "One in a line: dns:…, uri:…, email:…, ip:…. Empty: any."
                    ),
                ]
            ),
        ]
    }

    static func collections(_ all: [DocumentNode], granted: [String] = []) -> CatalogField {
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
