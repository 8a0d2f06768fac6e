import GRDB

/// The tables, and the steps that lead to them.
///
/// A released step never changes; a new form of the tables is a new step.
enum Schema {
    /// What SQLite's `application_id` is in our databases: `PRTC`.
    static let applicationID: Int64 = 0x5052_5443

    /// The steps; the first one seals the check value of the master key.
    static func migrator(_ sealer: SecretSealer) -> DatabaseMigrator {
        // Not deferring checks spares reading every table whole after each step.
        var migrator = DatabaseMigrator().disablingDeferredForeignKeyChecks()
        migrator.registerMigration("1 catalog") { database in
            try database.execute(sql: "PRAGMA application_id = \(applicationID)")
            try database.execute(sql: upstreamTables + collectionTables + clientTables + profileTables)
            try database.execute(sql: singleRowTables + auditTable)
            try database.execute(sql: "INSERT INTO catalog_revision (id, number) VALUES (1, 0)")
            try database.execute(
                sql: "INSERT INTO master_key_check (id, sealed) VALUES (1, ?)",
                arguments: [try sealer.sealedCheck()]
            )
        }
        migrator.registerMigration("2 credentials") { database in try database.execute(sql: credentialSteps) }
        migrator.registerMigration("3 identity") { database in try database.execute(sql: identitySteps) }
        migrator.registerMigration("4 operators") { database in try database.execute(sql: operatorSteps) }
        migrator.registerMigration("5 audit filters") { database in
            try database.execute(sql: auditIndexes)
        }
        return migrator
    }

    // Each goes on in the order of pages.
    private static let auditIndexes = """
        CREATE INDEX audit_by_actor ON audit (actor, sequence);
        CREATE INDEX audit_by_kind ON audit (kind, sequence);
        CREATE INDEX audit_by_action ON audit (action, sequence);
        CREATE INDEX audit_by_name ON audit (name, sequence);
        CREATE INDEX audit_by_time ON audit (at, sequence);

        """

    // Lists that nothing refers to are JSON arrays of strings; lists of rows carry their position. References
    // are checked at the end of the transaction, so that a commit may write its rows in any order.

    private static let upstreamTables = """
        CREATE TABLE upstreams (
            id TEXT NOT NULL PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            connect_timeout_seconds INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE upstream_targets (
            upstream_id TEXT NOT NULL REFERENCES upstreams (id) DEFERRABLE INITIALLY DEFERRED,
            position INTEGER NOT NULL,
            url TEXT NOT NULL,
            PRIMARY KEY (upstream_id, position)
        ) STRICT, WITHOUT ROWID;

        """

    private static let collectionTables = """
        CREATE TABLE collections (
            id TEXT NOT NULL PRIMARY KEY,
            name TEXT NOT NULL,
            handle TEXT NOT NULL UNIQUE,
            version TEXT NOT NULL,
            is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
            hosts TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE endpoints (
            collection_id TEXT NOT NULL REFERENCES collections (id) DEFERRABLE INITIALLY DEFERRED,
            position INTEGER NOT NULL,
            id TEXT NOT NULL,
            name TEXT NOT NULL,
            methods TEXT NOT NULL,
            path TEXT NOT NULL,
            upstream_id TEXT NOT NULL REFERENCES upstreams (id) DEFERRABLE INITIALLY DEFERRED,
            upstream_path TEXT,
            is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
            timeout_seconds INTEGER NOT NULL,
            authentication TEXT NOT NULL,
            maximum_body_bytes INTEGER NOT NULL,
            forwards_credential INTEGER NOT NULL CHECK (forwards_credential IN (0, 1)),
            PRIMARY KEY (collection_id, position)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX endpoints_by_upstream ON endpoints (upstream_id);

        """

    private static let clientTables = """
        CREATE TABLE clients (
            id TEXT NOT NULL PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            description TEXT NOT NULL,
            contact_email TEXT NOT NULL,
            is_active INTEGER NOT NULL CHECK (is_active IN (0, 1))
        ) STRICT, WITHOUT ROWID;

        """

