import JOSE
import PortcullisTestSupport
import Testing

@testable import GatewayCore

@Suite struct `A token without an API token` {
    private var gateway: TestGateway
    private var decider = Decider()
    private static let issuer = "https://id.example"

    init() throws {
        gateway = try TestGateway()
        try match(1, Self.match(audience: "orders", ["azp": "web"]))
    }

    private static func match(
        issuer: String = issuer,
        audience: String? = nil,
        _ claims: [String: String] = [:]
    ) -> TokenMatch {
        var match = TokenMatch(issuer: issuer)
        match.audience = audience
        match.claims = claims.sorted { $0.key < $1.key }.map {
            TokenMatch.Claim(name: $0.key, value: $0.value)
        }
        return match
    }

    private mutating func match(_ profile: Int, _ matches: TokenMatch...) throws {
        var profile = try gateway.profile(profile)
        profile.tokenMatches = matches
        try gateway.draft.put(profile)
    }

    private static let good = #""iss":"https://id.example","aud":"orders","azp":"web","sub":"jdoe""#

    @Test(arguments: [
        (good, true),
        (#""iss":"https://id.example","aud":["x","orders"],"azp":["a","web"],"sub":"jdoe""#, true),
        (#""iss":"https://id.example","aud":"orders","azp":"web","sub":7"#, true),
        (#""iss":"https://id.example/","aud":"orders","azp":"web""#, false),
        (#""iss":["https://id.example"],"aud":"orders","azp":"web""#, false),
        (#""iss":"https://id.example","aud":"order","azp":"web""#, false),
        (#""iss":"https://id.example","aud":"orders","azp":"Web""#, false),
        (#""iss":"https://id.example","aud":"orders","azp":{"web":"web"}"#, false),
        (#""iss":"https://id.example","aud":"orders""#, false),
        (#""iss":"https://id.example","azp":"web""#, false),
        (#""aud":"orders","azp":"web""#, false),
    ])
    mutating func `is known by its issuer, audience and claims, all of them`(
        _ claims: String,
        _ isKnown: Bool
    ) throws {
        let token = try TestGateway.acmeSigned("{\(claims)}")
        for _ in 0..<2 {
            #expect(decider.code(gateway.snapshot, bearer: token) == (isKnown ? nil : .invalidToken))
        }
    }

    @Test mutating func `is verified with no other profile's key`() throws {
        let token = try TestGateway.sign("{\(Self.good)}", secret: TestGateway.otherSecret)
        let decision = decider.decide(gateway.snapshot, "Bearer \(token)")
        #expect(decision.rejection?.code == .invalidToken)
        #expect(decision.rejection?.operatorDetail.contains("does not verify") == true)
    }

    @Test mutating func `that two profiles would recognise is refused`() throws {
        let token = try TestGateway.acmeSigned("{\(Self.good)}")
        #expect(decider.code(gateway.snapshot, bearer: token) == nil)
        try match(3, Self.match(audience: "orders"))
        let refusal = decider.decide(gateway.snapshot, "Bearer \(token)").rejection
        #expect(refusal?.code == .invalidToken)
        #expect(refusal?.operatorDetail.contains("both fit") == true)
        try match(3, Self.match(audience: "other"))
        #expect(decider.code(gateway.snapshot, bearer: token) == nil)
        try gateway.draft.delete(profile: .test(3))
        #expect(decider.code(gateway.snapshot, bearer: token) == nil)
    }

    @Test mutating func `is the same profile's by two rules`() throws {
        try match(1, Self.match(audience: "orders"), Self.match(["azp": "web"]), Self.match())
        let token = try TestGateway.acmeSigned("{\(Self.good)}")
        #expect(decider.code(gateway.snapshot, bearer: token) == nil)
    }

    @Test mutating func `is forgotten when the rule changes, remembered or not`() throws {
        let token = try TestGateway.acmeSigned("{\(Self.good)}")
        #expect(decider.code(gateway.snapshot, bearer: token) == nil)
        try match(1, Self.match(audience: "orders", ["azp": "app"]))
        #expect(decider.code(gateway.snapshot, bearer: token) == .invalidToken)
        try match(1, Self.match(audience: "orders", ["azp": "web"]))
        #expect(decider.code(gateway.snapshot, bearer: token) == nil)
        var profile = try gateway.profile(1)
        profile.isActive = false
        try gateway.draft.put(profile)
        #expect(decider.code(gateway.snapshot, bearer: token) == .clientInactive)
    }

    @Test mutating func `comes after one: an API token decides alone`() throws {
        let token = try TestGateway.sign(
            #"{"iss":"https://id.example","aud":"orders","azp":"web","sub":"\#(TestGateway.otherToken)"}"#,
            secret: TestGateway.otherSecret
        )
        let decision = decider.decide(gateway.snapshot, "Bearer \(token)")
        #expect(decision.admitted?.profile?.profile.name == "other-hmac")
    }

    private static let deleted = String(repeating: "d4", count: 32)

    @Test(arguments: [
        (#""urn:portcullis:sub":"\#(deleted)""#, false), (#""portcullis_sub":"\#(deleted)""#, false),
        (#""urn:portcullis:sub":"jdoe","portcullis_sub":"\#(deleted)""#, false),
        (#""gateway":"\#(deleted)""#, false),
        // Of a profile that does not name this claim.
        (#""gateway":"\#(TestGateway.otherToken)""#, false),
        (#""other":"\#(deleted)""#, true),
        (#""portcullis_sub":"\#(deleted.uppercased())""#, true), (#""portcullis_sub":"\#(deleted)0""#, true),
        (#""portcullis_sub":["\#(deleted)"]"#, true),
    ])
    mutating func `carries none, not even one that was deleted`(_ claim: String, _ isKnown: Bool) throws {
        var profile = try gateway.profile(2)
        profile.identityClaim = "gateway"
        try gateway.draft.put(profile)
        let token = try TestGateway.acmeSigned("{\(Self.good),\(claim)}")
        #expect(decider.code(gateway.snapshot, bearer: token) == (isKnown ? nil : .invalidToken))
        let subject = Self.good.replacing("jdoe", with: Self.deleted)
        #expect(decider.code(gateway.snapshot, bearer: try TestGateway.acmeSigned("{\(subject)}")) == nil)
    }

    @Test mutating func `is not remembered for its claims once one of them may carry an API token`() throws {
        let token = try TestGateway.acmeSigned("{\(Self.good),\"gateway\":\"\(Self.deleted)\"}")
        #expect(decider.code(gateway.snapshot, bearer: token) == nil)
        var profile = try gateway.profile(2)
        profile.identityClaim = "gateway"
        let before = gateway.snapshot
        gateway.draft = CatalogDraft(before.catalog)
        try gateway.draft.put(profile)
        #expect(decider.code(before, bearer: token) == nil)
        let after = Snapshot(gateway.draft.finished(), after: before, gateway.draft.change)
        #expect(decider.code(after, bearer: token) == .invalidToken)
    }

    @Test mutating func `costs the same among ten thousand profiles of one issuer`() throws {
        for number in 100..<10_100 {
            var profile = AccessProfile(id: .test(number), clientID: .test(1), name: "p\(number)")
            profile.tokenMatches = [Self.match(["azp": "client-\(number)"])]
            try gateway.draft.put(profile)
        }
        let snapshot = gateway.snapshot
        let token = try TestGateway.acmeSigned("{\(Self.good)}")
        #expect(decider.code(snapshot, bearer: token) == nil)
        let theirs = try TestGateway.acmeSigned(#"{"iss":"https://id.example","azp":"client-9000"}"#)
        #expect(decider.decide(snapshot, "Bearer \(theirs)").findings.namedProfile?.profile.name == "p9000")
    }
}

@Suite struct `The rules that find a token's profile` {
    private static let issuer = "https://id.example"
    private static let catalog: Catalog = {
        var draft = CatalogDraft(Catalog())
        try? draft.put(Client(id: .test(1), name: "Acme"))
        return draft.finished()
    }()

    private static func caller(_ number: Int, _ matches: [TokenMatch]) throws -> Caller {
        var draft = CatalogDraft(catalog)
        var profile = AccessProfile(id: .test(number), clientID: .test(1), name: "p\(number)")
        profile.tokenMatches = matches
        try draft.put(profile)
        let catalog = draft.finished()
        let shared = try #require(catalog.profiles.shared(.test(number)))
        return Caller(profile: try #require(CompiledProfile(shared, in: catalog)), apiTokenAt: nil)
    }

    private static func match(_ claims: [(String, String)], audience: String? = nil) -> TokenMatch {
        var match = TokenMatch(issuer: issuer)
        match.audience = audience
        match.claims = claims.map { TokenMatch.Claim(name: $0.0, value: $0.1) }
        return match
    }

    private static func name(_ found: TokenMatchTable.Found) -> String? {
        guard case .one(let caller) = found else { return nil }
        return caller.profile.profile.name
    }

    private static func token(_ claims: String) throws -> JSONDocument {
        try JSONDocument(parsing: Array(#"{"iss":"\#(issuer)",\#(claims)}"#.utf8))
    }

    /// How profile `number` of a thousand is told apart, and how many rules may be found by the same text.
    private static let shapes: [(String, Int, @Sendable (Int) -> TokenMatch, @Sendable (Int) -> String)] = [
        (
            "the first claim is everybody's", 2, { match([("a", "x"), ("z", "\($0)")], audience: "orders") },
            { #""aud":["orders"],"a":"x","z":["y","\#($0)"]"# }
        ),
        (
            "the audience is", 1, { match([("a", "x")], audience: "\($0)") },
            { #""aud":"\#($0)","a":"x""# }
        ),
        (
            "only two claims together", 40, { match([("a", "\($0 % 32)"), ("b", "\($0 / 32)")]) },
            { #""a":"\#($0 % 32)","b":"\#($0 / 32)""# }
        ),
        ("every claim is another's", 1, { match([("c\($0)", "x")]) }, { #""c\#($0)":"x""# }),
    ]

    @Test(arguments: shapes.indices)
    func `are few for each token, whatever they have in common`(_ shape: Int) throws {
        let (name, most, rule, claims) = Self.shapes[shape]
        var table = TokenMatchTable()
        for number in 0..<1000 { table.add(try Self.caller(number, [rule(number)])) }
        #expect(table.longestList <= most, "\(name)")
        for number in [0, 1, 517, 999] {
            #expect(Self.name(table.find(try Self.token(claims(number)))) == "p\(number)", "\(name)")
        }
        // Gone one by one, as they came, or in any other order.
        for number in (0..<1000).reversed() where number != 517 { table.remove(.test(number)) }
        #expect(Self.name(table.find(try Self.token(claims(517)))) == "p517", "\(name)")
        #expect(Self.name(table.find(try Self.token(claims(516)))) == nil, "\(name)")
        table.remove(.test(517))
        #expect(table.isEmpty, "\(name)")
    }

    @Test func `go with their profile, and take no other's along`() throws {
        var table = TokenMatchTable()
        let same = Self.match([("a", "x"), ("b", "y")])
        table.add(try Self.caller(1, [same, Self.match([("a", "x")]), Self.match([])]))
        table.add(try Self.caller(2, [same]))
        let token = try Self.token(#""a":"x","b":"y""#)
        guard case .several = table.find(token) else {
            Issue.record("two profiles have the rule")
            return
        }
        table.remove(.test(1))
        #expect(Self.name(table.find(token)) == "p2")
        table.remove(.test(1))
        table.remove(.test(2))
        #expect(table.isEmpty)
    }
}
