import GatewayCore
import JOSE
import PortcullisTestSupport
import Testing

@Suite struct `An access token` {
    private var gateway: TestGateway
    private var decider = Decider()
    private var generator = SystemRandomNumberGenerator()
    private let guesses = GuessLimiter()
    private let clientID = ProfileID.test(3).text

    init() throws {
        gateway = try TestGateway()
        var profile = try gateway.profile(3)
        profile.method = .oauth2
        profile.keys = []
        profile.oauth2 = OAuth2Rules()
        profile.oauth2?.scopes = ["read", "write"]
        profile.oauth2?.lifetimeSeconds = 600
        try gateway.draft.put(profile)
        try gateway.draft.put([
            try SigningKeySchedule.makeKey(activeFrom: decider.now, now: decider.now, using: &generator)
        ])
    }

    private mutating func ask(
        _ snapshot: Snapshot,
        secret: String = TestGateway.otherToken,
        id: String? = nil,
        scope: String = "",
        from address: IPAddress? = IPAddress(v4: 0x7f00_0001),
        presenting certificate: (any PresentedCertificate)? = nil
    ) -> TokenEndpoint.Decision {
        let body =
            "grant_type=client_credentials&client_id=\(id ?? clientID)&client_secret=\(secret)&scope=\(scope)"
        let endpoint = TokenEndpoint(snapshot, guesses: guesses, now: decider.now, monotonicSeconds: 0)
        let parts = TokenRequestParts(
            contentTypes: [Array("application/x-www-form-urlencoded".utf8)],
            authorizations: [],
            hasQuery: false,
            body: Array(body.utf8)
        )
        return endpoint.decide(parts, from: address, certificate, using: &generator)
    }

    private mutating func token(_ snapshot: Snapshot) throws -> String {
        let document = try ask(snapshot).outcome.get().revealedDocument()
        return try #require(document["access_token"]?.value.text)
    }

    @Test mutating func `is let in by the path of all others`() throws {
        let snapshot = gateway.snapshot
        let token = try token(snapshot)
        for isRemembered in [false, true] {
            let decision = decider.decide(snapshot, "Bearer \(token)")
            let admitted = try #require(decision.admitted)
            #expect(admitted.profile?.profile.name == "other-hmac")
            #expect(decision.findings.wasRemembered == isRemembered)
            let headers = String(decoding: admitted.identityHeaders, as: UTF8.self)
            #expect(headers.contains("Portcullis-Subject-Name: Other/other-hmac\r\n"))
        }
        decider.now = Timestamp(secondsSinceEpoch: decider.now.secondsSinceEpoch + 631)
        #expect(decider.code(snapshot, bearer: token) == .tokenExpired)
    }

    @Test mutating func `ends with whatever it was issued by and for`() throws {
        let before = gateway.snapshot
        let token = try token(before)
        let changes: [(String, (inout TestGateway) throws -> Void, Rejection.Code)] = [
            ("the API token is off", { try $0.change { $0.apiTokens[0].isActive = false } }, .clientInactive),
            (
                "it has expired", { try $0.change { $0.apiTokens[0].expiresAt = TestGateway.now } },
                .clientInactive
            ),
            ("it is gone", { try $0.change { $0.apiTokens = [] } }, .invalidToken),
            ("the profile is off", { try $0.change { $0.isActive = false } }, .clientInactive),
            (
                "another method",
                { try $0.change { profile in (profile.method, profile.oauth2) = (.token, nil) } },
                .invalidToken
            ),
            ("no grant", { try $0.change { $0.grantedCollections = [] } }, .collectionNotGranted),
            ("a scope is gone", { try $0.change { $0.oauth2?.scopes = ["write"] } }, .invalidToken),
            (
                "a scope is another", { try $0.change { $0.oauth2?.scopes = ["read", "writes"] } },
                .invalidToken
            ),
            ("no scope is left", { try $0.change { $0.oauth2 = nil } }, .invalidToken),
            ("the keys are others", { try $0.draft.put([GatewaySigningKey]()) }, .invalidToken),
            (
                "the issuer is another",
                { gateway in
                    var settings = gateway.draft.catalog.settings
                    settings.issuer = "https://other.example"
                    try gateway.draft.put(settings)
                }, .invalidToken
            ),
        ]
        for (why, change, code) in changes {
            // The draft begins at the snapshot that remembers the token.
            var changed = gateway
            changed.draft = CatalogDraft(before.catalog)
            #expect(decider.code(before, bearer: token) == nil, "\(why)")
            try change(&changed)
            let after = Snapshot(changed.draft.finished(), after: before, changed.draft.change)
            #expect(decider.code(after, bearer: token) == code, "\(why)")
            var fresh = Decider()
            #expect(fresh.code(after, bearer: token) == code, "\(why), not remembered")
            #expect(fresh.code(Snapshot(changed.draft.finished()), bearer: token) == code, "\(why), anew")
        }
    }

