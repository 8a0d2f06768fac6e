import GatewayCore
import Logging
import Testing

@testable import ControlPlane

@Suite struct OperatorPagesTests {
    @Test func `the first owner is set up by the link, once, and is signed in then`() async throws {
        let operators = OperatorHouse()
        let house = ConsoleHouse(operators: operators.service)
        let token = try #require(try await operators.service.openSetUp(at: OperatorHouse.time(0)))
        let link = "/console/setup?token=\(token)"
        #expect(await house.show(link, as: nil).status == 200)
        #expect(await house.show("/console/setup?token=x", as: nil).status == 404)
        func send(_ password: String, _ again: String) async -> AdminAnswer {
            let fields = [("token", token), ("name", "jdoe"), ("password", password), ("again", again)]
            return await house.post("/console/setup", fields, as: nil, formToken: nil)
        }
        #expect(await send("a long password", "another password").status == 422)
        #expect(await send("short", "short").status == 422)
        let done = await send("a long password", "a long password")
        #expect(done.status == 303, "\(done.text)")
        let cookie = done.header("Set-Cookie") ?? ""
        #expect(cookie.hasPrefix("portcullis_session="))
        #expect(cookie.hasSuffix("; Path=/console; HttpOnly; SameSite=Strict"))
        #expect(await send("a long password", "a long password").status == 404)
    }

    @Test func `a wrong password is told as one, and the cookie is for TLS where that is configured`()
        async throws
    {
        let operators = OperatorHouse(consoleURL: "https://console.example")
        _ = try await operators.setUp()
        let house = ConsoleHouse(operators: operators.service)
        func send(_ password: String) async -> AdminAnswer {
            let fields = [("name", "owner"), ("password", password), ("next", "//evil.example")]
            return await house.post("/console/sign-in", fields, as: nil, formToken: nil)
        }
        let wrong = await send("another password")
        #expect(wrong.status == 422 && wrong.text.contains("name or password is not right"))
        #expect(!wrong.text.contains("another password"))
        let right = await send(OperatorHouse.password)
        #expect(right.status == 303 && right.header("Location") == "/console")
        let cookie = try #require(right.header("Set-Cookie"))
        #expect(cookie.hasPrefix("__Host-portcullis_session=") && cookie.contains("; Path=/; "))
        #expect(cookie.hasSuffix("; Secure"))
        for _ in 0..<SignInLimit.freeFailures { _ = await send("another password") }
        let limited = await send(OperatorHouse.password)
        #expect(limited.status == 429)
        #expect(limited.header("Retry-After").flatMap { Int($0) } ?? 0 > 0)
    }

    @Test func `a page that asks by itself keeps no session alive`() async throws {
        let operators = OperatorHouse()
        let session = try await operators.setUp()
        let begin = try #require(try await operators.store.sessions(of: nil).first?.lastSeenAt)
        let (admin, minutes) = (AdminHouse(operators: operators.service), Int64(25 * 60))
        let console = Console(
            admin.api,
            Console.Dependencies(
                findSession: { try await operators.service.session($0, at: $1, isUse: $2) },
                isReadOnly: false,
                operators: operators.service,
                now: { OperatorHouse.time(minutes) },
                logger: Logger(label: "test") { _ in LineLog().handler }
            )
        )
        func show(_ target: String) async throws -> Timestamp? {
            var request = AdminRequest(method: "GET", target: target, authority: "127.0.0.1:8081")
            request.cookies = "portcullis_session=\(session)"
            let answer = await console.answer(request) { _ in [] }
            #expect(answer.status == 200, "\(answer.text)")
            return try await operators.store.sessions(of: nil).first?.lastSeenAt
        }
        #expect(try await show("/console/decisions/rows") == begin)
        #expect(try await show("/console/decisions") == OperatorHouse.time(minutes))
    }

    @Test func `the pages around operators show what is there, and secrets once`() async throws {
        let operators = OperatorHouse()
        _ = try await operators.setUp()
        let house = ConsoleHouse(operators: operators.service)
        let made = await house.post("/console/operators", [("name", "<b>"), ("role", "viewer")], as: .owner)
        #expect(made.status == 200 && made.text.contains("/console/invitation?token="), "\(made.text)")
        let token = await house.post(
            "/console/admin-tokens",
            [("name", "ci"), ("role", "viewer"), ("expires_in_days", "30")],
            as: .owner
        )
        #expect(token.status == 200 && token.text.contains(/[0-9a-f]{64}/))
        for target in ["/console/operators", "/console/admin-tokens", "/console/account"] {
            let page = await house.show(target, as: .owner)
            #expect(page.status == 200)
            #expect(!page.text.contains("invitation?token=") && !page.text.contains("<b>"))
        }
        #expect(await house.show("/console/operators", as: .owner).text.contains("&lt;b&gt;"))
        let again = await house.post("/console/operators", [("name", "<b>"), ("role", "viewer")], as: .owner)
        #expect(again.status == 409 && again.text.contains("the name is taken"))
        #expect(await house.show("/console/operators", as: .manager).status == 403)
    }
}
