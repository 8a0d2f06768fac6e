import GatewayCore
import Testing

@testable import ControlPlane

/// Clients, collections, endpoints, upstreams and settings in the console.
struct ConsoleCatalogTests {
    // MARK: Clients

    @Test func `an empty list says what to do first`() async {
        let house = ConsoleHouse()
        for (page, words) in [
            ("clients", "Register the first client"), ("upstreams", "Make the first upstream"),
            ("collections", "Make the first upstream"),
        ] {
            #expect(await house.show("/console/\(page)").text.contains(words), "\(page)")
        }
    }

    @Test func `a client is registered, changed, switched off and on, and deleted`() async throws {
        let house = ConsoleHouse()
        let made = await house.post("/console/clients/new", [("name", " Acme "), ("contact_email", "")])
        let page = try #require(made.header("Location"))
        #expect(made.status == 303 && page.hasPrefix("/console/clients/"))
        #expect(await house.show(page).text.contains("<bdi>Acme</bdi>"))
        let changed = await house.post("\(page)/edit", [("name", "Acme Corp"), ("description", "a\r\nb")])
        #expect(changed.leads(to: page))
        #expect(await house.show(page).text.contains("Acme Corp"))
        #expect(await house.post("\(page)/deactivate", []).leads(to: page))
        #expect(await house.show(page).text.contains("every call of it is refused"))
        #expect(await house.post("\(page)/activate", []).leads(to: page))
        #expect(await house.post("\(page)/delete", []).leads(to: "/console/clients"))
        #expect(await house.show(page).status == 404)
    }

    @Test(arguments: [
        ([("name", "")], "name"), ([("name", "Acme")], "name"),
        ([("name", "x"), ("contact_email", "nobody")], "contact_email"),
    ]) func `a client that cannot be is shown again with what is wrong`(
        _ fields: [(String, String)],
        _ faulty: String
    ) async throws {
        let house = try await ConsoleCatalogHouse().house
        let answer = await house.post("/console/clients/new", fields + [("description", "kept as typed")])
        #expect([409, 422].contains(answer.status))
        #expect(answer.text.contains("id=\"e-\(faulty)\""), "the fault stands at its field")
        #expect(answer.text.contains("kept as typed"))
    }

