import Foundation
import GatewayCore
import PortcullisTestSupport
import SQLiteStore
import Testing

@Suite struct OpeningTests {
    @Test func `all files are for their owner alone`() async throws {
        let temporary = TemporaryStore()
        let store = try temporary.open(claiming: true)
        _ = try await store.commitClient(to: Catalog())
        #expect(try temporary.mode() == "700")
        for name in [
            "portcullis.db", "portcullis.db-wal", "portcullis.db-shm", "portcullis.lock", "master.key",
        ] {
            #expect(try temporary.mode(name) == "600", "\(name)")
        }
        withExtendedLifetime(store) {}
    }

    @Test func `a database that others could read is made private`() async throws {
        let temporary = TemporaryStore()
        _ = try await temporary.fill()
        try temporary.chmod(0o644, "portcullis.db")
        let store = try temporary.open()
        #expect(try temporary.mode("portcullis.db") == "600")
        withExtendedLifetime(store) {}
    }

    @Test func `missing parents of the data directory are made`() throws {
        let temporary = TemporaryStore()
        let path = temporary.path("a/b/data/")
        _ = try SQLiteStore.open(dataDirectory: path, masterKey: .file, claimsDirectory: true)
        #expect(try temporary.mode("a/b/data") == "700")
    }

    @Test func `a file in the place of the directory is refused`() async throws {
        let temporary = TemporaryStore()
        try Data("file".utf8).write(to: temporary.directory)
        let words = try #require(await temporary.refusal()).description
        #expect(words.contains("is no directory"), "\(words)")
    }

    @Test func `a second server on the same directory is refused while the first one runs`() async throws {
        let temporary = TemporaryStore()
        var first: SQLiteStore? = try temporary.open(claiming: true)
        let words = try #require(await temporary.refusal(claiming: true)).description
        #expect(words.contains("another portcullis serves from"), "\(words)")
        let beside = try temporary.open(claiming: false)
        let digest = try #require(APITokenDigest(token: CatalogSamples.token(1).utf8))
        try await beside.replaceAdminTokenDigest(digest, audit: CatalogSamples.audit("reset"))
        #expect(try await first?.adminTokenDigest() == digest)
        first = nil
        _ = try temporary.open(claiming: true)
    }

    @Test func `a database of a newer version is refused`() async throws {
        let temporary = TemporaryStore()
        _ = try await temporary.fill()
        try temporary.execute("INSERT INTO grdb_migrations (identifier) VALUES ('999 from the future')")
        let before = try temporary.bytes("portcullis.db")
        let words = try #require(await temporary.refusal()).description
        #expect(words.contains("newer version"), "\(words)")
        #expect(try temporary.bytes("portcullis.db") == before)
    }

    @Test func `the database of another program is refused`() async throws {
        let temporary = TemporaryStore()
        _ = try temporary.open()
        try FileManager.default.removeItem(atPath: temporary.database)
        try temporary.execute("CREATE TABLE songs (title TEXT)")
        let before = try temporary.bytes("portcullis.db")
        let words = try #require(await temporary.refusal()).description
        #expect(words.contains("another program"), "\(words)")
        #expect(try temporary.bytes("portcullis.db") == before)
    }

    @Test(arguments: [2, 99, 100, 511, 512, 4096, 100_000])
    func `a file that is no database is refused and left as it is`(_ count: Int) async throws {
        let temporary = TemporaryStore()
        _ = try temporary.open()
        let rubbish = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) }
        try temporary.write(rubbish, to: "portcullis.db")
        let error = await temporary.refusal()
        guard case .unreadable = error else {
            Issue.record("expected unreadable, found \(String(describing: error))")
            return
        }
        #expect(try temporary.bytes("portcullis.db") == rubbish)
    }

    @Test func `a damaged database is refused or read, and never ends the process`() async throws {
        let temporary = TemporaryStore()
        _ = try await temporary.fill()
        let sound = try temporary.bytes("portcullis.db")
        var generator = SplitMix(state: 7)
        var refused = 0
        for _ in 0..<150 {
            var damaged = sound
            for _ in 0..<(1 << Int.random(in: 0...8, using: &generator)) {
                damaged[Int.random(in: 0..<sound.count, using: &generator)] = generator.next()
            }
            if Bool.random(using: &generator) {
                damaged.removeLast(Int.random(in: 1..<sound.count, using: &generator))
            }
            try temporary.write(damaged, to: "portcullis.db")
            let error = await failure {
                let store = try temporary.open()
                let catalog = try await store.load()
                _ = try await store.commitClient(to: catalog)
                _ = try await store.auditEntries(before: nil, limit: 10)
            }
            if error != nil { refused += 1 }
            for suffix in ["-wal", "-shm"]
            where FileManager.default.fileExists(atPath: temporary.database + suffix) {
                try FileManager.default.removeItem(atPath: temporary.database + suffix)
            }
        }
        #expect(refused > 50)
    }

    @Test(arguments: [
        ("profile_keys", "profile_id"), ("api_tokens", "profile_id"), ("profile_collections", "profile_id"),
        ("endpoints", "collection_id"),
    ])
    func `a row without its owner is damage`(_ table: String, _ owner: String) async throws {
        for digits in ["00000000000000000000000000000000", "ffffffffffffffffffffffffffffffff", "no identity"]
        {
            let temporary = TemporaryStore()
            _ = try await temporary.fill()
            try temporary.execute("PRAGMA foreign_keys = OFF; UPDATE \(table) SET \(owner) = '\(digits)'")
            let store = try temporary.open()
            await #expect {
                try await store.load()
            } throws: { error in
                "\(error)".contains("is damaged: table \(table): ")
            }
        }
    }

    @Test func `a first start that was broken off is taken up again`() async throws {
        let temporary = TemporaryStore()
        _ = try temporary.open()
        for remains in ["", "CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY)"] {
            try FileManager.default.removeItem(atPath: temporary.database)
            try temporary.write([], to: "portcullis.db")
            try temporary.write([0x30], to: "master.key.new")
            if !remains.isEmpty { try temporary.execute(remains) }
            #expect(try await temporary.open().load().revision == CatalogRevision(0))
        }
    }

    @Test func `many first starts at once make one store`() async throws {
        let temporary = TemporaryStore()
        let stores = try await withThrowingTaskGroup(of: SQLiteStore.self) { group in
            for _ in 0..<8 { group.addTask { try temporary.open() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        var catalog = Catalog()
        for store in stores { catalog = try await store.commitClient(to: catalog) }
        for store in stores { #expect(CatalogText(try await store.load()) == CatalogText(catalog)) }
    }

    @Test func `an audit entry can be neither changed nor deleted`() async throws {
        let temporary = TemporaryStore()
        _ = try await temporary.fill()
        #expect(throws: (any Error).self) { try temporary.execute("UPDATE audit SET actor = 'nobody'") }
        #expect(throws: (any Error).self) { try temporary.execute("DELETE FROM audit") }
        #expect(
            try await temporary.open().auditEntries(before: nil, limit: 10).map(\.entry.actor) == [
                "admin-token"
            ]
        )
    }
}

/// A generator that gives the same numbers every time.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
