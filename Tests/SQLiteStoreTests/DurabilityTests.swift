import Foundation
import GRDB
import GatewayCore
import PortcullisTestSupport
import SQLiteStore
import Synchronization
import Testing

@Suite struct DurabilityTests {
    @Test func `a full disk refuses the change, keeps what was there, and passes`() async throws {
        let temporary = TemporaryStore()
        let store = try temporary.open()
        let sample = try CatalogSamples.full()
        try await store.commit(sample.change, expecting: CatalogRevision(0), audit: [])
        let catalog = sample.finished()
        var large = CatalogDraft(catalog)
        for number in 10..<400 {
            try large.put(Client(id: .test(number), name: "client \(number)"))
            try large.put(try CatalogSamples.profile(number, of: number))
        }
        try await store.limitSize(toPages: 1)
        for _ in 0..<3 {
            let error = await failure {
                try await store.commit(
                    large.change,
                    expecting: catalog.revision,
                    audit: [CatalogSamples.audit("large")]
                )
            }
            guard case .full = error else {
                Issue.record("expected full, found \(String(describing: error))")
                return
            }
            #expect(CatalogText(try await store.load()) == CatalogText(catalog))
        }
        try await store.limitSize(toPages: nil)
        try await store.commit(large.change, expecting: catalog.revision, audit: [])
        #expect(CatalogText(try await store.load()) == CatalogText(large.finished()))
        #expect(try await store.auditEntries(before: nil, limit: 1).isEmpty)
    }

    @Test func `a commit that waits for another process lands after it`() async throws {
        let temporary = TemporaryStore()
        let store = try temporary.open()
        let other = try DatabaseQueue(path: temporary.database)
        let (held, release) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        other.asyncWriteWithoutTransaction { database in
            let outcome = Result {
                try database.inTransaction(.immediate) {
                    held.signal()
                    release.wait()
                    return .commit
                }
            }
            if case .failure(let error) = outcome { Issue.record(error) }
        }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                held.wait()
                continuation.resume()
            }
        }
        let waiting = Task { try await store.commitClient(to: Catalog()) }
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(200)) { release.signal() }
        #expect(try await waiting.value.revision == CatalogRevision(1))
    }

    @Test func `a log cut off anywhere gives a revision that was committed, whole`() async throws {
        let temporary = TemporaryStore()
        let store = try temporary.open()
        var states = [CatalogText(Catalog())]
        var catalog = Catalog()
        for _ in 0..<12 {
            catalog = try await store.commitClient(to: catalog, audit: [CatalogSamples.audit("client")])
            states.append(CatalogText(catalog))
        }
        let copy = TemporaryStore()
        try FileManager.default.createDirectory(at: copy.directory, withIntermediateDirectories: true)
        try Self.copy(temporary, to: copy)
        let log = try copy.bytes("portcullis.db-wal")
        let database = try copy.bytes("portcullis.db")
        var seen: Set<Int> = []
        for length in stride(from: 0, through: log.count, by: 1571) + [log.count] {
            try copy.write(database, to: "portcullis.db")
            try copy.write(Array(log.prefix(length)), to: "portcullis.db-wal")
            // With too short a log there is not even the schema: a first start that was broken off.
            let found = try await copy.open().load()
            let number = Int(found.revision.number)
            #expect(CatalogText(found) == states[number], "cut at \(length)")
            #expect(try await copy.open().auditEntries(before: nil, limit: 100).count == number)
            seen.insert(number)
        }
        #expect(seen == Set(0...12))
    }

    @Test func `a copy taken in mid-stream has every change acknowledged before`() async throws {
        let temporary = TemporaryStore()
        let store = try temporary.open()
        let progress = Mutex((acknowledged: Catalog(), isOver: false))
        let writer = Task {
            var catalog = Catalog()
            while !progress.withLock({ $0.isOver }) {
                catalog = try await store.commitClient(to: catalog, audit: [CatalogSamples.audit("client")])
                progress.withLock { [catalog] in $0.acknowledged = catalog }
            }
            return catalog
        }
        // An open read keeps the log from being begun anew between the copies of the two files; what is then
        // copied is what a crash at that moment leaves.
        let reader = try DatabaseQueue(path: temporary.database)
        for _ in 0..<15 {
            let copy = TemporaryStore()
            try FileManager.default.createDirectory(at: copy.directory, withIntermediateDirectories: true)
            let acknowledged = try await reader.unsafeRead { database in
                try database.beginTransaction(.deferred)
                _ = try Int.fetchOne(database, sql: "SELECT number FROM catalog_revision")
                let acknowledged = progress.withLock { $0.acknowledged }
                try Self.copy(temporary, to: copy)
                try database.rollback()
                return acknowledged
            }
            let found = try await copy.open().load()
            #expect(found.revision >= acknowledged.revision)
            #expect(found.clients.count == Int(found.revision.number))
            #expect(found.profiles.count == found.clients.count)
            for client in acknowledged.clients.values { #expect(found.clients[client.id] == client) }
            let audited = try await copy.open().auditEntries(before: nil, limit: 1).first?.sequence ?? 0
            #expect(audited == found.revision.number)
        }
        progress.withLock { $0.isOver = true }
        let last = try await writer.value
        #expect(CatalogText(try await store.load()) == CatalogText(last))
    }

    // Another process copies: closing a file here would drop the locks that the store holds on it (fcntl(2)).
    private static func copy(_ source: TemporaryStore, to target: TemporaryStore) throws {
        for name in ["master.key", "portcullis.db", "portcullis.db-wal"] {
            let process = Process()
            process.executableURL = URL(filePath: "/bin/cp")
            process.arguments = ["-p", source.path(name), target.path(name)]
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
        }
    }
}
