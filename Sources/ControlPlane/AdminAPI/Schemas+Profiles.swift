import GatewayCore
import JOSE

/// The objects of access profiles, their keys and API tokens.
extension Schemas {
    static let key = ObjectShape(
        name: "Key",
        summary: "A key that the signatures of a profile's tokens are checked with.",
        fields: [
            id,
            name("The name, unique within the profile."),
            active("Whether it may verify."),
            Field("kind", .text(.any(1...50)), "Kind and size: `RSA 2048`.", access: .readOnly),
            Field("fingerprint", .text(.any(1...200)), "What people compare keys by.", access: .readOnly),
            Field(
                "public_key",
                .text(.any(1...VerificationKey.maximumTextBytes)),
                "A public key: OpenSSH line, PEM, X.509 certificate, JWK. Give this or `secret`.",
                isAlwaysShown: false
            ),
            Field(
                "secret",
                .text(.any(1...VerificationKey.maximumTextBytes)),
                "An HMAC secret as text, at least 32 bytes. Never shown again.",
                access: .writeOnly
            ),
            Field(
                "secret_is_base64",
                .boolean,
                "Whether the secret's bytes are the Base64 decoding of its text.",
                isAlwaysShown: false
            ),
            Field(
                "kid",
                .optional(.text(.line(1...200))),
                "The `kid` that tokens may name it by; null lets any active key that fits be tried."
            ),
            Field(
                "algorithms",
                .set(.choice(SignatureAlgorithm.allCases.map(\.rawValue)), upTo: 20),
                "The algorithms that it may be used with; empty means all that fit.",
                default: .array([])
            ),
            Field("active_from", .optional(.text(.time)), "From when on it verifies; null means at once."),
            Field(
                "retire_at",
                .optional(.text(.time)),
                "From when on it no longer verifies; null means never."
            ),
            createdAt,
            lastUsedAt,
        ]
    )

    private static let lastUsedAt = lastUsedAt(
        "When a token was last verified with it, to the second, a few seconds late; null: never."
    )

    private static let apiTokenFields = [
        name("The name, unique within the profile."),
        active("Whether it is accepted."),
        Field(
            "expires_at",
            .optional(.text(.time)),
            "From when on it is no longer accepted; null means never."
        ),
        Field(
            "ip_allow",
            .set(.text(.addressRange), upTo: 1000),
            "The addresses that it may be used from, CIDR; empty means all that the profile allows.",
            default: .array([])
        ),
        Field(
            "ip_deny",
            .set(.text(.addressRange), upTo: 1000),
            "The addresses that it may not be used from, even when allowed.",
            default: .array([])
        ),
    ]

    static let apiToken = ObjectShape(
        name: "APIToken",
        summary: "What a token names its profile by; only its digest is kept.",
        fields: [id] + apiTokenFields + [
            Field("sha256", .text(.hexadecimal64), "The SHA-256 digest of the API token.", access: .readOnly),
            createdAt,
            lastUsedAt,
        ]
    )

    /// The API token as it is answered once.
    static let issuedAPIToken = ObjectShape(
        name: "IssuedAPIToken",
        summary: "An API token that was just made.",
        fields: apiToken.fields + [
            Field("token", .text(.hexadecimal64), "The API token itself, shown this once.", access: .readOnly)
        ]
    )

    /// An API token within a profile, where it may be given instead of made here.
    private static let givenAPIToken = ObjectShape(
        name: "ProfileAPIToken",
        summary: "What a token names its profile by; only its digest is kept.",
        fields: [id] + apiTokenFields + [
            Field(
                "token",
                .text(.hexadecimal64),
                "The API token itself. Never shown again.",
                access: .writeOnly
            ),
            Field(
                "sha256",
                .text(.hexadecimal64),
                "The SHA-256 digest of the API token; may be given instead."
            ),
            createdAt,
        ]
    )