    private static let profileTables = """
        CREATE TABLE profiles (
            id TEXT NOT NULL PRIMARY KEY,
            client_id TEXT NOT NULL REFERENCES clients (id) DEFERRABLE INITIALLY DEFERRED,
            name TEXT NOT NULL,
            is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
            method TEXT NOT NULL,
            required_claims TEXT NOT NULL,
            issuers TEXT NOT NULL,
            audiences TEXT NOT NULL,
            requires_expiry INTEGER CHECK (requires_expiry IN (0, 1)),
            leeway_seconds INTEGER,
            maximum_lifetime_seconds INTEGER,
            allowed_addresses TEXT NOT NULL,
            denied_addresses TEXT NOT NULL,
            UNIQUE (client_id, name)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE profile_collections (
            profile_id TEXT NOT NULL REFERENCES profiles (id) DEFERRABLE INITIALLY DEFERRED,
            position INTEGER NOT NULL,
            collection_id TEXT NOT NULL REFERENCES collections (id) DEFERRABLE INITIALLY DEFERRED,
            PRIMARY KEY (profile_id, position)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX profile_collections_by_collection ON profile_collections (collection_id);
        CREATE TABLE profile_keys (
            profile_id TEXT NOT NULL REFERENCES profiles (id) DEFERRABLE INITIALLY DEFERRED,
            position INTEGER NOT NULL,
            id TEXT NOT NULL,
            name TEXT NOT NULL,
            is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
            kid TEXT,
            algorithms TEXT NOT NULL,
            active_from INTEGER,
            retire_at INTEGER,
            created_at INTEGER NOT NULL,
            sealed_secret BLOB,
            secret_is_base64 INTEGER CHECK (secret_is_base64 IN (0, 1)),
            public_key TEXT,
            PRIMARY KEY (profile_id, position),
            CHECK ((sealed_secret IS NULL) = (secret_is_base64 IS NULL)),
            CHECK ((sealed_secret IS NULL) <> (public_key IS NULL))
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE api_tokens (
            profile_id TEXT NOT NULL REFERENCES profiles (id) DEFERRABLE INITIALLY DEFERRED,
            position INTEGER NOT NULL,
            id TEXT NOT NULL,
            name TEXT NOT NULL,
            is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
            created_at INTEGER NOT NULL,
            expires_at INTEGER,
            sha256 TEXT NOT NULL UNIQUE,
            PRIMARY KEY (profile_id, position)
        ) STRICT, WITHOUT ROWID;

        """

    private static let singleRowTables = """
        CREATE TABLE catalog_revision (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            number INTEGER NOT NULL CHECK (number >= 0)
        ) STRICT;
        CREATE TABLE settings (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            identity_claims TEXT NOT NULL,
            requires_expiry INTEGER NOT NULL CHECK (requires_expiry IN (0, 1)),
            leeway_seconds INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE admin_token (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            sha256 TEXT NOT NULL
        ) STRICT;
        CREATE TABLE master_key_check (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            sealed BLOB NOT NULL
        ) STRICT;

        """

    private static let credentialSteps = """
        ALTER TABLE api_tokens ADD COLUMN allowed_addresses TEXT NOT NULL DEFAULT '[]';
        ALTER TABLE api_tokens ADD COLUMN denied_addresses TEXT NOT NULL DEFAULT '[]';
        ALTER TABLE endpoints ADD COLUMN scopes TEXT NOT NULL DEFAULT '[]';
        ALTER TABLE endpoints ADD COLUMN rule TEXT;
        ALTER TABLE profiles ADD COLUMN identity_claim TEXT;
        CREATE TABLE profile_revocations (
            profile_id TEXT NOT NULL REFERENCES profiles (id) DEFERRABLE INITIALLY DEFERRED,
            position INTEGER NOT NULL,
            id TEXT NOT NULL,
            token_id TEXT,
            subject TEXT,
            issued_before INTEGER,
            reason TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            expires_at INTEGER,
            PRIMARY KEY (profile_id, position),
            CHECK ((token_id IS NOT NULL) + (subject IS NOT NULL) + (issued_before IS NOT NULL) = 1)
        ) STRICT, WITHOUT ROWID;
        ALTER TABLE settings ADD COLUMN trusted_proxies TEXT NOT NULL DEFAULT '[]';
        ALTER TABLE settings ADD COLUMN client_address_header TEXT NOT NULL DEFAULT 'x-forwarded-for';

        """

