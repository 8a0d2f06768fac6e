import GatewayCore
import Testing

@testable import ControlPlane

/// What pages of the catalog must never do, whatever is stored and whoever looks.
struct ConsoleHarmTests {
    @Test(
        arguments: [
            "<script>alert(1)</script>", "\u{202e}evil\u{2066}", "\"\u{301}><img src=x onerror=y>'`",
            String(repeating: "W", count: 200), "{{formToken}}", "a & b &amp; c",
        ]
    ) func `names that mean harm stand on every page as what they are`(_ name: String) async throws {
        let catalog = try await ConsoleCatalogHouse()
        let json = DocumentNode(object: [("name", .string(name))]).json()
        let paths = catalog.furniture.paths
        for path in paths {
            #expect(await catalog.house.admin.call("PATCH", path, json).status == 200, "\(path)")
        }
        var seen = 0
        for page in catalog.pages() {
            let answer = await catalog.house.show(page, as: .owner)
            #expect([200, 404, 409].contains(answer.status), "\(page): \(answer.status)")
            // Tables for programs hold names as they are, and are never shown as pages.
            guard answer.header("Content-Type")?.hasPrefix("text/html") == true else { continue }
            let text = answer.text
            for harm in [
                "<script>alert", "<img src=x", "\"\u{301}><", "value=\"\(ConsoleHouse.formToken)\"\"",
            ] {
                #expect(!text.unicodeScalars.contains(Array(harm.unicodeScalars)), "\(page)")
            }
            if text.contains(HTMLText.escaped(name)) { seen += 1 }
        }
        #expect(seen >= 15, "\(seen) pages show it")
    }

    @Test func `no page shows a secret or API token that was shown once`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        let house = catalog.house
        var secrets = [AdminHouse.secret, catalog.furniture.apiToken]
        for (page, fields) in [
            ("\(catalog.profile)/keys/new-secret", [("name", "g"), ("generate", "1")]),
            ("\(catalog.profile)/keys/new-pair", [("name", "p"), ("kind", "ed25519")]),
            ("\(catalog.profile)/api-tokens/new", [("name", "t")]),
        ] {
            let answer = await house.post(page, fields)
            let shown = try #require(
                answer.text.firstMatch(of: /<textarea[^>]*>([^<]+)</)?.output.1,
                "\(page)"
            )
            secrets.append(
                String(shown).split(separator: "\n").dropFirst().first.map(String.init) ?? String(shown)
            )
            #expect(answer.header("Cache-Control") == "no-store")
        }
        for page in catalog.pages() + ["/console/audit"] {
            let text = await house.show(page, as: .owner).text
            for secret in secrets { #expect(!text.contains(secret), "\(page)") }
        }
        let entries = house.admin.store.entries.map { "\($0)" } + house.admin.log.lines
        for secret in secrets { #expect(!entries.contains { $0.contains(secret) }) }
    }

    @Test func `a viewer sees no form that changes anything, and no button that leads to one`() async throws {
        let catalog = try await ConsoleCatalogHouse()
        // The bench changes nothing for a viewer: it reads tokens and explains.
        // Nor do its own password and sessions belong to anybody else.
        let allowed = [
            "/console/sign-out", "/console/workbench", "/console/sign-in", "/console/account/password",
            "/console/account/sessions/end-others",
        ]
        for page in catalog.pages() {
            let answer = await catalog.house.show(page, as: .viewer)
            guard answer.status == 200 else {
                #expect([403, 404].contains(answer.status), "\(page)")
                continue
            }
            for match in answer.text.matches(of: /<form method="post" action="([^"]*)"/) {
                #expect(allowed.contains(String(match.output.1)), "\(page)")
            }
            let words = ["/edit\"", "/delete\"", "/new\"", "/rotate\"", "/deactivate\"", "/refresh\""]
            for word in words { #expect(!answer.text.contains(word), "\(page) has \(word)") }
        }
        let before = catalog.house.admin.store.entries.count
        for route in catalog.house.console.routes where route.method == .post {
            let path = route.path.replacing("{id}", with: ConsoleCatalogHouse.id(catalog.furniture.profile))
            _ = await catalog.house.post(Console.root + path, [("name", "x")], as: .viewer)
        }
        #expect(catalog.house.admin.store.entries.count == before)
    }

    @Test func `a gateway that runs from a file shows everything and changes nothing`() async {
        let house = ConsoleHouse(readOnly: true)
        for page in ["clients", "collections", "upstreams", "settings"] {
            let answer = await house.show("/console/\(page)", as: .owner)
            #expect(
                answer.status == 200 && !answer.text.contains("/new\"") && !answer.text.contains("/edit\"")
            )
        }
        let refused = await house.post("/console/clients/new", [("name", "x")], as: .owner)
        #expect(refused.status == 403)
    }

    @Test func `what is not there is not found, on every page`() async throws {
        let house = ConsoleHouse()
        for route in house.console.routes where route.path.contains("{") {
            let path = route.path.replacing(/\{[a-z_]+\}/) { _ in String(repeating: "0", count: 32) }
            let answer =
                route.method == .get
                ? await house.show(Console.root + path, as: .owner)
                : await house.post(Console.root + path, [("kind", "ed25519")], as: .owner)
            #expect(answer.status == 404, "\(route.method) \(path): \(answer.status)")
        }
    }
}

extension String.UnicodeScalarView {
    /// Whether these scalars stand in it, one after the other.
    fileprivate func contains(_ scalars: [Unicode.Scalar]) -> Bool {
        let all = Array(self)
        guard let first = scalars.first, all.count >= scalars.count else { return false }
        return (0...(all.count - scalars.count)).contains { start in
            all[start] == first && all[start..<(start + scalars.count)].elementsEqual(scalars)
        }
    }
}
