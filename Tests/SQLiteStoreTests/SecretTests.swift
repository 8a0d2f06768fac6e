import Foundation
import GatewayCore
import JOSE
import PortcullisTestSupport
import SQLiteStore
import Testing

@Suite struct SecretTests {
    @Test func `neither a secret nor an API token is in the files in clear`() async throws {
        let temporary = TemporaryStore()
        let store = try temporary.open()
        let draft = try CatalogSamples.full()
        try await store.commit(
            draft.change,
            expecting: CatalogRevision(0),
            audit: [CatalogSamples.audit("full")]
        )
        let decoded = try #require(Data(base64Encoded: CatalogSamples.secret))
        let needles = [
            Data(CatalogSamples.secret.utf8), decoded, Data(Hex.encode(decoded).utf8),
            Data(CatalogSamples.token(1).utf8), Data(CatalogSamples.token(2).utf8),
        ]
        let files = ["portcullis.db", "portcullis.db-wal"]
        let kept = try files.reduce(into: Data()) {
            $0 += try Data(contentsOf: URL(filePath: temporary.path($1)))
        }
        for needle in needles { #expect(kept.range(of: needle) == nil) }
        // The search would find what is kept in clear.
        #expect(kept.range(of: Data(CatalogSamples.publicKey.utf8)) != nil)
        #expect(kept.range(of: Data("Bestellungen".utf8)) != nil)
        withExtendedLifetime(store) {}
    }

    @Test func `a secret that is moved to another row does not open`() async throws {
        let temporary = TemporaryStore()
        _ = try await temporary.fill()
        try temporary.execute(
            """
            UPDATE profile_keys SET sealed_secret =
                (SELECT sealed_secret FROM profile_keys WHERE name = 'decoded') WHERE name = 'shared'
            """
        )
        let error = await failure { _ = try await temporary.open().load() }
        let words = try #require(error).description
        #expect(words.contains("does not open in its row"), "\(words)")
    }

    @Test func `a secret whose row gets another identity does not open`() async throws {
        let temporary = TemporaryStore()
        _ = try await temporary.fill()
        try temporary.execute(
            "UPDATE profile_keys SET id = 'ffffffffffffffffffffffffffffffff' WHERE name = 'shared'"
        )
        let error = await failure { _ = try await temporary.open().load() }
        guard case .unreadable = error else {
            Issue.record("expected unreadable, found \(String(describing: error))")
            return
        }
    }

    @Test func `the same secret is sealed differently each time`() async throws {
        let temporary = TemporaryStore()
        let store = try temporary.open()
        var catalog = try CatalogSamples.full().finished()
        try await store.commit(try CatalogSamples.full().change, expecting: CatalogRevision(0), audit: [])
        let first = try await sealed(temporary)
        var draft = CatalogDraft(catalog)
        for profile in catalog.profiles.values { try draft.put(profile) }
        try await store.commit(draft.change, expecting: catalog.revision, audit: [])
        catalog = draft.finished()
        #expect(try await sealed(temporary).isDisjoint(with: first))
        #expect(first.count == 2)
    }

    private func sealed(_ temporary: TemporaryStore) async throws -> Set<Data> {
        try await temporary.column("SELECT sealed_secret FROM profile_keys WHERE sealed_secret IS NOT NULL")
    }
}

@Suite struct MasterKeyTests {
    private static let hex = String(repeating: "0f", count: 32)

    @Test func `the first start makes a key that only its owner can read`() throws {
        let temporary = TemporaryStore()
        _ = try temporary.open()
        #expect(try temporary.mode("master.key") == "600")
        #expect(try temporary.bytes("master.key").count == 65)
        #expect(!FileManager.default.fileExists(atPath: temporary.path("master.key.new")))
    }

    @Test func `two data directories have two keys`() throws {
        let (one, other) = (TemporaryStore(), TemporaryStore())
        _ = (try one.open(), try other.open())
        #expect(try one.bytes("master.key") != other.bytes("master.key"))
    }

