import GatewayCore
import JOSE
import PortcullisTestSupport

extension CauseCase {
    /// For each cause a scene that is nearly the same, and in which it is not named.
    static let nearMisses: [CauseCase] =
        formMisses + identityMisses + signatureMisses + timeMisses + claimMisses + standingMisses
        + routeMisses

    private static let formMisses = [
        CauseCase(.tokenQuoted, "rubbish in quotation marks") { $0.token = "\"rubbish\"" },
        CauseCase(.tokenWhiteSpace, "rubbish with a space") { $0.token = "rubbish rubbish" },
        CauseCase(.tokenSchemeRepeated, "the scheme and nothing") { $0.token = "Bearer Bearer" },
        CauseCase(.tokenPadded, "an assignment") { $0.token = "token=rubbish" },
        CauseCase(.tokenStandardBase64, "another foreign character") {
            $0.token = $0.token.replacing("-", with: "*").replacing("e", with: "*")
        },
        CauseCase(.tokenTruncated, "another byte of the signature") {
            try $0.sign("", secret: TestGateway.otherSecret)
        },
        CauseCase(.tokenEncrypted, "four parts") { $0.token = "a.b.c.d" },
        CauseCase(.tokenNotStrictJSON, "names that differ by case") {
            try $0.sign(#""a":1,"A":2"#, secret: TestGateway.otherSecret)
        },
        CauseCase(.tokenTypeNotAccepted, "at+jwt") {
            try $0.sign(with: .hmac(secret: Secret(Array(TestGateway.otherSecret.utf8))), type: "at+jwt")
        },
        CauseCase(.algorithmNone, "an unknown one") {
            try $0.signRaw(
                header: #"{"alg":"nonesuch"}"#,
                payload: "{}",
                secret: Array(foreign.utf8)
            )
        },
        CauseCase(.credentialMissing, "an empty token") { $0.token = "" },
        CauseCase(.credentialAmbiguous, "a comma behind the only one") { $0.token += "," },
    ]

    private static let identityMisses = [
        CauseCase(.apiTokenSpelling, "an unknown one in capitals") {
            try $0.signPayload(#"{"sub":"\#(String(repeating: "0F", count: 32))"}"#)
        },
        CauseCase(.apiTokenInOtherClaim, "an unknown one in api_key") {
            try $0.signPayload(#"{"sub":"john","api_key":"\#(String(repeating: "0f", count: 32))"}"#)
        },
        CauseCase(.apiTokenUnknown, "too short") { try $0.signPayload(#"{"sub":"0f0f"}"#) },
        CauseCase(.apiTokenMissing, "an unknown one") {
            try $0.signPayload(#"{"sub":"\#(String(repeating: "0f", count: 32))"}"#)
        },
        CauseCase(.profileUsesOtherMethod, "the right method, wrongly signed") {
            try $0.sign("", secret: TestGateway.otherSecret)
        },
    ]

    /// A secret that no profile has.
    private static let foreign = "3nR8uWq5ZkXv7yB2dF6hJ9mP1sT4wE0a"

    private static let signatureMisses =
        [
            LikelyCause.Code.secretBase64Decoded, .secretNotBase64Decoded, .secretBase64URLDecoded,
            .secretHexDecoded, .secretWithLineBreak, .secretTrimmed, .keyOfOtherProfile, .keyNotTried,
            .keyNotForAlgorithm, .signedWithOtherAlgorithm, .algorithmMismatch, .keyConfusionAttack,
            .profileWithoutKey, .providerKeysNotFetched, .accessTokenStale,
        ].map { code in CauseCase(code, "a foreign secret") { try $0.sign("", secret: foreign) } } + [
            CauseCase(.keyInactive, "an inactive key did not sign") {
                try $0.change { $0.keys[0].isActive = false }
                try $0.sign("", secret: foreign)
            },
            CauseCase(.keyRetired, "a retired key did not sign") {
                try $0.change { $0.keys[0].retireAt = Scene.after(-1) }
                try $0.sign("", secret: foreign)
            },
            CauseCase(.keyNotYetActive, "a later key did not sign") {
                try $0.change { $0.keys[0].activeFrom = Scene.after(60) }
                try $0.sign("", secret: foreign)
            },
            CauseCase(.keyRetired, "it retires in a second") {
                try $0.change { $0.keys[0].retireAt = Scene.after(1) }
            },
            CauseCase(.signatureDEREncoded, "the raw form of another key") {
                try $0.setKey(Scene.ec.get())
                try $0.sign(with: SigningKey.generate(.ec(.p256)))
            },
            CauseCase(.certificateNotShown, "a bound token, wrongly signed") {
                try $0.sign(
                    #""cnf":{"x5t#S256":"\#(Base64URL.encode(Array(repeating: 7, count: 32)))"}"#,
                    secret: foreign
                )
            },
            CauseCase(.signatureFitsNoKey, "the neighbour's key") {
                try $0.sign("", secret: TestGateway.otherSecret)
            },
        ]

    private static let timeMisses = [
        CauseCase(.tokenExpired, "within the leeway") { try $0.sign(#""exp":\#(Scene.now - 29)"#) },
        CauseCase(.clockBehind, "a token of an hour") {
            try $0.sign(#""iat":\#(Scene.now - 3_700),"exp":\#(Scene.now - 100)"#)
        },
        CauseCase(.clockBehind, "a token of last week") {
            try $0.sign(#""iat":\#(Scene.now - 700_000),"exp":\#(Scene.now - 699_940)"#)
        },
        CauseCase(.clockAhead, "within the leeway") { try $0.sign(#""iat":\#(Scene.now + 30)"#) },
        CauseCase(.clockAhead, "nbf alone") { try $0.sign(#""nbf":\#(Scene.now + 60)"#) },
        CauseCase(.tokenNotYetValid, "within the leeway") { try $0.sign(#""nbf":\#(Scene.now + 30)"#) },
        CauseCase(.timesInMilliseconds, "far beyond milliseconds") {
            try $0.sign(#""exp":\#(Scene.now)000000"#)
        },
        CauseCase(.timeNotANumber, "with a fraction") { try $0.sign(#""exp":\#(Scene.now - 100).5"#) },
        CauseCase(.lifetimeTooLong, "just as long as is accepted") {
            try $0.change { $0.claimRules.maximumLifetimeSeconds = 3_600 }
            try $0.sign(#""iat":\#(Scene.now),"exp":\#(Scene.now + 3_600)"#)
        },
        CauseCase(.expiryMissing, "it is not required") { try $0.change { $0.grantedCollections = [] } },
    ]

    private static let claimMisses = [
        CauseCase(.audienceSpelling, "another word") {
            try $0.change { $0.claimRules.audiences = ["orders"] }
            try $0.sign(#""aud":"order""#)
        },
        CauseCase(.audienceJoined, "two, none of them accepted") {
            try $0.change { $0.claimRules.audiences = ["orders"] }
            try $0.sign(#""aud":"billing ledger""#)
        },
        CauseCase(.audienceUnknown, "one of a list") {
            try $0.change {
                $0.claimRules.audiences = ["orders"]
                $0.grantedCollections = []
            }
            try $0.sign(#""aud":["x","orders"]"#)
        },
        CauseCase(.issuerSpelling, "another path") {
            try $0.change { $0.claimRules.issuers = ["https://id.example"] }
            try $0.sign(#""iss":"https://id.example/x""#)
        },
        CauseCase(.issuerIsList, "a text") {
            try $0.change { $0.claimRules.issuers = ["acme"] }
            try $0.sign(#""iss":"beta""#)
        },
        CauseCase(.issuerUnknown, "differs by case") {
            try $0.change { $0.claimRules.issuers = ["acme"] }
            try $0.sign(#""iss":"ACME""#)
        },
        CauseCase(.claimMissing, "empty, but there") {
            try $0.change {
                $0.claimRules.requiredClaims = ["tenant"]
                $0.grantedCollections = []
            }
            try $0.sign(#""tenant":"""#)
        },
        CauseCase(.claimNameCase, "another name") {
            try $0.change { $0.claimRules.requiredClaims = ["tenant"] }
            try $0.sign(#""tenants":"x""#)
        },
        CauseCase(.claimOfOtherType, "a number where any value will do") {
            try $0.change {
                $0.claimRules.requiredClaims = ["tenant"]
                $0.grantedCollections = []
            }
            try $0.sign(#""tenant":7"#)
        },
        CauseCase(.tokenRevoked, "another jti") {
            try $0.change {
                $0.revocations = [Revocation(id: .test(9), tokens: .tokenID("7"), createdAt: TestGateway.now)]
                $0.grantedCollections = []
            }
            try $0.sign(#""jti":"8""#)
        },
        CauseCase(.tokenUsedBefore, "revoked") {
            try $0.change {
                $0.revocations = [Revocation(id: .test(9), tokens: .tokenID("7"), createdAt: TestGateway.now)]
            }
            try $0.sign(#""jti":"7""#)
        },
    ]

    private static let standingMisses =
        [LikelyCause.Code.clientInactive, .profileInactive, .apiTokenInactive, .apiTokenExpired].map { code in
            CauseCase(code, "only the grant is missing") { try $0.change { $0.grantedCollections = [] } }
        } + [
            CauseCase(.apiTokenExpired, "inactive, not expired") {
                try $0.change { $0.apiTokens[0].isActive = false }
            },
            CauseCase(.addressDenied, "not in the allow list") {
                try $0.change { $0.allowedAddresses = [try AddressRange("192.0.2.0/24")] }
            },
            CauseCase(.addressNotListed, "in both lists") {
                try $0.change {
                    $0.allowedAddresses = [try AddressRange("203.0.113.0/24")]
                    $0.deniedAddresses = [try AddressRange("203.0.113.7")]
                }
            },
            CauseCase(.trustedProxyMissing, "a public address") {
                try $0.change { $0.allowedAddresses = [try AddressRange("192.0.2.0/24")] }
            },
            CauseCase(.trustedProxyMissing, "a private address that is denied") {
                try $0.change { $0.deniedAddresses = [try AddressRange("10.0.0.0/8")] }
                $0.request.clientAddress = IPAddress(v4: 0x0a00_0001)
            },
            CauseCase(.trustedProxyMissing, "nobody said where the call comes from") {
                try $0.change { $0.allowedAddresses = [try AddressRange("192.0.2.0/24")] }
                $0.request = ExplainedRequest(
                    method: "GET",
                    url: "http://gateway.example/api-endpoints-v1/call",
                    token: $0.request.token,
                    clientAddress: nil
                )
            },
            CauseCase(.collectionNotGranted, "granted, but inactive") {
                try $0.change { $0.isActive = false }
            },
            CauseCase(.scopeMissing, "the rule fails, not the scope") {
                try $0.changeCollection {
                    $0.endpoints[0].scopes = ["write"]
                    $0.endpoints[0].rule = try AuthorizationRule("claims.x == 1", parameters: [])
                }
                try $0.sign(#""scope":"read write""#)
            },
            CauseCase(.ruleDoesNotHold, "the scope lacks") {
                try $0.changeCollection { $0.endpoints[0].scopes = ["write"] }
            },
        ]

    private static let routeMisses = [
        CauseCase(.pathCase, "another word") { $0.request.path = "/api-endpoints-v1/cal" },
        CauseCase(.pathTrailingSlash, "two slashes") { $0.request.path = "/api-endpoints-v1/call//" },
        CauseCase(.pathWithoutHandle, "another path") { $0.request.path = "/cal" },
        CauseCase(.pathUnknown, "only a slash too many") { $0.request.path = "/api-endpoints-v1/call/" },
        CauseCase(.endpointInactive, "the collection is inactive") {
            try $0.changeCollection { $0.isActive = false }
        },
        CauseCase(.collectionInactive, "the endpoint is inactive") {
            try $0.changeCollection { $0.endpoints[0].isActive = false }
        },
        CauseCase(.hostNotAnswered, "the right host with a port, another path") {
            try $0.changeCollection { $0.hosts = ["gateway.example"] }
            $0.request.host = "gateway.example:8080"
            $0.request.path = "/api-endpoints-v1/nothing"
        },
        CauseCase(.methodNotAnswered, "another path") {
            $0.request.method = "DELETE"
            $0.request.path = "/api-endpoints-v1/nothing"
        },
        CauseCase(.methodCase, "one that is not answered in capitals either") {
            $0.request.method = "delete"
        },
    ]
}
