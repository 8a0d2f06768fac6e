import GatewayCore
import Testing

@testable import ControlPlane

/// One kind of entity: where it is, and a change that it takes.
struct Kind: Sendable, CustomTestStringConvertible {
    let name: String
    let path: @Sendable (Furniture) -> String
    let patch: String
    let replacement: String

    var testDescription: String { name }

    static let all = [
        Kind(
            name: "client",
            path: \.client,
            patch: #"{"description":"x"}"#,
            replacement: #"{"name":"Acme 2"}"#
        ),
        Kind(
            name: "upstream",
            path: \.upstream,
            patch: #"{"connect_timeout_seconds":7}"#,
            replacement: #"{"name":"o2","targets":[{"url":"http://127.0.0.1:1"}]}"#
        ),
        Kind(
            name: "collection",
            path: \.collection,
            patch: #"{"version":"2"}"#,
            replacement: #"{"name":"c","handle":"api-endpoints-v2"}"#
        ),
        Kind(
            name: "endpoint",
            path: \.endpoint,
            patch: #"{"timeout_seconds":9}"#,
            replacement: #"{"name":"e2","path":"/e2/{id}","upstream":"orders"}"#
        ),
        Kind(name: "profile", path: \.profile, patch: #"{"active":false}"#, replacement: #"{"name":"p2"}"#),
        Kind(name: "key", path: \.key, patch: #"{"kid":"one"}"#, replacement: #"{"name":"k2"}"#),
        Kind(name: "api_token", path: \.token, patch: #"{"active":false}"#, replacement: #"{"name":"t2"}"#),
    ]
}

@Suite struct ResourceTests {
    @Test(arguments: Kind.all) func `what was made can be read, changed, replaced and deleted`(
        _ kind: Kind
    ) async throws {
        let house = AdminHouse()
        let path = kind.path(try await house.furnish())
        let read = await house.call("GET", path)
        #expect(read.status == 200)
        let before = try read.json

        let patched = await house.call("PATCH", path, kind.patch)
        #expect(patched.status == 200, "\(patched.text)")
        let field = try #require(DocumentNode(json: Array(kind.patch.utf8)).firstField)
        #expect(try patched.json[field.name]?.value == field.node.value)
        #expect(patched.header("ETag") != read.header("ETag"))
        #expect(try patched.json["name"]?.value == before["name"]?.value, "other fields stay")

        let replaced = await house.call("PUT", path, kind.replacement)
        #expect(replaced.status == 200, "\(replaced.text)")
        #expect(
            try replaced.json[field.name]?.value == before[field.name]?.value,
            "what is absent is at its default"
        )
        #expect(try replaced.json.text("id") == before.text("id"))
        #expect(await house.call("GET", path).body == replaced.body)

        if kind.name == "upstream" { #expect(await house.call("DELETE", path).status == 409, "it is in use") }
        guard kind.name != "upstream" else { return }
        let deleted = await house.call("DELETE", path)
        #expect(deleted.status == 204)
        #expect(deleted.body.isEmpty)
        for method in ["GET", "DELETE"] { #expect(await house.call(method, path).status == 404) }
        let missing = await house.call("PATCH", path, kind.patch)
        #expect(missing.status == 404)
        #expect(try missing.json.text("code") == "not_found")
    }

    @Test(arguments: Kind.all) func `an entity tag guards every change`(_ kind: Kind) async throws {
        let house = AdminHouse()
        let path = kind.path(try await house.furnish())
        let tag = try #require(await house.call("GET", path).header("ETag"))
        #expect(tag.hasPrefix("\"") && tag.hasSuffix("\""))
        for known in [tag, "*", "\"x\", \(tag)", "W/\(tag)"] {
            let answer = await house.call("GET", path) { $0.ifNoneMatch = known }
            #expect(answer.status == 304)
            #expect(answer.body.isEmpty)
            #expect(answer.header("ETag") == tag)
        }
        #expect(await house.call("PATCH", path, kind.patch) { $0.ifMatch = tag }.status == 200)
        for stale in [tag, "\"x\"", "W/\(tag)", "rubbish"] {
            for (method, body) in [("PATCH", kind.patch), ("PUT", kind.replacement), ("DELETE", nil)] {
                let answer = await house.call(method, path, body) { $0.ifMatch = stale }
                #expect(answer.status == 412, "\(method) with \(stale): \(answer.text)")
            }
        }
        #expect(await house.call("PATCH", path, kind.patch) { $0.ifMatch = "*" }.status == 200)
    }

    @Test func `making something says where it is and what its entity tag is`() async throws {
        let house = AdminHouse()
        let made = await house.call("POST", "/api/v1/clients", #"{"name":"Acme"}"#)
        let id = try made.json.text("id")
        #expect(made.header("Location") == "/api/v1/clients/\(id)")
        #expect(made.header("ETag") == (await house.call("GET", "/api/v1/clients/\(id)")).header("ETag"))
        #expect(try made.json["active"]?.value == .bool(true))
    }

    @Test func `null sets a field back to its default, and nothing else is touched`() async throws {
        let house = AdminHouse()
        let furniture = try await house.furnish()
        _ = await house.call("PATCH", furniture.endpoint, #"{"upstream_path":"/v2","timeout_seconds":9}"#)
        let answer = await house.call("PATCH", furniture.endpoint, #"{"upstream_path":null}"#)
        #expect(try answer.json["upstream_path"]?.value == .null)
        #expect(try answer.json["timeout_seconds"]?.value == .integer(9))
    }

    @Test func `what was read may be written back as it is`() async throws {
        let house = AdminHouse()
        let furniture = try await house.furnish()
        for path in furniture.paths {
            let read = await house.call("GET", path)
            let written = await house.call("PUT", path, read.text)
            #expect(written.status == 200, "\(written.text)")
            #expect(written.body == read.body)
        }
    }

    @Test func `the settings are read, changed and replaced under an entity tag`() async throws {
        let house = AdminHouse()
        let path = "/api/v1/settings"
        let tag = await house.call("GET", path).header("ETag")
        let changed = await house.call("PATCH", path, #"{"identity_claims":"workato"}"#) { $0.ifMatch = tag }
        #expect(
            try changed.json["identity_claims"]?.elements.first?.value
                == .string("https://www.workato.com/sub")
        )
        #expect(await house.call("PUT", path, "{}") { $0.ifMatch = tag }.status == 412)
        let replaced = await house.call("PUT", path, #"{"require_exp":true}"#)
        #expect(try replaced.json["require_exp"]?.value == .bool(true))
        #expect(try replaced.json["identity_claims"]?.elements.count == 4)
        #expect(await house.call("PATCH", path, #"{"identity_claims":"other"}"#).status == 422)
        #expect(await house.call("DELETE", path).status == 405)
    }

    // MARK: Lists

    @Test func `a list is given page by page in the order of names, each entity once`() async throws {
        let house = AdminHouse()
        for number in [3, 1, 4, 0, 2] {
            _ = try await house.make("/api/v1/clients", #"{"name":"c\#(number)"}"#)
        }
        var names: [String] = []
        var cursor = ""
        for _ in 0..<3 {
            let page = try await house.call("GET", "/api/v1/clients?limit=2\(cursor)").json
            #expect(page["total"]?.value == .integer(5))
            names += page["items"]?.elements.map { $0.text("name") } ?? []
            cursor = "&cursor=\(page.text("next_cursor"))"
            // What is deleted between two pages neither repeats nor hides another.
            if names.count == 2 {
                let first = page["items"]?.elements[0].text("id") ?? ""
                _ = await house.call("DELETE", "/api/v1/clients/\(first)")
                _ = try await house.make("/api/v1/clients", #"{"name":"c0 again"}"#)
            }
        }
        #expect(names == ["c0", "c1", "c2", "c3", "c4"])
        #expect(cursor == "&cursor=", "the last page has no next one")
    }

    @Test(arguments: [
        ("clients?name=Acme", 1), ("clients?name=acme", 0), ("profiles?client=Acme", 1),
        ("profiles?client=B", 0),
        ("endpoints?collection=api-endpoints-v1", 1), ("endpoints?collection=x", 0),
        ("endpoints?upstream=orders", 1),
        ("endpoints?upstream=x", 0), ("collections?handle=api-endpoints-v1", 1),
        ("collections?name=API+endpoints", 1),
        ("collections?name=API%20endpoints&handle=x", 0),
    ]) func `a list is narrowed by its filters`(_ target: String, _ count: Int) async throws {
        let house = AdminHouse()
        _ = try await house.furnish()
        let page = try await house.call("GET", "/api/v1/\(target)").json
        #expect(page["items"]?.elements.count == count)
        #expect(page["total"]?.value == .integer(Int64(count)))
    }

    @Test(arguments: [
        "limit=0", "limit=201", "limit=-1", "limit=+5", "limit=x", "limit=", "limit=99999999999999999999",
        "limit=1&limit=2",
        "cursor=zz", "cursor=a", "cursor=%00", "surprise=1", "%FF=1", "name=%ZZ", "limit",
    ]) func `a query that is not as documented is refused`(_ query: String) async throws {
        let answer = await AdminHouse().call("GET", "/api/v1/clients?\(query)")
        #expect(answer.status == 400)
        #expect(try answer.json.text("code") == "bad_request")
    }

    // MARK: Refusals

    @Test(arguments: [
        ("clients", "{}", 422, "name"), ("clients", #"{"name":""}"#, 422, "name"),
        ("clients", #"{"name":5}"#, 422, "name"),
        ("clients", #"{"name":null}"#, 422, "name"), ("clients", #"{"name":" a"}"#, 422, "name"),
        ("clients", #"{"name":"a\u0000b"}"#, 422, "name"), ("clients", #"{"name":"Acme"}"#, 409, "name"),
        ("clients", #"{"name":"x","contact_email":"nobody"}"#, 422, "contact_email"),
        ("clients", #"{"name":"x","surprise":1}"#, 422, "surprise"),
        ("clients", #"{"name":"x","id":"00000000000000000000000000000000"}"#, 422, "id"),
        ("collections", #"{"name":"x","handle":".."}"#, 422, "handle"),
        ("collections", #"{"name":"x","handle":"api-endpoints-v1"}"#, 409, "handle"),
        ("upstreams", #"{"name":"x","targets":[]}"#, 422, "targets"),
        ("upstreams", #"{"name":"x","targets":[{"url":"ftp://x"}]}"#, 422, "targets[0].url"),
        ("upstreams", #"{"name":"x","targets":[{"url":"http://x:99999"}]}"#, 422, "targets[0].url"),
        ("endpoints", #"{"name":"x","path":"/x","upstream":"orders"}"#, 422, "collection"),
        ("endpoints", #"{"collection":"x","name":"x","path":"/x","upstream":"orders"}"#, 422, "collection"),
        (
            "endpoints", #"{"collection":"api-endpoints-v1","name":"x","path":"/x","upstream":"x"}"#, 422,
            "upstream"
        ),
        (
            "endpoints", #"{"collection":"api-endpoints-v1","name":"x","path":"/call","upstream":"orders"}"#,
            409, "path"
        ),
        (
            "endpoints", #"{"collection":"api-endpoints-v1","name":"call","path":"/x","upstream":"orders"}"#,
            409, "name"
        ),
        (
            "endpoints",
            #"{"collection":"api-endpoints-v1","name":"x","path":"/x","upstream":"orders","timeout_seconds":241}"#,
            422,
            "timeout_seconds"
        ),
        (
            "endpoints", #"{"collection":"api-endpoints-v1","name":"x","path":"/x/{a","upstream":"orders"}"#,
            422, "path"
        ),
        ("profiles", #"{"name":"x"}"#, 422, "client"),
        ("profiles", #"{"name":"x","client":"B"}"#, 422, "client"),
        ("profiles", #"{"name":"acme-hmac","client":"Acme"}"#, 409, "name"),
        ("profiles", #"{"name":"x","client":"Acme","collections":["y"]}"#, 422, "collections[0]"),
        ("profiles", #"{"name":"x","client":"Acme","ip_allow":["10.0.0.1/8"]}"#, 422, "ip_allow[0]"),
        ("profiles", #"{"name":"x","client":"Acme","leeway_seconds":1.5}"#, 422, "leeway_seconds"),
        ("profiles", #"{"name":"x","client":"Acme","method":"magic"}"#, 422, "method"),
    ]) func `a refused write names the field`(
        _ resource: String,
        _ body: String,
        _ status: Int,
        _ field: String
    ) async throws {
        let house = AdminHouse()
        _ = try await house.furnish()
        let revision = house.service.current.revision
        let answer = await house.call("POST", "/api/v1/\(resource)", body)
        #expect(answer.status == status, "\(answer.text)")
        #expect(answer.header("Content-Type") == "application/problem+json")
        #expect(try answer.json["errors"]?.elements.map { $0.text("field") } == [field])
        #expect(house.service.current.revision == revision)
    }

    @Test func `several faults are told at once`() async throws {
        let answer = await AdminHouse().call(
            "POST",
            "/api/v1/clients",
            #"{"active":1,"contact_email":"x","extra":{}}"#
        )
        #expect(
            try answer.json["errors"]?.elements.map { $0.text("field") } == [
                "name", "contact_email", "active", "extra",
            ]
        )
    }

    @Test(arguments: [
        ("", 400), ("{", 400), (#"{"name":"a","name":"b"}"#, 400), (#"{"name":"a"} x"#, 400), ("[]", 422),
        ("null", 422),
        (#""name""#, 422), (String(repeating: "[", count: 100_000), 400), (#"{"name":1e999}"#, 422),
        ("\u{feff}{}", 400),
    ]) func `a body that is no sound document is refused with its place`(
        _ body: String,
        _ status: Int
    ) async throws {
        let answer = await AdminHouse().call("POST", "/api/v1/clients", body)
        #expect(answer.status == status)
        if status == 400 { #expect(try answer.json.text("detail").contains("offset")) }
    }

    @Test func `a write of the store that fails is told, and changes nothing`() async throws {
        let house = AdminHouse()
        let refusals: [(CatalogStoreError, Int, String)] = [
            (.full(detail: "disk"), 507, "store_full"), (.unavailable(detail: "x"), 503, "store_unavailable"),
            (
                .revisionConflict(expected: CatalogRevision(1), found: CatalogRevision(2)), 409,
                "revision_conflict"
            ),
        ]
        for (error, status, code) in refusals {
            house.store.fail(with: error)
            let answer = await house.call("POST", "/api/v1/clients", #"{"name":"Acme"}"#)
            #expect(answer.status == status)
            #expect(try answer.json.text("code") == code)
            #expect(house.service.current.clients.isEmpty)
        }
    }

    @Test(arguments: [
        "/api/v1/clients/%00", "/api/v1/clients/nobody", "/api/v1/clients/..", "/api/v1/clients/",
        "/api/v1/clients//",
        "/api/v1/profiles/x/keys", "/api/v1/profiles/x/keys/y", "/api/v1/profiles/x/api-tokens",
        "/api/v1/nothing", "/",
        "/api/v1/decisions/none", "/api/v1/clients/%F0%9F%92%A9", "/api/v1/clients/e%CC%81", "/api",
        "/API/v1/clients",
    ]) func `what is not there is a 404 problem`(_ target: String) async throws {
        let answer = await AdminHouse().call("GET", target)
        #expect(answer.status == 404)
        #expect(try answer.json.text("code") == "not_found")
    }

    @Test(arguments: [
        "/api/v1/clients/%", "/api/v1/clients/%f", "/api/v1/clients/%ff", "*", "", "http://127.0.0.1/healthz",
    ])
    func `a target that is not well-formed is refused`(_ target: String) async throws {
        #expect(await AdminHouse().call("GET", target).status == 400)
    }
}

extension DocumentNode {
    /// The first member of an object.
    var firstField: DocumentMember? {
        guard case .object(let members) = value else { return nil }
        return members.first
    }
}
