import GatewayCore
import Testing

@testable import ControlPlane

@Suite struct OpenAPITests {
    @Test func `the document names the routes that are served, and no other`() async throws {
        let house = AdminHouse()
        let document = try await house.call("GET", "/api/v1/openapi.json").json
        #expect(document.text("openapi") == "3.1.0")
        var documented: Set<String> = []
        for path in document["paths"]?.members ?? [] {
            for method in path.node.members { documented.insert("\(method.name.uppercased()) \(path.name)") }
        }
        let served = house.api.operations.map { "\($0.method.rawValue) \($0.path)" }
        #expect(documented == Set(served))
        #expect(served.count == Set(served).count, "no route is there twice")
        for operation in house.api.operations {
            let path = operation.path.replacing("{id}", with: "x").replacing("{key_id}", with: "y")
                .replacing("{token_id}", with: "z").replacing("{request_id}", with: "r")
            let answer = await house.call(operation.method.rawValue, path, "{}")
            #expect(answer.status != 405, "\(operation.name)")
        }
    }

    @Test func `names of operations are there once, and every reference leads somewhere`() async throws {
        let house = AdminHouse()
        let document = try await house.call("GET", "/api/v1/openapi.json").json
        let names = house.api.operations.map(\.name)
        #expect(names.count == Set(names).count)
        var references: Set<String> = []
        document.collectReferences(&references)
        #expect(!references.isEmpty)
        for reference in references {
            let steps = reference.split(separator: "/").dropFirst()
            let found = steps.reduce(Optional(document)) { node, step in node?[String(step)] }
            #expect(found != nil, "\(reference)")
        }
    }

    @Test func `every answer is as documented`() async throws {
        let house = AdminHouse()
        let furniture = try await house.furnish()
        _ = await house.call("POST", "\(furniture.token)/refresh", #"{"overlap_seconds":60}"#)
        let key =
            #"{"name":"ssh","public_key":"\#(Self.sshKey)","algorithms":["EdDSA"],"retire_at":"2030-01-01T00:00:00Z"}"#
        _ = try await house.make("\(furniture.profile)/keys", key)
        let targets =
            furniture.paths + [
                "/api/v1/clients", "/api/v1/upstreams", "/api/v1/collections", "/api/v1/endpoints",
                "/api/v1/profiles",
                "\(furniture.profile)/keys", "\(furniture.profile)/api-tokens", "/api/v1/settings",
                "/api/v1/catalog",
                "/api/v1/audit", "/api/v1/decisions", "/healthz", "/readyz", "/api/v1/openapi.json",
            ]
        for target in targets {
            let answer = await house.call("GET", target)
            #expect(answer.status == 200)
            let segments = try AdminTarget(target).segments
            let operation = try #require(
                house.api.operations.first { $0.method == .get && $0.match(segments) != nil }
            )
            let object = try #require(operation.successes.first { $0.status == 200 }?.object)
            #expect(Shape.object(object).faults(try answer.json).isEmpty, "\(target)")
        }
        let problem = await house.call("POST", "/api/v1/clients", "{}")
        #expect(Shape.object(Schemas.problem).faults(try problem.json).isEmpty)
    }

    private static let sshKey =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea jdoe@laptop"

    // MARK: Rules of texts

    @Test(arguments: [
        ("handle", "a", true), ("handle", "..", false), ("handle", ".", false), ("handle", "...", true),
        ("handle", "a.b~c_d-e", true), ("handle", "a/b", false), ("handle", "é", false),
        ("handle", ".a", true),
        ("line", "a b", true), ("line", " a", false), ("line", "a ", false), ("line", "a\nb", false),
        ("line", "", false),
        ("line", "a\u{85}b", false), ("line", "\u{a0}a", false), ("line", "日本", true),
        ("lines", "a\nb\tc", true), ("lines", "", true), ("lines", "a\u{0}b", false), ("lines", "a\n", false),
        ("email", "", true), ("email", "a@b", true), ("email", "a@b@c", false), ("email", "a b@c", false),
        ("email", "@b", false), ("email", "a@", false), ("host", "a.example", true), ("host", "[::1]", true),
        ("host", "a/b", false), ("method", "GET", true), ("method", "get", false),
        ("method", "M-SEARCH", true),
        ("address", "10.0.0.0/8", true), ("address", "2001:DB8::/32", true), ("address", "10.0.0.0/", false),
        ("address", "x", false), ("address", "10/8/9", false),
        ("identity", String(repeating: "a", count: 32), true),
        ("identity", String(repeating: "A", count: 32), false), ("cursor", "00ff", true),
        ("cursor", "00f", false),
    ]) func `a rule and its regular expression agree`(
        _ name: String,
        _ text: String,
        _ isAccepted: Bool
    ) throws {
        let rules: [String: TextRule] = [
            "handle": .handle, "line": .line(1...200), "lines": .lines(upTo: 200), "email": .email,
            "host": .host,
            "method": .method, "address": .addressRange, "identity": .identity, "cursor": .cursor,
        ]
        let rule = try #require(rules[name])
        #expect((rule.fault(text) == nil) == isAccepted)
        let pattern = try #require(rule.pattern).replacing("\\s", with: "\\p{White_Space}")
        let regex = try Regex(pattern).matchingSemantics(.unicodeScalar)
        let isMatch =
            try regex.firstMatch(in: text) != nil && rule.lengths.contains(text.unicodeScalars.count)
        #expect(isMatch == isAccepted)
    }
}

extension DocumentNode {
    /// The members of an object; none for anything else.
    var members: [DocumentMember] {
        guard case .object(let members) = value else { return [] }
        return members
    }

    /// Everything that `$ref` names, wherever it stands.
    func collectReferences(_ references: inout Set<String>) {
        for member in members {
            if member.name == "$ref", let text = member.node.value.text { references.insert(text) }
            member.node.collectReferences(&references)
        }
        for element in elements { element.collectReferences(&references) }
    }
}
