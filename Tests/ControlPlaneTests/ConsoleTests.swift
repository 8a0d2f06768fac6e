import GatewayCore
import Testing

@testable import ControlPlane

/// What all pages have in common: sessions, forms, headers, and texts that mean harm.
struct ConsoleTests {
    private let house = ConsoleHouse()

    // MARK: Sessions and roles

    @Test func `who has not signed in is sent to do so, whatever the page`() async {
        for target in ["/console", "/console/clients?search=x", "/console/there-is-no-such-page"] {
            let answer = await house.show(target, as: nil)
            #expect(answer.status == 303)
            #expect(answer.header("Location")?.hasPrefix("/console/sign-in") == true)
        }
    }

    @Test func `a viewer can change nothing by any form that there is`() async {
        for route in house.console.routes where route.method == .post {
            guard case .role(let needed) = route.access, needed > .viewer else { continue }
            let target = Console.root + route.path.replacing(/\{[a-z_]+\}/) { _ in "x" }
            #expect(await house.post(target, [], as: .viewer).status == 403, "\(target)")
        }
    }

    @Test func `every page asks for a session but those before signing in`() {
        let open = house.console.routes.filter { $0.access == .anyone }.map(\.path)
        #expect(open.allSatisfy { ["/sign-in", "/setup", "/invitation"].contains($0) }, "\(open)")
    }

    @Test(arguments: [
        ("portcullis_session=owner", true), ("a=b; portcullis_session=owner; c=d", true),
        ("portcullis_session=owner; portcullis_session=viewer", false), ("xportcullis_session=owner", false),
        ("portcullis_session", false), ("", false),
    ]) func `a cookie counts when it is there once`(_ cookies: String, _ isFound: Bool) async {
        let answer = await house.show("/console/audit", as: nil) { $0.cookies = cookies }
        #expect((answer.status == 200) == isFound)
    }

    // MARK: Forms

    @Test func `a form without the session's token is refused`() async {
        for token in [nil, "", "x", ConsoleHouse.formToken + "x"] {
            #expect(await house.post("/console/test", [], formToken: token).status != 200)
        }
    }

    @Test(
        arguments: [
            ("http://127.0.0.1:8081", "same-origin", true), ("https://127.0.0.1:8081", nil, true),
            (nil, "same-origin", true), ("http://evil.example", "same-origin", false), ("null", nil, false),
            ("http://127.0.0.1:8081", "cross-site", false), ("http://127.0.0.1:8081", "same-site", false),
            ("http://127.0.0.1:8082", nil, false), ("http://127.0.0.1:8081.evil.example", nil, false),
        ] as [(String?, String?, Bool)]
    ) func `a form of another origin is refused`(
        _ origin: String?,
        _ site: String?,
        _ isAllowed: Bool
    ) throws {
        var request = AdminRequest(method: "POST", target: "/console/x", authority: "127.0.0.1:8081")
        (request.origin, request.fetchSite) = (origin, site)
        let result = Result { try PageSecurity.checkOrigin(request) }
        #expect(((try? result.get()) != nil) == isAllowed)
    }

    @Test(
        arguments: [
            ("/console/clients?x=1", "/console/clients?x=1"), ("//evil.example", "/console"),
            ("https://evil.example/console/", "/console"), ("/console//evil.example", "/console"),
            ("/console/\\evil", "/console"), ("/console/\r\nSet-Cookie: a=b", "/console"), (nil, "/console"),
            ("/consolevil", "/console"), ("/console/../api/v1/x", "/console"),
            ("/console/%2e%2e/x", "/console"),
            ("/console/clients?search=a%20b", "/console/clients?search=a%20b"),
            ("/console/sign-out", "/console"),
        ] as [(String?, String)]
    ) func `signing in leads to pages of the console only`(_ wanted: String?, _ path: String) {
        #expect(PageSecurity.ownPath(wanted) == path)
    }

