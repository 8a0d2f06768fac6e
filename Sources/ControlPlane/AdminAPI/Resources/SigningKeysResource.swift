import GatewayCore
import JOSE

/// `/api/v1/signing-keys`: what the gateway itself signs with; the private halves never leave.
struct SigningKeysResource {
    let catalog: CatalogAccess
    private let path = "/api/v1/signing-keys"
    private let tag = "SigningKeys"

    init(catalog: CatalogAccess) {
        self.catalog = catalog
    }

    /// The operations.
    var operations: [Operation] { [listOperation, rotateOperation] }

    private var listOperation: Operation {
        Operation(
            method: .get,
            path: path,
            name: "listSigningKeys",
            summary:
                "Lists the keys that the gateway signs access tokens and assertions with, the newest last.",
            tag: tag,
            successes: [Operation.Success(status: 200, summary: "The keys.", object: Self.list.output)],
            perform: { call in AdminAnswer(200, Self.document(catalog.current, at: call.now)) }
        )
    }

    private var rotateOperation: Operation {
        Operation(
            method: .post,
            path: "\(path)/rotate",
            name: "rotateSigningKey",
            summary:
                "Makes a new key, which signs after a while; the others are retired some time after that.",
            tag: tag,
            body: Operation.Body(object: Self.rotation.input, isRequired: false),
            successes: [
                Operation.Success(status: 200, summary: "The keys as they are now.", object: Self.list.output)
            ],
            problems: [.conflict, .revisionConflict, .storeFull],
            changesCatalog: true,
            perform: { call in
                var reader = try DocumentReader(call.body)
                var (activation, overlap) = (Self.activationSeconds, SigningKeySchedule.overlap)
                try reader.integer("activate_after_seconds", &activation, default: activation)
                try reader.integer("retire_after_seconds", &overlap, default: overlap)
                try reader.finish()
                let changed = try await rotate(call, activation: activation, overlap: overlap)
                return AdminAnswer(200, Self.document(changed, at: call.now))
            }
        )
    }

    private func rotate(_ call: Call, activation: Int64, overlap: Int64) async throws -> Catalog {
        let from = Timestamp(secondsSinceEpoch: call.now.secondsSinceEpoch + activation)
        var generator = catalog.random
        let successor = try SigningKeySchedule.makeKey(activeFrom: from, now: call.now, using: &generator)
        return try await catalog.edit { draft in
            let before = draft.catalog.signingKeys
            let keys = SigningKeySchedule.rotated(before, to: successor, overlap: overlap, now: call.now)
            guard keys.count <= GatewaySigningKey.maximumCount else {
                throw Problem(
                    .conflict,
                    "\(before.count) keys are still needed to verify what they signed, the most there can be"
                )
            }
            try draft.put(keys)
            let details = AuditDetails.changes(
                from: Self.document(before, draft.catalog, at: call.now),
                to: Self.document(keys, draft.catalog, at: call.now)
            )
            let entry = call.audit(
                "rotate",
                "signing_key",
                id: successor.id.text,
                name: successor.id.text,
                details: details
            )
            return ((), [entry])
        }.catalog
    }

    // MARK: Its objects

    // As long as others may keep the JWK set that they fetched.
    private static let activationSeconds: Int64 = 300

    private static let rotation = ObjectShape(
        name: "SigningKeyRotation",
        summary: "When the new key begins to sign, and the others are retired.",
        fields: [
            ObjectShape.Field(
                "activate_after_seconds",
                .integer(0...86_400),
                "How long the new key is published before it signs, in seconds.",
                default: .integer(activationSeconds)
            ),
            ObjectShape.Field(
                "retire_after_seconds",
                .integer(0...2_592_000),
                "How long the others verify after that, in seconds; 0 ends what they signed.",
                default: .integer(SigningKeySchedule.overlap)
            ),
        ]
    )

    private static let jwk = ObjectShape(
        name: "PublicJWK",
        summary: "The public half as a JWK (RFC 7517 §4).",
        fields: [],
        isOpen: true
    )

    private static let key = ObjectShape(
        name: "SigningKey",
        summary: "A key that the gateway itself signs with.",
        fields: [
            ObjectShape.Field("kid", .text(.identity), "The `kid` of what it signs.", access: .readOnly),
            ObjectShape.Field(
                "state",
                .choice(GatewayKeys.State.allCases.map(\.rawValue)),
                "Where in its life it is.",
                access: .readOnly
            ),
            ObjectShape.Field("created_at", .text(.time), "When it was made.", access: .readOnly),
            ObjectShape.Field("active_from", .text(.time), "From when on it signs.", access: .readOnly),
            ObjectShape.Field(
                "retire_at",
                .optional(.text(.time)),
                "From when on what it signed is refused; null while no other has taken its place.",
                access: .readOnly
            ),
            ObjectShape.Field(
                "fingerprint",
                .text(.any(1...200)),
                "What people compare keys by.",
                access: .readOnly
            ),
            ObjectShape.Field("public_jwk", .object(jwk), "Its public half.", access: .readOnly),
        ]
    )

    private static let list = ObjectShape(
        name: "SigningKeys",
        summary: "The keys that the gateway itself signs with.",
        fields: [
            ObjectShape.Field(
                "items",
                .list(.object(key), count: 0...GatewaySigningKey.maximumCount, isUnique: false),
                "The newest last."
            )
        ]
    )

    private static func document(_ catalog: Catalog, at now: Timestamp) -> DocumentNode {
        document(catalog.signingKeys, catalog, at: now)
    }

    private static func document(
        _ keys: [GatewaySigningKey],
        _ catalog: Catalog,
        at now: Timestamp
    ) -> DocumentNode {
        let states = GatewayKeys(keys, issuer: catalog.settings.issuer).states(at: now)
        let items = states.map { key, state in
            DocumentNode(
                object: [
                    ("kid", .string(key.id.text)),
                    ("state", .string(state.rawValue)),
                    ("created_at", .string(key.createdAt.description)),
                    ("active_from", .string(key.activeFrom.description)),
                    ("retire_at", key.retireAt.map { .string($0.description) } ?? .null),
                    ("fingerprint", .string(key.key.fingerprint)),
                    ("public_jwk", key.publicJWK?.value ?? .null),
                ]
            )
        }
        return DocumentNode(object: [("items", .array(items))])
    }
}
