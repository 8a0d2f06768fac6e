import GatewayCore
import JOSE
import PortcullisTestSupport
import Testing

@Suite struct `A draft of the catalog` {
    private var gateway: TestGateway

    init() throws {
        gateway = try TestGateway()
    }

    /// What a step is refused with: the field and the sentence.
    private mutating func refusal(_ step: (inout CatalogDraft) throws -> Void) -> String? {
        let before = gateway.draft.change
        do {
            try step(&gateway.draft)
            return nil
        } catch let error as CatalogError {
            #expect(
                gateway.draft.change.profiles.count == before.profiles.count,
                "a refused step left something"
            )
            return error.description
        } catch {
            return "\(error)"
        }
    }

    @Test mutating func `refuses a name that is taken`() {
        #expect(
            refusal { try $0.put(Client(id: .test(9), name: "Acme")) }
                == "name: there is a client named \"Acme\" already"
        )
        #expect(
            refusal { try $0.put(AccessProfile(id: .test(9), clientID: .test(1), name: "acme-rsa")) }
                == "name: the client has a profile named \"acme-rsa\" already"
        )
        #expect(
            refusal { try $0.put(AccessProfile(id: .test(9), clientID: .test(2), name: "acme-rsa")) } == nil,
            "another client may have a profile of that name"
        )
    }

    @Test mutating func `refuses what points at nothing`() throws {
        var profile = try gateway.profile(1)
        profile.grantedCollections.append(.test(77))
        #expect(refusal { try $0.put(profile) }?.hasPrefix("collections[1]: there is no collection") == true)
        let stray = AccessProfile(id: .test(9), clientID: .test(77), name: "x")
        #expect(refusal { try $0.put(stray) }?.hasPrefix("client: there is no client") == true)
    }

    @Test mutating func `refuses an API token that another profile has`() throws {
        var profile = try gateway.profile(1)
        profile.apiTokens = try gateway.profile(3).apiTokens
        #expect(refusal { try $0.put(profile) } == "api_tokens[0]: this API token belongs to another profile")
    }

    @Test mutating func `gives back what a refused profile had taken`() throws {
        let theirs = try gateway.profile(3).apiTokens
        var renamed = try gateway.profile(1)
        let own = renamed.apiTokens
        let fresh = APIToken(
            id: .test(90),
            name: "fresh",
            digest: try #require(APITokenDigest(token: CatalogSamples.token(90).utf8)),
            createdAt: CatalogSamples.now
        )
        renamed.name = "renamed"
        renamed.apiTokens = own + [fresh] + theirs
        #expect(refusal { try $0.put(renamed) }?.hasPrefix("api_tokens[\(own.count + 1)]") == true)
        let catalog = gateway.draft.catalog
        #expect(catalog.profile(named: "renamed", of: .test(1)) == nil)
        #expect(catalog.profile(named: try gateway.profile(1).name, of: .test(1))?.id == .test(1))
        #expect(catalog.profile(token: fresh.digest) == nil)
        #expect(catalog.profile(token: try #require(own.first).digest)?.id == .test(1))
        #expect(catalog.profile(token: try #require(theirs.first).digest)?.id == .test(3))
        var another = AccessProfile(id: .test(91), clientID: .test(1), name: "renamed")
        another.apiTokens = [fresh]
        #expect(refusal { try $0.put(another) } == nil, "the name and the token are free")
    }

    @Test mutating func `lets a client's profiles change their names`() throws {
        let names = ["b", "c", "d"]
        for (index, name) in names.enumerated() {
            try gateway.draft.put(AccessProfile(id: .test(90 + index), clientID: .test(2), name: name))
        }
        try gateway.draft.put(AccessProfile(id: .test(91), clientID: .test(2), name: "e"))
        #expect(
            refusal { try $0.put(AccessProfile(id: .test(92), clientID: .test(2), name: "e")) }
                == "name: the client has a profile named \"e\" already"
        )
        try gateway.draft.delete(profile: .test(90))
        #expect(gateway.draft.catalog.profile(named: "b", of: .test(2)) == nil)
        #expect(gateway.draft.catalog.profile(named: "c", of: .test(2)) == nil)
        #expect(gateway.draft.catalog.profile(named: "e", of: .test(2))?.id == .test(91))
        let left = gateway.draft.catalog.profiles(of: .test(2)).map(\.name)
        #expect(left.contains("d") && left.contains("e") && !left.contains("b"))
    }

    @Test(arguments: [
        "", "0", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdef0",
        "0123456789ABCDEF0123456789ABCDEF", "0123456789abcdef0123456789abcdeg",
        " 123456789abcdef0123456789abcdef",
    ])
    func `an identity is 32 digits and nothing else`(_ text: String) {
        #expect(ClientID(text) == nil)
        #expect(ClientID("0123456789abcdeffedcba9876543210")?.text == "0123456789abcdeffedcba9876543210")
    }

    @Test mutating func `keeps an upstream that is used, and lets go of one that is not`() throws {
        #expect(
            refusal { try $0.delete(upstream: .test(1)) }
                == "upstream: upstream \"orders\" is used by endpoint \"call\" of \"api-endpoints-v1\""
        )
        #expect(refusal { try $0.delete(collection: .test(2)) } == nil)
        #expect(refusal { try $0.delete(upstream: .test(1)) } == nil)
        #expect(try gateway.profile(1).grantedCollections.isEmpty, "the grants went with the collection")
    }

    @Test mutating func `deletes a client with its profiles and their API tokens`() throws {
        try gateway.draft.delete(client: .test(1))
        #expect(gateway.draft.catalog.profiles.count == 1)
        let digest = try #require(APITokenDigest(token: TestGateway.acmeToken.utf8))
        #expect(gateway.draft.catalog.profile(token: digest) == nil)
    }

    @Test(arguments: ["", "a/b", "a b", "..", ".", "%41", "é", "a?b", String(repeating: "x", count: 101)])
    mutating func `refuses a handle that is no plain path segment`(handle: String) {
        let collection = GatewayCore.Collection(id: .test(9), name: "x", handle: handle)
        #expect(refusal { try $0.put(collection) }?.hasPrefix("handle: handle is") == true)
    }

    @Test mutating func `refuses two endpoints that cannot be told apart`() throws {
        var collection = try #require(gateway.draft.catalog.collection(handle: "api-endpoints-v1"))
        let upstream = try #require(gateway.draft.catalog.upstream(named: "orders"))
        collection.endpoints = [
            try .test(1, "a", ["GET"], "/orders/{id}", upstream),
            try .test(2, "b", ["GET"], "/orders/{number}", upstream),
        ]
        #expect(
            refusal { try $0.put(collection) }
                == "endpoints[1].path: endpoint \"a\" answers GET /orders/{number} already"
        )
    }

    @Test(arguments: ["a", "/a b", "/{}", "/{a}/{a}", "/a//b", "/..", "/%2e", "/{a-b}", "/é", ""])
    func `a path template that is not exact is refused`(text: String) {
        #expect(throws: InvalidValue.self) { try PathTemplate(text) }
    }

    @Test(arguments: [
        "https://a", "http://", "http://a:0", "http://a:65536", "http://a:x", "http://a b", "http://u@a",
        "ftp://a",
        "http://[::1", "http://a/{id}", "http://a/..", "http://a?x", "",
    ])
    func `a target that is not exact is refused`(url: String) {
        #expect(throws: InvalidValue.self) { try UpstreamTarget(url: url) }
    }

    @Test(arguments: ["one.example:8080", "[::1]:80", "::1", "[::g]", "[]", "a b", "", "a/b"])
    func `a host that no request could name is refused`(host: String) throws {
        var collection = Collection(id: .test(1), name: "A", handle: "a")
        collection.hosts = [host]
        var draft = CatalogDraft(Catalog())
        #expect(throws: CatalogError.self) { try draft.put(collection) }
        collection.hosts = ["one.example", "ONE-2.example", "192.0.2.1", "[2001:db8::1]"]
        try draft.put(collection)
    }

    @Test func `a target says host, port and prefix`() throws {
        let target = try UpstreamTarget(url: "http://[::1]:9000/base/")
        #expect(target.host == "::1")
        #expect(target.port == 9000)
        #expect(target.authority == "[::1]:9000")
        #expect(target.pathPrefix == "/base")
    }
}

