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
