import GatewayCore
import JOSE
import Testing

@testable import ControlPlane

/// What forms must keep: what nobody touched, and what nobody may see twice.
struct ConsoleFormTests {
    // MARK: More than a page shows

    @Test func `saving an endpoint untouched keeps its upstream, however many there are`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        // Before "orders" in the order of names.
        let names = (1...1005).map { #"{"name":"a\#($0)","targets":[{"url":"http://127.0.0.1:9000"}]}"# }
        let many = #"{"upstreams":[\#(names.joined(separator: ","))]}"#
        #expect(await catalog.house.admin.call("PUT", "/api/v1/catalog", many).status == 200)
        let page = await catalog.house.show("\(catalog.endpoint)/edit").text
        #expect(page.contains(#"id="f-upstream" name="upstream" type="text" value="orders""#))
        let fields = [
            ("name", "call"), ("methods", "GET"), ("path", "/call"), ("active", "on"),
            ("authentication", "required"), ("timeout_seconds", "30"), ("max_body_bytes", "5000000"),
        ]
        let saved = await catalog.house.post("\(catalog.endpoint)/edit", fields + [("upstream", "orders")])
        #expect(saved.leads(to: catalog.collection), "\(saved.text)")
        #expect(try await catalog.read(catalog.furniture.endpoint).text("upstream") == "orders")
        let wrong = await catalog.house.post("\(catalog.endpoint)/edit", fields + [("upstream", "none")])
        #expect(wrong.status == 422 && wrong.text.contains("id=\"e-upstream\""))
    }

    @Test func `what is chosen is an option, whatever the others are`() throws {
        let options = [FormField.Option("a", "A")]
        var field = FormField("f", "F", .checks(options))
        field.values = ["a", "b"]
        let shown = try #require(field.content["options"]?.elements)
        #expect(shown.map { $0.text("value") } == ["b", "a"])
        #expect(shown.allSatisfy { $0["isChosen"]?.value.isTrue == true })
        let choice = FormField("f", "F", .choice(options), value: "b").content["options"]?.elements
        #expect(choice?.map { $0["isChosen"]?.value.isTrue } == [true, false])
        #expect(FormField("f", "F", .choice(options)).content["options"]?.elements.count == 1)
    }

    @Test func `deleting a client counts all its profiles, and says where it stopped counting keys`()
        async throws
    {
        let catalog = try await ConsoleCatalogHouse()
        let profiles = (1...1005).map { #"{"name":"p\#($0)"}"# }.joined(separator: ",")
        let many = #"{"clients":[{"name":"Acme","profiles":[\#(profiles)]}]}"#
        #expect(await catalog.house.admin.call("PUT", "/api/v1/catalog", many).status == 200)
        let text = await catalog.house.show("\(catalog.client)/delete").text
        #expect(text.contains("1006 profiles, at least 1 key, at least 1 API token"))
        let page = await catalog.house.show(catalog.client).text
        #expect(page.contains("These are the first 200 of 1006") && page.contains("profiles?client=Acme"))
    }

    @Test func `every revocation is reached, page by page`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        for number in 1...201 {
            let json = #"{"jti":"id-\#(number)"}"#
            _ = try await catalog.house.admin.make("\(catalog.furniture.profile)/revocations", json)
        }
        let first = await catalog.house.show(catalog.profile).text
        #expect(first.contains("200 of 201 are shown"))
        let next = try #require(first.firstMatch(of: /href="([^"]*revocations_after=[0-9a-f]+)#revoked"/))
        let second = await catalog.house.show(String(next.output.1)).text
        #expect(second.contains("1 of 201 are shown") && !second.contains("Next page"))
        let pages = first + second
        #expect((1...201).allSatisfy { pages.contains(CatalogPage.quoted("id-\($0)")) })
    }

    // MARK: Rotating

    @Test func `a key is rotated wholly or not at all`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let house = catalog.house
        let begins = #"{"active_from":"2027-02-01T00:00:00Z"}"#
        #expect(await house.admin.call("PATCH", catalog.furniture.key, begins).status == 200)
        let before = house.admin.store.entries.count
        // The old key would end before it begins.
        let fields = [("name", "next"), ("generate", "1"), ("overlap_seconds", "0")]
        let refused = await house.post("\(catalog.key)/rotate", fields)
        #expect(refused.status == 422 && refused.text.contains("id=\"e-overlap_seconds\""), "\(refused.text)")
        let keys = try await catalog.read("\(catalog.furniture.profile)/keys")["items"]?.elements
        #expect(keys?.count == 1 && house.admin.store.entries.count == before)
        let later = [("name", "next"), ("generate", "1"), ("overlap_seconds", "2592000")]
        #expect(await house.post("\(catalog.key)/rotate", later).text.contains("You will not see it again"))
        #expect(house.admin.store.entries.suffix(2).map(\.entry.action) == ["create", "update"])
    }

    @Test func `the API rotates a key once, for whom it is as they saw it`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let house = catalog.house.admin
        let path = "\(catalog.furniture.key)/rotate"
        let body = #"{"name":"next","secret":"Zq4Wk8Rt1Yp6Lm3Xn7Vb2Hc5Jd9Fg0Sa","overlap_seconds":60}"#
        let stale = await house.call("POST", path, body) { $0.ifMatch = "\"other\"" }
        #expect(stale.status == 412)
        let made = await house.call("POST", path, body)
        #expect(made.status == 201 && made.header("Location")?.hasPrefix(catalog.furniture.profile) == true)
        #expect(try await catalog.read(catalog.furniture.key).text("retire_at") == "2027-01-15T08:01:00Z")
        for bad in [#"{"name":"x"}"#, #"{"name":"x","secret":"s","overlap_seconds":-1}"#] {
            #expect(await house.call("POST", path, bad).status == 422)
        }
    }

    // MARK: Private keys in wrong places

    @Test func `a private key in the place of a public one does not come back`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let house = catalog.house
        let pair = try await house.admin.call("POST", "/api/v1/keys/generate", #"{"kind":"ed25519"}"#).json
        let pem = pair.text("private_key")
        let bare = String(pem.split(separator: "\n")[1])
        let jwk =
            #"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS","d" : "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcD"}"#
        let openSSH = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ"
        let new = "\(catalog.profile)/keys/new-public"
        for (text, secret) in [
            (pem, bare), (jwk, "nWGxne"), (openSSH, openSSH), ("x \(pem)", bare),
        ] {
            for button in [[("check", "1")], []] {
                let answer = await house.post(new, [("name", "x"), ("public_key", text)] + button)
                #expect(answer.status == (button.isEmpty ? 422 : 200) && !answer.text.contains(secret))
                #expect(answer.text.contains("This is a private key"), "\(text)")
            }
            let live = await house.post("/console/keys/check", [("public_key", text)])
            #expect(try live.json["isPrivate"]?.value.isTrue == true && !live.text.contains(secret))
            let named = await house.post(new, [("name", text), ("public_key", "x")])
            #expect(named.status == 422 && !named.text.contains(secret))
        }
        let key = await house.post(
            "\(catalog.profile)/access",
            [("client_certificate.roots", pem), ("ip_deny", "x")]
        )
        #expect(key.status == 422 && !key.text.contains(bare))
    }
}
