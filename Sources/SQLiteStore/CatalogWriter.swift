import GRDB
import GatewayCore
import JOSE

/// Writes one change inside a transaction.
///
/// All rows of what changes are removed before any are written, so that two entities may swap their names
/// in one change; references are checked when the transaction ends.
struct CatalogWriter {
    let database: Database
    let sealer: SecretSealer

    /// Writes the entities and removes the deleted ones.
    func apply(_ change: CatalogChange) throws {
        try remove(change)
        if let settings = change.settings { try write(settings) }
        if let keys = change.signingKeys { try write(keys) }
        for case .put(let upstream) in change.upstreams.values { try write(upstream) }
        for case .put(let collection) in change.collections.values { try write(collection) }
        for case .put(let client) in change.clients.values { try write(client) }
        for case .put(let profile) in change.profiles.values { try write(profile) }
    }

    /// Moves the revision on.
    func write(_ revision: CatalogRevision) throws {
        try run("UPDATE catalog_revision SET number = ? WHERE id = 1", [revision.number])
    }

    /// Adds an entry behind the last one of the log.
    func append(_ entry: AuditEntry, making revision: CatalogRevision?) throws {
        // Entries are never deleted, so the greatest number is the count.
        try run(
            """
            INSERT INTO audit (sequence, revision, at, actor, origin, action, kind, entity_id, name, details)
            VALUES ((SELECT COALESCE(MAX(sequence), 0) + 1 FROM audit), ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                revision?.number, entry.at.secondsSinceEpoch, entry.actor, entry.origin, entry.action,
                entry.kind,
                entry.id, entry.name, entry.details,
            ]
        )
    }

    private func remove(_ change: CatalogChange) throws {
        for id in change.profiles.keys {
            try run("DELETE FROM profile_collections WHERE profile_id = ?", [id.text])
            try run("DELETE FROM profile_keys WHERE profile_id = ?", [id.text])
            try run("DELETE FROM api_tokens WHERE profile_id = ?", [id.text])
            try run("DELETE FROM profile_revocations WHERE profile_id = ?", [id.text])
            try run("DELETE FROM profiles WHERE id = ?", [id.text])
        }
        for id in change.clients.keys { try run("DELETE FROM clients WHERE id = ?", [id.text]) }
        for id in change.collections.keys {
            try run("DELETE FROM endpoints WHERE collection_id = ?", [id.text])
            try run("DELETE FROM collections WHERE id = ?", [id.text])
        }
        for id in change.upstreams.keys {
            try run("DELETE FROM upstream_targets WHERE upstream_id = ?", [id.text])
            try run("DELETE FROM upstreams WHERE id = ?", [id.text])
        }
    }

    private func write(_ settings: GatewaySettings) throws {
        try run(
            """
            INSERT OR REPLACE INTO settings (id, identity_claims, requires_expiry, leeway_seconds,
                trusted_proxies, client_address_header, issuer, signing_key_days)
            VALUES (1, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                try StoredList(settings.identityClaims).json, settings.requiresExpiry,
                settings.leewaySeconds, try StoredList(settings.trustedProxies.map(\.description)).json,
                settings.clientAddressHeader.rawValue, settings.issuer, settings.signingKeyDays,
            ]
        )
    }

    private func write(_ keys: [GatewaySigningKey]) throws {
        try run("DELETE FROM signing_keys", [])
        for (position, key) in keys.enumerated() {
            guard let pem = key.key.pkcs8PEM else {
                throw DamagedRow(detail: "signing key \(key.id) has no PEM")
            }
            let sealed = try sealer.seal(Secret(Array(pem.reveal().utf8)), for: .signingKey(key.id))
            try run(
                """
                INSERT INTO signing_keys (id, position, created_at, active_from, retire_at, sealed_private_key)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
                [
                    key.id.text, position, key.createdAt.secondsSinceEpoch, key.activeFrom.secondsSinceEpoch,
                    key.retireAt?.secondsSinceEpoch, sealed,
                ]
            )
        }
    }

    private func write(_ upstream: Upstream) throws {
        try run(
            """
            INSERT INTO upstreams (id, name, connect_timeout_seconds, claim_headers, assertion)
            VALUES (?, ?, ?, ?, ?)
            """,
            [
                upstream.id.text, upstream.name, upstream.connectTimeoutSeconds,
                DocumentNode(.array(upstream.claimHeaders.map { $0.document() })).json(),
                upstream.assertion?.document().json(),
            ]
        )
        for (position, target) in upstream.targets.enumerated() {
            try run(
                "INSERT INTO upstream_targets (upstream_id, position, url) VALUES (?, ?, ?)",
                [upstream.id.text, position, target.url]
            )
        }
    }

    private func write(_ collection: GatewayCore.Collection) throws {
        try run(
            "INSERT INTO collections (id, name, handle, version, is_active, hosts) VALUES (?, ?, ?, ?, ?, ?)",
            [
                collection.id.text, collection.name, collection.handle, collection.version,
                collection.isActive,
                try StoredList(collection.hosts).json,
            ]
        )
        for (position, endpoint) in collection.endpoints.enumerated() {
            try write(endpoint, at: position, of: collection.id)
        }
    }

    private func write(_ endpoint: Endpoint, at position: Int, of collection: CollectionID) throws {
        try run(
            """
            INSERT INTO endpoints (collection_id, position, id, name, methods, path, upstream_id, upstream_path,
                is_active, timeout_seconds, authentication, maximum_body_bytes, forwards_credential, scopes, rule)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                collection.text, position, endpoint.id.text, endpoint.name,
                try StoredList(endpoint.methods).json, endpoint.path.description,
                endpoint.upstreamID.text,
                endpoint.upstreamPath?.description, endpoint.isActive, endpoint.timeoutSeconds,
                endpoint.authentication.rawValue, endpoint.maximumBodyBytes, endpoint.forwardsCredential,
                try StoredList(endpoint.scopes).json, endpoint.rule?.text,
            ]
        )
    }

