import GRDB

/// The tables of decisions and of counts of requests, and the steps that lead to them.
enum TelemetrySchema {
    /// What SQLite's `application_id` is in these databases: `PRTT`.
    static let applicationID: Int64 = 0x5052_5454

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator().disablingDeferredForeignKeyChecks()
        migrator.registerMigration("1 telemetry") { database in
            try database.execute(sql: "PRAGMA application_id = \(applicationID)")
            try database.execute(sql: nameTable + decisionTable + decisionIndexes + trafficTable)
        }
        migrator.registerMigration("2 uses") { database in try database.execute(sql: useTable) }
        return migrator
    }

    // Names come from the catalog, so there are few, and each is kept once. They stay when their owners go.
    private static let nameTable = """
        CREATE TABLE names (
            id INTEGER PRIMARY KEY,
            text TEXT NOT NULL UNIQUE
        ) STRICT;

        """

    private static let decisionTable = """
        CREATE TABLE decisions (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            is_refused INTEGER NOT NULL CHECK (is_refused IN (0, 1)),
            code INTEGER,
            client INTEGER,
            profile INTEGER,
            endpoint INTEGER,
            address BLOB NOT NULL,
            request_id BLOB NOT NULL,
            method TEXT NOT NULL,
            path TEXT NOT NULL,
            status INTEGER NOT NULL,
            microseconds INTEGER,
            trace_id TEXT,
            checks TEXT NOT NULL
        ) STRICT;

        """

    // Each leads with what is asked for and goes on in the order of pages; behind that are the other filters, so that
    // rows which do not fit are passed over without being read. Addresses take room and are only in their own.
    private static let decisionIndexes = """
        CREATE INDEX decisions_by_time ON decisions (at, sequence, is_refused, code, client, profile, endpoint);
        CREATE INDEX decisions_by_outcome ON decisions (is_refused, at, sequence, code, client, profile, endpoint);
        CREATE INDEX decisions_by_code ON decisions (code, at, sequence, client, profile, endpoint, is_refused)
            WHERE code IS NOT NULL;
        CREATE INDEX decisions_by_client ON decisions (client, at, sequence, is_refused, code, profile, endpoint);
        CREATE INDEX decisions_by_profile ON decisions (profile, at, sequence, is_refused, code, client, endpoint);
        CREATE INDEX decisions_by_endpoint ON decisions (endpoint, at, sequence, is_refused, code, client, profile);
        CREATE INDEX decisions_by_address
            ON decisions (address, at, sequence, is_refused, code, client, profile, endpoint);
        CREATE INDEX decisions_by_request_id ON decisions (request_id);

        """

    // Calls with a key or an API token, minute by minute; its identity in two halves.
    private static let useTable = """
        CREATE TABLE uses (
            high INTEGER NOT NULL,
            low INTEGER NOT NULL,
            minute INTEGER NOT NULL,
            requests INTEGER NOT NULL,
            PRIMARY KEY (high, low, minute)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX uses_by_minute ON uses (minute);

        """

    private static let trafficTable = """
        CREATE TABLE traffic (
            period INTEGER NOT NULL,
            start INTEGER NOT NULL,
            endpoint INTEGER NOT NULL,
            client INTEGER NOT NULL,
            profile INTEGER NOT NULL,
            code INTEGER NOT NULL,
            requests INTEGER NOT NULL,
            microseconds INTEGER NOT NULL,
            latency BLOB NOT NULL,
            PRIMARY KEY (period, start, endpoint, client, profile, code)
        ) STRICT, WITHOUT ROWID;

        """
}
