import GatewayCore
import Testing

@testable import ControlPlane

@Suite struct AdminAPITests {
    // MARK: The admin token

    @Test(arguments: [
        nil, "", "Bearer", "Bearer ", "Bearer x", "Basic \(AdminHouse.token)", AdminHouse.token,
        "Bearer \(AdminHouse.token)x", "Bearer  \(AdminHouse.token)",
        "Bearer \(AdminHouse.token.uppercased())",
    ]) func `only the admin token opens the API`(_ authorization: String?) async throws {
        let house = AdminHouse()
        for target in ["/api/v1/clients", "/api/v1/nothing", "/api"] {
            let answer = await house.call("GET", target) { $0.authorization = authorization }
            #expect(answer.status == 401)
            #expect(answer.header("WWW-Authenticate")?.hasPrefix("Bearer realm=") == true)
            #expect(try answer.json.text("code") == "unauthorized")
        }
    }

    @Test(arguments: ["bearer", "BEARER"]) func `the scheme is compared without regard to case`(
        _ scheme: String
    ) async {
        let answer = await AdminHouse().call("GET", "/api/v1/clients") {
            $0.authorization = "\(scheme) \(AdminHouse.token)"
        }
        #expect(answer.status == 200)
    }

    @Test func `wrong admin tokens are logged once a second`() async {
        let house = AdminHouse()
        for _ in 0..<50 {
            _ = await house.call("GET", "/api/v1/clients") { $0.authorization = "Bearer wrong" }
        }
        #expect(house.log.lines.count == 1)
        #expect(house.log.lines.first?.contains("192.0.2.7") == true)
    }

    @Test(arguments: ["/healthz", "/readyz", "/api/v1/openapi.json"]) func `some paths need no admin token`(
        _ target: String
    ) async {
        #expect(await AdminHouse().call("GET", target) { $0.authorization = nil }.status == 200)
    }

    @Test func `readiness says why the gateway is not ready`() async throws {
        let answer = await AdminHouse(unreadiness: "no catalog yet").call("GET", "/readyz")
        #expect(answer.status == 503)
        #expect(try answer.json.text("detail") == "no catalog yet")
        #expect(await AdminHouse(unreadiness: "no catalog yet").call("GET", "/healthz").status == 200)
    }

    @Test func `a store that cannot tell the admin token is unavailable, not a refusal`() async throws {
        var dependencies = AdminHouse.dependencies(.file { Catalog() })
        dependencies.authenticate = { _ in throw CatalogStoreError.unavailable(detail: "x") }
        let api = AdminAPI(dependencies, hosts: HostRule(listenHost: "0.0.0.0"))
        var request = AdminRequest(method: "GET", target: "/api/v1/clients")
        request.authorization = "Bearer x"
        let answer = await api.answer(request) { _ in [] }
        #expect(answer.status == 503)
    }

    // MARK: Hosts

