import GRDB
package import GatewayCore
import Glibc
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Decisions and counts of requests in a database of their own, beside that of the catalog.
///
/// What was added survives the end of the process at once, and a loss of power after some seconds (WAL,
/// `synchronous = NORMAL`). Nothing in it is needed to serve: what cannot be read is set aside, and begun anew.
package final class SQLiteTelemetryStore: TelemetryStore {
    let pool: DatabasePool
    let bounds: TelemetryBounds
    // Forgotten when a transaction fails.
    private let memory = Mutex(TelemetryMemory())
    // How many decisions were added since the last pruning.
    let added = Mutex(0)

    private init(pool: DatabasePool, bounds: TelemetryBounds) {
        self.pool = pool
        self.bounds = bounds
    }

    /// Opens the database of a data directory; makes it when it is missing.
    ///
    /// - Parameters:
    ///   - dataDirectory: the path; the directory is there.
    ///   - bounds: how much is kept.
    /// - Returns: the store, and why the database that was there is not used any more, if it is not.
    /// - Throws: ``CatalogStoreError`` when no database can be made there.
    package static func open(
        dataDirectory: String,
        bounds: TelemetryBounds = TelemetryBounds()
    ) throws(CatalogStoreError) -> (store: SQLiteTelemetryStore, setAside: String?) {
        let directory = DataDirectory(dataDirectory)
        let path = directory.telemetryPath
        return try directory.whileSettingUp { () throws(CatalogStoreError) in
            do throws(CatalogStoreError) {
                return (try open(directory, bounds), nil)
            } catch .unreadable(let detail) {
                let aside = "\(path).unreadable"
                for suffix in ["", "-wal", "-shm"] {
                    guard rename(path + suffix, aside + suffix) == 0 || errno == ENOENT else {
                        throw DataDirectory.systemFailure("set aside", path + suffix)
                    }
                }
                return (try open(directory, bounds), "\(detail); it is now \(aside)")
            }
        }
    }

    private static func open(
        _ directory: DataDirectory,
        _ bounds: TelemetryBounds
    ) throws(CatalogStoreError) -> SQLiteTelemetryStore {
        let path = directory.telemetryPath
        try directory.makeDatabasePrivate(path)
        do {
            let pool = try DatabasePool(path: path, configuration: configuration)
            try pool.writeWithoutTransaction { try check($0, path) }
            try TelemetrySchema.migrator.migrate(pool)
            return SQLiteTelemetryStore(pool: pool, bounds: bounds)
        } catch {
            throw CatalogStoreError.sorting(error, at: path)
        }
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "portcullis.telemetry"
        configuration.busyMode = .timeout(5)
        // Pages of the console and the API; each needs memory of its own.
        configuration.maximumReaderCount = 2
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA synchronous = NORMAL")
            // What a burst made of the log is given back.
            try database.execute(sql: "PRAGMA journal_size_limit = 16777216")
        }
        return configuration
    }

    private static func check(_ database: Database, _ path: String) throws {
        let sql = "SELECT COUNT(*) FROM sqlite_master WHERE tbl_name <> 'grdb_migrations'"
        guard try Int.fetchOne(database, sql: sql) ?? 0 > 0 else { return }
        guard
            try Int64.fetchOne(database, sql: "PRAGMA application_id") == TelemetrySchema.applicationID,
            try !TelemetrySchema.migrator.hasBeenSuperseded(database)
        else {
            throw CatalogStoreError.unreadable(
                detail: "\(path) is of another program, or of a newer version of portcullis"
            )
        }
    }

    // MARK: Writing

    package func add(
        _ decisions: [DecisionRecord],
        _ traffic: [TrafficRow],
        _ uses: [UseCount]
    ) async throws {
        try await write { [self] database in
            try memory.withLock { memory in
                var writer = TelemetryWriter(database, memory)
                // The writer's own from here on, so that changing it copies nothing; empty if it throws.
                memory = TelemetryMemory()
                for record in decisions { try writer.insert(record) }
                for row in traffic {
                    for period in TrafficPeriod.allCases { try writer.merge(row, period) }
                }
                for use in uses { try writer.add(use) }
                memory = writer.memory.bounded
            }
        }
        added.withLock { $0 += decisions.count }
    }

    package func prune(at now: Timestamp) async throws {
        // A little more than what came, so that what is beyond the bounds goes in the end.
        let piece = added.withLock { added in
            defer { added = 0 }
            return 2 * added + 2000
        }
        let bounds = bounds
        try await write { database in
            try TelemetryPruning.prune(database, bounds, piece: piece, at: now)
        }
    }

    private func write(_ body: @escaping @Sendable (Database) throws -> Void) async throws {
        let path = pool.path
        do {
            try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                pool.asyncWriteWithoutTransaction { database in
                    done.resume(
                        with: Result {
                            try database.inTransaction(.immediate) {
                                try body(database)
                                return .commit
                            }
                        }
                    )
                }
            }
        } catch {
            memory.withLock { $0 = TelemetryMemory() }
            throw CatalogStoreError.sorting(error, at: path)
        }
    }

    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        let path = pool.path
        do {
            return try await pool.read(body)
        } catch {
            throw CatalogStoreError.sorting(error, at: path)
        }
    }

    // MARK: Rehearsal

    /// Lets the database grow to this many pages of 4 KiB and no further, as a full disk would; `nil` lifts it.
    package func limitSize(toPages pages: Int?) async throws {
        try await pool.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA max_page_count = \(pages ?? 4_294_967_294)")
        }
    }
}