    static let refresh = ObjectShape(
        name: "Refresh",
        summary: "How an API token is replaced.",
        fields: [
            Field(
                "overlap_seconds",
                .integer(0...31_536_000),
                "How long the old one is still accepted, in seconds; 0 ends it at once.",
                default: .integer(0)
            )
        ]
    )

    static let revocation = ObjectShape(
        name: "Revocation",
        summary: "Tokens of a profile that are refused although signature and times are right.",
        fields: [
            id,
            Field(
                "jti",
                .text(.line(1...1000)),
                "The token with this `jti`. Give exactly one of `jti`, `subject`, `issued_before` and `token`.",
                isAlwaysShown: false
            ),
            Field("subject", .text(.line(1...1000)), "All tokens with this `sub`.", isAlwaysShown: false),
            Field(
                "issued_before",
                .text(.time),
                "All tokens whose `iat` is earlier, or that have none.",
                isAlwaysShown: false
            ),
            Field(
                "token",
                .text(.any(1...65_536)),
                "The token itself, of which `jti` and `exp` are taken; it is not kept.",
                access: .writeOnly
            ),
            Field("reason", .text(.any(0...200)), "Why, for people.", default: .string("")),
            Field(
                "expires_at",
                .optional(.text(.time)),
                "From when on it no longer counts; null means never, or with a `token` when that expires."
            ),
            createdAt,
        ]
    )

    private static let claimList = Shape.set(.text(.line(1...1000)), upTo: 50)

    static let profile = ObjectShape(
        name: "Profile",
        summary: "How one client authenticates and what it may reach.",
        fields: [
            id,
            Field(
                "client_id",
                .text(.identity),
                "The identity of its client; given when it is made, never changes."
            ),
            Field(
                "client",
                .text(.any(1...200)),
                "The name of its client; may be given in place of the identity."
            ),
            name("The name, unique within the client."),
            active("Whether its tokens are let in."),
            Field(
                "method",
                .choice(AuthenticationMethod.allCases.map(\.rawValue)),
                "How callers prove who they are.",
                default: .string(AuthenticationMethod.jwt.rawValue)
            ),
            Field(
                "collections",
                .set(.text(.any(1...100)), upTo: 10_000),
                "The handles of the collections that it may reach.",
                default: .array([])
            ),
            Field(
                "identity_claim",
                .optional(.text(.line(1...200))),
                "The claim that carries the API token in this profile's tokens, besides those of the settings."
            ),
        ] + identityFields + [
            Field(
                "required_claims",
                claimList,
                "Claims that must be present and not null.",
                default: .array([])
            ),
            Field("issuers", claimList, "Accepted values of `iss`; empty means any.", default: .array([])),
            Field(
                "audiences",
                claimList,
                "Values of `aud` of which one must be there; empty: any.",
                default: .array([])
            ),
            Field(
                "require_exp",
                .optional(.boolean),
                "Whether `exp` must be there; null: as the settings say."
            ),
            Field(
                "leeway_seconds",
                .optional(.integer(0...300)),
                "The allowed difference of clocks in seconds; null: as the settings say."
            ),
            Field(
                "max_lifetime_seconds",
                .optional(.integer(1...315_360_000)),
                "The longest accepted life of a token in seconds; null means any."
            ),
            Field(
                "ip_allow",
                .set(.text(.addressRange), upTo: 1000),
                "The addresses that may call, CIDR; empty means all.",
                default: .array([])
            ),
            Field(
                "ip_deny",
                .set(.text(.addressRange), upTo: 1000),
                "The addresses that may not call, even when allowed.",
                default: .array([])
            ),
            Field(
                "keys",
                .list(.object(key), count: 0...AccessProfile.maximumKeys, isUnique: false),
                "Its keys; a list that is given is the whole, matched by name."
            ),
            Field(
                "api_tokens",
                .list(.object(givenAPIToken), count: 0...AccessProfile.maximumAPITokens, isUnique: false),
                "Its API tokens; a list that is given is the whole, matched by name."
            ),
            lastUsedAt("When one of its tokens was last verified; null: never."),
        ]
    )
}
