import GRDB
import GatewayCore
import JOSE

/// Reads the catalog: every table once, the parts joined in memory.
struct CatalogReader {
    let database: Database
    let sealer: SecretSealer

    /// Reads and checks the whole catalog.
    func read() throws -> Catalog {
        try CatalogDraft.restore(
            revision: revision(),
            settings: settings(),
            upstreams: upstreams(),
            collections: collections(),
            clients: clients(),
            profiles: profiles()
        )
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
        try each("settings", "identity_claims, requires_expiry, leeway_seconds") { row in
            settings.identityClaims = try row.list(0)
            settings.requiresExpiry = try row.flag(1)
            settings.leewaySeconds = try row.int(2)
        }
        return settings
    }

    private func upstreams() throws -> [Upstream] {
        var targets: [String: [UpstreamTarget]] = [:]
        try each("upstream_targets", "upstream_id, url", order: "upstream_id, position") { row in
            targets[try row.text(0), default: []].append(try row.value(1) { try UpstreamTarget(url: $0) })
        }
        var upstreams: [Upstream] = []
        try each("upstreams", "id, name, connect_timeout_seconds", order: "id") { row in
            let id = try row.text(0)
            var upstream = Upstream(id: UpstreamID(id), name: try row.text(1), targets: targets[id] ?? [])
            upstream.connectTimeoutSeconds = try row.int(2)
            upstreams.append(upstream)
        }
        return upstreams
    }

    private func collections() throws -> [GatewayCore.Collection] {
        let endpoints = try endpoints()
        var collections: [GatewayCore.Collection] = []
        try each("collections", "id, name, handle, version, is_active, hosts", order: "id") { row in
            let id = try row.text(0)
            var collection = GatewayCore.Collection(
                id: CollectionID(id),
                name: try row.text(1),
                handle: try row.text(2)
            )
            collection.version = try row.text(3)
            collection.isActive = try row.flag(4)
            collection.hosts = try row.list(5)
            collection.endpoints = endpoints[id] ?? []
            collections.append(collection)
        }
        return collections
    }

    private func endpoints() throws -> [String: [Endpoint]] {
        let columns = """
            collection_id, id, name, methods, path, upstream_id, upstream_path, is_active, timeout_seconds,
            authentication, maximum_body_bytes, forwards_credential
            """
        var endpoints: [String: [Endpoint]] = [:]
        try each("endpoints", columns, order: "collection_id, position") { row in
            var endpoint = Endpoint(
                id: EndpointID(try row.text(1)),
                name: try row.text(2),
                path: try row.value(4) { try PathTemplate($0) },
                upstreamID: UpstreamID(try row.text(5))
            )
            endpoint.methods = try row.list(3)
            if try row.optionalText(6) != nil {
                endpoint.upstreamPath = try row.value(6) { try PathTemplate($0) }
            }
            endpoint.isActive = try row.flag(7)
            endpoint.timeoutSeconds = try row.int(8)
            endpoint.authentication = try row.value(9) { Endpoint.Authentication(rawValue: $0) }
            endpoint.maximumBodyBytes = try row.number(10)
            endpoint.forwardsCredential = try row.flag(11)
            endpoints[try row.text(0), default: []].append(endpoint)
        }
        return endpoints
    }

    private func clients() throws -> [Client] {
        var clients: [Client] = []
        try each("clients", "id, name, description, contact_email, is_active", order: "id") { row in
            var client = Client(id: ClientID(try row.text(0)), name: try row.text(1))
            client.description = try row.text(2)
            client.contactEmail = try row.text(3)
            client.isActive = try row.flag(4)
            clients.append(client)
        }
        return clients
    }