    // Parts that most rows do not have are kept as the JSON of their documents.
    private static let identitySteps = """
        ALTER TABLE profiles ADD COLUMN token_matches TEXT NOT NULL DEFAULT '[]';
        ALTER TABLE profiles ADD COLUMN identity_provider TEXT;
        ALTER TABLE profiles ADD COLUMN oauth2 TEXT;
        ALTER TABLE profiles ADD COLUMN client_certificate TEXT;
        ALTER TABLE profiles ADD COLUMN accepts_tokens_once INTEGER NOT NULL DEFAULT 0
            CHECK (accepts_tokens_once IN (0, 1));
        ALTER TABLE upstreams ADD COLUMN claim_headers TEXT NOT NULL DEFAULT '[]';
        ALTER TABLE upstreams ADD COLUMN assertion TEXT;
        ALTER TABLE settings ADD COLUMN issuer TEXT NOT NULL DEFAULT 'urn:portcullis:gateway';
        ALTER TABLE settings ADD COLUMN signing_key_days INTEGER NOT NULL DEFAULT 90;
        CREATE TABLE signing_keys (
            id TEXT NOT NULL PRIMARY KEY,
            position INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            active_from INTEGER NOT NULL,
            retire_at INTEGER,
            sealed_private_key BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE last_used (
            id TEXT NOT NULL PRIMARY KEY,
            at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE key_sets (
            source TEXT NOT NULL PRIMARY KEY,
            key_set TEXT NOT NULL,
            fetched_at INTEGER NOT NULL,
            fresh_until INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        """

    // What ends with an operator goes with the row: no session or admin token outlives whom it belongs to.
    private static let operatorSteps = """
        CREATE TABLE operators (
            id TEXT NOT NULL PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            role TEXT NOT NULL CHECK (role IN ('viewer', 'manager', 'owner')),
            is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
            created_at INTEGER NOT NULL,
            last_sign_in_at INTEGER,
            password_hash TEXT,
            invitation_sha256 TEXT UNIQUE,
            invitation_expires_at INTEGER,
            CHECK ((invitation_sha256 IS NULL) = (invitation_expires_at IS NULL))
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE operator_sessions (
            id TEXT NOT NULL PRIMARY KEY,
            sha256 TEXT NOT NULL UNIQUE,
            operator_id TEXT NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
            created_at INTEGER NOT NULL,
            last_seen_at INTEGER NOT NULL,
            address TEXT NOT NULL,
            user_agent TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX operator_sessions_by_operator ON operator_sessions (operator_id);
        CREATE TABLE named_admin_tokens (
            id TEXT NOT NULL PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            role TEXT NOT NULL CHECK (role IN ('viewer', 'manager', 'owner')),
            sha256 TEXT NOT NULL UNIQUE,
            created_at INTEGER NOT NULL,
            created_by TEXT NOT NULL,
            operator_id TEXT REFERENCES operators (id) ON DELETE CASCADE,
            expires_at INTEGER NOT NULL,
            last_used_at INTEGER
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX named_admin_tokens_by_operator ON named_admin_tokens (operator_id);

        """

    private static let auditTable = """
        CREATE TABLE audit (
            sequence INTEGER PRIMARY KEY,
            revision INTEGER,
            at INTEGER NOT NULL,
            actor TEXT NOT NULL,
            origin TEXT NOT NULL,
            action TEXT NOT NULL,
            kind TEXT NOT NULL,
            entity_id TEXT NOT NULL,
            name TEXT NOT NULL,
            details TEXT NOT NULL
        ) STRICT;
        CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END;
        CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'audit entries are never deleted'); END;

        """
}
