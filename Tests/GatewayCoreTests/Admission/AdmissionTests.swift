import GatewayCore
import JOSE
import PortcullisTestSupport
import Testing

/// Decides as the proxy does, and tells the outcome as a text: `200`, or the code and the operator's detail.
struct Decider {
    var admission = Admission(cache: VerifiedTokenCache(capacity: 64, maximumBytes: 1 << 20, seed: 7))
    var now = TestGateway.now
    var address = IPAddress(v4: 0x7f00_0001)

    mutating func decide(
        _ snapshot: Snapshot,
        _ authorization: String?,
        method: String = "GET",
        path: String = "/api-endpoints-v1/call",
        fields: Int? = nil,
        apiToken: String? = nil,
        request: TestFields = TestFields()
    ) -> Decision {
        admission.decide(
            snapshot,
            host: "gateway.example".utf8.span,
            method: method.utf8.span,
            path: path.utf8.span,
            authorization: (authorization ?? "").utf8.span,
            apiToken: (apiToken ?? "").utf8.span,
            fields: request,
            AdmissionQuestion(
                clientAddress: address,
                authorizationFields: fields ?? (authorization == nil ? 0 : 1),
                apiTokenFields: apiToken == nil ? 0 : 1,
                now: now
            )
        )
    }

    mutating func code(_ snapshot: Snapshot, bearer token: String) -> Rejection.Code? {
        decide(snapshot, "Bearer \(token)").rejection?.code
    }
}

/// A request's query and headers.
struct TestFields: RequestFields {
    var query = ""
    var headers: [(String, String)] = []

    var queryBytes: [UInt8] { Array(query.utf8) }
    var fieldCount: Int { headers.count }
    func values(ofField name: [UInt8]) -> [[UInt8]] {
        headers.filter { Array($0.0.lowercased().utf8) == name }.map { Array($0.1.utf8) }
    }
}

extension Decision {
    var rejection: Rejection? {
        switch outcome {
        case .admitted: nil
        case .rejected(let rejection): rejection
        }
    }

    var admitted: Admitted? {
        switch outcome {
        case .admitted(let admitted): admitted
        case .rejected: nil
        }
    }
}

@Suite struct `A token is let in` {
    private let gateway: TestGateway
    private let snapshot: Snapshot
    private var decider = Decider()

    init() throws {
        gateway = try TestGateway()
        snapshot = gateway.snapshot
    }

