import GatewayCore
import JOSE
import PortcullisTestSupport
import Testing

@Suite struct `A token that is accepted once` {
    private var gateway: TestGateway
    private var decider: Decider
    private static let start = TestGateway.now.secondsSinceEpoch - 100

    init() throws {
        gateway = try TestGateway()
        decider = Decider()
        decider.admission = Self.admission(UsedTokens(startedAt: Timestamp(secondsSinceEpoch: Self.start)))
        var profile = try gateway.profile(1)
        profile.acceptsTokensOnce = true
        try gateway.draft.put(profile)
    }

    private static func admission(_ usedTokens: UsedTokens?) -> Admission {
        Admission(
            cache: VerifiedTokenCache(capacity: 64, maximumBytes: 1 << 20, seed: 7),
            usedTokens: usedTokens
        )
    }

    private static func token(
        _ id: String = "1",
        issued: Int64 = start,
        expires: Int64 = TestGateway.now.secondsSinceEpoch + 60,
        leavingOut missing: String = ""
    ) throws -> String {
        let claims = [("jti", "\"\(id)\""), ("iat", "\(issued)"), ("exp", "\(expires)")]
            .filter { $0.0 != missing }.map { #""\#($0.0)":\#($0.1)"# }.joined(separator: ",")
        return try TestGateway.acmeSigned(#"{"sub":"\#(TestGateway.acmeToken)",\#(claims)}"#)
    }

    @Test mutating func `is refused the second time, and every other with its jti`() throws {
        let snapshot = gateway.snapshot
        let token = try Self.token()
        #expect(decider.code(snapshot, bearer: token) == nil)
        #expect(decider.code(snapshot, bearer: token) == .tokenRevoked)
        let sibling = try Self.token(expires: TestGateway.now.secondsSinceEpoch + 61)
        #expect(decider.code(snapshot, bearer: sibling) == .tokenRevoked)
        #expect(decider.code(snapshot, bearer: try Self.token("2")) == nil)
    }

    @Test mutating func `is refused to the last second in which it could be used again`() throws {
        let snapshot = gateway.snapshot
        let end = TestGateway.now.secondsSinceEpoch + 60
        let token = try Self.token()
        #expect(decider.code(snapshot, bearer: token) == nil)
        // 30 s of leeway.
        decider.now = Timestamp(secondsSinceEpoch: end + 29)
        #expect(decider.code(snapshot, bearer: token) == .tokenRevoked)
        decider.now = Timestamp(secondsSinceEpoch: end + 31)
        #expect(decider.code(snapshot, bearer: token) == .tokenExpired)
    }

    @Test(arguments: ["jti", "iat", "exp"])
    mutating func `needs every claim that it is known again by`(_ missing: String) throws {
        let token = try Self.token(leavingOut: missing)
        #expect(decider.code(gateway.snapshot, bearer: token) == .claimMissing)
    }

    @Test mutating func `was not issued before anything was remembered`() throws {
        let token = try Self.token(issued: Self.start - 1)
        #expect(decider.code(gateway.snapshot, bearer: token) == .tokenRevoked)
    }

    @Test mutating func `is not used up by a call that is turned away`() throws {
        let token = try Self.token()
        let snapshot = gateway.snapshot
        let refused = decider.decide(snapshot, "Bearer \(token)", path: "/nowhere/call")
        #expect(refused.rejection?.code == .endpointNotFound)
        var profile = try gateway.profile(1)
        let granted = profile.grantedCollections
        profile.grantedCollections = []
        try gateway.draft.put(profile)
        #expect(decider.code(gateway.snapshot, bearer: token) == .collectionNotGranted)
        profile.grantedCollections = granted
        try gateway.draft.put(profile)
        #expect(decider.code(gateway.snapshot, bearer: token) == nil)
        #expect(decider.code(gateway.snapshot, bearer: token) == .tokenRevoked)
    }

    @Test mutating func `is refused where nobody remembers`() throws {
        decider.admission = Self.admission(nil)
        #expect(decider.code(gateway.snapshot, bearer: try Self.token()) == .tokenRevoked)
    }

    @Test mutating func `is one of so many, of which none is given up before its time`() throws {
        let used = UsedTokens(startedAt: Timestamp(secondsSinceEpoch: Self.start), capacity: 3)
        decider.admission = Self.admission(used)
        let snapshot = gateway.snapshot
        for number in 1...3 { #expect(decider.code(snapshot, bearer: try Self.token("\(number)")) == nil) }
        let fourth = try Self.token("4", expires: TestGateway.now.secondsSinceEpoch + 600)
        #expect(decider.code(snapshot, bearer: fourth) == .tokenRevoked)
        #expect(decider.code(snapshot, bearer: try Self.token("1")) == .tokenRevoked)
        decider.now = Timestamp(secondsSinceEpoch: TestGateway.now.secondsSinceEpoch + 92)
        #expect(decider.code(snapshot, bearer: fourth) == nil, "the others have expired")
    }

    @Test mutating func `is not used up by asking`() throws {
        let used = UsedTokens(startedAt: Timestamp(secondsSinceEpoch: Self.start))
        decider.admission = Self.admission(used)
        let snapshot = gateway.snapshot
        let token = try Self.token()
        let address = try #require(IPAddress("192.0.2.1"))
        let request = ExplainedRequest(
            method: "GET",
            host: "",
            path: "/api-endpoints-v1/call",
            token: Array(token.utf8),
            clientAddress: address
        )
        func explained() -> Rejection.Code? {
            Explanation.explain(request, snapshot, usedTokens: used, requestID: "1", now: TestGateway.now)
                .record.code
        }
        #expect(explained() == nil)
        #expect(decider.code(snapshot, bearer: token) == nil)
        #expect(explained() == .tokenRevoked)
    }
}
