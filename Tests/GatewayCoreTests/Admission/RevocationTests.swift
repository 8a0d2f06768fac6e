import GatewayCore
import JOSE
import PortcullisTestSupport
import Testing

@Suite struct `A revoked token` {
    private var gateway: TestGateway
    private var decider = Decider()
    private static let claims =
        #""jti":"4711","iat":1795478000,"exp":1795479000,"urn:portcullis:sub":"\#(TestGateway.acmeToken)""#

    init() throws {
        gateway = try TestGateway()
    }

    private mutating func revoke(_ tokens: Revocation.Tokens, until end: Int64? = nil) throws {
        var profile = try gateway.profile(1)
        var revocation = Revocation(id: .test(1), tokens: tokens, createdAt: TestGateway.now)
        revocation.expiresAt = end.map { Timestamp(secondsSinceEpoch: $0) }
        profile.revocations = [revocation]
        try gateway.draft.put(profile)
    }

    @Test(arguments: [
        (Revocation.Tokens.tokenID("4711"), true),
        (.tokenID("471"), false),
        (.tokenID("47111"), false),
        (.subject("jdoe"), true),
        (.subject("jdoe2"), false),
        (.issuedBefore(Timestamp(secondsSinceEpoch: 1_795_478_001)), true),
        (.issuedBefore(Timestamp(secondsSinceEpoch: 1_795_478_000)), false),
    ])
    mutating func `is refused at the next call, remembered or not`(
        _ tokens: Revocation.Tokens,
        _ isRevoked: Bool
    ) throws {
        let token = try TestGateway.acmeSigned("{\(Self.claims),\"sub\":\"jdoe\"}")
        #expect(decider.decide(gateway.snapshot, "Bearer \(token)").admitted != nil)
        try revoke(tokens)
        for _ in 0..<3 {
            let expected: Rejection.Code? = isRevoked ? .tokenRevoked : nil
            #expect(decider.code(gateway.snapshot, bearer: token) == expected)
        }
        var profile = try gateway.profile(1)
        profile.revocations = []
        try gateway.draft.put(profile)
        #expect(decider.decide(gateway.snapshot, "Bearer \(token)").admitted != nil)
    }

    @Test mutating func `is one that does not say when it was issued`() throws {
        let token = try TestGateway.acmeSigned(#"{"sub":"\#(TestGateway.acmeToken)"}"#)
        try revoke(.issuedBefore(Timestamp(secondsSinceEpoch: 1)))
        #expect(decider.code(gateway.snapshot, bearer: token) == .tokenRevoked)
    }

    @Test mutating func `is refused for as long as the revocation counts`() throws {
        let token = try TestGateway.acmeSigned("{\(Self.claims)}")
        try revoke(.tokenID("4711"), until: TestGateway.now.secondsSinceEpoch + 10)
        let snapshot = gateway.snapshot
        #expect(decider.code(snapshot, bearer: token) == .tokenRevoked)
        decider.now = Timestamp(secondsSinceEpoch: TestGateway.now.secondsSinceEpoch + 9)
        #expect(decider.code(snapshot, bearer: token) == .tokenRevoked)
        decider.now = Timestamp(secondsSinceEpoch: TestGateway.now.secondsSinceEpoch + 10)
        #expect(decider.code(snapshot, bearer: token) == nil)
    }

    @Test mutating func `is nobody else's`() throws {
        try revoke(.tokenID("4711"))
        let token = try TestGateway.sign(
            #"{"jti":"4711","sub":"\#(TestGateway.otherToken)"}"#,
            secret: TestGateway.otherSecret
        )
        #expect(decider.code(gateway.snapshot, bearer: token) == nil)
    }

    @Test mutating func `is never named by an API token`() throws {
        #expect(throws: CatalogError.self) { try revoke(.subject(TestGateway.acmeToken)) }
    }
}

@Suite struct `A profile's own identity claim` {
    private var gateway: TestGateway
    private var decider = Decider()

    init() throws {
        gateway = try TestGateway()
        var profile = try gateway.profile(1)
        profile.identityClaim = "https://acme.example/api_token"
        try gateway.draft.put(profile)
    }

    private static func token(_ claims: String, secret: String = TestGateway.acmeSecret) throws -> String {
        try TestGateway.sign("{\(claims)}", secret: secret)
    }

    @Test mutating func `finds the profile where sub is taken`() throws {
        let snapshot = gateway.snapshot
        let own = #""https://acme.example/api_token":"\#(TestGateway.acmeToken)""#
        #expect(decider.code(snapshot, bearer: try Self.token(#""sub":"jdoe",\#(own)"#)) == nil)
        #expect(decider.code(snapshot, bearer: try Self.token(own)) == nil)
        let plain = #""sub":"\#(TestGateway.acmeToken)""#
        #expect(decider.code(snapshot, bearer: try Self.token(plain)) == nil, "the usual claims still count")
    }

    @Test mutating func `is no other profile's`() throws {
        let theirs = #""sub":"jdoe","https://acme.example/api_token":"\#(TestGateway.otherToken)""#
        let token = try Self.token(theirs, secret: TestGateway.otherSecret)
        #expect(decider.code(gateway.snapshot, bearer: token) == .invalidToken)
    }

    @Test mutating func `is looked for as long as a profile has it`() throws {
        let own = #""sub":"jdoe","https://acme.example/api_token":"\#(TestGateway.acmeToken)""#
        var second = try gateway.profile(2)
        second.identityClaim = "https://acme.example/api_token"
        try gateway.draft.put(second)
        try gateway.draft.delete(profile: .test(2))
        #expect(decider.code(gateway.snapshot, bearer: try Self.token(own)) == nil)
        var profile = try gateway.profile(1)
        profile.identityClaim = nil
        try gateway.draft.put(profile)
        #expect(decider.code(gateway.snapshot, bearer: try Self.token(own)) == .invalidToken)
    }

    @Test mutating func `is one of twenty at most`() throws {
        for number in 2...20 {
            var profile = AccessProfile(id: .test(100 + number), clientID: .test(1), name: "p\(number)")
            profile.identityClaim = "claim \(number)"
            try gateway.draft.put(profile)
        }
        var profile = try gateway.profile(3)
        profile.identityClaim = "claim 20"
        try gateway.draft.put(profile)
        profile.identityClaim = "claim 21"
        #expect(throws: CatalogError.self) { try gateway.draft.put(profile) }
    }
}
