import GatewayCore
import Testing

@testable import ControlPlane

/// The screen of an access profile, its keys, API tokens and revocations.
struct ConsoleProfileTests {
    private static let sshKey =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea jdoe@laptop"

    // MARK: The profile

    @Test(arguments: [
        ("jwt", []), ("token", []),
        ("oauth2", [("oauth2.scopes", "a"), ("oauth2.token_lifetime_seconds", "600")]),
        ("oidc", [("identity_provider.issuer", "https://login.example")]),
    ]) func `a profile of each method is made with its own fields`(
        _ method: String,
        _ fields: [(String, String)]
    ) async throws {
        let catalog = try await ConsoleCatalogHouse()
        let page = "\(catalog.client)/profiles/new"
        let form = await catalog.house.show("\(page)?method=\(method)").text
        for (name, _) in fields { #expect(form.contains("name=\"\(name)\"")) }
        #expect(form.contains("identity_provider") == (method == "oidc"))
        let all = [("name", "p-\(method)"), ("method", method), ("collections", "api-endpoints-v1")] + fields
        let made = await catalog.house.post(page, all)
        let profile = try #require(made.header("Location"), "\(made.text)")
        let text = await catalog.house.show(profile).text
        #expect(text.contains("p-\(method)") && text.contains(ProfileMethod.title(method)))
        #expect(text.contains("aria-labelledby=\"keys\"") == (method == "jwt"))
    }

    @Test func `a profile without what its method needs is shown again`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let page = "\(catalog.client)/profiles/new"
        let missing = await catalog.house.post(page, [("name", "p"), ("method", "oidc")])
        #expect(missing.status == 422 && missing.text.contains("identity provider"))
        let broken = [
            ("name", "p"), ("method", "oidc"), ("identity_provider.issuer", "http://plain.example"),
        ]
        let answer = await catalog.house.post(page, broken)
        #expect(answer.status == 422)
        #expect(answer.text.contains("value=\"http://plain.example\""))
    }

