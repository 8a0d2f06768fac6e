import GatewayCore
import JOSE
import Testing

@testable import ControlPlane

@Suite struct OperatorServiceTests {
    private let house = OperatorHouse()

    private func time(_ seconds: Int64) -> Timestamp { OperatorHouse.time(seconds) }

    private func setUp(
        _ token: String,
        _ name: String,
        _ password: String,
        at seconds: Int64 = 1
    ) async throws
        -> Problem.Code?
    {
        try await problemCode {
            _ = try await house.service.setUpOwner(
                token: token,
                name: name,
                password: Secret(password),
                from: SignInOrigin(address: "192.0.2.7"),
                at: time(seconds)
            )
        }
    }

    // MARK: Setting up

    @Test func `the set-up link makes one owner, once`() async throws {
        let link = try #require(try await house.service.openSetUp(at: time(0)))
        let password = OperatorHouse.password
        #expect(try await setUp(String(repeating: "0", count: 64), "x", password) == .notFound)
        #expect(try await setUp(link, "", password) == .invalid)
        #expect(try await setUp(link, "owner", "short") == .invalid)
        #expect(try await setUp(link, "owner", password) == nil)
        #expect(try await setUp(link, "second", password) == .notFound)
        #expect(try await house.service.openSetUp(at: time(2)) == nil)
        #expect(try await house.find("owner").role == .owner)
        #expect(house.audit.lines.first == "operator:owner 192.0.2.7 set-up operator owner ")
    }

    @Test func `the set-up link ends after an hour, and with the next one`() async throws {
        let first = try #require(try await house.service.openSetUp(at: time(0)))
        let second = try #require(try await house.service.openSetUp(at: time(1)))
        #expect(!house.service.isSetUpOpen(first, at: time(1)))
        #expect(house.service.isSetUpOpen(second, at: time(3600)))
        #expect(!house.service.isSetUpOpen(second, at: time(3601)))
        #expect(try await setUp(second, "owner", OperatorHouse.password, at: 3601) == .notFound)
    }