    @Test(arguments: [
        ("127.0.0.1", "localhost:8081", true), ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "[::1]:8081", true),
        ("127.0.0.1", "LOCALHOST", true), ("127.0.0.1", "attacker.example", false), ("127.0.0.1", nil, false),
        ("127.0.0.1", "attacker.example:8081", false), ("127.0.0.1", "localhost.attacker.example", false),
        ("127.0.0.1", "localhost:80@x", false), ("127.0.0.1", "", false), ("::1", "[::1]:1", true),
        ("127.0.0.2", "127.0.0.2:8081", true), ("127.0.0.2", "127.0.0.3:8081", false),
        ("localhost", "localhost", true),
        ("0.0.0.0", "attacker.example", true), ("192.0.2.1", "gateway.example", true), ("0.0.0.0", nil, true),
    ]) func `a loopback listener is called by its own names only`(
        _ listenHost: String,
        _ authority: String?,
        _ isAllowed: Bool
    ) async {
        let answer = await AdminHouse(listenHost: listenHost).call("GET", "/healthz") {
            $0.authority = authority
        }
        #expect(answer.status == (isAllowed ? 200 : 421))
    }

    @Test(arguments: [
        ("gateway.example", true), ("Gateway.Example", true), ("localhost:8081", true),
        // A port that the proxy was reached at.
        ("gateway.example:443", true), ("attacker.example", false), ("x.gateway.example", false),
        ("gateway.example.attacker.example", false), ("gateway.example:x", false),
    ]) func `a loopback listener is called by the name that people reach it by, too`(
        _ authority: String,
        _ isAllowed: Bool
    ) {
        let rule = HostRule(listenHost: "127.0.0.1", publicAuthority: "gateway.example")
        #expect(rule.allows(authority) == isAllowed)
    }

    @Test func `a name with a port is that port's alone`() {
        let rule = HostRule(listenHost: "127.0.0.1", publicAuthority: "gateway.example:8443")
        #expect(rule.allows("gateway.example:8443") && !rule.allows("gateway.example:8444"))
        #expect(!rule.allows("gateway.example"))
    }

    // MARK: What all answers have in common

    @Test(arguments: [
        ("GET", "/api/v1/clients"), ("GET", "/x"), ("POST", "/api/v1/clients"), ("GET", "/healthz"),
    ])
    func `every answer is not to be kept, not to be guessed at, and has an id`(
        _ method: String,
        _ target: String
    ) async {
        let house = AdminHouse()
        let answers = [await house.call(method, target), await house.call(method, target)]
        for answer in answers {
            #expect(answer.header("Cache-Control") == "no-store")
            #expect(answer.header("X-Content-Type-Options") == "nosniff")
            #expect(answer.header("Access-Control-Allow-Origin") == nil)
        }
        #expect(answers[0].header("X-Request-Id") != answers[1].header("X-Request-Id"))
    }

    @Test(arguments: [
        ("/api/v1/clients", "GET, HEAD, POST"), ("/api/v1/clients/x", "GET, HEAD, PUT, PATCH, DELETE"),
        ("/api/v1/settings", "GET, HEAD, PUT, PATCH"), ("/api/v1/explain", "POST"), ("/healthz", "GET, HEAD"),
    ]) func `another method is answered with those that there are`(
        _ target: String,
        _ allowed: String
    ) async throws {
        for method in ["TRACE", "OPTIONS", "get", "", "CONNECT"] {
            let answer = await AdminHouse().call(method, target)
            #expect(answer.status == 405)
            #expect(answer.header("Allow") == allowed)
        }
    }

    @Test(arguments: [
        nil, "text/plain", "application/x-www-form-urlencoded", "application/merge-patch+json", "json",
    ])
    func `another content type is refused`(_ type: String?) async {
        let answer = await AdminHouse().call("POST", "/api/v1/clients", #"{"name":"x"}"#) {
            $0.contentType = type
        }
        #expect(answer.status == 415)
    }

    @Test(arguments: ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"])
    func `a change in part comes as JSON or as a merge patch`(_ type: String) async {
        let answer = await AdminHouse().call("PATCH", "/api/v1/settings", "{}") { $0.contentType = type }
        #expect(answer.status == 200)
    }

    // MARK: A gateway that runs from a file

    @Test func `a gateway that runs from a file is only read`() async throws {
        let house = AdminHouse(readOnly: true)
        for operation in house.api.operations where operation.changesCatalog {
            let path = operation.path.replacing("{id}", with: "x").replacing("{key_id}", with: "y")
                .replacing("{token_id}", with: "z")
            let answer = await house.call(operation.method.rawValue, path, "{}")
            #expect(answer.status == 403, "\(operation.name)")
            #expect(try answer.json.text("detail").contains("runs from a file"))
        }
        for path in ["clients", "settings", "catalog", "audit", "decisions"] {
            #expect(await house.call("GET", "/api/v1/\(path)").status == 200)
        }
    }

    // MARK: The whole catalog

    @Test func `a catalog is applied once, and then it is as it should be`() async throws {
        let house = AdminHouse()
        let file = """
            {"upstreams":[{"name":"orders","targets":[{"url":"http://127.0.0.1:9000"}]}],
             "collections":[{"name":"API","handle":"api","endpoints":[{"name":"call","path":"/call","upstream":"orders"}]}],
             "clients":[{"name":"Acme","profiles":[{"name":"p","collections":["api"],
               "keys":[{"name":"k","secret":"\(AdminHouse.secret)"}],
               "api_tokens":[{"name":"t","sha256":"\(String(repeating: "0", count: 64))"}]}]}]}
            """
        let dry = try await house.call("PUT", "/api/v1/catalog?dry_run=true", file).json
        #expect(dry["applied"]?.value == .bool(false))
        #expect(house.service.current.clients.isEmpty)
        let applied = await house.call("PUT", "/api/v1/catalog", file)
        #expect(applied.status == 200, "\(applied.text)")
        #expect(try applied.json["applied"]?.value == .bool(true))
        #expect(try applied.json["steps"]?.elements.count == dry["steps"]?.elements.count)
        #expect(try applied.json["revision"]?.value == .integer(1))
        let again = try await house.call("PUT", "/api/v1/catalog", file).json
        #expect(again["steps"]?.elements.isEmpty == true)
        #expect(again["revision"]?.value == .integer(1))

        let export = await house.call("GET", "/api/v1/catalog")
        let back = try await house.call("PUT", "/api/v1/catalog", export.text).json
        #expect(back["steps"]?.elements.isEmpty == true, "what was exported changes nothing")
        let pruned = await house.call("PUT", "/api/v1/catalog?prune=true", "{}") {
            $0.ifMatch = export.header("ETag")
        }
        #expect(pruned.status == 200, "\(pruned.text)")
        #expect(house.service.current.clients.isEmpty)
        #expect(
            await house.call("PUT", "/api/v1/catalog", "{}") { $0.ifMatch = export.header("ETag") }.status
                == 412
        )
    }

    @Test(arguments: [
        (#"{"clients":[{"nme":"x"}]}"#, "clients[0]"), (#"{"client":[]}"#, "client"),
        (
            #"{"clients":[{"name":"x","profiles":[{"name":"p","collections":["none"]}]}]}"#,
            "clients[0].profiles[0]"
        ),
    ]) func `a catalog with a fault is refused with its field`(_ file: String, _ field: String) async throws {
        let house = AdminHouse()
        let answer = await house.call("PUT", "/api/v1/catalog", file)
        #expect(answer.status == 422)
        #expect(
            try answer.json["errors"]?.elements.first?.text("field").hasPrefix(field) == true,
            "\(answer.text)"
        )
        #expect(house.service.current.revision == CatalogRevision(0))
    }

    // MARK: Records

    @Test func `the audit log says who did what, newest first, page by page`() async throws {
        let house = AdminHouse()
        let path = try await house.furnish().client
        _ = await house.call("PATCH", path, #"{"description":"x"}"#)
        _ = await house.call("DELETE", path)
        let page = try await house.call("GET", "/api/v1/audit?limit=2").json
        let entries = page["items"]?.elements ?? []
        #expect(entries.map { $0.text("action") } == ["delete", "update"])
        #expect(entries.map { $0.text("origin") } == ["192.0.2.7", "192.0.2.7"])
        let change = entries.last?["changes"]?.elements.first
        #expect(change?.text("field") == "description")
        #expect(change?["before"]?.value == .string(""))
        #expect(change?["after"]?.value == .string("x"))
        #expect(page["next_before"]?.value == .integer(8))
        let rest = try await house.call("GET", "/api/v1/audit?before=8").json
        #expect(rest["items"]?.elements.count == 7)
        #expect(rest["next_before"]?.value == .null)
    }

    @Test func `deleting a collection is recorded at the profiles that lose it`() async throws {
        let house = AdminHouse()
        let things = try await house.furnish()
        #expect(await house.call("DELETE", things.collection).status == 204)
        let entries = try await house.call("GET", "/api/v1/audit?limit=2").json["items"]?.elements ?? []
        #expect(
            entries.map { $0.text("action") + " " + $0.text("kind") } == [
                "delete collection", "update profile",
            ]
        )
        let changes = entries.last?["changes"]?.elements ?? []
        #expect(changes.map { $0.text("field") } == ["collections"])
        #expect(changes.first?["after"]?.value == .array([]))
    }

    @Test func `decisions are found by request id and by code`() async throws {
        let record = DecisionRecord(
            requestID: String(repeating: "a", count: 32),
            at: Timestamp(secondsSinceEpoch: 0),
            method: "GET",
            path: "/x",
            clientAddress: "192.0.2.1",
            endpoint: "api/call",
            client: nil,
            profile: nil,
            status: 401,
            code: .tokenExpired,
            checks: [CheckOutcome(.time, .failed, "expired 3 s ago")]
        )
        let house = AdminHouse(decisions: [record])
        let found = try await house.call("GET", "/api/v1/decisions/\(record.requestID)").json
        #expect(found.text("code") == "token_expired")
        #expect(found["checks"]?.elements.first?.text("detail") == "expired 3 s ago")
        for (code, count) in [("token_expired", 1), ("invalid_token", 0)] {
            let list = try await house.call("GET", "/api/v1/decisions?code=\(code)").json
            #expect(list["items"]?.elements.count == count)
        }
        #expect(await house.call("GET", "/api/v1/decisions?code=nonsense").status == 400)
    }

    @Test(arguments: [
        (#"{"token":"a.b.c","url":"/api/call"}"#, 200),
        (#"{"url":"https://gateway.example/x?y=z","method":"POST"}"#, 200),
        (#"{"token":null,"url":"/","client_address":"2001:db8::1"}"#, 200), (#"{"token":"a"}"#, 422),
        (#"{"url":"x"}"#, 422), (#"{"url":"/","method":"get it"}"#, 422),
        (#"{"url":"/","client_address":"here"}"#, 422),
        (#"{"url":"/","token":5}"#, 422),
    ]) func `a question is explained, or refused with its field`(_ body: String, _ status: Int) async {
        #expect(await AdminHouse().call("POST", "/api/v1/explain", body).status == status)
    }
}
