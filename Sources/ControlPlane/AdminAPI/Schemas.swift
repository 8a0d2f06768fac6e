import GatewayCore
import JOSE

/// The objects of the API, field by field.
enum Schemas {
    typealias Field = ObjectShape.Field

    private static let id = Field("id", .text(.identity), "The identity, given once.", access: .readOnly)
    private static let createdAt = Field("created_at", .text(.time), "When it was added.", access: .readOnly)

    private static func name(_ summary: String) -> Field {
        Field("name", .text(.line(1...200)), summary, isRequired: true)
    }

    private static func active(_ summary: String) -> Field {
        Field("active", .boolean, summary, default: .bool(true))
    }

    static let settings = ObjectShape(
        name: "Settings",
        summary: "What holds for the whole gateway.",
        fields: [
            Field(
                "identity_claims",
                .anyOf([.set(.text(.line(1...200)), upTo: 20), .choice(["workato"])]),
                "The claims that may carry the API token, in order; `workato` stands for the claims of that product.",
                default: .list(GatewaySettings.defaultIdentityClaims)
            ),
            Field(
                "require_exp",
                .boolean,
                "Whether tokens without `exp` are refused, unless the profile says otherwise.",
                default: .bool(false)
            ),
            Field(
                "leeway_seconds",
                .integer(0...300),
                "The allowed difference of clocks in seconds, unless the profile says otherwise.",
                default: .integer(30)
            ),
        ]
    )

    static let client = ObjectShape(
        name: "Client",
        summary: "An organisation, department or app that consumes APIs.",
        fields: [
            id,
            name("The name, unique among clients."),
            Field("description", .text(.lines(upTo: 2000)), "What the client is, for people.", default: .string("")),
            Field("contact_email", .text(.email), "Whom to write to; may be empty.", default: .string("")),
            active("Whether calls of this client are let in."),
        ]
    )

    static let upstream = ObjectShape(
        name: "Upstream",
        summary: "A named set of targets that calls are forwarded to.",
        fields: [
            id,
            name("The name, unique among upstreams."),
            Field(
                "targets",
                .list(.object(target), count: 1...64, isUnique: true),
                "Where calls go, in turn.",
                isRequired: true
            ),
            Field(
                "connect_timeout_seconds",
                .integer(1...60),
                "How long a connection may take to be made, in seconds.",
                default: .integer(5)
            ),
        ]
    )

    private static let target = ObjectShape(
        name: "Target",
        summary: "One server of an upstream.",
        fields: [Field("url", .text(.targetURL), "`http://host[:port][/prefix]`.", isRequired: true)]
    )

    static let endpoint = ObjectShape(
        name: "Endpoint",
        summary: "A method and path template of a collection, and where its calls go.",
        fields: [
            id,
            Field(
                "collection",
                .text(.any(1...100)),
                "The handle of its collection, given when it is made; never changes."
            ),
            Field(
                "collection_id",
                .text(.identity),
                "The identity of its collection; may be given in place of the handle; never changes."
            ),
        ] + endpointFields
    )

    private static let endpointFields = [
        name("The name, unique within the collection."),
        Field(
            "methods",
            .list(.text(.method), count: 1...50, isUnique: true),
            "The methods that it answers, not `CONNECT`; `GET` answers `HEAD` too.",
            default: .list(["GET"])
        ),
        Field("path", .text(.path), "The path below the collection's handle: `/orders/{id}`.", isRequired: true),
        Field(
            "upstream",
            .text(.any(1...200)),
            "The name of the upstream that its calls go to; its identity may be given too.",
            isRequired: true
        ),
        Field("upstream_path", .optional(.text(.path)), "The path at the upstream; null means the same as `path`."),
        active("Whether it answers."),
        Field(
            "timeout_seconds",
            .integer(1...Int64(Endpoint.maximumTimeoutSeconds)),
            "How long the upstream may take to begin its answer, in seconds.",
            default: .integer(30)
        ),
        Field(
            "authentication",
            .choice(Endpoint.Authentication.allCases.map(\.rawValue)),
            "Which proof of the caller it asks for.",
            default: .string(Endpoint.Authentication.required.rawValue)
        ),
        Field(
            "max_body_bytes",
            .natural,
            "The largest accepted request body, in bytes.",
            default: .integer(Endpoint.defaultMaximumBodyBytes)
        ),
        Field("forward_credential", .boolean, "Whether the upstream gets the credential too.", default: .bool(false)),
    ]