    @Test mutating func `is verified by the gateway's keys alone`() throws {
        let snapshot = gateway.snapshot
        let token = try token(snapshot)
        let parts = token.split(separator: ".")
        let payload = try Base64URL.decode(Array(parts[1].utf8))
        let keyID = try #require(snapshot.catalog.signingKeys.first).id.text
        let stranger = try SigningKey.generate(.ec(.p256))
        let acme = try SigningKey.hmac(secret: Secret(Array(TestGateway.acmeSecret.utf8)))
        for (key, type, kid) in [
            (stranger, "at+jwt", keyID), (acme, "at+jwt", keyID), (acme, "at+jwt", nil),
            (stranger, "JWT", keyID),
        ] as [(SigningKey, String, String?)] {
            let forged = try key.sign(payload: payload, type: type, keyID: kid)
            #expect(decider.code(snapshot, bearer: forged) == .invalidToken)
        }
        // Signed by the gateway, but no access token: what else it signs is no credential.
        let own = try #require(snapshot.catalog.signingKeys.first)
        let text = String(decoding: payload, as: UTF8.self)
        let aud = #""aud":"urn:portcullis:gateway""#
        #expect(text.contains(aud))
        for (type, changed) in [
            ("JWT", text), ("at+jwt", text.replacing(aud, with: #""aud":"orders""#)),
            ("at+jwt", text.replacing("portcullis_token", with: "other")),
            ("at+jwt", text.replacing("client_id", with: "other")),
            ("at+jwt", text.replacing(clientID, with: ProfileID.test(1).text)),
        ] {
            let signed = try own.key.sign(payload: Array(changed.utf8), type: type, keyID: keyID)
            #expect(decider.code(snapshot, bearer: signed) == .invalidToken, "\(type) \(changed)")
        }
        let same = try own.key.sign(payload: payload, type: "at+jwt", keyID: keyID)
        #expect(decider.code(snapshot, bearer: same) == nil)
    }

    @Test mutating func `is not what an API token of its profile is`() throws {
        let snapshot = gateway.snapshot
        #expect(
            decider.decide(snapshot, nil, apiToken: TestGateway.otherToken).rejection?.code == .invalidToken
        )
        let signed = try TestGateway.sign(
            #"{"sub":"\#(TestGateway.otherToken)"}"#,
            secret: TestGateway.otherSecret
        )
        #expect(decider.code(snapshot, bearer: signed) == .invalidToken)
    }

    @Test mutating func `is issued to the profile's own API tokens`() throws {
        let snapshot = gateway.snapshot
        #expect(ask(snapshot).refusal == nil)
        for (secret, id) in [
            (TestGateway.acmeToken, nil), (TestGateway.acmeToken, ProfileID.test(1).text), ("", nil),
            ("x", nil),
            (TestGateway.otherToken, ProfileID.test(9).text), (TestGateway.otherToken, "x"),
            (TestGateway.otherToken.uppercased(), nil),
        ] as [(String, String?)] {
            let refusal = ask(snapshot, secret: secret, id: id).refusal
            #expect(refusal?.code == .invalidClient, "\(secret) \(id ?? "")")
            #expect(refusal?.rejection.operatorDetail.contains(TestGateway.otherToken) == false)
        }
    }

    @Test(
        arguments: [
            ("", "read write", nil), ("write", "write", nil), ("write+read+write", "write read", nil),
            ("other", nil, .invalidScope), ("read+other", nil, .invalidScope),
        ] as [(String, String?, OAuth2Refusal.Code?)]
    )
    mutating func `has the scopes that were asked for`(
        asked: String,
        given: String?,
        refusal: OAuth2Refusal.Code?
    ) throws {
        let decision = ask(gateway.snapshot, scope: asked)
        #expect(decision.refusal?.code == refusal)
        guard let given else { return }
        let document = try decision.outcome.get().revealedDocument()
        #expect(document["scope"]?.value.text == given)
        #expect(document["expires_in"]?.value == .integer(600))
    }

    @Test mutating func `outlives the scopes that it was not given`() throws {
        let before = gateway.snapshot
        let decision = ask(before, scope: "write")
        let text = try decision.outcome.get().revealedDocument()["access_token"]?.value.text
        let token = try #require(text)
        try gateway.change { $0.oauth2?.scopes = ["other", "write"] }
        #expect(decider.code(gateway.snapshot, bearer: token) == nil)
        try gateway.change { $0.oauth2?.scopes = ["other"] }
        let refusal = decider.decide(gateway.snapshot, "Bearer \(token)").rejection
        #expect(refusal?.operatorDetail.contains("\"write\", which profile \"other-hmac\"") == true)
    }

    @Test mutating func `is not issued where no key is`() throws {
        try gateway.draft.put([GatewaySigningKey]())
        let refusal = ask(gateway.snapshot).refusal
        #expect(refusal?.status == 503)
    }

    @Test(arguments: [false, true], [false, true])
    mutating func `is issued with a record of all that was asked of the caller`(
        hasLists: Bool,
        hasCertificate: Bool
    ) throws {
        try gateway.change { profile in
            if hasLists { profile.allowedAddresses = [try AddressRange("127.0.0.1")] }
            if hasCertificate {
                profile.clientCertificate = CertificateRules(roots: CatalogSamples.certificate)
            }
        }
        let decision = ask(gateway.snapshot, presenting: GoodCertificate())
        _ = try decision.outcome.get()
        let check = decision.findings.checks(nil).first { $0.check == .address }
        #expect(check?.result == (hasLists || hasCertificate ? .passed : .skipped))
        #expect(check?.detail.contains("address is allowed") == hasLists)
        #expect(check?.detail.contains("certificate is accepted") == hasCertificate)
    }

    @Test mutating func `asks for the rules of the caller`() throws {
        try gateway.change { $0.deniedAddresses = [try AddressRange("127.0.0.1")] }
        var refusal = ask(gateway.snapshot).refusal
        #expect(refusal?.code == .unauthorizedClient && refusal?.rejection.code == .addressNotAllowed)
        #expect(ask(gateway.snapshot, from: IPAddress(v4: 0x7f00_0002)).refusal == nil)
        refusal = ask(gateway.snapshot, from: nil).refusal
        #expect(refusal?.code == .invalidRequest)
        let checks = ask(gateway.snapshot).findings.checks(refusal?.rejection)
        #expect(checks.first { $0.result == .failed }?.check == .wellFormed)
    }
}

extension TestGateway {
    /// Changes the profile that asks for access tokens.
    fileprivate mutating func change(_ change: (inout AccessProfile) throws -> Void) throws {
        var profile = try profile(3)
        try change(&profile)
        try draft.put(profile)
    }
}

extension TokenEndpoint.Decision {
    fileprivate var refusal: OAuth2Refusal? {
        guard case .failure(let refusal) = outcome else { return nil }
        return refusal
    }
}

/// A certificate that is good for everybody.
private final class GoodCertificate: PresentedCertificate {
    let thumbprint = [UInt8](repeating: 1, count: 32)
    let subject = "CN=orders"
    let alternativeNames: [String] = []

    func fault(_ roots: CertificateRoots, at now: Timestamp) -> String? { nil }
}