    @Test func `of many who use the set-up link at once one becomes owner`() async throws {
        let link = try #require(try await house.service.openSetUp(at: time(0)))
        let count = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<8 {
                group.addTask { try await setUp(link, "owner \(number)", OperatorHouse.password) == nil }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(count == 1)
        #expect(try await house.store.operators().count == 1)
    }

    // MARK: Signing in

    @Test func `a session has its operator's role, and is found by its token alone`() async throws {
        _ = try await house.setUp()
        let token = try #require(try await house.signIn("owner"))
        let session = try #require(try await house.service.session(token, at: time(3)))
        #expect(session.name == "owner" && session.principal.role == .owner)
        #expect(session.principal.actor == "operator:owner")
        for wrong in ["", "x", String(token.dropLast()), token + "0", token.uppercased()] {
            #expect(try await house.service.session(wrong, at: time(3)) == nil)
        }
        let kept = try await house.store.sessions(of: nil)
        #expect(kept.allSatisfy { $0.id.text != token && $0.digest.hex != token })
        #expect(house.audit.lines.contains { $0.contains(" 192.0.2.7 sign-in session owner") })
    }

    @Test func `wrong names and passwords are refused alike`() async throws {
        let owner = try await house.setUp()
        _ = try await house.service.createOperator(
            name: "invited",
            role: .viewer,
            try await house.acting(owner)
        )
        #expect(try await house.signIn("owner", "another password") == nil)
        #expect(try await house.signIn("owne") == nil)
        #expect(try await house.signIn("invited", "") == nil)
        #expect(try await house.signIn("", "") == nil)
        #expect(try await house.signIn(String(repeating: "x", count: 5000)) == nil)
        #expect(try await house.signIn("owner", String(repeating: "x", count: 5000)) == nil)
        #expect(house.log.lines.contains { $0.contains("a sign-in was refused") })
        #expect(!house.log.lines.contains { $0.contains("another password") })
    }

    @Test func `signing in ends the session that the browser had, and never takes a token from it`()
        async throws
    {
        let first = try await house.setUp()
        let second = try #require(try await house.signIn("owner", earlier: first))
        #expect(first != second)
        #expect(try await !house.isInForce(first))
        let planted = String(repeating: "b", count: 64)
        let third = try #require(try await house.signIn("owner", earlier: planted))
        #expect(third != planted)
        #expect(try await !house.isInForce(planted))
        #expect(try await house.isInForce(second))
    }

    @Test func `a session ends after half an hour without use, and after twelve hours with`() async throws {
        let idle = try await house.setUp()
        #expect(try await house.isInForce(idle, at: 1799))
        let used = try #require(try await house.signIn("owner", at: 0))
        #expect(try await !house.isInForce(used, at: 1800))
        let busy = try #require(try await house.signIn("owner", at: 2000))
        for seconds in stride(from: Int64(2000), to: 2000 + 12 * 3600, by: 1500) {
            #expect(try await house.isInForce(busy, at: seconds))
        }
        #expect(try await house.isInForce(busy, at: 2000 + 12 * 3600 - 1))
        #expect(try await !house.isInForce(busy, at: 2000 + 12 * 3600))
    }

    @Test func `that a session was used is written at most once a minute`() async throws {
        let token = try await house.setUp()
        func lastSeen() async throws -> Timestamp? {
            try await house.store.sessions(of: nil).first?.lastSeenAt
        }
        #expect(try await house.isInForce(token, at: 59))
        #expect(try await lastSeen() == time(0))
        #expect(try await house.isInForce(token, at: 60))
        #expect(try await lastSeen() == time(60))
    }

    @Test func `after a few failures even the right password waits, and other addresses do not`() async throws
    {
        _ = try await house.setUp()
        for _ in 0..<SignInLimit.freeFailures { _ = try await house.signIn("owner", "another password") }
        #expect(try await problemCode { _ = try await house.signIn("owner") } == .tooManyAttempts)
        #expect(try await house.signIn("owner", from: "198.51.100.1") != nil)
        #expect(try await house.signIn("owner", at: 3) != nil)
    }

    @Test func `signing out ends the session`() async throws {
        let token = try await house.setUp()
        try await house.service.signOut(token, from: "192.0.2.7", at: time(1))
        #expect(try await !house.isInForce(token))
        try await house.service.signOut(token, from: "192.0.2.7", at: time(1))
        #expect(house.audit.lines.filter { $0.contains("sign-out") }.count == 1)
    }

    @Test func `forms carry what only the session's token gives`() async throws {
        let (one, two) = (try await house.setUp(), try await house.signIn("owner"))
        let first = try await house.service.session(one, at: time(1))?.formToken
        let second = try await house.service.session(try #require(two), at: time(3))?.formToken
        #expect(first != second && first?.count == 64 && first != one)
    }

    // MARK: Operators

    @Test func `an invitation sets a password, once and in time`() async throws {
        let owner = try await house.acting(try await house.setUp())
        let invited = try await house.service.createOperator(name: "jdoe", role: .manager, owner)
        #expect(try await house.service.invited(invited.token, at: time(2)) == "jdoe")
        let link = house.service.link("invitation", token: invited.token, authority: "127.0.0.1:8081")
        #expect(link == "http://127.0.0.1:8081/console/invitation?token=\(invited.token)")
        #expect(try await house.service.invited(invited.token, at: time(72 * 3600 + 1)) == nil)
        func accept(_ password: String) async throws -> Problem.Code? {
            try await problemCode {
                _ = try await house.service.acceptInvitation(
                    token: invited.token,
                    password: Secret(password),
                    from: SignInOrigin(address: "192.0.2.8"),
                    at: time(2)
                )
            }
        }
        #expect(try await accept("jdoe") == .invalid)
        #expect(try await accept(OperatorHouse.password) == nil)
        #expect(try await accept(OperatorHouse.password) == .notFound)
        #expect(try await house.signIn("jdoe") != nil)
        #expect(house.audit.lines.allSatisfy { !$0.contains(invited.token) })
    }

    @Test func `a new password by invitation ends all sessions, and the old one stays until then`()
        async throws
    {
        let owner = try await house.setUp()
        let old = try await house.add("jdoe", .viewer, by: owner)
        let invited = try await house.service.invite(
            try await house.find("jdoe").id,
            try await house.acting(owner)
        )
        #expect(try await house.isInForce(old))
        #expect(try await house.signIn("jdoe") != nil)
        let fresh = try await house.service.acceptInvitation(
            token: invited.token,
            password: Secret("another password"),
            from: SignInOrigin(address: "192.0.2.8"),
            at: time(2)
        )
        #expect(try await !house.isInForce(old))
        #expect(try await house.isInForce(fresh))
        #expect(try await house.signIn("jdoe") == nil)
        #expect(try await house.signIn("jdoe", "another password") != nil)
    }

    @Test func `deactivation and a lower role take effect at once`() async throws {
        let owner = try await house.setUp()
        let token = try await house.add("jdoe", .manager, by: owner)
        let id = try await house.find("jdoe").id
        let acting = try await house.acting(owner)
        _ = try await house.service.update(id, role: .viewer, isActive: nil, acting)
        #expect(try await house.service.session(token, at: time(2))?.principal.role == .viewer)
        _ = try await house.service.update(id, role: nil, isActive: false, acting)
        #expect(try await !house.isInForce(token))
        #expect(try await house.signIn("jdoe") == nil)
        #expect(
            house.audit.lines.contains { $0.contains("update operator jdoe") && $0.contains("\"active\"") }
        )
    }

    @Test func `the last owner can neither be demoted, deactivated nor deleted`() async throws {
        let acting = try await house.acting(try await house.setUp())
        let id = try await house.find("owner").id
        _ = try await house.service.createOperator(name: "invited", role: .owner, acting)
        #expect(
            try await problemCode {
                _ = try await house.service.update(id, role: .viewer, isActive: nil, acting)
            }
                == .conflict
        )
        #expect(
            try await problemCode {
                _ = try await house.service.update(id, role: nil, isActive: false, acting)
            }
                == .conflict
        )
        #expect(try await problemCode { try await house.service.deleteOperator(id, acting) } == .conflict)
        #expect(try await house.find("owner").isAbleOwner)
    }

    @Test func `one ends one's own sessions, and owners everybody's`() async throws {
        let owner = try await house.setUp()
        let one = try await house.add("jdoe", .viewer, by: owner)
        let two = try #require(try await house.signIn("jdoe"))
        let (asOwner, asOne) = (try await house.acting(owner, at: 3), try await house.acting(one, at: 3))
        #expect(try await house.service.sessions(asOwner).count == 3)
        #expect(try await house.service.sessions(asOne).count == 2)
        #expect(
            try await house.service.sessions(Acting(.init(actor: "x", role: .viewer), from: "", at: time(3)))
                .isEmpty
        )
        let owners = try #require(asOwner.principal.sessionID)
        #expect(try await problemCode { try await house.service.endSession(owners, asOne) } == .notFound)
        try await house.service.endOtherSessions(asOne)
        #expect(try await !house.isInForce(two))
        #expect(try await house.isInForce(one))
        try await house.service.endSession(asOne.principal.sessionID, asOwner)
        #expect(try await !house.isInForce(one))
        #expect(try await house.isInForce(owner))
    }

    @Test func `one's own password asks for the old one, and ends the other sessions`() async throws {
        let one = try await house.setUp()
        let two = try #require(try await house.signIn("owner"))
        let acting = try await house.acting(one, at: 3)
        func change(_ old: String, _ new: String) async throws -> Problem.Code? {
            try await problemCode {
                try await house.service.changePassword(old: Secret(old), new: Secret(new), acting)
            }
        }
        #expect(try await change("not the password", "another password") == .invalid)
        #expect(try await change(OperatorHouse.password, "short") == .invalid)
        #expect(try await change(OperatorHouse.password, "another password") == nil)
        #expect(try await house.isInForce(one))
        #expect(try await !house.isInForce(two))
        #expect(try await house.signIn("owner", at: 4) == nil)
        #expect(try await house.signIn("owner", "another password", at: 4) != nil)
        for _ in 0..<SignInLimit.freeFailures { _ = try await change("not the password", "a third password") }
        #expect(try await change("another password", "a third password") == .tooManyAttempts)
        let token = Acting(.adminToken, from: "192.0.2.7", at: time(3))
        #expect(
            try await problemCode {
                try await house.service.changePassword(
                    old: Secret("x"),
                    new: Secret("a third password"),
                    token
                )
            } == .conflict
        )
    }
}
