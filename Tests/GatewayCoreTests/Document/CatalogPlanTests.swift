import GatewayCore
import Testing

struct CatalogPlanTests {
    @Test func `a first plan makes everything, owners before what they own`() throws {
        let plan = try CatalogFixture.plan(CatalogFixture.catalogJSON)
        #expect(
            lines(plan) == [
                "update settings ", "create upstream orders", "create collection api-v1",
                "create endpoint api-v1/call", "create endpoint api-v1/order", "create client Acme",
                "create profile Acme/rsa", "create key Acme/rsa/laptop", "create api_token Acme/rsa/default",
                "create profile Acme/hmac", "create key Acme/hmac/shared",
                "create api_token Acme/hmac/default",
                "create client Zenith",
            ]
        )
        var draft = CatalogDraft(Catalog())
        try plan.apply(to: &draft)
        #expect(
            draft.catalog.document(form: .resource).value
                == plan.result.catalog.document(form: .resource).value
        )
        #expect(draft.catalog.profiles.count == 2)
    }

    @Test(arguments: [false, true])
    func `applying the same document twice changes nothing`(prune: Bool) throws {
        let plan = try CatalogFixture.plan(
            CatalogFixture.catalogJSON,
            on: CatalogFixture.catalog(),
            prune: prune
        )
        #expect(plan.isEmpty)
        #expect(plan.result.change.isEmpty)
    }

    @Test(arguments: [false, true])
    func `applying an export of the same catalog changes nothing`(prune: Bool) throws {
        let catalog = try CatalogFixture.catalog()
        let plan = try CatalogFixture.plan(catalog.document(form: .export).json(), on: catalog, prune: prune)
        #expect(plan.isEmpty)
        #expect(plan.result.change.isEmpty)
    }

    @Test func `another order of names is no change`() throws {
        let text = #"{"clients": [{"name": "C", "profiles": [{"name": "p", "api_tokens": ["#
        let first = #"{"name": "a", "token": "\#(CatalogFixture.token)"}"#
        let second = #"{"name": "b", "token": "\#(CatalogFixture.otherToken)"}"#
        let catalog = try CatalogFixture.plan("\(text)\(first),\(second)]}]}]}").result.finished()
        #expect(try CatalogFixture.plan("\(text)\(second),\(first)]}]}]}", on: catalog).isEmpty)
    }

    @Test func `the same key in another form is no change`() throws {
        let changed = CatalogFixture.catalogJSON.replacing(
            CatalogFixture.rsaLine,
            with: CatalogFixture.rsaPEM.replacing("\n", with: "\\n")
        )
        #expect(changed != CatalogFixture.catalogJSON)
        #expect(try CatalogFixture.plan(changed, on: CatalogFixture.catalog()).isEmpty)
    }

    @Test(arguments: [
        (
            #""version": "1""#, #""version": "2""#,
            #"[{"action":"update","kind":"collection","name":"api-v1","changes":[{"field":"version","before":"1","after":"2"}]}]"#
        ),
        (
            #""path": "/call""#, #""path": "/call", "timeout_seconds": 5"#,
            #"[{"action":"update","kind":"endpoint","name":"api-v1/call","changes":[{"field":"timeout_seconds","before":null,"after":5}]}]"#
        ),
        (
            #""ip_allow": ["192.0.2.0/24"], "#, "",
            #"[{"action":"update","kind":"profile","name":"Acme/hmac","changes":[{"field":"ip_allow","before":["192.0.2.0/24"],"after":null}]}]"#
        ),
        (
            #""active": false"#, #""description": "far away""#,
            #"[{"action":"update","kind":"client","name":"Zenith","changes":[{"field":"description","before":null,"after":"far away"},{"field":"active","before":false,"after":null}]}]"#
        ),
        (
            CatalogFixture.secret, CatalogFixture.otherSecret,
            #"[{"action":"update","kind":"key","name":"Acme/hmac/shared","changes":[{"field":"secret","before":"(secret)","after":"(secret)"}]}]"#
        ),
        (
            CatalogFixture.otherToken, String(CatalogFixture.otherToken.reversed()),
            #"[{"action":"update","kind":"api_token","name":"Acme/hmac/default","changes":[{"field":"token","before":"(secret)","after":"(secret)"}]}]"#
        ),
        (
            #""require_exp": true"#, #""identity_claims": "workato""#,
            #"[{"action":"update","kind":"settings","name":"","changes":[{"field":"identity_claims","before":["urn:portcullis:sub","portcullis_sub","sub","kid"],"after":"workato"},{"field":"require_exp","before":true,"after":false}]}]"#
        ),
    ])
    func `an update names the fields with both values, and of a secret that it changes`(
        old: String,
        new: String,
        expected: String
    ) throws {
        let plan = try CatalogFixture.plan(
            CatalogFixture.catalogJSON.replacing(old, with: new),
            on: CatalogFixture.catalog()
        )
        #expect(plan.document.json() == expected)
    }

    @Test func `what the document does not mention stays, unless it prunes`() throws {
        let catalog = try CatalogFixture.catalog()
        let shorter = """
            { "collections": [{ "name": "API", "handle": "api-v1", "version": "1" }],
              "upstreams": [{ "name": "orders", "targets": ["http://127.0.0.1:9000"] }],
              "clients": [{ "name": "Acme", "profiles": [{ "name": "rsa", "collections": ["api-v1"] }] }] }
            """
        #expect(try CatalogFixture.plan(shorter, on: catalog).isEmpty)
        #expect(
            try lines(CatalogFixture.plan(shorter, on: catalog, prune: true)) == [
                "delete endpoint api-v1/call", "delete endpoint api-v1/order", "delete client Zenith",
                "delete profile Acme/hmac", "delete key Acme/rsa/laptop", "delete api_token Acme/rsa/default",
            ]
        )
        #expect(
            try lines(CatalogFixture.plan("{}", on: catalog, prune: true)) == [
                "delete collection api-v1", "delete client Acme", "delete client Zenith",
                "delete upstream orders",
            ]
        )
    }

    @Test func `an API token may move from one profile to another`() throws {
        func text(_ first: String, _ second: String) -> String {
            #"{"clients": [{"name": "C", "profiles": [{"name": "a", "api_tokens": [\#(first)]},"#
                + #"{"name": "b", "api_tokens": [\#(second)]}]}]}"#
        }
        let token = #"{"name": "t", "token": "\#(CatalogFixture.token)"}"#
        let catalog = try CatalogFixture.plan(text("", token)).result.finished()
        let plan = try CatalogFixture.plan(text(token, ""), on: catalog, prune: true)
        #expect(lines(plan) == ["create api_token C/a/t", "delete api_token C/b/t"])
        var draft = CatalogDraft(catalog)
        try plan.apply(to: &draft)
        #expect(
            draft.catalog.document(form: .export).value == plan.result.catalog.document(form: .export).value
        )
        let error = #expect(throws: DocumentError.self) {
            try CatalogFixture.plan(text(token, ""), on: catalog)
        }
        #expect(error?.message == "this API token belongs to another profile")
        #expect(error?.field == "clients[0].profiles[0].api_tokens[0]")
    }

    @Test func `identities of a file follow from its names`() throws {
        func load() throws -> DocumentNode {
            let context = DocumentContext(now: CatalogFixture.now, derivesIdentities: true)
            let document = try CatalogFixture.document(CatalogFixture.catalogJSON)
            let plan = try CatalogPlan.make(
                document: document,
                catalog: Catalog(),
                prune: false,
                context: context
            )
            return plan.result.finished().document(form: .resource)
        }
        let first = try load()
        #expect(try load().value == first.value)
        #expect(first["clients"]?.elements.first?["id"]?.value.text?.utf8.count == 32)
    }

    @Test func `no secret and no API token is in a plan, an export, an audit entry or an answer`() throws {
        let catalog = try CatalogFixture.catalog()
        let changed = CatalogFixture.catalogJSON.replacing(
            CatalogFixture.secret,
            with: CatalogFixture.otherSecret
        )
        let plans = [
            try CatalogFixture.plan(CatalogFixture.catalogJSON),
            try CatalogFixture.plan(changed, on: catalog),
        ]
        var texts = [catalog.document(form: .export).json(), catalog.document(form: .resource).json()]
        for plan in plans {
            texts.append("\(plan) \(plan.document.json()) \(plan.steps)")
            texts += plan.auditEntries(at: CatalogFixture.now, actor: "a", origin: "o").map { "\($0)" }
            var dumped = ""
            dump(plan, to: &dumped)
            texts.append(dumped)
        }
        for text in texts {
            for secret in [
                CatalogFixture.secret, CatalogFixture.otherSecret, CatalogFixture.token,
                CatalogFixture.otherToken,
            ] {
                #expect(!text.contains(secret))
                #expect(!text.contains(secret.prefix(12)))
            }
        }
        #expect(texts[2].contains("Acme/hmac/shared"))
    }

    @Test func `an audit entry says what changed to what, by whom`() throws {
        let changed = CatalogFixture.catalogJSON.replacing(#""version": "1""#, with: #""version": "2""#)
        let entries = try CatalogFixture.plan(changed, on: CatalogFixture.catalog())
            .auditEntries(at: CatalogFixture.now, actor: "admin-token", origin: "127.0.0.1")
        let entry = try #require(entries.first)
        #expect(entries.count == 1)
        #expect((entry.actor, entry.origin, entry.action) == ("admin-token", "127.0.0.1", "update"))
        #expect((entry.kind, entry.name, entry.id.count) == ("collection", "api-v1", 32))
        #expect(entry.details == #"[{"field":"version","before":"1","after":"2"}]"#)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a plan for 20,000 profiles takes seconds`() throws {
        let clients = (0..<10_000).map { number in
            let profiles = (0..<2).map { profile in
                #"{"name":"p\#(profile)","collections":["c"],"keys":[{"name":"k","secret":"\#(number)-\#(profile)-\#(CatalogFixture.secret)"}]}"#
            }
            return #"{"name":"client \#(number)","profiles":[\#(profiles.joined(separator: ","))]}"#
        }
        let text =
            #"{"collections":[{"name":"c","handle":"c"}],"clients":[\#(clients.joined(separator: ","))]}"#
        let document = try DocumentNode(json: Array(text.utf8), limits: DocumentNode.catalogJSONLimits)
        let first = try CatalogPlan.make(
            document: document,
            catalog: Catalog(),
            prune: true,
            context: CatalogFixture.context()
        )
        #expect(first.steps.count == 50_001)
        let again = try CatalogPlan.make(
            document: document,
            catalog: first.result.finished(),
            prune: true,
            context: CatalogFixture.context()
        )
        #expect(again.isEmpty)
    }

    private func lines(_ plan: CatalogPlan) -> [String] {
        plan.steps.map { "\($0.action.rawValue) \($0.kind.rawValue) \($0.name)" }
    }
}
