import GRDB
import GatewayCore
import JOSE

/// Reads the catalog: every table once, the parts joined in memory.
struct CatalogReader {
    let database: Database
    let sealer: SecretSealer

    /// Reads and checks the whole catalog.
    func read() throws -> Catalog {
        var restoration = CatalogRestoration(revision: try revision())
        try restoration.put(try settings())
        try restoration.put(try signingKeys())
        try upstreams { try restoration.put($0) }
        try collections { try restoration.put($0) }
        try clients { try restoration.put($0) }
        return try CatalogAssembly.run(on: restoration, sealer) { try profiles($0) }
    }

    /// The number of the last commit.
    func revision() throws -> CatalogRevision {
        var revision: CatalogRevision?
        try each("catalog_revision", "number") { revision = CatalogRevision(try $0.number(0)) }
        guard let revision else { throw DamagedRow(detail: "table catalog_revision: there is no row") }
        return revision
    }

    private func settings() throws -> GatewaySettings {
        var settings = GatewaySettings()
        let columns = """
            identity_claims, requires_expiry, leeway_seconds, trusted_proxies, client_address_header, issuer,
            signing_key_days
            """
        try each("settings", columns) { row in
            settings.identityClaims = try row.list(0)
            settings.requiresExpiry = try row.flag(1)
            settings.leewaySeconds = try row.int(2)
            settings.trustedProxies = try addresses(row, 3)
            settings.clientAddressHeader = try row.value(4) { ClientAddressHeader(rawValue: $0) }
            settings.issuer = try row.text(5)
            settings.signingKeyDays = try row.int(6)
        }
        return settings
    }

    private func signingKeys() throws -> [GatewaySigningKey] {
        var keys: [GatewaySigningKey] = []
        let columns = "id, created_at, active_from, retire_at, sealed_private_key"
        try each("signing_keys", columns, order: "position") { row in
            let id: SigningKeyID = try row.id(0)
            guard let sealed = try row.optionalBytes(4),
                let opened = sealer.open(sealed, from: .signingKey(id))
            else { throw row.damage("the private key cannot be opened") }
            var key = GatewaySigningKey(
                id: id,
                key: try SigningKey.read(opened.reveal()),
                createdAt: Timestamp(secondsSinceEpoch: try row.number(1)),
                activeFrom: Timestamp(secondsSinceEpoch: try row.number(2))
            )
            key.retireAt = try row.optionalNumber(3).map { Timestamp(secondsSinceEpoch: $0) }
            keys.append(key)
        }
        return keys
    }

    private func upstreams(_ take: (Upstream) throws -> Void) throws {
        let targets = try OwnedRows<Upstream>(
            in: database,
            table: "upstream_targets",
            owner: "upstream_id",
            columns: "url"
        )
        let columns = "id, name, connect_timeout_seconds, claim_headers, assertion"
        try each("upstreams", columns, order: "id") { row in
            let id: UpstreamID = try row.id(0)
            var upstream = Upstream(
                id: id,
                name: try row.text(1),
                targets: try targets.map(of: id) { try $0.value(0) { try UpstreamTarget(url: $0) } }
            )
            upstream.connectTimeoutSeconds = try row.int(2)
            upstream.claimHeaders = try row.documents(3) { reader throws(DocumentError) in
                try ClaimHeader(from: &reader)
            }
            upstream.assertion = try row.document(4) { reader throws(DocumentError) in
                try AssertionRules(from: &reader)
            }
            try take(upstream)
        }
        try targets.finish()
    }

    private func collections(_ take: (GatewayCore.Collection) throws -> Void) throws {
        let endpoints = try OwnedRows<GatewayCore.Collection>(
            in: database,
            table: "endpoints",
            owner: "collection_id",
            columns: """
                id, name, methods, path, upstream_id, upstream_path, is_active, timeout_seconds,
                authentication, maximum_body_bytes, forwards_credential, scopes, rule
                """
        )
        try each("collections", "id, name, handle, version, is_active, hosts", order: "id") { row in
            let id: CollectionID = try row.id(0)
            var collection = GatewayCore.Collection(id: id, name: try row.text(1), handle: try row.text(2))
            collection.version = try row.text(3)
            collection.isActive = try row.flag(4)
            collection.hosts = try row.list(5)
            collection.endpoints = try endpoints.map(of: id, endpoint)
            try take(collection)
        }
        try endpoints.finish()
    }

    private func endpoint(_ row: StoredRow) throws -> Endpoint {
        var endpoint = Endpoint(
            id: try row.id(0),
            name: try row.text(1),
            path: try row.value(3) { try PathTemplate($0) },
            upstreamID: try row.id(4)
        )
        endpoint.methods = try row.list(2)
        if try row.optionalText(5) != nil {
            endpoint.upstreamPath = try row.value(5) { try PathTemplate($0) }
        }
        endpoint.isActive = try row.flag(6)
        endpoint.timeoutSeconds = try row.int(7)
        endpoint.authentication = try row.value(8) { Endpoint.Authentication(rawValue: $0) }
        endpoint.maximumBodyBytes = try row.number(9)
        endpoint.forwardsCredential = try row.flag(10)
        endpoint.scopes = try row.list(11)
        if try row.optionalText(12) != nil {
            let parameters = endpoint.path.parameterNames
            endpoint.rule = try row.value(12) { try AuthorizationRule($0, parameters: parameters) }
        }
        return endpoint
    }

