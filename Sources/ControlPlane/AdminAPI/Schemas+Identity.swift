import GatewayCore
import JOSE

/// The objects that say who issues a profile's tokens, and what else its callers must show.
extension Schemas {
    private static let algorithms = Shape.set(.choice(SignatureAlgorithm.allCases.map(\.rawValue)), upTo: 20)

    private static let claimTexts = ObjectShape(
        name: "ClaimTexts",
        summary: "Claims and the texts that they must be, or have among their elements.",
        fields: [],
        isOpen: true
    )

    private static let tokenMatch = ObjectShape(
        name: "TokenMatch",
        summary: "A rule that recognises tokens without an API token; all of its parts must hold.",
        fields: [
            Field("issuer", .text(.line(1...1000)), "What `iss` must be.", isRequired: true),
            Field(
                "audience",
                .optional(.text(.line(1...1000))),
                "What `aud` must be or contain; null: anything."
            ),
            Field("claims", .object(claimTexts), "What other claims must be: `{\"azp\": \"web\"}`."),
        ]
    )

    private static let identityProvider = ObjectShape(
        name: "IdentityProvider",
        summary: "Who issues the tokens, and where its public keys are; without any, below the issuer.",
        fields: [
            Field("issuer", .text(.line(1...1000)), "What `iss` must be.", isRequired: true),
            Field(
                "discovery_url",
                .text(.any(1...KeyURL.maximumBytes)),
                "The discovery document that names the JWK set; `https` only. Give at most one of the three.",
                isAlwaysShown: false
            ),
            Field(
                "jwks_url",
                .text(.any(1...KeyURL.maximumBytes)),
                "The JWK set; `https` only.",
                isAlwaysShown: false
            ),
            Field(
                "jwks",
                .anyOf([
                    .text(.any(1...VerificationKey.maximumTextBytes)),
                    .object(
                        ObjectShape(
                            name: "JWKSet",
                            summary: "A JWK set (RFC 7517 §5).",
                            fields: [],
                            isOpen: true
                        )
                    ),
                ]),
                "The JWK set itself.",
                isAlwaysShown: false
            ),
            Field(
                "algorithms",
                algorithms,
                "The algorithms that its tokens may be signed with; empty: all that fit its keys.",
                default: .array([])
            ),
        ]
    )

    private static let oauth2 = ObjectShape(
        name: "OAuth2Rules",
        summary: "What the access tokens of an `oauth2` profile are like.",
        fields: [
            Field(
                "scopes",
                .set(.text(.line(1...200)), upTo: 100),
                "The scopes that may be asked for; all are given when none is asked for.",
                default: .array([])
            ),
            Field(
                "token_lifetime_seconds",
                .integer(Int64(OAuth2Rules.lifetimes.lowerBound)...Int64(OAuth2Rules.lifetimes.upperBound)),
                "How long an access token lives, in seconds.",
                default: .integer(Int64(OAuth2Rules.defaultLifetimeSeconds))
            ),
        ]
    )

    private static let clientCertificate = ObjectShape(
        name: "CertificateRules",
        summary: "Which client certificate the callers must present in TLS, besides their credential.",
        fields: [
            Field(
                "roots",
                .text(.any(1...CertificateRules.maximumRootsBytes)),
                "The PEM certificates that its chain must end in.",
                isRequired: true
            ),
            Field(
                "subjects",
                .set(.text(.line(1...1000)), upTo: 50),
                "Subjects (RFC 4514) of which it must have one; empty: any.",
                default: .array([])
            ),
            Field(
                "san",
                .set(.text(.line(1...1000)), upTo: 50),
                "Alternative names of which it must have one: `dns:…`, `uri:…`, `email:…`, `ip:…`; empty: any.",
                default: .array([])
            ),
        ]
    )

    /// The fields of a profile that say how its callers are known.
    static let identityFields = [
        Field(
            "token_matches",
            .list(.object(tokenMatch), count: 0...TokenMatch.maximumCount, isUnique: true),
            "Rules that recognise tokens without an API token, for `jwt` and `oidc`.",
            default: .array([])
        ),
        Field(
            "identity_provider",
            .optional(.object(identityProvider)),
            "Who issues the tokens; for `oidc`, and for no other method."
        ),
        Field("oauth2", .optional(.object(oauth2)), "For `oauth2`: what its access tokens are like."),
        Field(
            "oauth2_client_id",
            .text(.identity),
            "For `oauth2`: the `client_id` of its callers; their `client_secret` is one of its API tokens.",
            access: .readOnly,
            isAlwaysShown: false
        ),
        Field(
            "client_certificate",
            .optional(.object(clientCertificate)),
            "Which client certificate the callers must present; null: none."
        ),
        Field(
            "one_time_tokens",
            .boolean,
            "Whether each token is accepted once only; `jti`, `iat` and `exp` must then be there.",
            default: .bool(false)
        ),
    ]

    private static let claimHeader = ObjectShape(
        name: "ClaimHeader",
        summary: "A claim that the upstream gets as a header of its own.",
        fields: [
            Field("claim", .text(.line(1...200)), "The claim.", isRequired: true),
            Field(
                "header",
                .text(.any(1...100)),
                "The header; what the caller sent under it is removed.",
                isRequired: true
            ),
            Field(
                "separator",
                .text(.any(1...8)),
                "What stands between the elements of a list.",
                default: .string(",")
            ),
        ]
    )

    private static let assertion = ObjectShape(
        name: "AssertionRules",
        summary: "A short-lived token by which the upstream can tell that a call came through the gateway.",
        fields: [
            Field("audience", .text(.line(1...1000)), "Its `aud`.", isRequired: true),
            Field(
                "header",
                .text(.any(1...100)),
                "The header that carries it.",
                default: .string(AssertionRules.defaultHeader)
            ),
            Field(
                "lifetime_seconds",
                .integer(10...600),
                "How long it lives, in seconds.",
                default: .integer(Int64(AssertionRules.defaultLifetimeSeconds))
            ),
        ]
    )

    /// The fields of an upstream that say what it is told of the caller.
    static let callerFields = [
        Field(
            "claim_headers",
            .list(.object(claimHeader), count: 0...ClaimHeader.maximumCount, isUnique: true),
            "The claims that it gets as headers of their own.",
            default: .array([])
        ),
        Field("assertion", .optional(.object(assertion)), "The signed assertion that it gets; null: none."),
    ]
}