    @Test func `rules and reach are saved, and shown again with faults`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let rules = [
            ("required_claims", "name\r\ntenant"), ("issuers", ""), ("audiences", "orders"),
            ("require_exp", "true"),
            ("max_lifetime_seconds", "900"), ("leeway_seconds", ""),
        ]
        #expect(await catalog.house.post("\(catalog.profile)/rules", rules).leads(to: catalog.profile))
        let access = [
            ("collections", "api-endpoints-v1"), ("ip_allow", "192.0.2.0/24\r\n2001:db8::1"), ("ip_deny", ""),
        ]
        #expect(await catalog.house.post("\(catalog.profile)/access", access).leads(to: catalog.profile))
        let profile = try await catalog.read(catalog.furniture.profile)
        #expect(profile["required_claims"]?.elements.compactMap(\.value.text) == ["name", "tenant"])
        #expect(profile["require_exp"]?.value == .bool(true) && profile["leeway_seconds"]?.value == .null)
        #expect(profile["ip_allow"]?.elements.count == 2 && profile["client_certificate"]?.value == .null)
        #expect(profile["collections"]?.elements.count == 1)
        for (page, fields, faulty) in [
            ("rules", [("leeway_seconds", "301")], "leeway_seconds"),
            ("access", [("ip_deny", "home")], "ip_deny"),
            ("access", [("client_certificate.roots", "x")], "client_certificate.roots"),
        ] {
            let answer = await catalog.house.post("\(catalog.profile)/\(page)", fields)
            #expect(answer.status == 422 && answer.text.contains("id=\"e-\(faulty)\""), "\(page)")
        }
    }

    @Test func `another method shows its fields before anything is saved`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let fields = [("name", "renamed"), ("method", "oidc")]
        let shown = await catalog.house.post("\(catalog.profile)/edit", fields + [("fields", "1")])
        #expect(shown.status == 200 && shown.text.contains("identity_provider.issuer"))
        #expect(shown.text.contains("value=\"renamed\""))
        #expect(try await catalog.read(catalog.furniture.profile).text("method") == "jwt")
        let refused = await catalog.house.post(
            "\(catalog.profile)/edit",
            [("name", "x"), ("method", "oauth2")]
        )
        #expect(refused.status == 422 && refused.text.contains("keys"), "it still has a key")
        #expect(await catalog.house.post("\(catalog.key)/delete", []).status == 303)
        _ = await catalog.house.post("\(catalog.profile)/rules", [("required_claims", "name")])
        let token = await catalog.house.post("\(catalog.profile)/edit", [("name", "x"), ("method", "token")])
        #expect(token.leads(to: catalog.profile), "what it cannot have is dropped: \(token.text)")
    }

    @Test func `rules for tokens without an API token are written in lines`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let lines =
            "iss = https://login.example/a=b ; aud = orders ; azp = web\r\niss = https://other.example"
        let fields = [("name", "acme-hmac"), ("method", "jwt"), ("token_matches", lines)]
        #expect(await catalog.house.post("\(catalog.profile)/edit", fields).leads(to: catalog.profile))
        let matches = try await catalog.read(catalog.furniture.profile)["token_matches"]?.elements
        #expect(matches?.map { $0.text("issuer") } == ["https://login.example/a=b", "https://other.example"])
        let text = await catalog.house.show("\(catalog.profile)/edit").text
        #expect(
            text.contains(
                "iss = https://login.example/a=b ; aud = orders ; azp = web\niss = https://other.example"
            )
        )
        let odd = #"{"token_matches":[{"issuer":"a ; b"}]}"#
        #expect(await catalog.house.admin.call("PATCH", catalog.furniture.profile, odd).status == 200)
        #expect(await catalog.house.show("\(catalog.profile)/edit").text.contains("changed through the API"))
        _ = await catalog.house.post("\(catalog.profile)/edit", [("name", "other"), ("method", "jwt")])
        let kept = try await catalog.read(catalog.furniture.profile)
        #expect(
            kept["token_matches"]?.elements.count == 1 && kept.text("name") == "other",
            "what it cannot show stays"
        )
    }

    @Test func `everything weak is said at the top`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let page = await catalog.house.show(catalog.profile).text
        #expect(page.contains("Accepts tokens that never expire"))
        #expect(!page.contains("No key yet") && !page.contains("No API token yet"))
        let soon = #"{"retire_at":"2027-01-20T00:00:00Z"}"#
        #expect(await catalog.house.admin.call("PATCH", catalog.furniture.key, soon).status == 200)
        #expect(await catalog.house.show(catalog.profile).text.contains("retires in 4 days"))
        let empty = #"{"collections":[],"keys":[],"api_tokens":[],"active":false,"require_exp":true}"#
        #expect(await catalog.house.admin.call("PATCH", catalog.furniture.profile, empty).status == 200)
        let bare = await catalog.house.show(catalog.profile).text
        for words in [
            "No key yet", "No API token yet", "No collection is granted", "This profile is inactive",
        ] {
            #expect(bare.contains(words), "\(words)")
        }
        #expect(!bare.contains("never expire."))
    }

    // MARK: Keys

    @Test func `a public key is recognised, checked and added`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let page = "\(catalog.profile)/keys/new-public"
        let fields = [("name", "laptop"), ("public_key", Self.sshKey)]
        let checked = await catalog.house.post(page, fields + [("check", "1")])
        #expect(checked.status == 200 && checked.text.contains("Recognised: Ed25519"))
        #expect(checked.text.contains("jdoe@laptop") && checked.text.contains("SHA256:"))
        #expect(await catalog.house.post(page, fields).leads(to: catalog.profile))
        #expect(await catalog.house.show(catalog.profile).text.contains("<bdi>laptop</bdi>"))
        let broken = await catalog.house.post(page, [("name", "x"), ("public_key", "my key")])
        #expect(broken.status == 422 && broken.text.contains("Not a key that can be used"))
        let live = await catalog.house.post("/console/keys/check", [("public_key", Self.sshKey)])
        #expect(try live.json.text("colour") == "good")
        let weak = await catalog.house.post("/console/keys/check", [("secret", "password")])
        #expect(try weak.json.text("colour") == "bad" && !weak.text.contains("password"))
    }

    @Test func `a secret is added or generated, and shown once at most`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let page = "\(catalog.profile)/keys/new-secret"
        let given = "Zq4Wk8Rt1Yp6Lm3Xn7Vb2Hc5Jd9Fg0Sa"
        let fields = [("name", "given"), ("secret", given)]
        #expect(await catalog.house.post(page, fields).leads(to: catalog.profile))
        let again = await catalog.house.post(page, fields)
        #expect(again.status == 409 && !again.text.contains(given), "an entered secret does not come back")
        #expect(await catalog.house.post(page, [("name", "weak"), ("secret", "short")]).status == 422)
        let made = await catalog.house.post(page, [("name", "made"), ("generate", "1")])
        #expect(made.status == 200 && made.text.contains("You will not see it again"))
        let secret = try #require(made.text.firstMatch(of: />([A-Za-z0-9+\/]{64})<\/textarea>/)?.output.1)
        #expect(await !catalog.house.show(catalog.profile).text.contains(secret))
        let based = [("name", "based"), ("secret_is_base64", "on"), ("generate", "1")]
        #expect(await catalog.house.post(page, based).status == 200)
    }

    @Test(arguments: ["ed25519", "rsa-2048", "ec-256"])
    func `a pair is made, and its private half shown once`(
        _ kind: String
    ) async throws {
        let catalog = try await ConsoleCatalogHouse()
        let page = "\(catalog.profile)/keys/new-pair"
        let made = await catalog.house.post(page, [("name", "pair"), ("kind", kind)])
        #expect(made.status == 200 && made.text.contains("-----BEGIN PRIVATE KEY-----"))
        #expect(await !catalog.house.show(catalog.profile).text.contains("PRIVATE"))
        let again = await catalog.house.post(page, [("name", "pair"), ("kind", kind)])
        #expect(
            again.status == 409 && again.text.contains("id=\"e-name\"")
                && !again.text.contains("PRIVATE KEY--")
        )
        #expect(await catalog.house.post(page, [("name", "x"), ("kind", "des")]).status == 400)
    }

    @Test func `a key is rotated with an overlap`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let fields = [("name", "next"), ("generate", "1"), ("overlap_seconds", "604800")]
        let made = await catalog.house.post("\(catalog.key)/rotate", fields)
        #expect(made.status == 200 && made.text.contains("You will not see it again"), "\(made.text)")
        #expect(try await catalog.read(catalog.furniture.key).text("retire_at") == "2027-01-22T08:00:00Z")
        let page = await catalog.house.show(catalog.profile).text
        #expect(page.contains("<bdi>next</bdi>") && page.contains("retires in 7 days"))
        let again = await catalog.house.post("\(catalog.key)/rotate", fields)
        #expect(again.status == 409 && again.text.contains("name=\"overlap_seconds\""))
    }

    @Test func `a key is edited, retired and deleted`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let fields = [("name", "renamed"), ("active", "on"), ("kid", "k1"), ("algorithms", "HS256")]
        #expect(await catalog.house.post("\(catalog.key)/edit", fields).leads(to: catalog.profile))
        let key = try await catalog.read(catalog.furniture.key)
        #expect(key.text("kid") == "k1" && key["algorithms"]?.elements.count == 1)
        let wrong = await catalog.house.post("\(catalog.key)/edit", fields + [("retire_at", "soon")])
        #expect(wrong.status == 422 && wrong.text.contains("id=\"e-retire_at\""))
        #expect(
            await catalog.house.post("\(catalog.key)/retire", [("overlap", "0")]).leads(to: catalog.profile)
        )
        #expect(await catalog.house.show(catalog.profile).text.contains("No key is active"))
        #expect(await catalog.house.show("\(catalog.key)/delete").text.contains("never used"))
        #expect(await catalog.house.post("\(catalog.key)/delete", []).leads(to: catalog.profile))
    }

    // MARK: API tokens and revocations

    @Test func `an API token is made, refreshed, switched off and deleted`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let new = "\(catalog.profile)/api-tokens/new"
        let made = await catalog.house.post(new, [("name", "second"), ("expires_at", "2027-06-01T12:00")])
        #expect(made.status == 200 && made.text.contains("You will not see it again"))
        #expect(made.text.contains(/>[0-9a-f]{64}<\/textarea>/))
        let wrong = await catalog.house.post(new, [("name", "second"), ("ip_allow", "x")])
        #expect(wrong.status == 422 && wrong.text.contains("id=\"e-ip_allow\""))
        let fresh = await catalog.house.post("\(catalog.token)/refresh", [("overlap", "86400")])
        #expect(fresh.status == 200 && fresh.text.contains(/>[0-9a-f]{64}<\/textarea>/))
        #expect(await catalog.house.show(catalog.profile).text.contains("expires in 24 h"))
        #expect(await catalog.house.post("\(catalog.token)/deactivate", []).leads(to: catalog.profile))
        let edit = [("name", "old"), ("active", "on")]
        #expect(await catalog.house.post("\(catalog.token)/edit", edit).leads(to: catalog.profile))
        #expect(await catalog.house.post("\(catalog.token)/delete", []).leads(to: catalog.profile))
    }

    @Test func `tokens are revoked and given back`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let new = "\(catalog.profile)/revocations/new"
        #expect(
            await catalog.house.post(new, [("jti", "4711"), ("reason", "lost")]).leads(to: catalog.profile)
        )
        #expect(await catalog.house.post(new, [("jti", "1"), ("subject", "2")]).status == 422)
        #expect(await catalog.house.post(new, []).status == 422)
        let page = await catalog.house.show(catalog.profile).text
        let delete = try #require(
            page.firstMatch(of: /href="([^"]*\/revocations\/[0-9a-f]{32}\/delete)"/)?.output.1
        )
        #expect(await catalog.house.show(String(delete)).status == 200)
        #expect(await catalog.house.post(String(delete), []).leads(to: catalog.profile))
    }

    @Test func `the command line for a first call is a line that a shell can take`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let page = await catalog.house.show(catalog.profile).text
        #expect(
            page.contains("/api-endpoints-v1/call") && page.contains("portcullis token mint --secret-file")
        )
        #expect(Shell.quoted("a'b") == "'a'\\''b'")
    }
}
