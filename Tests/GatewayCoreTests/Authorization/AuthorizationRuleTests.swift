import GatewayCore
import JOSE
import PortcullisTestSupport
import Testing

@Suite struct `An authorisation rule` {
    private static let claims = """
        {"scope":"Users.read Users.write","scp":["Orders.read"],"tenant":"acme","level":3,"admin":true,"off":false,
         "groups":["a","b",7],"aud":"one","null":null,"nested":{"deep":{"x":"y"}},"a b":"c","ratio":1.5,"empty":""}
        """

    private static func holds(
        _ rule: String,
        claims: String? = claims,
        query: String = "",
        headers: [(String, String)] = [],
        parameter: String = "acme"
    ) throws -> Bool {
        let rule = try AuthorizationRule(rule, parameters: ["tenant"])
        return rule.evaluate(
            claims: try claims.map { try JSONDocument(parsing: Array($0.utf8)) },
            clientName: "Acme",
            profileName: "acme-rsa",
            method: Array("GET".utf8),
            parameters: [Array(parameter.utf8)],
            fields: TestFields(query: query, headers: headers)
        ).holds
    }

    @Test(arguments: [
        (#""Users.read" in scopes(claims.scope) && claims.tenant == path.tenant"#, true),
        (#""Users" in scopes(claims.scope)"#, false),
        (#""Users.read Users.write" in scopes(claims.scope)"#, false),
        (#""" in scopes(claims.scope)"#, false),
        (#""Orders.read" in scopes(claims.scp)"#, true),
        (#""Orders.read" in claims.scp"#, true),
        (#""a" in claims.groups"#, true),
        (#"7 in claims.groups"#, true),
        (#""7" in claims.groups"#, false),
        (#""one" in claims.aud"#, true),
        (#"claims.tenant in ["x", 'acme']"#, true),
        (#"claims.level in [1, 2]"#, false),
        (#"claims.level in [1, 2, 3]"#, true),
        (#"claims.level > 2 && claims.level >= 3 && claims.level < 4 && claims.level <= 3"#, true),
        (#"claims.level == 3 && claims.level != 4"#, true),
        (#"claims.level == "3""#, false),
        (#"claims.ratio > 1"#, false),
        (#"claims.admin"#, true),
        (#"claims.admin == true && !claims.off && claims.off == false"#, true),
        (#"claims.tenant"#, false),
        (#"claims["a b"] == "c" && claims.nested.deep.x == "y" && claims["nested"]["deep"].x == 'y'"#, true),
        (#"claims.nested.deep == "y""#, false),
        (#"claims.missing == "x""#, false),
        (#"claims.missing != "x""#, false),
        (#"claims.missing < 1 || claims.missing > 1 || claims.missing"#, false),
        (#"!claims.missing"#, true),
        (#""x" in claims.missing || "x" in scopes(claims.missing)"#, false),
        (#"claims.missing in ["x"]"#, false),
        (#"claims.null == claims.null || has(claims.null) || has(claims.missing)"#, false),
        (#"has(claims.tenant) && has(claims.off) && has(claims.empty)"#, true),
        (#"claims.empty == """#, true),
        (#"starts_with(claims.tenant, "ac") && !starts_with(claims.tenant, "x")"#, true),
        (#"starts_with(claims.level, "3")"#, false),
        (#"method == "GET" && method in ["GET", "HEAD"]"#, true),
        (#"client.name == "Acme" && profile.name == "acme-rsa""#, true),
        (#"false || true && false"#, false),
        (#"(true || false) && !(false || false)"#, true),
        (#"!!true"#, true),
        ("true\n  &&\ttrue", true),
        (#"claims.tenant == "ac\me""#, true),
        (#"claims.tenant == claims.scope"#, false),
    ])
    func `is evaluated`(_ rule: String, _ expected: Bool) throws {
        #expect(try Self.holds(rule) == expected)
    }

    @Test func `finds claims of nobody where there are none`() throws {
        #expect(try !Self.holds("claims.admin", claims: nil))
        #expect(try Self.holds(#"client.name == "Acme""#, claims: nil))
    }

    @Test func `reads query, headers and path once or not at all`() throws {
        #expect(try Self.holds(#"query.a == "1 2" && query["b"] == "ü""#, query: "x&a=1+2&b=%C3%BC"))
        #expect(try !Self.holds(#"query.a == "1""#, query: "a=1&a=1"), "twice is not once")
        #expect(try !Self.holds("has(query.a)", query: "b=1"))
        #expect(try !Self.holds("has(query.a)", query: "a=%zz"))
        #expect(try Self.holds("has(query.a)", query: "a"))
        #expect(try Self.holds(#"headers["X-Tenant"] == "1""#, headers: [("x-tenant", "1")]))
        #expect(try !Self.holds(#"headers.x == "1""#, headers: [("X", "1"), ("x", "1")]))
        #expect(try Self.holds(#"path.tenant == "a b""#, parameter: "a%20b"))
        #expect(try !Self.holds(#"path.tenant == "a%20b""#, parameter: "a%20b"))
    }

    @Test(arguments: [
        ("", 1, "expected a text"),
        ("claims", 7, "expected . or ["),
        ("claims.", 8, "expected a name behind claims."),
        ("claim.x", 1, #"found "claim""#),
        (#"claims.a = "x""#, 10, "there is no operator"),
        (#"claims.a == "x"#, 13, "no closing quotation mark"),
        (#"claims.a == "x" claims.b"#, 17, "expected an operator or the end"),
        (#""x""#, 1, "is no condition"),
        ("1 == true", 6, "never equal"),
        (#"1 == "1""#, 6, "never equal"),
        (#"claims.a < "x""#, 12, "compares numbers"),
        (#"claims.a in "x""#, 13, "expected a list or a claim behind in"),
        (#"[1] == [1]"#, 1, "a list is compared with in"),
        (#"true in [1]"#, 1, "cannot be in a list"),
        (#"scopes(claims.a) == "x""#, 1, "a list is compared with in"),
        (#"path.other == "x""#, 6, "the path has no parameter {other}, it has {tenant}"),
        (#"client.id == "x""#, 8, "expected name"),
        ("claims.a == 1 == 1", 15, "follows a comparison"),
        ("(true) == true", 8, "compares values"),
        ("(true", 6, #"expected ")""#),
        ("true &&", 8, "found the end"),
        ("claims.a == 99999999999999999999", 13, "64 bits"),
        ("claims.a == 1.5", 14, "expected an operator"),
        ("has(1)", 5, "expected a claim"),
        ("starts_with(claims.a)", 21, #"expected ",""#),
        ("claims.ä", 8, "there is no operator"),
    ])
    func `is refused at its column`(_ rule: String, _ column: Int, _ words: String) throws {
        let error = try #require(throws: AuthorizationRuleError.self) {
            try AuthorizationRule(rule, parameters: ["tenant"])
        }
        #expect(error.column == column, "\(error)")
        #expect(error.message.contains(words), "\(error)")
    }

    @Test func `is bounded in length and depth`() {
        #expect(throws: AuthorizationRuleError.self) {
            try AuthorizationRule(String(repeating: " ", count: 4093) + "true", parameters: [])
        }
        let deep = String(repeating: "(", count: 40) + "true" + String(repeating: ")", count: 40)
        #expect(throws: AuthorizationRuleError.self) { try AuthorizationRule(deep, parameters: []) }
        let calls = String(repeating: "scopes(", count: 580)
        #expect(throws: AuthorizationRuleError.self) { try AuthorizationRule(calls, parameters: []) }
        #expect(throws: Never.self) {
            try AuthorizationRule(String(repeating: "!", count: 4092) + "true", parameters: [])
        }
    }

    @Test func `gives up when it costs too much, whatever it would say`() throws {
        let many = #"{"g":["# + Array(repeating: #""b""#, count: 2000).joined(separator: ",") + "]}"
        let costly = Array(repeating: #""a" in claims.g"#, count: 200).joined(separator: "||")
        #expect(try !Self.holds(costly, claims: many))
        #expect(try !Self.holds("!(\(costly))", claims: many))
        #expect(try Self.holds(#"!("a" in claims.g)"#, claims: many))
        let long = #"{"n":\#(String(repeating: "9", count: 9000)),"one":1}"#
        let numbers = Array(repeating: "claims.n < claims.n", count: 100).joined(separator: "||")
        #expect(try !Self.holds("!(\(numbers))", claims: long))
        #expect(try Self.holds("!(claims.n < claims.one) && claims.one < 2", claims: long))
    }
}

@Suite struct `An endpoint's rule` {
    private var gateway: TestGateway
    private var decider = Decider()

    init() throws {
        gateway = try TestGateway()
    }

    private mutating func set(_ rule: String?, scopes: [String] = []) throws {
        var collection = try #require(gateway.draft.catalog.collection(handle: "api-endpoints-v1"))
        collection.endpoints[0].rule = try rule.map { try AuthorizationRule($0, parameters: []) }
        collection.endpoints[0].scopes = scopes
        try gateway.draft.put(collection)
    }

    private mutating func code(_ claims: String, query: String = "") throws -> Rejection.Code? {
        let token = try TestGateway.acmeSigned(#"{"sub":"\#(TestGateway.acmeToken)"\#(claims)}"#)
        return decider.decide(gateway.snapshot, "Bearer \(token)", request: TestFields(query: query))
            .rejection?.code
    }

    @Test mutating func `is asked last, at every call`() throws {
        try set(#"claims.role == "admin" && query.confirm == "yes""#)
        for _ in 0..<2 {
            #expect(try code(#","role":"admin""#, query: "confirm=yes") == nil)
            #expect(try code(#","role":"admin""#) == .notAuthorized)
            #expect(try code(#","role":"user""#, query: "confirm=yes") == .notAuthorized)
            #expect(try code("") == .notAuthorized)
        }
    }

    @Test mutating func `has a short form for scopes`() throws {
        try set(nil, scopes: ["read", "write"])
        #expect(try code(#","scope":"read write""#) == nil)
        #expect(try code(#","scp":["write","read"]"#) == nil)
        #expect(try code(#","scope":"read","scp":"write""#) == nil)
        #expect(try code(#","scope":"read""#) == .notAuthorized)
        #expect(try code(#","scope":"readwrite""#) == .notAuthorized)
        try set("claims.ok", scopes: ["read"])
        #expect(try code(#","scope":"read","ok":true"#) == nil)
        #expect(try code(#","scope":"read""#) == .notAuthorized)
        #expect(try code(#","ok":true"#) == .notAuthorized)
    }

    @Test mutating func `needs a caller`() throws {
        var collection = try #require(gateway.draft.catalog.collection(handle: "api-endpoints-v1"))
        collection.endpoints[1].scopes = ["read"]
        #expect(throws: CatalogError.self) { try gateway.draft.put(collection) }
    }
}
