import GatewayCore
import JOSE
import Testing

@testable import ControlPlane

/// "Try it": a call with a credential that is made for it, and what came of it.
struct ConsoleTrialTests {
    private let catalog: ConsoleCatalogHouse
    private var house: ConsoleHouse { catalog.house }
    private var page: String { "\(catalog.profile)/try" }
    private var trials: TrialLog { house.admin.trials }

    init() async throws {
        catalog = try await ConsoleCatalogHouse()
    }

    /// The form as it is first shown, with the API token pasted.
    private func form(_ changes: [(String, String)] = [], button: String = "call") -> [(String, String)] {
        let fields = [
            ("method", "GET"), ("url", "/api-endpoints-v1/call"),
            ("api_token", catalog.furniture.apiToken), ("payload", "{}"),
            ("key_id", ConsoleCatalogHouse.id(catalog.furniture.key)),
        ]
        let names = changes.map(\.0)
        return fields.filter { !names.contains($0.0) } + changes + [(button, "on")]
    }

    private func change(_ members: String) async throws {
        let answer = await house.admin.call("PATCH", catalog.furniture.profile, members)
        #expect(answer.status == 200, "\(answer.text)")
    }

    private func claims(_ call: TrialCall) throws -> JSONDocument {
        let field = try #require(call.fields.first { $0.name == "Authorization" })
        let parts = field.value.dropFirst("Bearer ".count).split(separator: ".")
        return try JSONDocument(parsing: try Base64URL.decode(Array(parts[1].utf8)))
    }

    // MARK: The form

