import GatewayCore
import JOSE
import PortcullisTestSupport
import Testing

@Suite struct `What an upstream is told besides the identity headers` {
    private var gateway: TestGateway
    private var decider = Decider()

    init() throws {
        gateway = try TestGateway()
        var generator = SystemRandomNumberGenerator()
        try gateway.draft.put([
            try SigningKeySchedule.makeKey(activeFrom: decider.now, now: decider.now, using: &generator)
        ])
    }

    private mutating func tell(_ headers: [ClaimHeader], assertion: AssertionRules? = nil) throws {
        var upstream = try #require(gateway.draft.catalog.upstream(named: "orders"))
        (upstream.claimHeaders, upstream.assertion) = (headers, assertion)
        try gateway.draft.put(upstream)
    }

    private mutating func told(_ snapshot: Snapshot, _ claims: String = "") throws -> [Substring] {
        let token = try TestGateway.acmeSigned(#"{"sub":"\#(TestGateway.acmeToken)"\#(claims)}"#)
        let admitted = try #require(decider.decide(snapshot, "Bearer \(token)").admitted)
        let text = String(decoding: admitted.identityHeaders, as: UTF8.self)
        #expect(!text.contains(TestGateway.acmeToken))
        return text.split(separator: "\r\n").filter {
            !$0.hasPrefix("Portcullis-C") && !$0.hasPrefix("Portcullis-P")
        }
    }

    @Test(
        arguments: [
            (#""a""#, "a"), (#""a b""#, "a b"), (#"" a ""#, "%20a%20"), (#""%""#, "%25"), (#""a,b""#, "a,b"),
            (#""é\r\n\t\u0000""#, "%C3%A9%0D%0A%09%00"), ("1", "1"), ("1e3", "1e3"), ("-0.50", "-0.50"),
            ("true", "true"),
            ("null", nil), ("{}", nil), (#""""#, nil), ("[]", nil), ("[[1]]", nil), (#"[""]"#, nil),
            (#"["a","b"]"#, "a,b"), (#"["a,","b"]"#, "a%2C,b"), (#"["","a",""]"#, ",a,"),
            (#"["a",null,{},[],2]"#, "a,2"),
            (#"[",",",,"]"#, "%2C,%2C%2C"),
        ] as [(String, String?)]
    )
    mutating func `is a claim's one safe value`(claim: String, value: String?) throws {
        try tell([ClaimHeader(claim: "x", header: "X-Claim")])
        #expect(try told(gateway.snapshot, #","x":\#(claim)"#) == value.map { ["X-Claim: \($0)"[...]] } ?? [])
    }

    @Test mutating func `is at most 8 KiB of each claim`() throws {
        try tell([ClaimHeader(claim: "x", header: "X-Claim")])
        for (count, isTold) in [(8192, true), (8193, false)] {
            let lines = try told(gateway.snapshot, #","x":"\#(String(repeating: "y", count: count))""#)
            #expect(lines.isEmpty != isTold)
        }
        let many = Array(repeating: "\"é\"", count: 1500).joined(separator: ",")
        #expect(try told(gateway.snapshot, #","x":[\#(many)]"#).isEmpty, "encoded it is longer")
    }

    @Test mutating func `is never the API token`() throws {
        try tell(["sub", "copy", "list"].map { ClaimHeader(claim: $0, header: "X-\($0)") })
        let token = TestGateway.acmeToken
        #expect(try told(gateway.snapshot, #","copy":"x\#(token)","list":["a",["\#(token)"]]"#).isEmpty)
    }

    @Test mutating func `is signed once for half of an assertion's life`() throws {
        var rules = AssertionRules(audience: "orders")
        rules.lifetimeSeconds = 60
        try tell([], assertion: rules)
        let snapshot = gateway.snapshot
        let first = try told(snapshot, #","name":"J","scope":"a b""#)
        #expect(first.count == 1 + 1, "the subject's name and the assertion")
        decider.now = Timestamp(secondsSinceEpoch: decider.now.secondsSinceEpoch + 29)
        #expect(try told(snapshot, #","name":"J","scope":"a b""#) == first)
        decider.now = Timestamp(secondsSinceEpoch: decider.now.secondsSinceEpoch + 1)
        let second = try told(snapshot, #","name":"J","scope":"a b""#)
        #expect(second != first)

        let assertion = try #require(second.last?.split(separator: " ").last)
        let token = try UnverifiedToken.parse(Array(assertion.utf8).span)
        let key = try #require(snapshot.catalog.signingKeys.first)
        let claims = try #require(token.verified(by: key.key.verificationKey)?.claims).root
        #expect(token.keyID == Array(key.id.text.utf8))
        for (name, value) in [
            ("iss", "urn:portcullis:gateway"), ("aud", "orders"), ("sub", ProfileID.test(1).text),
            ("client", "Acme"),
            ("profile", "acme-hmac"), ("name", "J"), ("scope", "a b"),
        ] {
            #expect(claims[member: Array(name.utf8)]?.string == value)
        }
        #expect(decider.code(snapshot, bearer: String(assertion)) == .invalidToken, "it is no credential")
    }

    @Test mutating func `is nothing at an open endpoint, and nothing for other upstreams`() throws {
        try tell([ClaimHeader(claim: "x", header: "X-Claim")], assertion: AssertionRules(audience: "orders"))
        let open = decider.decide(gateway.snapshot, nil, path: "/api-endpoints-v1/status")
        #expect(open.admitted?.identityHeaders == [])
        #expect(
            open.admitted?.route.callerFields?.names
                == ["x-claim", "portcullis-assertion"].map { Array($0.utf8) }
        )
        try tell([])
        let plain = decider.decide(gateway.snapshot, nil, path: "/api-endpoints-v1/status")
        #expect(plain.admitted?.route.callerFields == nil)
    }
}