    @Test func `clients are found by a part of the name in any case, and by state`() async throws {
        let house = ConsoleHouse()
        for name in ["Größe AG", "Acme", "Zeta"] {
            _ = try await house.admin.make("/api/v1/clients", #"{"name":"\#(name)"}"#)
        }
        _ = try await house.admin.make("/api/v1/clients", #"{"name":"Sleeping","active":false}"#)
        func names(_ query: String) async -> [String] {
            let text = await house.show("/console/clients\(query)").text
            return ["Größe AG", "Acme", "Zeta", "Sleeping"].filter { text.contains("<bdi>\($0)</bdi>") }
        }
        #expect(await names("?search=GR%C3%96") == ["Größe AG"])
        #expect(await names("?search=e&state=active") == ["Größe AG", "Acme", "Zeta"])
        #expect(await names("?state=inactive") == ["Sleeping"])
        #expect(await house.show("/console/clients?search=nothing").text.contains("No client is like that"))
    }

    @Test func `deleting a client says what will break`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let text = await catalog.house.show("\(catalog.client)/delete").text
        #expect(text.contains("1 profile, 1 key, 1 API token"))
    }

    @Test func `two managers do not overwrite each other`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let stale = try await catalog.tag("\(catalog.client)/edit")
        _ = await catalog.house.post("\(catalog.client)/edit", [("name", "First"), ("_tag", stale)])
        let second = await catalog.house.post(
            "\(catalog.client)/edit",
            [("name", "Second"), ("_tag", stale)]
        )
        #expect(second.status == 412)
        #expect(
            second.text.contains("Somebody changed this meanwhile")
                && second.text.contains("value=\"Second\"")
        )
        #expect(try await catalog.read(catalog.furniture.client).text("name") == "First")
        let fresh = try await catalog.tag("\(catalog.client)/edit")
        #expect(second.text.contains(HTMLText.escaped(fresh)), "saving again is possible")
        #expect(await catalog.house.post("\(catalog.client)/delete", [("_tag", stale)]).status == 412)
    }

    // MARK: Collections and endpoints

    @Test func `a collection with endpoints is made, ordered, and deleted`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let house = catalog.house
        let new = "\(catalog.collection)/endpoints/new"
        let made = await house.post(
            new,
            [
                ("name", "order"), ("methods", "GET\r\nPOST"), ("path", "/orders/{id}"),
                ("upstream", "orders"),
                ("upstream_path", "/v2/{id}"), ("active", "on"), ("authentication", "required"),
                ("timeout_seconds", ""), ("max_body_bytes", ""), ("scopes", "a\r\nb"),
                ("rule", "has(claims.x)"),
            ]
        )
        #expect(made.leads(to: catalog.collection), "\(made.text)")
        let endpoints = try #require(
            try await catalog.read(catalog.furniture.collection)["endpoints"]?.elements
        )
        #expect(endpoints.map { $0.text("name") } == ["call", "order"])
        #expect(endpoints[1]["timeout_seconds"]?.value == .integer(30))
        let move = [("endpoint", endpoints[1].text("id")), ("direction", "up")]
        #expect(await house.post("\(catalog.collection)/move", move).status == 303)
        let ordered = try await catalog.read(catalog.furniture.collection)["endpoints"]?.elements
        #expect(ordered?.map { $0.text("name") } == ["order", "call"])
        #expect(
            await house.post("\(catalog.collection)/move", move).status == 303,
            "the first stays the first"
        )
        #expect(await house.show("\(catalog.collection)/delete").text.contains("granted to 1 profile"))
        #expect(await house.post("\(catalog.collection)/delete", []).leads(to: "/console/collections"))
    }

    @Test(arguments: [
        ([("path", "orders")], "path"), ([("upstream", "nowhere")], "upstream"),
        ([("methods", "get")], "methods"),
        ([("rule", "claims.")], "rule"), ([("timeout_seconds", "soon")], "timeout_seconds"),
        ([("timeout_seconds", "241")], "timeout_seconds"),
        ([("upstream_path", "/{nobody}")], "upstream_path"),
    ]) func `an endpoint that cannot be is shown again with what is wrong`(
        _ wrong: [(String, String)],
        _ faulty: String
    ) async throws {
        let catalog = try await ConsoleCatalogHouse()
        let right = [
            ("name", "kept"), ("methods", "GET"), ("authentication", "required"), ("path", "/x"),
            ("upstream", "orders"), ("active", "on"),
        ]
        let fields = right.filter { field in !wrong.contains { $0.0 == field.0 } } + wrong
        for page in ["\(catalog.collection)/endpoints/new", "\(catalog.endpoint)/edit"] {
            let answer = await catalog.house.post(page, fields)
            #expect(answer.status == 422, "\(page)")
            #expect(
                answer.text.contains("id=\"e-\(faulty)\"") && answer.text.contains("value=\"kept\""),
                "\(page)"
            )
        }
    }

    @Test func `the route tester says where a call goes, and why it goes nowhere`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let page = "/console/collections/test?method=GET&url="
        let none = await catalog.house.show(page + "/nowhere", as: .viewer)
        #expect(none.text.contains("No endpoint answers: endpoint_not_found"))
        #expect(await catalog.house.show(page + "nowhere").text.contains("This cannot be tried"))
        let json = #"{"collection":"api-endpoints-v1","name":"o","path":"/o/{id}","upstream":"orders"}"#
        _ = try await catalog.house.admin.make("/api/v1/endpoints", json)
        let found = await catalog.house.show(page + "/api-endpoints-v1/o/47", as: .viewer).text
        #expect(found.contains("Reaches an endpoint") && found.contains("http://127.0.0.1:9000/o/47"))
        #expect(found.contains("<bdi>47</bdi>"))
    }

    // MARK: Upstreams and settings

    @Test func `an upstream is made with targets and claims in lines`() async throws {
        let house = ConsoleHouse()
        let made = await house.post(
            "/console/upstreams/new",
            [
                ("name", "o"), ("targets", "http://a:1\r\nhttp://b:2/x"), ("connect_timeout_seconds", "7"),
                ("claim_headers", "groups -> X-Groups (;)\r\ndepartment -> X-Department"),
                ("assertion.audience", "orders"), ("assertion.header", ""),
                ("assertion.lifetime_seconds", ""),
            ]
        )
        let page = try #require(made.header("Location"), "\(made.text)")
        let id = ConsoleCatalogHouse.id(page)
        let upstream = try await house.admin.call("GET", "/api/v1/upstreams/\(id)").json
        #expect(upstream["targets"]?.elements.map { $0.text("url") } == ["http://a:1", "http://b:2/x"])
        #expect(upstream["claim_headers"]?.elements.map { $0.text("separator") } == [";", ","])
        let edit = await house.show("\(page)/edit").text
        #expect(edit.contains("groups -&gt; X-Groups (;)\ndepartment -&gt; X-Department"))
        let broken = await house.post("\(page)/edit", [("name", "o"), ("targets", "ftp://a")])
        #expect(broken.status == 422 && broken.text.contains("id=\"e-targets\""))
        #expect(await house.post("\(page)/delete", []).leads(to: "/console/upstreams"))
    }

    @Test func `an upstream in use cannot be deleted, and says by whom it is used`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        #expect(await catalog.house.show(catalog.upstream).text.contains("Used by 1 endpoint"))
        #expect(await catalog.house.show("\(catalog.upstream)/delete").status == 409)
        #expect(await catalog.house.post("\(catalog.upstream)/delete", []).status == 409)
    }

    @Test func `settings are changed, with the preset on demand`() async throws {
        let house = ConsoleHouse()
        let fields = [
            ("identity_claims", "sub"), ("leeway_seconds", "10"), ("trusted_proxies", "10.0.0.0/8"),
            ("client_address_header", "forwarded"), ("issuer", "https://gw.example"),
            ("signing_key_days", "30"),
        ]
        let preset = await house.post("/console/settings/edit", fields + [("preset", "1")])
        #expect(preset.status == 200 && preset.text.contains("workato_sub"))
        #expect(await house.post("/console/settings/edit", fields).leads(to: "/console/settings"))
        #expect(await house.show("/console/settings").text.contains("https://gw.example"))
        let broken = await house.post("/console/settings/edit", fields + [("trusted_proxies", "x")])
        #expect(broken.status == 303, "the first of two fields counts")
        let wrong = await house.post("/console/settings/edit", [("trusted_proxies", "everybody")])
        #expect(wrong.status == 422 && wrong.text.contains("id=\"e-trusted_proxies\""))
        #expect(await house.post("/console/settings/signing-keys/rotate", []).status == 303)
        #expect(await house.show("/console/settings").text.contains("signing"))
    }
}