    private func clients(_ take: (Client) throws -> Void) throws {
        try each("clients", "id, name, description, contact_email, is_active", order: "id") { row in
            var client = Client(id: try row.id(0), name: try row.text(1))
            client.description = try row.text(2)
            client.contactEmail = try row.text(3)
            client.isActive = try row.flag(4)
            try take(client)
        }
    }

    private func profiles(_ take: (StoredProfile) -> Void) throws {
        let grants = try OwnedRows<AccessProfile>(
            in: database,
            table: "profile_collections",
            owner: "profile_id",
            columns: "collection_id"
        )
        let keys = try OwnedRows<AccessProfile>(
            in: database,
            table: "profile_keys",
            owner: "profile_id",
            columns: StoredKey.columns
        )
        let tokens = try OwnedRows<AccessProfile>(
            in: database,
            table: "api_tokens",
            owner: "profile_id",
            columns: """
                id, name, is_active, created_at, expires_at, sha256, allowed_addresses, denied_addresses
                """
        )
        let columns = """
            id, client_id, name, is_active, method, required_claims, issuers, audiences, requires_expiry,
            leeway_seconds, maximum_lifetime_seconds, allowed_addresses, denied_addresses, identity_claim,
            token_matches, identity_provider, oauth2, client_certificate, accepts_tokens_once
            """
        let revocations = try OwnedRows<AccessProfile>(
            in: database,
            table: "profile_revocations",
            owner: "profile_id",
            columns: "id, token_id, subject, issued_before, reason, created_at, expires_at"
        )
        var grantedBefore: [CollectionID] = []
        try each("profiles", columns, order: "id") { row in
            let id: ProfileID = try row.id(0)
            var profile = AccessProfile(id: id, clientID: try row.id(1), name: try row.text(2))
            profile.isActive = try row.flag(3)
            profile.method = try row.value(4) { AuthenticationMethod(rawValue: $0) }
            profile.claimRules.requiredClaims = try row.list(5)
            profile.claimRules.issuers = try row.list(6)
            profile.claimRules.audiences = try row.list(7)
            profile.claimRules.requiresExpiry = try row.optionalNumber(8).map { $0 != 0 }
            profile.claimRules.leewaySeconds = try row.optionalNumber(9).map { Int($0) }
            profile.claimRules.maximumLifetimeSeconds = try row.optionalNumber(10).map { Int($0) }
            profile.allowedAddresses = try addresses(row, 11)
            profile.deniedAddresses = try addresses(row, 12)
            profile.identityClaim = try row.optionalText(13)
            try readIdentity(row, &profile)
            profile.revocations = try revocations.map(of: id, revocation)
            profile.grantedCollections = try grants.map(of: id) { try $0.id(0) }
            // Profiles that were made together mostly have the same grants, and can share the list of them.
            if profile.grantedCollections == grantedBefore { profile.grantedCollections = grantedBefore }
            grantedBefore = profile.grantedCollections
            profile.apiTokens = try tokens.map(of: id, apiToken)
            take(StoredProfile(profile: profile, keys: try keys.map(of: id, StoredKey.init)))
        }
        try grants.finish()
        try keys.finish()
        try tokens.finish()
        try revocations.finish()
    }

    private func readIdentity(_ row: StoredRow, _ profile: inout AccessProfile) throws {
        profile.tokenMatches = try row.documents(14) { reader throws(DocumentError) in
            try TokenMatch(from: &reader)
        }
        profile.identityProvider = try row.document(15) { reader throws(DocumentError) in
            try IdentityProvider(from: &reader)
        }
        profile.oauth2 = try row.document(16) { reader throws(DocumentError) in
            try OAuth2Rules(from: &reader)
        }
        profile.clientCertificate = try row.document(17) { reader throws(DocumentError) in
            try CertificateRules(from: &reader)
        }
        profile.acceptsTokensOnce = try row.flag(18)
    }

    private func addresses(_ row: StoredRow, _ index: Int) throws -> [AddressRange] {
        do {
            return try row.list(index).map { try AddressRange($0) }
        } catch let error as InvalidValue {
            throw row.damage("column \(index + 1): \(error)")
        }
    }

    private func apiToken(_ row: StoredRow) throws -> APIToken {
        var token = APIToken(
            id: try row.id(0),
            name: try row.text(1),
            digest: try row.digest(5),
            createdAt: Timestamp(secondsSinceEpoch: try row.number(3))
        )
        token.isActive = try row.flag(2)
        token.expiresAt = try row.optionalNumber(4).map { Timestamp(secondsSinceEpoch: $0) }
        token.allowedAddresses = try addresses(row, 6)
        token.deniedAddresses = try addresses(row, 7)
        return token
    }

    private func revocation(_ row: StoredRow) throws -> Revocation {
        let tokens: Revocation.Tokens
        if let tokenID = try row.optionalText(1) {
            tokens = .tokenID(tokenID)
        } else if let subject = try row.optionalText(2) {
            tokens = .subject(subject)
        } else {
            tokens = .issuedBefore(Timestamp(secondsSinceEpoch: try row.number(3)))
        }
        var revocation = Revocation(
            id: try row.id(0),
            tokens: tokens,
            createdAt: Timestamp(secondsSinceEpoch: try row.number(5))
        )
        revocation.reason = try row.text(4)
        revocation.expiresAt = try row.optionalNumber(6).map { Timestamp(secondsSinceEpoch: $0) }
        return revocation
    }

    private func each(
        _ table: StaticString,
        _ columns: String,
        order: String = "",
        _ body: (StoredRow) throws -> Void
    ) throws {
        try StoredRow.forEach(in: database, table: table, columns: columns, order: order, body)
    }
}
