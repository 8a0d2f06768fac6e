import JOSE
import PortcullisTestSupport
import Testing

@testable import GatewayCore

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
        issued: Int64 = start + 31,
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

    @Test(arguments: [0, 30, 300])
    mutating func `could not be used before anything was remembered`(_ leeway: Int64) throws {
        var profile = try gateway.profile(1)
        profile.claimRules.leewaySeconds = Int(leeway)
        try gateway.draft.put(profile)
        // The last one that was accepted in the second of the start, by a process that is gone.
        let last = Self.start + leeway
        decider.now = Timestamp(secondsSinceEpoch: last)
        let decision = decider.decide(gateway.snapshot, "Bearer \(try Self.token("1", issued: last))")
        #expect(decision.rejection?.code == .tokenRevoked)
        #expect(decision.rejection?.operatorDetail.contains("leeway of \(leeway) s") == true)
        decider.now = Timestamp(secondsSinceEpoch: last + 1)
        #expect(decider.code(gateway.snapshot, bearer: try Self.token("2", issued: last + 1)) == nil)
    }

    @Test mutating func `is refused when the leeway is raised after it expired`() throws {
        let token = try Self.token()
        #expect(decider.code(gateway.snapshot, bearer: token) == nil)
        var profile = try gateway.profile(1)
        profile.claimRules.leewaySeconds = 300
        try gateway.draft.put(profile)
        let end = TestGateway.now.secondsSinceEpoch + 60
        for second in [31, 299] as [Int64] {
            decider.now = Timestamp(secondsSinceEpoch: end + second)
            // 300 s of leeway reach back behind the start; it is for its use that it is refused.
            let refusal = decider.decide(gateway.snapshot, "Bearer \(token)").rejection
            #expect(refusal?.code == .tokenRevoked, "\(second)")
        }
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
        decider.now = Timestamp(secondsSinceEpoch: TestGateway.now.secondsSinceEpoch + 362)
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

@Suite struct `Used tokens` {
    // The profiles 10 and 20 share a shard.
    private static let now = TestGateway.now.secondsSinceEpoch
    private let used = UsedTokens(startedAt: Timestamp(secondsSinceEpoch: now - 1000))

    private func use(
        _ number: Int,
        of profile: Int = 10,
        issued: Int64 = now,
        until end: Int64,
        at time: Int64 = now,
        isKnown: Bool = true
    ) throws {
        try used.use(
            Array("\(number)".utf8),
            issuedAt: issued,
            leewaySeconds: 30,
            until: end,
            by: .test(profile),
            at: Timestamp(secondsSinceEpoch: time),
            isKnown: { $0 == .test(10) || isKnown }
        )
    }

    @Test func `are forgotten when they have ended, long before there are too many`() throws {
        for second in 0..<10 as Range<Int64> {
            for number in 0..<1000 {
                try use(number + Int(second) * 1000, until: Self.now + second + 1, at: Self.now + second)
            }
        }
        #expect(used.size.tokens <= 3000)
    }

    @Test func `leave nothing behind when all of a profile's have ended`() throws {
        try use(1, of: 20, until: Self.now + 10)
        try use(2, until: Self.now + 100)
        try use(3, until: Self.now + 100, at: Self.now + 59)
        #expect(used.size == (2, 3))
        try use(4, until: Self.now + 200, at: Self.now + 60)
        #expect(used.size == (1, 3))
    }

    @Test func `of a profile that is gone are dropped, and not accepted when it comes back`() throws {
        try use(1, of: 20, until: Self.now + 1000)
        try use(2, until: Self.now + 1000, at: Self.now + 60, isKnown: false)
        #expect(used.size == (2, 1))
        #expect(throws: UsedTokens.Refusal.issuedBeforeStart) {
            try use(1, of: 20, until: Self.now + 1000, at: Self.now + 61)
        }
        #expect(throws: UsedTokens.Refusal.issuedBeforeStart) {
            try use(3, of: 20, issued: Self.now + 360, until: Self.now + 1000, at: Self.now + 330)
        }
        try use(3, of: 20, issued: Self.now + 361, until: Self.now + 1000, at: Self.now + 361)
    }
}
