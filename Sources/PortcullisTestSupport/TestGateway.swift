package import GatewayCore
package import JOSE

/// A small catalog with two clients, as most tests of decisions need it.
package struct TestGateway {
    /// Seconds since the epoch that tests call now: 2026-11-24T00:00:00Z.
    package static let now = Timestamp(secondsSinceEpoch: 1_795_478_400)
    /// The API token of Acme's HMAC profile.
    package static let acmeToken = String(repeating: "a1", count: 32)
    /// The API token of Acme's RSA profile.
    package static let acmeRSAToken = String(repeating: "b2", count: 32)
    /// The API token of the other client's profile.
    package static let otherToken = String(repeating: "c3", count: 32)
    /// The text that Acme pasted as its secret.
    package static let acmeSecret = "q0cKmGZL5u3hGnqzv1FV0v7pNq3mJ2cW8t6RrXyZ9sE="
    /// The text that the other client pasted as its secret.
    package static let otherSecret = "Zy9sE8t6RrXq0cKmGZL5u3hGnqzv1FV0v7pNq3mJ2cW="

    /// The catalog being changed.
    package var draft: CatalogDraft
    /// Acme's private RSA key.
    package let acmeRSAKey: SigningKey

    /// Makes the catalog.
    ///
    /// - Throws: what the catalog's rules say.
    package init() throws {
        draft = CatalogDraft(Catalog())
        acmeRSAKey = try SigningKey.generate(.rsa(bits: 2048))
        let upstream = Upstream(
            id: .test(1),
            name: "orders",
            targets: [try UpstreamTarget(url: "http://127.0.0.1:9")]
        )
        try draft.put(upstream)
        var collection = Collection(id: .test(2), name: "API endpoints", handle: "api-endpoints-v1")
        collection.endpoints = [
            try .test(1, "call", ["GET", "POST"], "/call", upstream),
            try .test(2, "status", ["GET"], "/status", upstream),
        ]
        collection.endpoints[1].authentication = .none
        try draft.put(collection)
        try draft.put(Client(id: .test(1), name: "Acme"))
        try draft.put(Client(id: .test(2), name: "Other"))
        let secret = ProfileKey.Material.secret(Secret(Array(Self.acmeSecret.utf8)), isBase64: false)
        try draft.put(try Self.profile(1, of: 1, "acme-hmac", Self.acmeToken, secret))
        let publicKey = ProfileKey.Material.publicKey(acmeRSAKey.openSSHPublicLine(comment: "laptop") ?? "")
        try draft.put(try Self.profile(2, of: 1, "acme-rsa", Self.acmeRSAToken, publicKey))
        let other = ProfileKey.Material.secret(Secret(Array(Self.otherSecret.utf8)), isBase64: false)
        try draft.put(try Self.profile(3, of: 2, "other-hmac", Self.otherToken, other))
    }

    private static func profile(
        _ number: Int,
        of client: Int,
        _ name: String,
        _ token: String,
        _ material: ProfileKey.Material
    ) throws -> AccessProfile {
        var profile = AccessProfile(id: .test(number), clientID: .test(client), name: name)
        profile.grantedCollections = [.test(2)]
        profile.keys = [
            try ProfileKey(id: .test(1000 + number), name: "key", material: material, createdAt: now)
        ]
        if let digest = APITokenDigest(token: token.utf8) {
            profile.apiTokens = [
                APIToken(id: .test(100 + number), name: "default", digest: digest, createdAt: now)
            ]
        }
        return profile
    }

    /// What the draft compiles to.
    package var snapshot: Snapshot { Snapshot(draft.finished()) }

    /// A profile of the draft.
    ///
    /// - Throws: when there is none with this number.
    package func profile(_ number: Int) throws -> AccessProfile {
        guard let profile = draft.catalog.profiles[.test(number)] else {
            throw InvalidValue("no profile \(number)")
        }
        return profile
    }

    /// Signs a payload as Acme's HMAC profile would.
    ///
    /// - Throws: what the signer says.
    package static func acmeSigned(_ payload: String, algorithm: SignatureAlgorithm = .hs256) throws -> String
    {
        try sign(payload, secret: acmeSecret, algorithm: algorithm)
    }

    /// Signs a payload with a secret as pasted.
    ///
    /// - Throws: what the signer says.
    package static func sign(
        _ payload: String,
        secret: String,
        algorithm: SignatureAlgorithm = .hs256
    ) throws -> String {
        try SigningKey.hmac(secret: Secret(Array(secret.utf8)))
            .sign(payload: Array(payload.utf8), algorithm: algorithm)
    }
}
