import GatewayCore
import JOSE
import PortcullisTestSupport
import Testing

@Suite struct `An API token by itself` {
    private var gateway: TestGateway
    private var decider = Decider()
    private let token = TestGateway.otherToken

    init() throws {
        gateway = try TestGateway()
        var profile = try gateway.profile(3)
        profile.method = .token
        try gateway.draft.put(profile)
    }

    private static func basic(_ text: String, scheme: String = "Basic") -> String {
        "\(scheme) \(Base64.encode(Array(text.utf8)))"
    }

    @Test mutating func `is let in by a profile of its method`() throws {
        let snapshot = gateway.snapshot
        let decision = decider.decide(snapshot, nil, apiToken: token)
        let admitted = try #require(decision.admitted)
        #expect(admitted.profile?.profile.name == "other-hmac")
        #expect(
            String(decoding: admitted.identityHeaders, as: UTF8.self)
                == "Portcullis-Client: Other\r\nPortcullis-Profile: other-hmac\r\n"
        )
        #expect(decider.decide(snapshot, Self.basic("api-token:\(token)")).admitted != nil)
        #expect(decider.decide(snapshot, Self.basic("api-token:\(token)", scheme: "bASIC")).admitted != nil)
    }

    @Test mutating func `is refused by a profile of another method, and the other way round`() throws {
        let snapshot = gateway.snapshot
        let alone = decider.decide(snapshot, nil, apiToken: TestGateway.acmeToken)
        #expect(alone.rejection?.code == .invalidToken)
        #expect(alone.rejection?.operatorDetail.contains("whose method is jwt") == true)
        let basic = decider.decide(snapshot, Self.basic("api-token:\(TestGateway.acmeToken)"))
        #expect(basic.rejection?.code == .invalidToken)
        let signed = try TestGateway.sign(#"{"sub":"\#(token)"}"#, secret: TestGateway.otherSecret)
        let bearer = decider.decide(snapshot, "Bearer \(signed)")
        #expect(bearer.rejection?.code == .invalidToken)
        #expect(bearer.rejection?.operatorDetail.contains("whose method is token") == true)
        #expect(decider.code(snapshot, bearer: token) == .invalidToken, "an API token is no signed token")
    }

    @Test mutating func `has the form of one and nothing else`() {
        let snapshot = gateway.snapshot
        for text in ["", "x", token.uppercased(), token + "0", String(token.dropLast()), " \(token)"] {
            #expect(decider.decide(snapshot, nil, apiToken: text).rejection?.code == .invalidToken, "\(text)")
            let basic = decider.decide(snapshot, Self.basic("api-token:\(text)")).rejection
            #expect(basic?.code == .invalidToken || basic?.code == .credentialMissing, "\(text)")
        }
        let unknown = decider.decide(snapshot, nil, apiToken: String(repeating: "9", count: 64))
        #expect(unknown.rejection?.code == .invalidToken)
        for value in [
            Self.basic("admin:\(token)"), Self.basic("api-token"), Self.basic(":\(token)"), "Basic", "Basic ",
            "Basic ====", "Basic \(token)", Self.basic("API-TOKEN:\(token)"),
        ] {
            #expect(decider.decide(snapshot, value).rejection?.code == .credentialMissing, "\(value)")
        }
    }

    @Test mutating func `in two places is ambiguous`() {
        let decision = decider.decide(
            gateway.snapshot,
            Self.basic("api-token:\(token)"),
            apiToken: token
        )
        #expect(decision.rejection?.code == .credentialAmbiguous)
    }

    @Test mutating func `is asked for its state at every call`() throws {
        var profile = try gateway.profile(3)
        profile.apiTokens[0].isActive = false
        try gateway.draft.put(profile)
        #expect(
            decider.decide(gateway.snapshot, nil, apiToken: token).rejection?.code == .clientInactive
        )
        profile.apiTokens[0].isActive = true
        profile.apiTokens[0].expiresAt = TestGateway.now
        try gateway.draft.put(profile)
        #expect(
            decider.decide(gateway.snapshot, nil, apiToken: token).rejection?.code == .clientInactive
        )
        profile.apiTokens[0].expiresAt = nil
        profile.grantedCollections = []
        try gateway.draft.put(profile)
        #expect(
            decider.decide(gateway.snapshot, nil, apiToken: token).rejection?.code == .collectionNotGranted
        )
    }

    @Test(arguments: [true, false])
    mutating func `has address lists of its own`(isJWT: Bool) throws {
        var profile = try gateway.profile(isJWT ? 1 : 3)
        profile.allowedAddresses = [try AddressRange("192.0.2.0/24")]
        profile.apiTokens[0].allowedAddresses = try ["192.0.2.0/28", "2001:db8::/32"].map {
            try AddressRange($0)
        }
        profile.apiTokens[0].deniedAddresses = [try AddressRange("192.0.2.7")]
        try gateway.draft.put(profile)
        let signed = try TestGateway.acmeSigned(#"{"sub":"\#(TestGateway.acmeToken)"}"#)
        for (address, isAllowed) in [
            ("192.0.2.1", true), ("192.0.2.7", false), ("192.0.2.77", false), ("2001:db8::1", false),
            ("198.51.100.1", false),
        ] {
            decider.address = try #require(IPAddress(address))
            for _ in 0..<2 {
                let decision =
                    isJWT
                    ? decider.decide(gateway.snapshot, "Bearer \(signed)")
                    : decider.decide(gateway.snapshot, nil, apiToken: token)
                #expect(decision.rejection?.code == (isAllowed ? nil : .addressNotAllowed), "\(address)")
            }
        }
    }

    @Test mutating func `has no claims to be judged`() throws {
        var profile = try gateway.profile(3)
        profile.claimRules.requiredClaims = ["name"]
        #expect(throws: CatalogError.self) { try gateway.draft.put(profile) }
        profile.method = .jwt
        #expect(throws: Never.self) { try gateway.draft.put(profile) }
    }

    @Test func `is explained as it is decided`() throws {
        for (token, code) in [
            (token, nil), (TestGateway.acmeToken, Rejection.Code.invalidToken),
            (String(repeating: "0", count: 64), .invalidToken),
        ] {
            let record = Explanation.explain(
                ExplainedRequest(
                    method: "GET",
                    host: "gateway.example",
                    path: "/api-endpoints-v1/call",
                    token: Array(token.utf8),
                    clientAddress: IPAddress(v4: 0x7f00_0001)
                ),
                gateway.snapshot,
                requestID: "x",
                now: TestGateway.now
            ).record
            #expect(record.code == code)
        }
    }
}
