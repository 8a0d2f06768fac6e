import GatewayCore

/// The objects of the API, field by field.
enum Schemas {
    typealias Field = ObjectShape.Field

    static let id = Field("id", .text(.identity), "The identity, given once.", access: .readOnly)
    static let createdAt = Field("created_at", .text(.time), "When it was added.", access: .readOnly)

    static func lastUsedAt(_ summary: String) -> Field {
        Field("last_used_at", .optional(.text(.time)), summary, access: .readOnly, isAlwaysShown: false)
    }

    static func name(_ summary: String) -> Field {
        Field("name", .text(.line(1...200)), summary, isRequired: true)
    }

    static func active(_ summary: String) -> Field {
        Field("active", .boolean, summary, default: .bool(true))
    }

    static let settings = ObjectShape(
        name: "Settings",
        summary: "What holds for the whole gateway.",
        fields: [
            Field(
                "identity_claims",
                .anyOf([.set(.text(.line(1...200)), upTo: 20), .choice(["workato"])]),
                "The claims that may carry the API token, in order; `workato` stands for that product's.",
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
            Field(
                "trusted_proxies",
                .set(.text(.addressRange), upTo: 1000),
                "The proxies, CIDR, that are believed when they say whom a call comes from; empty: none.",
                default: .array([])
            ),
            Field(
                "client_address_header",
                .choice(ClientAddressHeader.allCases.map(\.rawValue)),
                "How they say it: a header, or the PROXY protocol before the first request.",
                default: .string(ClientAddressHeader.xForwardedFor.rawValue)
            ),
            Field(
                "issuer",
                .text(.line(1...1000)),
                "What the gateway calls itself in the tokens that it signs.",
                default: .string(GatewaySettings.defaultIssuer)
            ),
            Field(
                "signing_key_days",
                .integer(1...3650),
                "How old the gateway's signing key may become before another takes its place, in days.",
                default: .integer(90)
            ),
        ]
    )

    static let client = ObjectShape(
        name: "Client",
        summary: "An organisation, department or app that consumes APIs.",
        fields: [
            id,
            name("The name, unique among clients."),
            Field(
                "description",
                .text(.lines(upTo: 2000)),
                "What the client is, for people.",
                default: .string("")
            ),
            Field("contact_email", .text(.email), "Whom to write to; may be empty.", default: .string("")),
            active("Whether calls of this client are let in."),
            Field(
                "profile_count",
                .natural,
                "How many access profiles it has.",
                access: .readOnly,
                isAlwaysShown: false
            ),
            lastUsedAt("When a token of one of its profiles was last verified; null: never."),
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
        ] + callerFields
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
        Field(
            "path",
            .text(.path),
            "The path below the collection's handle: `/orders/{id}`.",
            isRequired: true
        ),
        Field(
            "upstream",
            .text(.any(1...200)),
            "The name of the upstream that its calls go to; its identity may be given too.",
            isRequired: true
        ),
        Field(
            "upstream_path",
            .optional(.text(.path)),
            "The path at the upstream; null means the same as `path`."
        ),
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
            "scopes",
            .set(.text(.line(1...200)), upTo: 20),
            "The scopes that a token must have, all of them, in `scope` or `scp`.",
            default: .array([])
        ),
        Field(
            "rule",
            .optional(.text(.any(1...AuthorizationRule.maximumBytes))),
            "An expression over claims and request that must hold; see docs/authorization.md."
        ),
        Field(
            "max_body_bytes",
            .natural,
            "The largest accepted request body, in bytes.",
            default: .integer(Endpoint.defaultMaximumBodyBytes)
        ),
        Field(
            "forward_credential",
            .boolean,
            "Whether the upstream gets the credential too.",
            default: .bool(false)
        ),
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
}