@Suite struct `The catalog service` {
    /// A store that can be told to refuse.
    private actor Store: CatalogStore {
        var refusal: CatalogStoreError?
        var commits: [CatalogRevision] = []

        func refuse(with error: CatalogStoreError?) { refusal = error }
        func load() -> Catalog { Catalog() }
        func append(_ entry: AuditEntry) async throws {}
        func auditEntries(_ query: AuditQuery) -> [AuditRecord] { [] }
        func commit(
            _ change: CatalogChange,
            expecting expected: CatalogRevision,
            audit: [AuditEntry]
        ) async throws {
            if let refusal { throw refusal }
            commits.append(expected)
            await Task.yield()
        }
    }

    @Test func `publishes what the store took, in order, before it is acknowledged`() async throws {
        let store = Store()
        let source = SnapshotSource(Snapshot(Catalog()))
        let service = CatalogService(store: store, catalog: Catalog()) { source.publish($0, $1) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...50 {
                group.addTask {
                    let edit = try await service.edit { draft in
                        try draft.put(Client(id: .test(number), name: "Client \(number)"))
                        return ((), [])
                    }
                    #expect(source.current.catalog.revision >= edit.catalog.revision)
                    #expect(source.current.catalog.client(named: "Client \(number)") != nil)
                }
            }
            try await group.waitForAll()
        }
        #expect(await store.commits.map(\.number) == Array(0..<50))
        #expect(service.current.clients.count == 50)
    }

    @Test func `changes nothing when the store refuses, and goes on afterwards`() async throws {
        let store = Store()
        let source = SnapshotSource(Snapshot(Catalog()))
        let service = CatalogService(store: store, catalog: Catalog()) { source.publish($0, $1) }
        let add: @Sendable (inout CatalogDraft) throws -> (Void, [AuditEntry]) = { draft in
            try draft.put(Client(id: .test(1), name: "Acme"))
            return ((), [])
        }
        await store.refuse(with: .full(detail: "test"))
        await #expect(throws: CatalogStoreError.self) { try await service.edit(add) }
        #expect(service.current.clients.isEmpty)
        #expect(source.current.catalog.clients.isEmpty)
        await store.refuse(with: nil)
        _ = try await service.edit(add)
        #expect(service.current.clients.count == 1)
    }
}
