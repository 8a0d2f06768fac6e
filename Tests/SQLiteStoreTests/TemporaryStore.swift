import Foundation
import GRDB
import GatewayCore
import PortcullisTestSupport
import SQLiteStore

/// A data directory that goes away with its last reference.
final class TemporaryStore: Sendable {
    /// The directory, not made yet.
    let directory: URL

    init() {
        directory = URL(filePath: NSTemporaryDirectory()).appending(path: "portcullis-\(UUID().uuidString)")
    }

    deinit {
        // A directory that is left behind does no harm.
        try? FileManager.default.removeItem(at: directory)
    }

    /// The path of a file in it.
    func path(_ name: String) -> String { directory.appending(path: name).path }

    /// The database file.
    var database: String { path("portcullis.db") }

    func open(_ key: MasterKeySource = .file, claiming: Bool = false) throws -> SQLiteStore {
        try SQLiteStore.open(dataDirectory: directory.path, masterKey: key, claimsDirectory: claiming)
    }

    /// What opening is refused with.
    func refusal(_ key: MasterKeySource = .file, claiming: Bool = false) async -> CatalogStoreError? {
        await failure { _ = try open(key, claiming: claiming) }
    }

    func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: directory.appending(path: name)))
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: directory.appending(path: name))
    }

    /// The permission bits of a file, in octal.
    func mode(_ name: String = "") throws -> String {
        let attributes = try FileManager.default.attributesOfItem(atPath: path(name))
        return String(attributes[.posixPermissions] as? Int ?? 0, radix: 8)
    }

    func chmod(_ mode: Int, _ name: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path(name))
    }

    /// Changes the database behind the store's back.
    func execute(_ sql: String) throws {
        let queue = try DatabaseQueue(path: database)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
    }

    /// The distinct blobs of one column, read behind the store's back.
    func column(_ sql: String) async throws -> Set<Data> {
        try await DatabaseQueue(path: database).read { try Data.fetchSet($0, sql: sql) }
    }

    /// Commits the full sample catalog and closes the store.
    func fill() async throws -> Catalog {
        let draft = try CatalogSamples.full()
        try await open().commit(
            draft.change,
            expecting: CatalogRevision(0),
            audit: [CatalogSamples.audit("full")]
        )
        return draft.finished()
    }
}

extension CatalogStore {
    /// Commits one more client, as the change that makes the next revision.
    func commitClient(to catalog: Catalog, audit: [AuditEntry] = []) async throws -> Catalog {
        var draft = CatalogDraft(catalog)
        let number = Int(catalog.revision.number) + 1000
        try draft.put(Client(id: .test(number), name: "client \(number)"))
        try draft.put(try CatalogSamples.profile(number, of: number))
        try await commit(draft.change, expecting: catalog.revision, audit: audit)
        return draft.finished()
    }
}