    @Test mutating func `with the plainest payload, signed with the pasted secret`() throws {
        let token = try TestGateway.acmeSigned(#"{ "sub": "\#(TestGateway.acmeToken)", "name": "John Doe" }"#)
        let decision = decider.decide(snapshot, "Bearer \(token)")
        let admitted = try #require(decision.admitted, "\(String(describing: decision.rejection))")
        let headers = String(decoding: admitted.identityHeaders, as: UTF8.self)
        #expect(headers.hasPrefix("Portcullis-Client: Acme\r\nPortcullis-Profile: acme-hmac\r\n"))
        #expect(headers.contains("Portcullis-Subject-Name: John Doe\r\n"))
        let claims = try #require(headers.split(separator: "\r\n").last?.split(separator: " ").last)
        let decoded = try Base64URL.decode(Array(claims.utf8).span)
        #expect(String(decoding: decoded, as: UTF8.self) == #"{"name": "John Doe"}"#)
    }

    @Test mutating func `with an RSA key whose public line was pasted`() throws {
        let payload = #"{"sub":"\#(TestGateway.acmeRSAToken)"}"#
        for algorithm in [SignatureAlgorithm.rs256, .rs384, .rs512, .ps256] {
            let token = try gateway.acmeRSAKey.sign(payload: Array(payload.utf8), algorithm: algorithm)
            #expect(decider.code(snapshot, bearer: token) == nil)
        }
    }

    @Test(arguments: [
        #"{"urn:portcullis:sub":"TOKEN","sub":"somebody"}"#, #"{"portcullis_sub":"TOKEN","sub":"somebody"}"#,
        #"{"urn:portcullis:sub":"","portcullis_sub":null,"sub":"TOKEN"}"#,
    ])
    mutating func `from the first claim that is not empty`(payload: String) throws {
        let text = payload.split(separator: "TOKEN", omittingEmptySubsequences: false)
            .joined(separator: TestGateway.acmeToken)
        #expect(decider.code(snapshot, bearer: try TestGateway.acmeSigned(text)) == nil)
    }

    @Test mutating func `from the header's kid when no claim has it`() throws {
        let key = try SigningKey.hmac(secret: Secret(Array(TestGateway.acmeSecret.utf8)))
        let token = try key.sign(payload: Array("{}".utf8), keyID: TestGateway.acmeToken)
        #expect(decider.code(snapshot, bearer: token) == nil)
    }

    @Test mutating func `the second time from memory`() throws {
        let token = try TestGateway.acmeSigned(#"{"sub":"\#(TestGateway.acmeToken)"}"#)
        #expect(!decider.decide(snapshot, "Bearer \(token)").findings.wasRemembered)
        #expect(decider.decide(snapshot, "bearer  \(token)").findings.wasRemembered)
    }

    @Test mutating func `nowhere but at an endpoint that asks for none, without a credential`() {
        #expect(decider.decide(snapshot, nil, path: "/api-endpoints-v1/status").admitted != nil)
        #expect(decider.decide(snapshot, nil).rejection?.code == .credentialMissing)
    }
}

@Suite struct `A call is turned away` {
    private let gateway: TestGateway
    private let snapshot: Snapshot
    private var decider = Decider()

    init() throws {
        gateway = try TestGateway()
        snapshot = gateway.snapshot
    }

    @Test mutating func `with two credentials, whatever they are`() throws {
        let token = try TestGateway.acmeSigned(#"{"sub":"\#(TestGateway.acmeToken)"}"#)
        #expect(
            decider.decide(snapshot, "Bearer \(token)", fields: 2).rejection?.code == .credentialAmbiguous
        )
        #expect(
            decider.decide(snapshot, "Bearer \(token)", apiToken: TestGateway.acmeToken).rejection?.code
                == .credentialAmbiguous
        )
        let joined = "Bearer \(token), Bearer \(token)"
        #expect(decider.decide(snapshot, joined).rejection?.code == .credentialAmbiguous)
    }

    @Test(arguments: ["Basic YTpi", "", "Digest x=y", "Bear x"])
    mutating func `with another scheme`(authorization: String) {
        #expect(decider.decide(snapshot, authorization).rejection?.code == .credentialMissing)
    }

    @Test mutating func `with any one byte of its token changed`() throws {
        let token = Array(try TestGateway.acmeSigned(#"{"sub":"\#(TestGateway.acmeToken)"}"#).utf8)
        for index in token.indices {
            var changed = token
            changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(decider.code(snapshot, bearer: String(decoding: changed, as: UTF8.self)) == .invalidToken)
        }
    }

    @Test mutating func `signed by another client, with a public key as secret, or with another algorithm`()
        throws
    {
        let payload = #"{"sub":"\#(TestGateway.acmeToken)"}"#
        #expect(
            decider.code(snapshot, bearer: try TestGateway.sign(payload, secret: TestGateway.otherSecret))
                == .invalidToken
        )
        let rsaPayload = #"{"sub":"\#(TestGateway.acmeRSAToken)"}"#
        let line = try #require(gateway.acmeRSAKey.openSSHPublicLine(comment: "laptop"))
        let pem = try #require(gateway.acmeRSAKey.verificationKey.subjectPublicKeyInfoPEM)
        for secret in [line, line + "\n", pem, pem + "\n"] {
            // As a JWK, since a public key is refused as a pasted secret.
            let jwk = #"{"kty":"oct","k":"\#(Base64URL.encode(Array(secret.utf8)))"}"#
            let token = try SigningKey.read(Array(jwk.utf8)).sign(
                payload: Array(rsaPayload.utf8),
                algorithm: .hs256
            )
            #expect(decider.code(snapshot, bearer: token) == .invalidToken)
        }
        let crossed = try gateway.acmeRSAKey.sign(payload: Array(payload.utf8), algorithm: .rs256)
        #expect(decider.code(snapshot, bearer: crossed) == .invalidToken)
    }

    @Test(arguments: [UInt8(0), 1, 0x7f, 0xff])
    mutating func `with an RSA signature that is no number below the modulus, or none at all`(
        byte: UInt8
    ) throws {
        let payload = #"{"sub":"\#(TestGateway.acmeRSAToken)"}"#
        let token = try gateway.acmeRSAKey.sign(payload: Array(payload.utf8), algorithm: .rs256)
        let signed = try #require(token.lastIndex(of: ".").map { token[...$0] })
        let forged = signed + Base64URL.encode(Array(repeating: byte, count: 256))
        #expect(decider.code(snapshot, bearer: String(forged)) == .invalidToken)
    }

    @Test mutating func `without telling apart what was wrong, but for the record`() throws {
        let unknown = try TestGateway.acmeSigned(#"{"sub":"\#(String(repeating: "9", count: 64))"}"#)
        let wrongKey = try TestGateway.sign(
            #"{"sub":"\#(TestGateway.acmeToken)"}"#,
            secret: TestGateway.otherSecret
        )
        let wrongAlgorithm = try TestGateway.acmeSigned(#"{"sub":"\#(TestGateway.acmeRSAToken)"}"#)
        let rejections = [unknown, wrongKey, wrongAlgorithm].compactMap { token in
            decider.decide(snapshot, "Bearer \(token)").rejection
        }
        #expect(Set(rejections.map(\.code)) == [.invalidToken])
        #expect(Set(rejections.map(\.publicDetail)).count == 1)
        #expect(Set(rejections.map(\.operatorDetail)).count == 3)
        #expect(rejections[2].operatorDetail.hasPrefix("alg is HS256, profile \"acme-rsa\" expects PS256"))
        for rejection in rejections { #expect(!rejection.operatorDetail.contains(TestGateway.acmeToken)) }
    }

    @Test(arguments: [
        (#""exp":1795478369"#, Rejection.Code.tokenExpired), (#""exp":-1"#, .tokenExpired),
        (#""exp":0.5"#, .tokenExpired),
        (#""exp":"1995478400""#, .invalidToken), (#""exp":1e400"#, .invalidToken),
        (#""exp":1995478400000"#, .invalidToken),
        (#""exp":[1]"#, .invalidToken), (#""nbf":1795478431"#, .tokenNotYetValid),
        (#""nbf":1e300"#, .tokenNotYetValid),
        (#""iat":1795478431"#, .tokenNotYetValid), (#""nbf":"0""#, .invalidToken),
        (#""exp":true"#, .invalidToken),
    ])
    mutating func `outside of its time`(claim: String, expected: Rejection.Code) throws {
        let token = try TestGateway.acmeSigned(#"{"sub":"\#(TestGateway.acmeToken)",\#(claim)}"#)
        #expect(decider.code(snapshot, bearer: token) == expected)
    }

    @Test mutating func `when it expires in memory`() throws {
        let token = try TestGateway.acmeSigned(#"{"sub":"\#(TestGateway.acmeToken)","exp":1795478410}"#)
        #expect(decider.code(snapshot, bearer: token) == nil)
        decider.now = Timestamp(secondsSinceEpoch: 1_795_478_440)
        #expect(decider.code(snapshot, bearer: token) == .tokenExpired)
    }

    @Test(arguments: [
        #"{"sub":"TOKEN","sub":"TOKEN"}"#, #"{"sub":"TOKEN","x":{"a":1,"\u0061":2}}"#, #"["TOKEN"]"#,
        #""TOKEN""#,
        #"{"sub":["TOKEN"]}"#, #"{"sub":{"x":"TOKEN"}}"#, #"{"urn:portcullis:sub":"x","sub":"TOKEN"}"#, "",
        "{",
        #"{"sub":"TOKEN"} "x""#, #"{"x":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]],"sub":"TOKEN"}"#,
        #"{"sub":1}"#,
    ])
    mutating func `with a payload that is not what it should be`(payload: String) throws {
        let text = payload.split(separator: "TOKEN", omittingEmptySubsequences: false)
            .joined(separator: TestGateway.acmeToken)
        #expect(decider.code(snapshot, bearer: try TestGateway.acmeSigned(text)) == .invalidToken)
    }
}

@Suite struct `A change of the catalog` {
    private var gateway: TestGateway
    private var decider = Decider()
    private let token: String

    init() throws {
        gateway = try TestGateway()
        token = try TestGateway.acmeSigned(#"{"sub":"\#(TestGateway.acmeToken)","iss":"a","aud":["x","y"]}"#)
    }

    /// Lets the token in once, so that it is remembered, changes the profile, and decides again.
    private mutating func codeAfter(_ change: (inout AccessProfile) throws -> Void) throws -> Rejection.Code?
    {
        let before = gateway.snapshot
        #expect(decider.code(before, bearer: token) == nil)
        var profile = try gateway.profile(1)
        try change(&profile)
        var draft = CatalogDraft(before.catalog)
        try draft.put(profile)
        return decider.code(Snapshot(draft.finished(), after: before, draft.change), bearer: token)
    }

    @Test mutating func `that turns the profile off is obeyed at once`() throws {
        #expect(try codeAfter { $0.isActive = false } == .clientInactive)
    }

    @Test mutating func `that turns the API token off or lets it expire is obeyed at once`() throws {
        #expect(try codeAfter { $0.apiTokens[0].isActive = false } == .clientInactive)
        #expect(try codeAfter { $0.apiTokens[0].expiresAt = TestGateway.now } == .clientInactive)
    }

    @Test mutating func `that removes the API token or the key is obeyed at once`() throws {
        #expect(try codeAfter { $0.apiTokens = [] } == .invalidToken)
        #expect(try codeAfter { $0.keys = [] } == .invalidToken)
        #expect(try codeAfter { $0.keys[0].isActive = false } == .invalidToken)
    }

    @Test mutating func `that takes the grant away is obeyed at once`() throws {
        #expect(try codeAfter { $0.grantedCollections = [] } == .collectionNotGranted)
    }

    @Test mutating func `of the claim rules is obeyed at once`() throws {
        #expect(try codeAfter { $0.claimRules.requiredClaims = ["tenant"] } == .claimMissing)
        #expect(try codeAfter { $0.claimRules.issuers = ["b"] } == .claimNotAccepted)
        #expect(try codeAfter { $0.claimRules.issuers = ["a", "b"] } == nil)
        #expect(try codeAfter { $0.claimRules.audiences = ["z"] } == .claimNotAccepted)
        #expect(try codeAfter { $0.claimRules.audiences = ["y"] } == nil)
        #expect(try codeAfter { $0.claimRules.requiresExpiry = true } == .claimMissing)
        #expect(try codeAfter { $0.claimRules.maximumLifetimeSeconds = 60 } == .claimMissing)
    }

    @Test mutating func `of the address lists is obeyed at once`() throws {
        #expect(
            try codeAfter { $0.deniedAddresses = [try AddressRange("127.0.0.0/8")] } == .addressNotAllowed
        )
        #expect(
            try codeAfter { $0.allowedAddresses = [try AddressRange("10.0.0.0/8")] } == .addressNotAllowed
        )
        #expect(try codeAfter { $0.allowedAddresses = [try AddressRange("127.0.0.1")] } == nil)
    }

    @Test mutating func `that turns the client, the collection or the endpoint off is obeyed at once`() throws
    {
        let before = gateway.snapshot
        #expect(decider.code(before, bearer: token) == nil)
        var draft = CatalogDraft(before.catalog)
        var client = try #require(before.catalog.client(named: "Acme"))
        client.isActive = false
        try draft.put(client)
        #expect(
            decider.code(Snapshot(draft.finished(), after: before, draft.change), bearer: token)
                == .clientInactive
        )
        for change in [
            { (collection: inout Collection) in collection.isActive = false },
            { collection in collection.endpoints[0].isActive = false },
        ] {
            var draft = CatalogDraft(before.catalog)
            var collection = try #require(before.catalog.collection(handle: "api-endpoints-v1"))
            change(&collection)
            try draft.put(collection)
            let after = Snapshot(draft.finished(), after: before, draft.change)
            #expect(decider.code(after, bearer: token) == .endpointNotFound)
        }
    }

    @Test mutating func `retiring a key ends the tokens that are remembered, by time alone`() throws {
        var profile = try gateway.profile(1)
        profile.keys[0].retireAt = Timestamp(secondsSinceEpoch: TestGateway.now.secondsSinceEpoch + 5)
        try gateway.draft.put(profile)
        let snapshot = gateway.snapshot
        #expect(decider.code(snapshot, bearer: token) == nil)
        decider.now = Timestamp(secondsSinceEpoch: TestGateway.now.secondsSinceEpoch + 5)
        #expect(decider.code(snapshot, bearer: token) == .invalidToken)
    }
}

@Suite struct `A decision that is kept` {
    private let snapshot: Snapshot
    private var decider = Decider()

    init() throws {
        snapshot = try TestGateway().snapshot
    }

    @Test(arguments: [Rejection.Code.bodyTooLarge, .badRequest])
    mutating func `says that the form failed when the body turned out wrong`(code: Rejection.Code) throws {
        let token = try TestGateway.acmeSigned(#"{"sub":"\#(TestGateway.acmeToken)"}"#)
        let decision = decider.decide(snapshot, "Bearer \(token)", method: "POST")
        let checks = decision.findings.checks(Rejection(code, operatorDetail: "the body"))
        #expect(checks.filter { $0.result == .failed }.map(\.check) == [.wellFormed])
        #expect(checks.first?.detail == "the body")
        #expect(checks.first { $0.check == .grant }?.result == .passed)
        #expect(checks.last?.detail == "not reached")
    }

    @Test mutating func `holds no snapshot, however it was refused`() throws {
        let signed = try TestGateway.sign(
            #"{"sub":"\#(TestGateway.acmeToken)"}"#,
            secret: TestGateway.otherSecret
        )
        let unknown = try TestGateway.acmeSigned(#"{"sub":"\#(String(repeating: "0", count: 64))"}"#)
        for token in [signed, unknown, "a.b.c", ""] {
            weak var used: Snapshot?
            let rejection = try {
                let own = try TestGateway().snapshot
                used = own
                return decider.decide(own, "Bearer \(token)").rejection
            }()
            #expect(rejection?.operatorDetail.isEmpty == false)
            #expect(used == nil)
        }
    }
}
