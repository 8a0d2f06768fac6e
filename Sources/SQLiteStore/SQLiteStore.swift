import GRDB
package import GatewayCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The embedded store: one SQLite database in the data directory, its secrets sealed.
///
/// A commit has been written through to the disk when it returns (WAL, `synchronous = FULL`). Several
/// processes may have the database open; only one may claim the directory to serve from it.
package final class SQLiteStore: CatalogStore, AdminTokenStore {
    /// At most this many audit entries are read at once.
    package static let maximumAuditPage = 1000

    private let queue: DatabaseQueue
    // The audit log may be long: who reads in it keeps nobody waiting who signs in or changes something.
    private let auditReader: DatabaseQueue
    let sealer: SecretSealer
    private let claim: FileDescriptor?

    private init(
        queue: DatabaseQueue,
        auditReader: DatabaseQueue,
        sealer: SecretSealer,
        claim: FileDescriptor?
    ) {
        self.queue = queue
        self.auditReader = auditReader
        self.sealer = sealer
        self.claim = claim
    }

    deinit {
        // Before the writer, which as the last to close puts the log back into the database. One that does not close
        // only leaves that to the next start.
        try? auditReader.close()
    }

    /// Opens the database of a data directory; makes both, and the master key, at the first start.
    ///
    /// - Parameters:
    ///   - dataDirectory: the path; the directory is made with mode 0700 when it is missing.
    ///   - masterKey: where the key comes from that the secrets are sealed with.
    ///   - claimsDirectory: whether to refuse when another process has claimed the directory; the claim
    ///     lasts as long as the store. Serving claims, the commands beside it do not.
    /// - Returns: the store, ready to load from.
    /// - Throws: ``CatalogStoreError``; nothing that was there has been changed then.
    package static func open(
        dataDirectory: String,
        masterKey: MasterKeySource,
        claimsDirectory: Bool
    ) throws(CatalogStoreError) -> SQLiteStore {
        let directory = DataDirectory(dataDirectory)
        try directory.make()
        let claim = claimsDirectory ? try directory.claim() : nil
        return try directory.whileSettingUp { () throws(CatalogStoreError) in
            let key: MasterKey
            switch masterKey {
            case .file: key = try MasterKey.file(in: directory)
            case .given(let given): key = given
            }
            try directory.makeDatabasePrivate(directory.databasePath)
            let sealer = SecretSealer(key)
            do {
                let queue = try DatabaseQueue(path: directory.databasePath, configuration: configuration)
                try queue.writeWithoutTransaction { try setUp($0, sealer, directory) }
                try Schema.migrator(sealer).migrate(queue)
                var reading = configuration
                reading.readonly = true
                reading.label = "portcullis.audit"
                let auditReader = try DatabaseQueue(path: directory.databasePath, configuration: reading)
                return SQLiteStore(queue: queue, auditReader: auditReader, sealer: sealer, claim: claim)
            } catch {
                throw CatalogStoreError.sorting(error, at: directory.databasePath)
            }
        }
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "portcullis.store"
        configuration.foreignKeysEnabled = true
        // Longer than any commit takes, shorter than a manager waits.
        configuration.busyMode = .timeout(5)
        return configuration
    }

    /// Checks that the database is ours, of a version that we know and sealed with this key, before the
    /// first byte of it changes.
    private static func setUp(
        _ database: Database,
        _ sealer: SecretSealer,
        _ directory: DataDirectory
    ) throws {
        let path = directory.databasePath
        try database.execute(sql: "PRAGMA synchronous = FULL")
        // The migrator makes its own table first: with nothing but that, the first start was broken off.
        let sql = "SELECT COUNT(*) FROM sqlite_master WHERE tbl_name <> 'grdb_migrations'"
        let tables = try Int.fetchOne(database, sql: sql) ?? 0
        if tables > 0 {
            let application = try Int64.fetchOne(database, sql: "PRAGMA application_id")
            guard application == Schema.applicationID else {
                throw CatalogStoreError.unreadable(
                    detail: "\(path) is the database of another program; give another data directory"
                )
            }
            guard try !Schema.migrator(sealer).hasBeenSuperseded(database) else {
                throw CatalogStoreError.unreadable(
                    detail:
                        "\(path) was written by a newer version of portcullis; start that version, or put "
                        + "back the backup from before"
                )
            }
            let check = try Data.fetchOne(database, sql: "SELECT sealed FROM master_key_check")
            guard let check, sealer.opensCheck(check) else {
                throw CatalogStoreError.unreadable(
                    detail: "the master key is not the one that \(path) was sealed with; give the right one "
                        + "(\(directory.masterKeyPath), or the environment)"
                )
            }
        }
        let mode = try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL")
        guard mode == "wal" else {
            throw CatalogStoreError.unavailable(
                detail: "\(path): journal mode is \(mode ?? "unknown"), expected wal; use a local file system"
            )
        }
    }

    // MARK: Catalog

    package func load() async throws -> Catalog {
        try await perform(.deferred) { [sealer] database in
            try CatalogReader(database: database, sealer: sealer).read()
        }
    }

    package func commit(
        _ change: CatalogChange,
        expecting expected: CatalogRevision,
        audit: [AuditEntry]
    ) async throws {
        try await perform(.immediate) { [sealer] database in
            let found = try CatalogReader(database: database, sealer: sealer).revision()
            guard found == expected else {
                throw CatalogStoreError.revisionConflict(expected: expected, found: found)
            }
            let writer = CatalogWriter(database: database, sealer: sealer)
            try writer.apply(change)
            try writer.write(expected.next)
            for entry in audit { try writer.append(entry, making: expected.next) }
        }
    }

    package func append(_ entry: AuditEntry) async throws {
        try await perform(.immediate) { [sealer] database in
            try CatalogWriter(database: database, sealer: sealer).append(entry, making: nil)
        }
    }

    package func auditEntries(_ query: AuditQuery) async throws -> [AuditRecord] {
        let limit = min(max(0, query.limit), Self.maximumAuditPage)
        var conditions = ["sequence < ?"]
        var arguments: StatementArguments = [query.before ?? .max]
        let texts = [
            ("actor", query.actor), ("kind", query.kind), ("action", query.action), ("name", query.name),
        ]
        for (column, text) in texts {
            guard let text else { continue }
            conditions.append("\(column) = ?")
            arguments += [text]
        }
        // The index of times says between which entries to look, and pages go on in their order; `+` keeps the
        // times themselves out of the choice of an index. A clock that was set back only widens the bounds.
        let times = [
            (
                "+at >= ?",
                "sequence >= (SELECT MIN(sequence) FROM audit INDEXED BY audit_by_time WHERE at >= ?)",
                query.from
            ),
            (
                "+at <= ?",
                "sequence <= (SELECT MAX(sequence) FROM audit INDEXED BY audit_by_time WHERE at <= ?)",
                query.to
            ),
        ]
        for (condition, bound, time) in times {
            guard let time else { continue }
            conditions += [condition, bound]
            arguments += [time.secondsSinceEpoch, time.secondsSinceEpoch]
        }
        let clauses = "WHERE \(conditions.joined(separator: " AND ")) ORDER BY sequence DESC LIMIT ?"
        let all = arguments + [limit]
        return try await perform(.deferred, on: auditReader) { database in
            var records: [AuditRecord] = []
            let rows = try StoredRows(
                in: database,
                table: "audit",
                columns: "sequence, revision, at, actor, origin, action, kind, entity_id, name, details",
                clauses: clauses,
                arguments: all
            )
            while let row = try rows.next() { records.append(try Self.auditRecord(row)) }
            return records
        }
    }

    private static func auditRecord(_ row: StoredRow) throws -> AuditRecord {
        AuditRecord(
            sequence: try row.number(0),
            revision: try row.optionalNumber(1).map { CatalogRevision($0) },
            entry: AuditEntry(
                at: Timestamp(secondsSinceEpoch: try row.number(2)),
                actor: try row.text(3),
                origin: try row.text(4),
                action: try row.text(5),
                kind: try row.text(6),
                id: try row.text(7),
                name: try row.text(8),
                details: try row.text(9)
            )
        )
    }

    // MARK: Admin token

    package func adminTokenDigest() async throws -> APITokenDigest? {
        try await perform(.deferred) { database in
            var digest: APITokenDigest?
            try StoredRow.forEach(in: database, table: "admin_token", columns: "sha256") { row in
                digest = try row.digest(0)
            }
            return digest
        }
    }

    package func replaceAdminTokenDigest(_ digest: APITokenDigest, audit: AuditEntry) async throws {
        try await perform(.immediate) { [sealer] database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO admin_token (id, sha256) VALUES (1, ?)",
                arguments: [digest.hex]
            )
            try database.execute(sql: "DELETE FROM named_admin_tokens WHERE operator_id IS NULL")
            try CatalogWriter(database: database, sealer: sealer).append(audit, making: nil)
        }
    }

    // MARK: Rehearsal

    /// Lets the database grow to this many pages of 4 KiB and no further, as a full disk would; `nil` lifts it.
    package func limitSize(toPages pages: Int?) async throws {
        try await perform(nil) { database in
            try database.execute(sql: "PRAGMA max_page_count = \(pages ?? 4_294_967_294)")
        }
    }

    // The driver's own async calls give up when the task is cancelled, also after the commit: a caller that
    // hung up would leave the gateway believing that its change did not land.
    func perform<Outcome: Sendable>(
        _ kind: Database.TransactionKind?,
        on connection: DatabaseQueue? = nil,
        _ body: @escaping @Sendable (Database) throws -> Outcome
    ) async throws -> Outcome {
        let path = queue.path
        return try await withCheckedThrowingContinuation { continuation in
            (connection ?? queue).asyncWriteWithoutTransaction { database in
                continuation.resume(
                    with: Result {
                        guard let kind else { return try body(database) }
                        var outcome: Outcome?
                        try database.inTransaction(kind) {
                            outcome = try body(database)
                            return .commit
                        }
                        guard let outcome else {
                            throw CatalogStoreError.unavailable(detail: "\(path): no answer")
                        }
                        return outcome
                    }.mapError { error -> any Error in
                        if error is OperatorStoreError { return error }
                        return CatalogStoreError.sorting(error, at: path)
                    }
                )
            }
        }
    }
}