    static let collection = ObjectShape(
        name: "Collection",
        summary: "A named, versioned group of endpoints with a handle, its URL path segment.",
        fields: [
            id,
            name("The name, for people."),
            Field("handle", .text(.handle), "The first segment of its paths, unique.", isRequired: true),
            Field("version", .text(.line(0...50)), "The version, for people.", default: .string("")),
            active("Whether its endpoints answer."),
            Field(
                "hosts",
                .set(.text(.host), upTo: 100),
                "The host names that it answers under, without a port; empty means all.",
                default: .array([])
            ),
            Field(
                "endpoints",
                .list(.object(endpoint), count: 0...10_000, isUnique: false),
                "What it offers; a list that is given is the whole, matched by name."
            ),
        ]
    )

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
            Field("retire_at", .optional(.text(.time)), "From when on it no longer verifies; null means never."),
            createdAt,
        ]
    )

    private static let apiTokenFields = [
        name("The name, unique within the profile."),
        active("Whether it is accepted."),
        Field("expires_at", .optional(.text(.time)), "From when on it is no longer accepted; null means never."),
    ]

    static let apiToken = ObjectShape(
        name: "APIToken",
        summary: "What a token names its profile by; only its digest is kept.",
        fields: [id] + apiTokenFields + [
            Field("sha256", .text(.hexadecimal64), "The SHA-256 digest of the API token.", access: .readOnly),
            createdAt,
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
            Field("token", .text(.hexadecimal64), "The API token itself. Never shown again.", access: .writeOnly),
            Field("sha256", .text(.hexadecimal64), "The SHA-256 digest of the API token; may be given instead."),
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

    private static let claimList = Shape.set(.text(.line(1...1000)), upTo: 50)

    static let profile = ObjectShape(
        name: "Profile",
        summary: "How one client authenticates and what it may reach.",
        fields: [
            id,
            Field("client_id", .text(.identity), "The identity of its client; given when it is made, never changes."),
            Field("client", .text(.any(1...200)), "The name of its client; may be given in place of the identity."),
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
            Field("required_claims", claimList, "Claims that must be present and not null.", default: .array([])),
            Field("issuers", claimList, "Accepted values of `iss`; empty means any.", default: .array([])),
            Field("audiences", claimList, "Values of `aud` of which one must be there; empty: any.", default: .array([])),
            Field("require_exp", .optional(.boolean), "Whether `exp` must be there; null: as the settings say."),
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
        ]
    )

    /// A problem (RFC 9457).
    static let problem = ObjectShape(
        name: "Problem",
        summary: "Why a call was refused (RFC 9457).",
        fields: [
            Field("type", .text(.any(1...200)), "A URN that ends with the code."),
            Field("title", .text(.any(1...100)), "The kind of problem, for people."),
            Field("status", .integer(400...599), "The HTTP status."),
            Field("code", .choice(Problem.Code.allCases.map(\.rawValue)), "The stable name of the refusal."),
            Field("detail", .text(.any(1...100_000)), "What was expected and found."),
            Field("request_id", .text(.identity), "The id that finds the call in the log."),
            Field(
                "errors",
                .list(
                    .object(
                        ObjectShape(
                            name: "FieldError",
                            summary: "One field or parameter that is not acceptable.",
                            fields: [
                                Field("field", .text(.any(0...100_000)), "The field, as a path."),
                                Field("detail", .text(.any(1...100_000)), "What was expected and found."),
                            ]
                        )
                    ),
                    count: 0...1000,
                    isUnique: false
                ),
                "The fields or parameters that it is about.",
                isAlwaysShown: false
            ),
        ]
    ).output
}