    private func write(_ client: Client) throws {
        try run(
            "INSERT INTO clients (id, name, description, contact_email, is_active) VALUES (?, ?, ?, ?, ?)",
            [client.id.text, client.name, client.description, client.contactEmail, client.isActive]
        )
    }

    private func write(_ profile: AccessProfile) throws {
        let rules = profile.claimRules
        try run(
            """
            INSERT INTO profiles (id, client_id, name, is_active, method, required_claims, issuers, audiences,
                requires_expiry, leeway_seconds, maximum_lifetime_seconds, allowed_addresses, denied_addresses,
                identity_claim, token_matches, identity_provider, oauth2, client_certificate,
                accepts_tokens_once)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                profile.id.text, profile.clientID.text, profile.name, profile.isActive,
                profile.method.rawValue, try StoredList(rules.requiredClaims).json,
                try StoredList(rules.issuers).json, try StoredList(rules.audiences).json,
                rules.requiresExpiry,
                rules.leewaySeconds, rules.maximumLifetimeSeconds,
                try StoredList(profile.allowedAddresses.map(\.description)).json,
                try StoredList(profile.deniedAddresses.map(\.description)).json, profile.identityClaim,
                DocumentNode(.array(profile.tokenMatches.map { $0.document() })).json(),
                profile.identityProvider?.document().json(), profile.oauth2?.document().json(),
                profile.clientCertificate?.document().json(), profile.acceptsTokensOnce,
            ]
        )
        for (position, collection) in profile.grantedCollections.enumerated() {
            try run(
                "INSERT INTO profile_collections (profile_id, position, collection_id) VALUES (?, ?, ?)",
                [profile.id.text, position, collection.text]
            )
        }
        for (position, key) in profile.keys.enumerated() { try write(key, at: position, of: profile.id) }
        for (position, token) in profile.apiTokens.enumerated() {
            try write(token, at: position, of: profile.id)
        }
        for (position, revocation) in profile.revocations.enumerated() {
            try write(revocation, at: position, of: profile.id)
        }
    }

    private func write(_ revocation: Revocation, at position: Int, of profile: ProfileID) throws {
        let tokens: [(any DatabaseValueConvertible)?] =
            switch revocation.tokens {
            case .tokenID(let id): [id, nil, nil]
            case .subject(let subject): [nil, subject, nil]
            case .issuedBefore(let time): [nil, nil, time.secondsSinceEpoch]
            }
        try run(
            """
            INSERT INTO profile_revocations (profile_id, position, id, reason, created_at, expires_at, token_id,
                subject, issued_before)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                profile.text, position, revocation.id.text, revocation.reason,
                revocation.createdAt.secondsSinceEpoch, revocation.expiresAt?.secondsSinceEpoch,
            ] + tokens
        )
    }

    private func write(_ key: ProfileKey, at position: Int, of profile: ProfileID) throws {
        let material: [(any DatabaseValueConvertible)?]
        switch key.material {
        case .secret(let secret, let isBase64):
            material = [try sealer.seal(secret, for: .keySecret(profile, key.id)), isBase64, nil]
        case .publicKey(let text):
            material = [nil, nil, text]
        }
        try run(
            """
            INSERT INTO profile_keys (profile_id, position, id, name, is_active, kid, algorithms, active_from,
                retire_at, created_at, sealed_secret, secret_is_base64, public_key)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                profile.text, position, key.id.text, key.name, key.isActive, key.keyID,
                try StoredList(key.algorithms.map(\.rawValue)).json, key.activeFrom?.secondsSinceEpoch,
                key.retireAt?.secondsSinceEpoch, key.createdAt.secondsSinceEpoch,
            ] + material
        )
    }

    private func write(_ token: APIToken, at position: Int, of profile: ProfileID) throws {
        try run(
            """
            INSERT INTO api_tokens (profile_id, position, id, name, is_active, created_at, expires_at, sha256,
                allowed_addresses, denied_addresses)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                profile.text, position, token.id.text, token.name, token.isActive,
                token.createdAt.secondsSinceEpoch, token.expiresAt?.secondsSinceEpoch, token.digest.hex,
                try StoredList(token.allowedAddresses.map(\.description)).json,
                try StoredList(token.deniedAddresses.map(\.description)).json,
            ]
        )
    }

    private func run(_ sql: String, _ arguments: [(any DatabaseValueConvertible)?]) throws {
        try database.cachedStatement(sql: sql).execute(arguments: StatementArguments(arguments))
    }
}
