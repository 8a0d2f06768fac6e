import GatewayCore
import JOSE
import Testing

@testable import ControlPlane

@Suite struct AdminTokenTests {
    private let house = OperatorHouse()

    private func time(_ seconds: Int64) -> Timestamp { OperatorHouse.time(seconds) }

    private func principal(_ token: String, at seconds: Int64 = 5) async throws -> Principal? {
        try await house.service.authenticate(Array(token.utf8), at: time(seconds))
    }

    @Test func `a named token has its role, and is named in the audit log`() async throws {
        let acting = try await house.acting(try await house.setUp())
        let made = try await house.service.createAdminToken(name: "ci", role: .manager, days: 1, acting)
        let found = try #require(try await principal(made.token))
        #expect(found.actor == "admin-token:ci" && found.role == .manager && found.sessionID == nil)
        #expect(made.token.count == 64 && made.record.digest.hex != made.token)
        #expect(try await house.service.adminTokens().first?.lastUsedAt == time(5))
        #expect(
            house.audit.lines.contains { $0.contains("create admin_token ci") && !$0.contains(made.token) }
        )
    }

    @Test func `a token dies with its expiry, and when it is revoked`() async throws {
        let acting = try await house.acting(try await house.setUp(), at: 0)
        let one = try await house.service.createAdminToken(name: "one", role: .viewer, days: 1, acting)
        let two = try await house.service.createAdminToken(name: "two", role: .viewer, days: 1, acting)
        #expect(try await principal(one.token, at: 86_399) != nil)
        #expect(try await principal(one.token, at: 86_400) == nil)
        try await house.service.deleteAdminToken(two.record.id, acting)
        #expect(try await principal(two.token) == nil)
        #expect(
            try await problemCode { try await house.service.deleteAdminToken(two.record.id, acting) }
                == .notFound
        )
    }

    @Test func `a token never exceeds its maker, then and later`() async throws {
        let owner = try await house.setUp()
        let second = try await house.add("second", .owner, by: owner)
        let acting = try await house.acting(second)
        let manager = Acting(Principal(actor: "operator:m", role: .manager), from: "192.0.2.7", at: time(1))
        #expect(
            try await problemCode {
                _ = try await house.service.createAdminToken(name: "x", role: .owner, days: 1, manager)
            } == .roleNotSufficient
        )
        let made = try await house.service.createAdminToken(name: "ci", role: .owner, days: 1, acting)
        let id = try await house.find("second").id
        let asOwner = try await house.acting(owner)
        _ = try await house.service.update(id, role: .viewer, isActive: nil, asOwner)
        #expect(try await principal(made.token)?.role == .viewer)
        _ = try await house.service.update(id, role: nil, isActive: false, asOwner)
        #expect(try await principal(made.token) == nil)
        _ = try await house.service.update(id, role: nil, isActive: true, asOwner)
        #expect(try await principal(made.token) != nil)
        try await house.service.deleteOperator(id, asOwner)
        #expect(try await principal(made.token) == nil)
        #expect(try await house.service.adminTokens().isEmpty)
    }

    @Test func `a token lets nobody in, whatever its role`() async throws {
        let owner = try await house.setUp()
        _ = try await house.add("jdoe", .viewer, by: owner)
        let id = try await house.find("jdoe").id
        let (service, asOwner) = (house.service, try await house.acting(owner))
        let made = try await service.createAdminToken(name: "ci", role: .owner, days: 1, asOwner)
        let viaToken = Acting(try #require(try await principal(made.token)), from: "192.0.2.7", at: time(5))
        let attempts: [() async throws -> Void] = [
            { _ = try await service.createAdminToken(name: "child", role: .viewer, days: 1, viaToken) },
            { _ = try await service.createOperator(name: "child", role: .viewer, viaToken) },
            { _ = try await service.invite(id, viaToken) },
            { _ = try await service.update(id, role: .owner, isActive: nil, viaToken) },
        ]
        for attempt in attempts { #expect(try await problemCode(attempt) == .forbidden) }
        _ = try await service.update(id, role: nil, isActive: false, viaToken)
        #expect(
            try await problemCode { _ = try await service.update(id, role: nil, isActive: true, viaToken) }
                == .forbidden
        )
        let gateways = Acting(.adminToken, from: "192.0.2.7", at: time(5))
        _ = try await service.createOperator(name: "child", role: .viewer, gateways)
    }

    @Test func `the gateway's own token is an owner's`() async throws {
        #expect(try await principal(OperatorHouse.adminToken) == .adminToken)
        for wrong in ["", "x", String(repeating: "b", count: 64), OperatorHouse.adminToken + "a"] {
            #expect(try await principal(wrong) == nil)
        }
    }

    @Test func `the token of a session is no admin token`() async throws {
        let session = try await house.setUp()
        #expect(try await principal(session) == nil)
    }

    @Test func `a gateway that runs from a file is signed in to with its admin token, and reads`()
        async throws
    {
        let house = OperatorHouse(isReadOnly: true)
        #expect(try await house.service.openSetUp(at: time(0)) == nil)
        #expect(try await house.signIn("owner", "wrong") == nil)
        let token = try #require(try await house.signIn("", OperatorHouse.adminToken))
        let session = try #require(try await house.service.session(token, at: time(3)))
        #expect(session.principal.role == .viewer && session.principal.actor == "admin-token")
        let owner = Acting(.adminToken, from: "192.0.2.7", at: time(3))
        #expect(
            try await problemCode {
                _ = try await house.service.createOperator(name: "x", role: .viewer, owner)
            } == .readOnly
        )
        #expect(
            try await problemCode {
                _ = try await house.service.createAdminToken(name: "x", role: .viewer, days: 1, owner)
            } == .readOnly
        )
        #expect(try await house.service.sessions(try await house.acting(token, at: 3)).count == 1)
        try await house.service.signOut(token, from: "192.0.2.7", at: time(4))
        #expect(try await !house.isInForce(token, at: 4))
    }
}