    @Test(arguments: [0o644, 0o640, 0o604, 0o660, 0o620])
    func `a key file that others can use is refused`(_ mode: Int) async throws {
        let temporary = TemporaryStore()
        _ = try await temporary.fill()
        try temporary.chmod(mode, "master.key")
        let words = try #require(await temporary.refusal()).description
        #expect(words.contains("chmod 600 \(temporary.path("master.key"))"), "\(words)")
        try temporary.chmod(0o400, "master.key")
        _ = try temporary.open()
    }

    @Test func `another key is refused and nothing is changed`() async throws {
        let temporary = TemporaryStore()
        let catalog = try await temporary.fill()
        let before = try temporary.bytes("portcullis.db")
        let words = try #require(await temporary.refusal(.given(try MasterKey(Self.hex)))).description
        #expect(words.contains("master key is not the one"), "\(words)")
        #expect(try temporary.bytes("portcullis.db") == before)
        #expect(try await temporary.open().load().revision == catalog.revision)
    }

    @Test func `a missing key file beside a database is refused, and none is made`() async throws {
        let temporary = TemporaryStore()
        _ = try await temporary.fill()
        let key = try temporary.bytes("master.key")
        try FileManager.default.removeItem(atPath: temporary.path("master.key"))
        let words = try #require(await temporary.refusal()).description
        #expect(words.contains("master.key is missing"), "\(words)")
        #expect(!FileManager.default.fileExists(atPath: temporary.path("master.key")))
        let text = try #require(String(validating: key, as: UTF8.self))
        _ = try temporary.open(.given(try MasterKey(text)))
    }

    @Test func `with a given key no file is made`() async throws {
        let temporary = TemporaryStore()
        let key = MasterKeySource.given(try MasterKey(Self.hex))
        let draft = try CatalogSamples.full()
        try await temporary.open(key).commit(draft.change, expecting: CatalogRevision(0), audit: [])
        #expect(!FileManager.default.fileExists(atPath: temporary.path("master.key")))
        #expect(CatalogText(try await temporary.open(key).load()) == CatalogText(draft.finished()))
    }

    @Test(arguments: [
        [], Array("0f".utf8), Array(repeating: 0xff, count: 65), Array(repeating: 0x30, count: 2000),
    ])
    func `a damaged key file is refused and left as it is`(_ bytes: [UInt8]) async throws {
        let temporary = TemporaryStore()
        _ = try await temporary.fill()
        try temporary.write(bytes, to: "master.key")
        try temporary.chmod(0o600, "master.key")
        guard case .unreadable = await temporary.refusal() else {
            Issue.record("expected unreadable")
            return
        }
        #expect(try temporary.bytes("master.key") == bytes)
    }

    @Test(arguments: [
        hex, hex.uppercased(), "\(hex)\n", "  \(hex)\t\r\n",
        "Dw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8=",
    ])
    func `a key is read in each form that people have`(_ text: String) async throws {
        let temporary = TemporaryStore()
        _ = try temporary.open(.given(try MasterKey(Self.hex)))
        _ = try temporary.open(.given(try MasterKey(text)))
    }

    @Test(arguments: [
        "", " ", "0f", String(repeating: "0f", count: 31), String(repeating: "0f", count: 33),
        String(repeating: "0g", count: 32), "Dw8PDw8PDw8PDw8PDw8PDw==", "a sentence", "\u{0}\(hex)",
    ])
    func `what is no key of 32 bytes is refused without being shown`(_ text: String) {
        let error = #expect(throws: InvalidValue.self) { try MasterKey(text) }
        #expect(text.utf8.count < 3 || error?.description.contains(text) == false)
    }

    @Test func `a key tells nothing when it is printed`() throws {
        var text = ""
        dump(MasterKeySource.given(try MasterKey(Self.hex)), to: &text)
        text += "\(try MasterKey(Self.hex)) \(String(reflecting: try MasterKey(Self.hex)))"
        #expect(!text.contains("15") && !text.contains("0f"))
    }
}
