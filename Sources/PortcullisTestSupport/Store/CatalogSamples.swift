package import GatewayCore
import JOSE

/// Catalogs in which every field of every entity says something.
package enum CatalogSamples {
    /// What tests call now: 2026-11-24T00:00:00Z.
    package static let now = Timestamp(secondsSinceEpoch: 1_795_478_400)
    /// The text of the secret of the full profile's first key.
    package static let secret = "Tq7wXkq2mVbC9sJd0yRzLh5nGf8uEo3iA1pKx6tMvQ4="
    /// A public key in the OpenSSH form.
    package static let publicKey =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPXK0sJ4sTf2lTbyVKTlJFFF0Nsg2Cqbs5mVQK9I2Xjm jdoe@laptop"

    /// The API token of this number, as callers write it.
    package static func token(_ number: Int) -> String {
        Hex.encode(UInt64(number)) + String(repeating: "0123456789abcdef", count: 3)
    }

    /// A draft with an upstream, a collection, a client and a profile that use every field.
    ///
    /// - Throws: what the catalog's rules say.
    package static func full(_ catalog: Catalog = Catalog()) throws -> CatalogDraft {
        var draft = CatalogDraft(catalog)
        var settings = GatewaySettings()
        settings.identityClaims = ["https://claims.example/\"quoted\"", "sub", "kid"]
        settings.requiresExpiry = true
        settings.leewaySeconds = 17
        settings.trustedProxies = try ["10.0.0.0/8", "2001:db8:1::/48"].map { try AddressRange($0) }
        settings.clientAddressHeader = .forwarded
        try draft.put(settings)
        let targets = try ["http://10.0.0.2:9000/prefix", "http://orders.example", "http://[::1]:81"]
            .map { try UpstreamTarget(url: $0) }
        var upstream = Upstream(id: .test(1), name: "Bestellungen für Zoë 🚀", targets: targets)
        upstream.connectTimeoutSeconds = 7
        try draft.put(upstream)
        try draft.put(collection(1, handle: "orders-v1", upstream))
        var second = GatewayCore.Collection(id: .test(2), name: "Empty", handle: "empty")
        second.isActive = false
        try draft.put(second)
        var client = Client(id: .test(1), name: "Acme '; DROP TABLE clients; --")
        client.description = "Two lines\nand a \"quote\""
        client.contactEmail = "jdoe@acme.example"
        client.isActive = false
        try draft.put(client)
        try draft.put(fullProfile())
        var bare = AccessProfile(id: .test(2), clientID: .test(1), name: "bare")
        bare.method = .token
        try draft.put(bare)
        return draft
    }

    private static func collection(
        _ number: Int,
        handle: String,
        _ upstream: Upstream
    ) throws
        -> GatewayCore.Collection
    {
        var collection = GatewayCore.Collection(id: .test(number), name: "Orders", handle: handle)
        collection.version = "1.2"
        collection.hosts = ["b.example", "a.example"]
        var order = try Endpoint.test(2, "order", ["PUT", "GET"], "/orders/{id}", upstream)
        order.upstreamPath = try PathTemplate("/v2/{id}")
        order.isActive = false
        order.timeoutSeconds = 240
        order.scopes = ["Orders.read", "Orders.write"]
        order.rule = try AuthorizationRule(
            #"claims.tenant == path.id && "ü" in claims["a b"]"#,
            parameters: ["id"]
        )
        order.maximumBodyBytes = 9_000_000_000
        order.forwardsCredential = true
        collection.endpoints = [order, try .test(1, "call", ["GET"], "/call", upstream)]
        return collection
    }

    private static func fullProfile() throws -> AccessProfile {
        var profile = AccessProfile(id: .test(1), clientID: .test(1), name: "full")
        profile.isActive = false
        profile.grantedCollections = [.test(2), .test(1)]
        profile.claimRules.requiredClaims = ["name", "email"]
        profile.claimRules.issuers = ["https://issuer.example/", "b"]
        profile.claimRules.audiences = ["orders", "admin"]
        profile.claimRules.requiresExpiry = false
        profile.claimRules.leewaySeconds = 0
        profile.claimRules.maximumLifetimeSeconds = 3600
        profile.allowedAddresses = try ["2001:db8::/32", "192.0.2.0/24"].map { try AddressRange($0) }
        profile.deniedAddresses = [try AddressRange("192.0.2.66")]
        var shared = try key(2, "shared", .secret(Secret(Array(secret.utf8)), isBase64: false))
        shared.isActive = false
        shared.keyID = "2026-11"
        shared.algorithms = [.hs256]
        shared.activeFrom = Timestamp(secondsSinceEpoch: 1_700_000_000)
        shared.retireAt = Timestamp(secondsSinceEpoch: 1_900_000_000)
        profile.keys = [
            shared,
            try key(1, "laptop", .publicKey(publicKey)),
            try key(3, "decoded", .secret(Secret(Array(secret.utf8)), isBase64: true)),
        ]
        var old = try apiToken(2, "old")
        old.isActive = false
        old.expiresAt = Timestamp(secondsSinceEpoch: 1_800_000_000)
        old.allowedAddresses = try ["192.0.2.0/28", "2001:db8::1"].map { try AddressRange($0) }
        old.deniedAddresses = [try AddressRange("192.0.2.3")]
        profile.apiTokens = [old, try apiToken(1, "new")]
        profile.identityClaim = "https://claims.example/\"token\""
        var byID = Revocation(id: .test(1), tokens: .tokenID("4711 ü"), createdAt: now)
        byID.reason = "laptop lost"
        byID.expiresAt = Timestamp(secondsSinceEpoch: 1_900_000_001)
        profile.revocations = [
            byID, Revocation(id: .test(2), tokens: .subject("jdoe"), createdAt: now),
            Revocation(id: .test(3), tokens: .issuedBefore(now), createdAt: now),
        ]
        return profile
    }

    /// A profile with one secret, one API token and one grant.
    ///
    /// - Throws: what the key's reader says.
    package static func profile(_ number: Int, of client: Int, grants: [Int] = []) throws -> AccessProfile {
        var profile = AccessProfile(id: .test(number), clientID: .test(client), name: "profile \(number)")
        profile.keys = [
            try key(number, "shared", .secret(Secret(Array("\(secret)\(number)".utf8)), isBase64: false))
        ]
        profile.apiTokens = [try apiToken(number, "default")]
        profile.grantedCollections = grants.map { .test($0) }
        return profile
    }

    private static func key(
        _ number: Int,
        _ name: String,
        _ material: ProfileKey.Material
    ) throws -> ProfileKey {
        try ProfileKey(id: .test(number), name: name, material: material, createdAt: now)
    }

    private static func apiToken(_ number: Int, _ name: String) throws -> APIToken {
        guard let digest = APITokenDigest(token: token(number).utf8) else {
            throw InvalidValue("token \(number) is no API token")
        }
        return APIToken(id: .test(number), name: name, digest: digest, createdAt: now)
    }

    /// An audit entry about an entity of this name.
    package static func audit(_ name: String, action: String = "create") -> AuditEntry {
        AuditEntry(
            at: now,
            actor: "admin-token",
            origin: "192.0.2.7",
            action: action,
            kind: "client",
            id: "0123456789abcdef0123456789abcdef",
            name: name,
            details: "{\"name\":\"\(name)\"}"
        )
    }
}
