import GRDB
import GatewayCore
import JOSE
import PortcullisTestSupport
import SQLiteStore
import Testing

struct AuditReadingTests {
    @Test func `the audit log is read while a change waits, and the other way round`() async throws {
        let place = TemporaryStore()
        let store = try place.open()
        try await store.append(CatalogSamples.audit("first"))
        var configuration = GRDB.Configuration()
        configuration.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: place.database, configuration: configuration)
        try await other.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
        async let change: Void = store.append(CatalogSamples.audit("second"))
        // Long enough for the change to stand at the lock, where it would give up before whoever waits behind it.
        try await Task.sleep(for: .milliseconds(200))
        #expect(try await store.auditEntries(before: nil, limit: 9).map(\.entry.name) == ["first"])
        try await other.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
        try await change
        #expect(try await store.auditEntries(before: nil, limit: 9).count == 2)
    }

    @Test func `times bound the entries that are looked at, and a clock that went back loses none`()
        async throws
    {
        let place = TemporaryStore()
        let store = try place.open()
        for (number, seconds) in [10, 20, 15, 30, 40].enumerated() {
            try await store.append(
                AuditEntry(
                    at: Timestamp(secondsSinceEpoch: Int64(seconds)),
                    actor: "a",
                    origin: "o",
                    action: "x",
                    kind: "k",
                    id: "",
                    name: "\(number)"
                )
            )
        }
        func names(_ from: Int64?, _ to: Int64?) async throws -> [String] {
            var query = AuditQuery()
            query.limit = 10
            query.from = from.map { Timestamp(secondsSinceEpoch: $0) }
            query.to = to.map { Timestamp(secondsSinceEpoch: $0) }
            return try await store.auditEntries(query).map(\.entry.name)
        }
        #expect(try await names(15, 20) == ["2", "1"])
        #expect(try await names(16, nil) == ["4", "3", "1"])
        #expect(try await names(nil, 15) == ["2", "0"])
        #expect(try await names(41, nil).isEmpty)
        #expect(try await names(nil, 9).isEmpty)
        let queue = try DatabaseQueue(path: place.database)
        let plan = try await queue.read { database in
            try Row.fetchAll(
                database,
                sql:
                    "EXPLAIN QUERY PLAN SELECT MIN(sequence) FROM audit INDEXED BY audit_by_time WHERE at >= 5"
            ).map(\.description).joined()
        }
        #expect(plan.contains("COVERING INDEX audit_by_time"), "\(plan)")
    }

    @Test func `a new admin token revokes what the old one made, and nothing else`() async throws {
        let place = TemporaryStore()
        let store = try place.open()
        let owner = Operator(
            id: .test(1),
            name: "owner",
            role: .owner,
            createdAt: Timestamp(secondsSinceEpoch: 1)
        )
        func token(_ number: Int, of maker: OperatorID?) throws -> AdminTokenRecord {
            AdminTokenRecord(
                id: .test(number),
                name: "token \(number)",
                role: .owner,
                digest: try #require(APITokenDigest(token: CatalogSamples.token(number).utf8)),
                createdAt: Timestamp(secondsSinceEpoch: 1),
                createdBy: "x",
                operatorID: maker,
                expiresAt: Timestamp(secondsSinceEpoch: 9)
            )
        }
        try await store.apply(
            [.add(owner), .addAdminToken(try token(5, of: nil)), .addAdminToken(try token(6, of: owner.id))],
            audit: []
        )
        let digest = try #require(APITokenDigest(token: CatalogSamples.token(9).utf8))
        try await store.replaceAdminTokenDigest(digest, audit: CatalogSamples.audit("reset"))
        #expect(try await store.adminTokens().map(\.name) == ["token 6"])
    }
}
