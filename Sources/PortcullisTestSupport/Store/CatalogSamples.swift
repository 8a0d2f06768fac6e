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

    /// A self-signed certificate that is valid until 2126.
    package static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBgzCCASmgAwIBAgIUNowrYT+Ie1qyMkw5sL6Fx3rj9rAwCgYIKoZIzj0EAwIw
        FjEUMBIGA1UEAwwLU2FtcGxlIHJvb3QwIBcNMjYxMTI1MjIyMTA1WhgPMjEyNjEx
        MDEyMjIxMDVaMBYxFDASBgNVBAMMC1NhbXBsZSByb290MFkwEwYHKoZIzj0CAQYI
        KoZIzj0DAQcDQgAE6byNRGNDMqZ9ec6jvegKTg5RAYxGBDXVCxe/LRMOdE0MQ05e
        Tq9d8spcTklvz2v2GuXKilY+3JJ2BDThJhqvM6NTMFEwHQYDVR0OBBYEFLRCOd7/
        YuAWZ4BrFSy/g/+TJWBbMB8GA1UdIwQYMBaAFLRCOd7/YuAWZ4BrFSy/g/+TJWBb
        MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAInT1mC5bgYg3bhZ
        SuxOKawNlu4jZaOqchk+g9va3uJXAiBk35csxWYPnj8UUtelNtNGtYFcrx9Iqy31
        vdZwITw9/Q==
        -----END CERTIFICATE-----
        """

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
        settings.issuer = "https://gateway.example/ü"
        settings.signingKeyDays = 30
        try draft.put(settings)
        try draft.put([try signingKey(1), try signingKey(2, retires: true)])
        let targets = try ["http://10.0.0.2:9000/prefix", "http://orders.example", "http://[::1]:81"]
            .map { try UpstreamTarget(url: $0) }
        var upstream = Upstream(id: .test(1), name: "Bestellungen für Zoë 🚀", targets: targets)
        upstream.connectTimeoutSeconds = 7
        var groups = ClaimHeader(claim: "groups \"quoted\"", header: "X-Groups")
        groups.separator = "; "
        upstream.claimHeaders = [ClaimHeader(claim: "email", header: "X-Email"), groups]
        upstream.assertion = AssertionRules(audience: "orders")
        upstream.assertion?.header = "X-Assertion"
        upstream.assertion?.lifetimeSeconds = 30
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
        for profile in try issued() { try draft.put(profile) }
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

    /// One profile each for what only some methods have.
    private static func issued() throws -> [AccessProfile] {
        var machines = AccessProfile(id: .test(3), clientID: .test(1), name: "machines")
        machines.method = .oauth2
        machines.oauth2 = OAuth2Rules()
        machines.oauth2?.scopes = ["orders.read", "orders.write"]
        machines.oauth2?.lifetimeSeconds = 600
        var people = AccessProfile(id: .test(4), clientID: .test(1), name: "people")
        people.method = .oidc
        let url = try KeyURL("https://id.example/.well-known/openid-configuration")
        people.identityProvider = IdentityProvider(issuer: "https://id.example", keys: .discovery(url))
        people.identityProvider?.algorithms = [.rs256, .es256]
        var match = TokenMatch(issuer: "https://id.example")
        match.audience = "orders"
        match.claims = [
            TokenMatch.Claim(name: "azp", value: "a \"b\""), TokenMatch.Claim(name: "t", value: "ü"),
        ]
        people.tokenMatches = [match, TokenMatch(issuer: "https://other.example")]
        var keySet = AccessProfile(id: .test(5), clientID: .test(1), name: "key set")
        keySet.method = .oidc
        keySet.identityProvider = IdentityProvider(
            issuer: "b",
            keys: .keySet(try KeyURL("https://[2001:db8::1]:8443/keys?a=b"))
        )
        return [machines, people, keySet]
    }

    private static func signingKey(_ number: Int, retires: Bool = false) throws -> GatewaySigningKey {
        let key = try SigningKey.generate(.ec(.p256))
        var signingKey = GatewaySigningKey(
            id: .test(number),
            key: key,
            createdAt: now,
            activeFrom: Timestamp(secondsSinceEpoch: now.secondsSinceEpoch + 300)
        )
        if retires { signingKey.retireAt = Timestamp(secondsSinceEpoch: 1_900_000_002) }
        return signingKey
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
        profile.clientCertificate = CertificateRules(roots: certificate)
        profile.clientCertificate?.subjects = ["CN=orders,O=Acme \\, Inc."]
        profile.clientCertificate?.alternativeNames = ["dns:orders.acme.example", "uri:spiffe://acme/orders"]
        profile.acceptsTokensOnce = true
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
