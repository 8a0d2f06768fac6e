import GatewayCore
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Testing

@testable import ControlPlane

@Suite struct AdminServerTests {
    private static let token: HTTPFields = [.authorization: "Bearer \(AdminHouse.token)"]
    private static let json: HTTPFields = [
        .authorization: "Bearer \(AdminHouse.token)", .contentType: "application/json",
    ]

    private func server(_ configure: (inout AdminServer.Configuration) -> Void = { _ in }) -> AdminServer {
        let store = MemoryStore()
        let service = CatalogService(store: store, catalog: Catalog()) { _, _ in }
        var configuration = AdminServer.Configuration(host: "127.0.0.1", port: 0)
        configure(&configuration)
        return AdminServer(
            configuration,
            AdminHouse.dependencies(.service(service, audit: store)),
            ConsoleHouse.dependencies()
        )
    }

    @Test func `the port that the system chose is told, and the server ends with its task`() async throws {
        let (ports, continuation) = AsyncStream<Int>.makeStream()
        let house = AdminHouse()
        let server = AdminServer(
            AdminServer.Configuration(port: 0),
            AdminHouse.dependencies(.service(house.service, audit: house.store)),
            ConsoleHouse.dependencies(),
            onListening: { continuation.yield($0) }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            #expect((1...65_535).contains(port))
            group.cancelAll()
        }
    }

    @Test func `behind a proxy the audit log has the caller's own address`() async throws {
        let house = AdminHouse()
        var configuration = AdminServer.Configuration(port: 0)
        configuration.clientAddress.trustsLoopback = true
        let server = AdminServer(
            configuration,
            AdminHouse.dependencies(.service(house.service, audit: house.store)),
            ConsoleHouse.dependencies()
        )
        try await server.application.test(.live) { client in
            var fields = Self.json
            fields.append(
                HTTPField(name: try #require(.init("X-Forwarded-For")), value: "1.2.3.4, 192.0.2.9")
            )
            let made = try await client.execute(
                uri: "/api/v1/clients",
                method: .post,
                headers: fields,
                body: ByteBuffer(string: #"{"name":"Acme"}"#)
            )
            #expect(made.status == .created)
        }
        #expect(try await house.store.auditEntries(before: nil, limit: 1).first?.entry.origin == "192.0.2.9")
    }

    @Test func `a call goes through the real server`() async throws {
        try await server().application.test(.live) { client in
            let made = try await client.execute(
                uri: "/api/v1/clients",
                method: .post,
                headers: Self.json,
                body: ByteBuffer(string: #"{"name":"Acme"}"#)
            )
            #expect(made.status == .created)
            let location = try #require(made.headers[.location])
            let read = try await client.execute(uri: location, method: .get, headers: Self.token)
            #expect(read.status == .ok)
            #expect(read.body == made.body)
            let head = try await client.execute(uri: location, method: .head, headers: Self.token)
            #expect(head.status == .ok)
            #expect(head.body.readableBytes == 0)
            #expect(head.headers[.contentLength] == "\(read.body.readableBytes)")
            let deleted = try await client.execute(uri: location, method: .delete, headers: Self.token)
            #expect(deleted.status == .noContent)
            let audit = try await client.execute(uri: "/api/v1/audit", method: .get, headers: Self.token)
            #expect(String(buffer: audit.body).contains(#""origin":"127.0.0.1""#))
        }
    }

    @Test func `a body that is too large is refused, also when the token is wrong`() async throws {
        try await server().application.test(.live) { client in
            let large = ByteBuffer(repeating: UInt8(ascii: " "), count: 3 << 20)
            let answer = try await client.execute(
                uri: "/api/v1/clients",
                method: .post,
                headers: Self.json,
                body: large
            )
            #expect(answer.status == .contentTooLarge)
            #expect(answer.headers[.connection] == "close")
        }
        try await server().application.test(.live) { client in
            let large = ByteBuffer(repeating: UInt8(ascii: " "), count: 3 << 20)
            let answer = try await client.execute(uri: "/api/v1/clients", method: .post, body: large)
            #expect(answer.status == .unauthorized)
            #expect(answer.headers[.connection] == "close")
        }
    }

    @Test func `an unwanted body of usual size leaves the connection open`() async throws {
        try await server().application.test(.live) { client in
            for _ in 0..<3 {
                let answer = try await client.execute(
                    uri: "/api/v1/nothing",
                    method: .post,
                    headers: Self.json,
                    body: ByteBuffer(repeating: 0, count: 100_000)
                )
                #expect(answer.status == .notFound)
                #expect(answer.headers[.connection] == nil)
            }
        }
    }

    @Test func `a body that takes too long is refused`() async throws {
        try await server { $0.bodyTimeout = .zero }.application.test(.live) { client in
            let answer = try await client.execute(
                uri: "/api/v1/clients",
                method: .post,
                headers: Self.json,
                body: ByteBuffer(string: #"{"name":"Acme"}"#)
            )
            #expect(answer.status == .requestTimeout)
        }
    }
}