    @Test func `forms are read as browsers write them`() throws {
        let form = try Form(Array("name=%20J%C3%B6rg+%20&on=on&c=a&c=b&lines=%0D%0Ax%0D%0A%0D%0A+y".utf8))
        #expect(form.text("name") == "Jörg")
        #expect(form.isOn("on") && !form.isOn("off"))
        #expect(form.all("c") == ["a", "b"])
        #expect(form.lines("lines") == ["x", "y"])
        #expect(throws: Problem.self) { try Form(Array("a=%ff".utf8)) }
        #expect(throws: Problem.self) { try Form(Array("a=%2".utf8)) }
        #expect(throws: Problem.self) {
            try Form(
                Array(repeating: UInt8(ascii: "&"), count: 10).flatMap { [$0, UInt8(ascii: "a")] }
                    + Array(String(repeating: "a&", count: 20_000).utf8)
            )
        }
    }

    // MARK: Headers

    @Test func `pages allow neither foreign scripts nor frames, and are not kept`() async {
        for answer in [
            await house.show("/console/audit"), await house.show("/console", as: nil),
            await house.show("/console/nothing"),
        ] {
            let policy = answer.header("Content-Security-Policy") ?? ""
            #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
            #expect(!policy.contains("unsafe"))
            #expect(answer.header("X-Frame-Options") == "DENY")
            #expect(answer.header("Cache-Control") == "no-store")
            #expect(answer.header("X-Content-Type-Options") == "nosniff")
        }
    }

    @Test func `a host that is not ours is answered nothing`() async {
        #expect(await house.show("/console") { $0.authority = "evil.example" }.status == 421)
    }

    @Test func `assets are kept by browsers under a name that changes with them`() async {
        for asset in [Assets.stylesheet, Assets.script, Assets.icons] {
            let answer = await house.show(asset.path, as: nil)
            #expect(answer.status == 200)
            #expect(answer.header("Cache-Control")?.contains("immutable") == true)
            #expect(!answer.body.isEmpty)
        }
        #expect(await house.show("/console/assets/0000/console.css").status == 404)
    }

    // MARK: Texts that mean harm

    @Test(arguments: [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("\"\u{301} onmouseover=x", "&quot;\u{301} onmouseover=x"), ("'`&", "&#39;&#96;&amp;"),
        ("<\u{301}b>", "&lt;\u{301}b&gt;"), ("a\u{0}b\u{1b}", "a\u{fffd}b\u{fffd}"), ("a\tb\nc", "a\tb\nc"),
        ("\u{202e}evil", "\u{202e}evil"),
    ]) func `texts are escaped scalar by scalar`(_ text: String, _ escaped: String) {
        // By scalars: Swift counts é as one scalar and as two the same.
        #expect(HTMLText.escaped(text).unicodeScalars.elementsEqual(escaped.unicodeScalars))
    }

    @Test func `no template puts a text on a page as it is`() {
        let renderer = PageRenderer(isReadOnly: false)
        let evil = "<script>\"\u{301}'`"
        for (name, text) in Templates.all {
            #expect(!text.contains("{{{") && !text.contains("{{&"), "\(name)")
            let names = text.matches(of: /\{\{[#^]?([A-Za-z]+)\}\}/).map { String($0.output.1) }
            let page = ConsolePage(name, title: evil, names.map { ($0, .string(evil)) })
            let answer = renderer.render(page, nil)
            #expect(!String(decoding: answer.body, as: UTF8.self).contains("<script>\""), "\(name)")
        }
    }
}

/// The pages of traffic and decisions.
struct ConsoleTrafficTests {
    @Test func `what a caller wrote becomes no other parameter of the bench`() async {
        let path = "/c/e&explain=1&token=x&client_address=10.6.6.6"
        let record = DecisionRecord(
            requestID: String(repeating: "a", count: 32),
            at: Timestamp(secondsSinceEpoch: 1_800_000_000),
            method: "GET",
            path: path,
            clientAddress: "192.0.2.1",
            endpoint: nil,
            client: nil,
            profile: nil,
            status: 404,
            code: .endpointNotFound,
            checks: []
        )
        let admin = AdminHouse(decisions: [record])
        let house = Console(admin.api, ConsoleHouse.dependencies())
        var request = AdminRequest(
            method: "GET",
            target: "/console/decisions/\(record.requestID)",
            authority: "127.0.0.1:8081"
        )
        request.cookies = "portcullis_session=manager"
        let page = String(decoding: await house.answer(request) { _ in [] }.body, as: UTF8.self)
        #expect(page.contains("url=%2Fc%2Fe%26explain%3D1%26token%3Dx%26client_address%3D10.6.6.6\""))
        // Nor does a link of somebody else's lay a token on the bench.
        let bench = await ConsoleHouse().show("/console/workbench?explain=1&token=evil-token&url=/x")
        #expect(!bench.text.contains("evil-token") && bench.text.contains("value=\"/x\""))
    }

    @Test func `shares add up as people read them`() {
        #expect(NumberWords.share(12, of: 22) == "54.5 %" && NumberWords.share(10, of: 22) == "45.5 %")
        #expect(NumberWords.share(0, of: 0) == "0 %" && NumberWords.share(1, of: 100_000) == "<0.1 %")
        #expect(NumberWords.share(5, of: 5) == "100 %" && NumberWords.grouped(-1_234_567) == "-1,234,567")
        #expect(NumberWords.grouped(.min) == "-9,223,372,036,854,775,808")
    }

    @Test(arguments: [0.0, 1, 3, 7, 12, 999, 1e9, .infinity, .nan, -1])
    func `a chart's scale reaches its highest value`(
        _ highest: Double
    ) {
        let scale = Chart.scale(upTo: highest)
        #expect(scale.steps.count >= 2 && scale.steps == scale.steps.sorted())
        if highest.isFinite { #expect(scale.last >= highest) }
    }
}
