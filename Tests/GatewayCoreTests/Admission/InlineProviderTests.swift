import GatewayCore
import JOSE
import PortcullisTestSupport
import Testing

@Suite struct `An identity provider whose keys are given in place` {
    private static let keys =
        #"{"keys":[{"kty":"EC","crv":"P-256","kid":"p","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","#
        + #""y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#

    @Test(arguments: [("p", "does not verify with the 1 keys"), ("q", "has no such key")])
    func `is not said to have been asked for them`(_ keyID: String, _ reason: String) throws {
        var gateway = try TestGateway()
        var decider = Decider()
        var profile = try gateway.profile(1)
        profile.method = .oidc
        profile.keys = []
        profile.identityProvider = IdentityProvider(
            issuer: "https://id.example",
            keys: .inline(Self.keys)
        )
        try gateway.draft.put(profile)
        let token = try SigningKey.generate(.ec(.p256)).sign(
            payload: Array(#"{"iss":"https://id.example","sub":"\#(TestGateway.acmeToken)"}"#.utf8),
            algorithm: .es256,
            keyID: keyID
        )
        let detail = decider.decide(gateway.snapshot, "Bearer \(token)").rejection?.operatorDetail ?? ""
        #expect(detail.contains(reason), "\(detail)")
        #expect(!detail.contains("1970") && !detail.contains("fetched"), "\(detail)")
    }
}