    private func profiles() throws -> [AccessProfile] {
        let grants = try grants()
        let keys = try keys()
        let tokens = try tokens()
        let columns = """
            id, client_id, name, is_active, method, required_claims, issuers, audiences, requires_expiry,
            leeway_seconds, maximum_lifetime_seconds, allowed_addresses, denied_addresses
            """
        var profiles: [AccessProfile] = []
        try each("profiles", columns, order: "id") { row in
            let id = try row.text(0)
            var profile = AccessProfile(
                id: ProfileID(id),
                clientID: ClientID(try row.text(1)),
                name: try row.text(2)
            )
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
            profile.grantedCollections = grants[id] ?? []
            profile.keys = keys[id] ?? []
            profile.apiTokens = tokens[id] ?? []
            profiles.append(profile)
        }
        return profiles
    }

    private func addresses(_ row: StoredRow, _ index: Int) throws -> [AddressRange] {
        do {
            return try row.list(index).map { try AddressRange($0) }
        } catch let error as InvalidValue {
            throw row.damage("column \(index + 1): \(error)")
        }
    }

    private func grants() throws -> [String: [CollectionID]] {
        var grants: [String: [CollectionID]] = [:]
        try each("profile_collections", "profile_id, collection_id", order: "profile_id, position") { row in
            grants[try row.text(0), default: []].append(CollectionID(try row.text(1)))
        }
        return grants
    }

    private func keys() throws -> [String: [ProfileKey]] {
        let columns = """
            profile_id, id, name, is_active, kid, algorithms, active_from, retire_at, created_at, sealed_secret,
            secret_is_base64, public_key
            """
        var keys: [String: [ProfileKey]] = [:]
        try each("profile_keys", columns, order: "profile_id, position") { row in
            keys[try row.text(0), default: []].append(try key(row))
        }
        return keys
    }

    private func key(_ row: StoredRow) throws -> ProfileKey {
        let id = KeyID(try row.text(1))
        let material = try material(row, id)
        var key: ProfileKey
        do {
            key = try ProfileKey(
                id: id,
                name: try row.text(2),
                material: material,
                createdAt: Timestamp(secondsSinceEpoch: try row.number(8))
            )
        } catch let error as DamagedRow {
            throw error
        } catch {
            throw row.damage("key \(id): \(error)")
        }
        key.isActive = try row.flag(3)
        key.keyID = try row.optionalText(4)
        key.algorithms = try row.list(5).map { name in
            guard let algorithm = SignatureAlgorithm(rawValue: name) else {
                throw row.damage("key \(id): there is no algorithm \"\(name)\"")
            }
            return algorithm
        }
        key.activeFrom = try row.optionalNumber(6).map { Timestamp(secondsSinceEpoch: $0) }
        key.retireAt = try row.optionalNumber(7).map { Timestamp(secondsSinceEpoch: $0) }
        return key
    }

    private func material(_ row: StoredRow, _ id: KeyID) throws -> ProfileKey.Material {
        guard let sealed = try row.optionalBytes(9) else { return .publicKey(try row.text(11)) }
        guard let secret = sealer.open(sealed, from: .keySecret(ProfileID(try row.text(0)), id)) else {
            throw row.damage("the sealed secret of key \(id) does not open in its row")
        }
        return .secret(secret, isBase64: try row.flag(10))
    }

    private func tokens() throws -> [String: [APIToken]] {
        let columns = "profile_id, id, name, is_active, created_at, expires_at, sha256"
        var tokens: [String: [APIToken]] = [:]
        try each("api_tokens", columns, order: "profile_id, position") { row in
            var token = APIToken(
                id: APITokenID(try row.text(1)),
                name: try row.text(2),
                digest: try row.value(6) { APITokenDigest(hex: $0) },
                createdAt: Timestamp(secondsSinceEpoch: try row.number(4))
            )
            token.isActive = try row.flag(3)
            token.expiresAt = try row.optionalNumber(5).map { Timestamp(secondsSinceEpoch: $0) }
            tokens[try row.text(0), default: []].append(token)
        }
        return tokens
    }

    private func each(
        _ table: String,
        _ columns: String,
        order: String = "",
        _ body: (StoredRow) throws -> Void
    ) throws {
        try StoredRow.forEach(in: database, table: table, columns: columns, order: order, body)
    }
}
