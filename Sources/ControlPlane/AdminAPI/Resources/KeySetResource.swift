package import GatewayCore

extension AdminAPI.Dependencies {
    /// What is known of identity providers' keys.
    package struct KeySets: Sendable {
        /// Why keys may not be fetched from a URL; `nil` when they may, as far as the URL tells.
        package let fault: @Sendable (KeyURL) -> String?
        /// How a source of keys stands; `nil` when it is not fetched.
        package let status: @Sendable (KeySetSource) -> KeySetStatus?

        /// Takes who knows.
        package init(
            fault: @escaping @Sendable (KeyURL) -> String?,
            status: @escaping @Sendable (KeySetSource) -> KeySetStatus?
        ) {
            self.fault = fault
            self.status = status
        }
    }
}

/// `/api/v1/profiles/{id}/key-set`: the keys of a profile's identity provider, as they are now.
struct KeySetResource {
    let catalog: CatalogAccess
    let keySets: AdminAPI.Dependencies.KeySets?

    /// The operations.
    var operations: [Operation] {
        [
            Operation(
                method: .get,
                path: "/api/v1/profiles/{id}/key-set",
                name: "getKeySet",
                summary: "Reads the keys of an oidc profile's identity provider, and how they stand.",
                tag: "Keys",
                successes: [Operation.Success(status: 200, summary: "As they are.", object: Self.object)],
                perform: { call in
                    let profile = try ProfileOwner.profile(in: catalog.current, call)
                    return AdminAnswer(200, document(profile.identityProvider, call.now))
                }
            )
        ]
    }

    /// How the keys stand.
    private enum State: String, CaseIterable {
        /// They are as the provider gave them a while ago.
        case fresh
        /// They should have been fetched again, and are believed for a while.
        case stale
        /// There are none: tokens are refused.
        case missing
        /// They are given in the profile.
        case inline
        /// The profile has no identity provider.
        case none
    }

    private func document(_ provider: IdentityProvider?, _ now: Timestamp) -> DocumentNode {
        let status = provider.flatMap { KeySetSource($0) }.flatMap { keySets?.status($0) }
        let keySet = status?.keySet
        let state: State
        if provider == nil {
            state = .none
        } else if case .inline = provider?.keys {
            state = .inline
        } else if let keySet {
            state = now < keySet.freshUntil ? .fresh : .stale
        } else {
            state = .missing
        }
        let keys = (keySet?.keys ?? []).map { key in
            DocumentNode(
                object: [
                    ("kid", key.keyID.map { .string($0) } ?? .null),
                    ("kind", .string(key.kindName)),
                    ("fingerprint", .string(key.fingerprint)),
                ]
            )
        }
        func time(_ value: Timestamp?) -> DocumentValue { value.map { .string($0.description) } ?? .null }
        return DocumentNode(
            object: [
                ("state", .string(state.rawValue)),
                ("fetched_at", time(keySet?.fetchedAt)),
                ("fresh_until", time(keySet?.freshUntil)),
                ("stale_until", time(keySet?.staleUntil)),
                ("last_error", status?.lastError.map { .string($0) } ?? .null),
                ("failures", .integer(Int64(status?.failures ?? 0))),
                ("keys", .array(keys)),
            ]
        )
    }

    private static let object = ObjectShape(
        name: "KeySet",
        summary: "The keys of an identity provider.",
        fields: [
            ObjectShape.Field("state", .choice(State.allCases.map(\.rawValue)), "How they stand."),
            ObjectShape.Field("fetched_at", .optional(.text(.time)), "When they were fetched."),
            ObjectShape.Field(
                "fresh_until",
                .optional(.text(.time)),
                "Until when they need not be fetched again."
            ),
            ObjectShape.Field(
                "stale_until",
                .optional(.text(.time)),
                "From when on they are no longer believed, if they cannot be fetched again."
            ),
            ObjectShape.Field(
                "last_error",
                .optional(.text(.any(0...4000))),
                "Why the last fetch failed; null: it did not."
            ),
            ObjectShape.Field("failures", .natural, "How many fetches have failed since the last good one."),
            ObjectShape.Field(
                "keys",
                .list(.object(key), count: 0...ProviderKeySet.maximumKeys, isUnique: false),
                "The keys that can be used."
            ),
        ]
    ).output

    private static let key = ObjectShape(
        name: "ProviderKey",
        summary: "A key of an identity provider.",
        fields: [
            ObjectShape.Field("kid", .optional(.text(.any(0...65_536))), "The `kid` that tokens name it by."),
            ObjectShape.Field("kind", .text(.any(1...50)), "Kind and size: `RSA 2048`."),
            ObjectShape.Field("fingerprint", .text(.any(1...200)), "What people compare keys by."),
        ]
    )
}