    @Test func `the screen leads to a form that has what the claim rules ask for`() async throws {
        try await change(#"{"issuers":["acme"],"audiences":["orders"],"required_claims":["name","jti"]}"#)
        let endpoint = ConsoleCatalogHouse.id(catalog.furniture.endpoint)
        #expect(await house.show(catalog.profile).text.contains("href=\"\(page)?endpoint=\(endpoint)\""))
        for target in ["\(page)?endpoint=\(endpoint)", page, "\(page)?endpoint=nonsense"] {
            let text = await house.show(target).text
            for part in [
                "value=\"/api-endpoints-v1/call\"", "&quot;iss&quot;: &quot;acme&quot;",
                "&quot;aud&quot;: &quot;orders&quot;", "&quot;name&quot;: &quot;&quot;",
                "claim “sub”", ">shared</option>",
            ] {
                #expect(text.contains(part), "\(target): \(part)\n\(text)")
            }
            #expect(!text.contains("&quot;jti&quot;"))
        }
    }

    @Test(arguments: ProfileMethod.all.map(\.value)) func `each method asks for what it needs`(
        _ method: String
    ) async throws {
        let provider = #","identity_provider":{"issuer":"https://id.example"}"#
        let body =
            #"{"client":"Acme","name":"other","method":"\#(method)"\#(method == "oidc" ? provider : "")}"#
        let made = try await house.admin.make("/api/v1/profiles", body)
        let other = "/console/profiles/\(made.text("id"))/try"
        let text = await house.show(other).text
        #expect(text.contains("name=\"token\"") == (method == "oidc"), "\(text)")
        #expect(text.contains("name=\"api_token\"") == (method != "oidc"))
        #expect(text.contains("name=\"key\"") == (method == "jwt"))
        // Without what it needs nothing is called.
        let answer = await house.post(other, [("method", "GET"), ("url", "/x"), ("call", "on")])
        #expect(answer.status == 422 && answer.text.contains("class=\"fault\""), "\(answer.text)")
        #expect(trials.calls.isEmpty)
    }

    // MARK: Calling

    @Test func `a stored secret signs, and the call and its command line carry the token`() async throws {
        let answer = await house.post(page, form([("payload", #"{"name":"John Doe"}"#)]))
        #expect(answer.status == 200, "\(answer.text)")
        let call = try #require(trials.calls.first)
        #expect(call.method == "GET" && call.target == "/api-endpoints-v1/call" && call.host.isEmpty)
        let claims = try claims(call).root
        #expect(claims[member: "sub"]?.string == catalog.furniture.apiToken)
        #expect(claims[member: "name"]?.string == "John Doe")
        let text = answer.text
        #expect(text.contains("called GET /api-endpoints-v1/call") && text.contains("&lt;b&gt;echo"))
        let token = String(try #require(call.fields.first).value.dropFirst("Bearer ".count))
        #expect(text.contains("Authorization: Bearer \(token)") && text.contains("15 minutes"))
        #expect(!text.contains(catalog.furniture.apiToken) && !text.contains(AdminHouse.secret))
        let entry = try #require(house.admin.store.entries.last?.entry)
        #expect(entry.action == "try" && entry.name == "GET /api-endpoints-v1/call")
        // The token that is on the page calls again, and nothing is signed for that.
        let again = await house.post(page, [("url", "/again?x=1"), ("token", token), ("call", "on")])
        #expect(again.text.contains("called GET /again?x=1"))
        #expect(house.admin.store.entries.filter { $0.entry.action == "mint" }.count == 1)
    }

    @Test func `only the command line is made when only that is wanted`() async throws {
        let changes = [
            ("method", "POST"), ("url", "http://orders.example/x"), ("body", "{\"it\":\"isn't\"}"),
        ]
        let answer = await house.post(page, form(changes, button: "mint"))
        #expect(answer.status == 200 && trials.calls.isEmpty)
        for part in [
            "-X POST", "Host: orders.example", "isn&#39;\\&#39;&#39;t", "&quot;$GATEWAY&quot;&#39;/x&#39;",
        ] {
            #expect(answer.text.contains(part), "\(part)\n\(answer.text)")
        }
    }

    @Test(arguments: [
        ([("method", "a|id")], "-X &#39;a|id&#39;"), ([("method", "HEAD")], "--head"),
        ([("method", "POST"), ("body", "@/etc/passwd")], "--data-raw &#39;@/etc/passwd&#39;"),
        ([("url", "/x?a={b,c}&d=[1-3]")], "--globoff"), ([("url", "/x/../y")], "--path-as-is"),
    ]) func `the command line makes the same call, whatever is in it`(
        _ changes: [(String, String)],
        _ part: String
    ) async throws {
        let answer = await house.post(page, form(changes, button: "mint"))
        #expect(answer.status == 200 && answer.text.contains(part), "\(answer.text)")
        #expect(trials.calls.isEmpty)
    }

    @Test(arguments: ["@127.0.0.1:1/x", "o/call", "/o\nX", "http:///x"])
    func `no token is made for what could not be called`(_ url: String) async throws {
        let answer = await house.post(page, form([("url", url)], button: "mint"))
        #expect(answer.status == 422 && answer.text.contains("e-url"), "\(answer.text)")
        #expect(!answer.text.contains("id=\"curl\"") && !answer.text.contains("eyJ"))
    }

    @Test func `a lifetime is told where it is known, and an API token is not lost behind another`()
        async throws
    {
        let timed = await house.post(page, form([("payload", #"{"exp":1}"#)]))
        #expect(timed.status == 200 && !timed.text.contains("15 minutes"))
        let named = await house.post(page, form([("payload", #"{"sub":"other"}"#)]))
        #expect(named.status == 422 && named.text.contains("sub is here already"), "\(named.text)")
        #expect(
            await house.post(page, form([("api_token", ""), ("payload", #"{"sub":"x"}"#)])).status == 200
        )
    }

    @Test func `a token that counts once gets an identity of its own each time`() async throws {
        try await change(#"{"one_time_tokens":true,"max_lifetime_seconds":60}"#)
        for _ in 0..<2 { _ = await house.post(page, form()) }
        let given = try trials.calls.map { try claims($0).root }
        let identities = Set(given.compactMap { $0[member: "jti"]?.string })
        #expect(identities.count == 2)
        let life = try given.map { claims in
            let times = ["iat", "exp"].compactMap { claims[member: $0]?.number?.numericDate?.seconds }
            return try #require(times.last) - (try #require(times.first))
        }
        #expect(life == [60, 60])
    }

    @Test func `what is wrong is said at its field, and nothing secret is shown again`() async throws {
        let pair = try await house.admin.call("POST", "/api/v1/keys/generate", #"{"kind":"ed25519"}"#).json
        let pem = pair.text("private_key")
        for (changes, mark) in [
            ([("payload", "{"), ("key", pem)], "e-payload"),
            ([("payload", "[]"), ("key", pem)], "e-payload"),
            ([("key_id", "")], "e-key"), ([("key", pem), ("url", "nowhere")], "e-url"),
            ([("key", pem), ("alg", "HS256")], "banner bad"),
        ] {
            let answer = await house.post(page, form(changes))
            #expect(answer.status == 422 && answer.text.contains(mark), "\(mark)\n\(answer.text)")
            #expect(!answer.text.contains(catalog.furniture.apiToken))
            #expect(!answer.text.contains(String(pem.split(separator: "\n")[1])))
        }
        #expect(trials.calls.isEmpty)
        #expect(await house.post(page, form([("key", pem)])).status == 200)
    }

    @Test func `what was pasted where no secret belongs is sent, and neither shown nor kept`() async throws {
        let pair = try await house.admin.call("POST", "/api/v1/keys/generate", #"{"kind":"ed25519"}"#).json
        let pem = pair.text("private_key")
        let (line, token) = (String(pem.split(separator: "\n")[1]), catalog.furniture.apiToken)
        for (changes, isSent) in [
            ([("body", pem)], true), ([("body", "x \(token)")], true), ([("url", "/x?k=\(token)")], true),
            ([("url", "/x/\(token)/y")], true), ([("payload", "{\"name\":\"\(token)\"}")], true),
            ([("token", token)], false), ([("token", pem)], false),
        ] {
            let before = trials.calls.count
            let answer = await house.post(page, form(changes))
            #expect(answer.status == (isSent ? 200 : 422), "\(changes)\n\(answer.text)")
            #expect(trials.calls.count == before + (isSent ? 1 : 0))
            #expect(answer.text.contains("A key or an API token stood in"), "\(answer.text)")
            // The house's gateway answers with the target, as an echo would.
            #expect(!answer.text.contains(token) && !answer.text.contains(line), "\(changes)\n\(answer.text)")
        }
        for entry in house.admin.store.entries.map(\.entry) {
            #expect(!entry.name.contains(token) && !entry.name.contains(token.prefix(32)), "\(entry.name)")
        }
    }

    @Test func `a gateway that does not answer is said, and an API token by itself is not repeated`()
        async throws
    {
        trials.fail(with: "no whole answer within 10 s")
        let made = try await house.admin.make(
            "/api/v1/profiles",
            #"{"client":"Acme","name":"bare","method":"token"}"#
        )
        let answer = await house.post("/console/profiles/\(made.text("id"))/try", form())
        #expect(answer.status == 200 && answer.text.contains("No answer: no whole answer within 10 s"))
        let call = try #require(trials.calls.first)
        #expect(call.fields.map(\.name) == ["API-Token"])
        #expect(call.fields.first?.value == catalog.furniture.apiToken)
        #expect(answer.text.contains("$API_TOKEN") && !answer.text.contains(catalog.furniture.apiToken))
    }

    @Test func `a client secret fetches an access token first`() async throws {
        let made = try await house.admin.make(
            "/api/v1/profiles",
            #"{"client":"Acme","name":"machine","method":"oauth2"}"#
        )
        let answer = await house.post(
            "/console/profiles/\(made.text("id"))/try",
            form([("api_token", "a&b")])
        )
        let call = try #require(trials.calls.first)
        #expect(call.method == "POST" && call.target == "/oauth2/token")
        let body = String(decoding: call.body ?? [], as: UTF8.self)
        #expect(body.hasSuffix("client_id=\(made.text("id"))&client_secret=a%26b"))
        // This gateway gives none.
        #expect(answer.status == 422 && answer.text.contains("no access token was given for it: status 200"))
        #expect(trials.calls.count == 1)
    }

    // MARK: The API

    @Test func `a call that cannot be sent is refused before it is noted`() async throws {
        let noted = house.admin.store.entries.count
        for body in [
            #"{"url":"/a b"}"#, #"{"url":"/a\u0000b"}"#, #"{"url":"http:///x"}"#, #"{"url":"http://a b/"}"#,
            #"{"url":"/x","method":"TRACE","body":"b"}"#,
            #"{"url":"/x","method":"CONNECT"}"#, #"{"url":"/x","method":"GET /y"}"#,
            #"{"url":"/x","token":"a\r\nX-Evil: 1"}"#, #"{"url":"/x","api_token":"a\nb"}"#,
            #"{"url":"/x","body":"b","content_type":"a\r\nb"}"#, #"{"url":"ftp://x/"}"#, "{}",
        ] {
            let answer = await house.admin.call("POST", "/api/v1/try", body)
            #expect(answer.status == 422, "\(body): \(answer.text)")
        }
        #expect(trials.calls.isEmpty && house.admin.store.entries.count == noted)
        // The fragment of a URL is no part of a call.
        #expect(await house.admin.call("POST", "/api/v1/try", #"{"url":"HTTP://h:1/a?b#c"}"#).status == 200)
        let call = try #require(trials.calls.first)
        #expect(call.host == "h:1" && call.target == "/a?b")
        house.admin.store.fail(with: .unavailable(detail: "gone"))
        #expect(await house.admin.call("POST", "/api/v1/try", #"{"url":"/x"}"#).status == 503)
        #expect(trials.calls.count == 1)
    }

    @Test(arguments: [
        ("0.0.0.0", 8080, false, "127.0.0.1:8081", "http://127.0.0.1:8080"),
        ("::", 8443, true, "gateway.example", "https://gateway.example:8443"),
        ("0.0.0.0", 80, false, "[::1]:8081", "http://[::1]:80"),
        ("0.0.0.0", 80, false, "", "http://127.0.0.1:80"),
        ("::1", 8080, false, "127.0.0.1:8081", "http://[::1]:8080"),
        ("192.0.2.1", 8080, true, "gateway.example:8081", "https://192.0.2.1:8080"),
    ]) func `the gateway is told as somebody reaches it who reached the console`(
        _ host: String,
        _ port: Int,
        _ isTLS: Bool,
        _ authority: String,
        _ url: String
    ) {
        #expect(GatewayAddress(host: host, port: port, isTLS: isTLS).url(seenFrom: authority) == url)
    }
}
