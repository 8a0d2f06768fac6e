import GatewayCore
import JOSE
import PortcullisTestSupport
import Testing

/// A scene in which a cause is named, or a near miss in which it is not.
struct CauseCase: Sendable, CustomTestStringConvertible {
    let code: LikelyCause.Code
    let why: String
    var action = ""
    var then: LikelyCause.Consequence?
    let arrange: @Sendable (inout Scene) throws -> Void

    init(
        _ code: LikelyCause.Code,
        _ why: String,
        _ action: String = "",
        then: LikelyCause.Consequence? = nil,
        _ arrange: @escaping @Sendable (inout Scene) throws -> Void
    ) {
        self.code = code
        self.why = why
        self.action = action
        self.then = then
        self.arrange = arrange
    }

    var testDescription: String { "\(code.rawValue): \(why)" }
}

private let refusedAtSignature = LikelyCause.Consequence.refused(.invalidToken, at: .signature)

extension CauseCase {
    /// A case of each cause.
    static let named: [CauseCase] =
        formCases + identityCases + signatureCases + timeCases + claimCases + standingCases + routeCases

    private static let formCases = [
        CauseCase(.tokenQuoted, "as copied out of JSON", "send_corrected", then: .admitted) {
            $0.token = "\"\($0.token)\","
        },
        CauseCase(.tokenWhiteSpace, "as a terminal wraps it", "send_corrected", then: .admitted) {
            $0.token.insert("\n", at: $0.token.index($0.token.startIndex, offsetBy: 20))
        },
        CauseCase(.tokenSchemeRepeated, "pasted with the scheme", "send_corrected", then: .admitted) {
            $0.token = "Bearer \($0.token)"
        },
        CauseCase(.tokenPadded, "each part padded", "send_corrected", then: .admitted) {
            $0.token = $0.token.split(separator: ".")
                .map { $0 + String(repeating: "=", count: (4 - $0.count % 4) % 4) }.joined(separator: ".")
        },
        CauseCase(.tokenStandardBase64, "written with + and /", "send_corrected", then: .admitted) {
            try $0.sign(#""x":"??>>??>>~~""#)
            $0.token = $0.token.replacing("-", with: "+").replacing("_", with: "/")
        },
        CauseCase(.tokenTruncated, "cut within the signature", "mint_another") {
            $0.token = String($0.token.dropLast(11))
        },
        CauseCase(.tokenTruncated, "cut within the payload", "mint_another") {
            $0.token = String($0.token.prefix(60))
        },
        CauseCase(.tokenEncrypted, "a JWE", "mint_another") {
            $0.token = "eyJhbGciOiJkaXIifQ..AAAA.AAAA.AAAA"
        },
        CauseCase(.tokenNotStrictJSON, "a claim twice", "mint_another") {
            try $0.signPayload(#"{"sub":"\#(TestGateway.acmeToken)","a":1,"a":2}"#)
        },
        CauseCase(.tokenTypeNotAccepted, "a logout token", "mint_another") {
            try $0.sign(with: .hmac(secret: Secret(Array(TestGateway.acmeSecret.utf8))), type: "logout+jwt")
        },
        CauseCase(.algorithmNone, "not signed", "mint_another") {
            let parts = [#"{"alg":"none"}"#, #"{"sub":"\#(TestGateway.acmeToken)"}"#]
            $0.token = parts.map { Base64URL.encode(Array($0.utf8)) }.joined(separator: ".") + "."
        },
        CauseCase(.credentialMissing, "nothing sent", "mint_another") { $0.request.token = nil },
        CauseCase(.credentialAmbiguous, "two in one field", "send_corrected") {
            $0.token = "\($0.token),x \($0.token)"
        },
    ]

    private static let identityCases = [
        CauseCase(.apiTokenSpelling, "in capitals", "mint_another", then: .admitted) {
            try $0.signPayload(#"{"sub":"\#(Scene.capitals)"}"#)
        },
        CauseCase(.apiTokenSpelling, "in capitals, wrongly signed", "mint_another", then: refusedAtSignature)
        {
            try $0.signPayload(#"{"sub":"\#(Scene.capitals)"}"#, secret: TestGateway.otherSecret)
        },
        CauseCase(.apiTokenSpelling, "by itself, with a space", "send_corrected", then: .admitted) {
            try $0.change {
                $0.method = .token
                $0.keys = []
            }
            $0.token = "\(Scene.capitals) "
        },
        CauseCase(.apiTokenInOtherClaim, "in api_key", "set_identity_claim", then: .admitted) {
            try $0.signPayload(#"{"sub":"john","api_key":"\#(TestGateway.acmeToken)"}"#)
        },
        CauseCase(.apiTokenUnknown, "deleted", "mint_another") {
            try $0.signPayload(#"{"sub":"\#(String(repeating: "0f", count: 32))"}"#)
        },
        CauseCase(.apiTokenUnknown, "by itself", "mint_another") {
            $0.token = String(repeating: "0f", count: 32)
        },
        CauseCase(.apiTokenMissing, "a plain token", "mint_another") {
            try $0.signPayload(#"{"name":"John Doe"}"#)
        },
        CauseCase(.profileUsesOtherMethod, "a token alone is expected", "set_method", then: .admitted) {
            try $0.change { $0.method = .token }
        },
        CauseCase(.profileUsesOtherMethod, "a signed one is expected", "set_method", then: .admitted) {
            $0.token = TestGateway.acmeToken
        },
    ]

    private static let signatureCases = [
        CauseCase(.secretBase64Decoded, "the usual library", "set_secret_is_base64", then: .admitted) {
            try $0.signRaw(
                header: #"{"alg":"HS256"}"#,
                payload: $0.payload,
                secret: Base64.decode(Array(TestGateway.acmeSecret.utf8))
            )
        },
        CauseCase(.secretNotBase64Decoded, "signed with the text", "set_secret_is_base64", then: .admitted) {
            try $0.setSecret(TestGateway.acmeSecret, isBase64: true)
        },
        CauseCase(.secretBase64URLDecoded, "the URL-safe alphabet", "rewrite_secret", then: .admitted) {
            try $0.setSecret(Scene.urlSecret)
            try $0.signRaw(
                header: #"{"alg":"HS256"}"#,
                payload: $0.payload,
                secret: Base64URL.decode(Array(Scene.urlSecret.utf8))
            )
        },
        CauseCase(.secretHexDecoded, "openssl rand -hex", "rewrite_secret", then: .admitted) {
            try $0.setSecret(Scene.hexSecret.uppercased())
            let secret = Hex.decode(Scene.hexSecret.utf8) ?? []
            try $0.signRaw(header: #"{"alg":"HS256"}"#, payload: $0.payload, secret: secret)
        },
        CauseCase(.secretWithLineBreak, "read from a file", "rewrite_secret", then: .admitted) {
            try $0.sign("", secret: "\(TestGateway.acmeSecret)\n")
        },
        CauseCase(.secretTrimmed, "pasted with quotes", "rewrite_secret", then: .admitted) {
            try $0.setSecret("\"\(TestGateway.acmeSecret)\" ")
        },
        CauseCase(.keyInactive, "switched off", "reactivate_key", then: .admitted) {
            try $0.change { $0.keys[0].isActive = false }
        },
        CauseCase(.keyRetired, "a day ago", "extend_key_retirement", then: .admitted) {
            try $0.change { $0.keys[0].retireAt = Scene.after(-3_600) }
        },
        CauseCase(
            .keyRetired,
            "and the client is inactive",
            "extend_key_retirement",
            then: .refused(.clientInactive, at: .active)
        ) {
            try $0.change {
                $0.keys[0].retireAt = Scene.after(-3_600)
                $0.isActive = false
            }
        },
        CauseCase(.keyNotYetActive, "from tomorrow on", "start_key", then: .admitted) {
            try $0.change { $0.keys[0].activeFrom = Scene.after(3_600) }
        },
        CauseCase(.keyNotForAlgorithm, "only HS512", "set_algorithm", then: .admitted) {
            try $0.setSecret(TestGateway.acmeSecret + TestGateway.acmeSecret)
            try $0.change { $0.keys[0].algorithms = [.hs512] }
            try $0.sign("", secret: TestGateway.acmeSecret + TestGateway.acmeSecret)
        },
        CauseCase(.keyNotForAlgorithm, "PS256 with a key for RS256", "set_algorithm", then: .admitted) {
            try $0.change(2) { $0.keys[0].algorithms = [.rs256] }
            try $0.signRSA(.ps256)
        },
        CauseCase(.keyNotTried, "the kid names another key", "mint_another") {
            try $0.change { profile in
                profile.keys[0].keyID = "a"
                var other = try ProfileKey(
                    id: .test(1100),
                    name: "b",
                    material: .secret(Secret(Array(TestGateway.otherSecret.utf8)), isBase64: false),
                    createdAt: TestGateway.now
                )
                other.keyID = "b"
                profile.keys.append(other)
            }
            try $0.sign(with: .hmac(secret: Secret(Array(TestGateway.acmeSecret.utf8))), keyID: "b")
        },
        CauseCase(.keyOfOtherProfile, "the neighbour's secret", "mint_another") {
            try $0.sign("", secret: TestGateway.otherSecret)
        },
        CauseCase(.keyOfOtherProfile, "and an unknown API token", "mint_another") {
            try $0.signPayload(#"{"sub":"\#(String(repeating: "0f", count: 32))"}"#)
        },
        CauseCase(.keyConfusionAttack, "the OpenSSH line as secret", "none") {
            let line = $0.gateway.acmeRSAKey.openSSHPublicLine(comment: "laptop") ?? ""
            let payload = #"{"sub":"\#(TestGateway.acmeRSAToken)"}"#
            try $0.signRaw(header: #"{"alg":"HS256"}"#, payload: payload, secret: Array(line.utf8))
        },
        CauseCase(.keyConfusionAttack, "the PEM as secret", "none") {
            let text = $0.gateway.acmeRSAKey.verificationKey.subjectPublicKeyInfoPEM ?? ""
            let payload = #"{"sub":"\#(TestGateway.acmeRSAToken)"}"#
            try $0.signRaw(header: #"{"alg":"HS256"}"#, payload: payload, secret: Array(text.utf8))
        },
        CauseCase(.signedWithOtherAlgorithm, "PS256 under RS256's name", "mint_another") {
            let parts = [#"{"alg":"RS256"}"#, #"{"sub":"\#(TestGateway.acmeRSAToken)"}"#]
                .map { Base64URL.encode(Array($0.utf8)) }.joined(separator: ".")
            let signature = try $0.gateway.acmeRSAKey.signature(for: Array(parts.utf8), algorithm: .ps256)
            $0.token = "\(parts).\(Base64URL.encode(signature))"
        },
        CauseCase(.signatureDEREncoded, "as openssl writes it", "send_corrected", then: .admitted) {
            try $0.setKey(Scene.ec.get())
            try $0.sign(with: Scene.ec.get())
            let parts = $0.token.split(separator: ".")
            let raw = try Base64URL.decode(Array(parts[2].utf8))
            let numbers = [Array(raw[..<32]), Array(raw[32...])].map { number -> [UInt8] in
                var digits = Array(number.drop { $0 == 0 })
                if let first = digits.first, first >= 0x80 { digits.insert(0, at: 0) }
                return [0x02, UInt8(digits.count)] + digits
            }
            let body = numbers[0] + numbers[1]
            $0.token = "\(parts[0]).\(parts[1]).\(Base64URL.encode([0x30, UInt8(body.count)] + body))"
        },
        CauseCase(.algorithmMismatch, "HS256 where RS256 is expected", "mint_another") {
            try $0.signPayload(#"{"sub":"\#(TestGateway.acmeRSAToken)"}"#, secret: Scene.hexSecret)
        },
        CauseCase(.profileWithoutKey, "none was added", "none") { try $0.change { $0.keys = [] } },
        CauseCase(.providerKeysNotFetched, "the provider does not answer", "none") {
            try $0.change { profile in
                profile.method = .oidc
                profile.keys = []
                profile.identityProvider = IdentityProvider(
                    issuer: "https://id.example",
                    keys: .keySet(try KeyURL("https://id.example/jwks"))
                )
            }
            try $0.signRSA()
            try $0.sign(with: $0.gateway.acmeRSAKey, payload: $0.payload)
        },
        CauseCase(.accessTokenStale, "no access token at all", "mint_another") {
            let key = GatewaySigningKey(
                id: .test(8),
                key: try Scene.ec.get(),
                createdAt: TestGateway.now,
                activeFrom: TestGateway.now
            )
            try $0.gateway.draft.put([key])
            let payload = #"{"iss":"urn:portcullis:gateway"}"#
            try $0.sign(
                with: .hmac(secret: Secret(Array(TestGateway.acmeSecret.utf8))),
                payload: payload,
                keyID: key.id.text
            )
        },
        CauseCase(.certificateNotShown, "a bound token", "none") {
            try $0.sign(#""cnf":{"x5t#S256":"\#(Base64URL.encode(Array(repeating: 7, count: 32)))"}"#)
        },
        CauseCase(.signatureFitsNoKey, "the payload was changed", "mint_another") {
            let parts = $0.token.split(separator: ".")
            let payload = Base64URL.encode(Array(#"{"sub":"\#(TestGateway.acmeToken)","admin":true}"#.utf8))
            $0.token = "\(parts[0]).\(payload).\(parts[2])"
        },
    ]

    private static let timeCases = [
        CauseCase(.tokenExpired, "three minutes ago", "mint_another") {
            try $0.sign(#""exp":\#(Scene.now - 180)"#)
        },
        CauseCase(.clockBehind, "a fresh token of a slow clock", "raise_leeway", then: .admitted) {
            try $0.sign(#""iat":\#(Scene.now - 160),"exp":\#(Scene.now - 100)"#)
        },
        CauseCase(.clockAhead, "two minutes", "raise_leeway", then: .admitted) {
            try $0.sign(#""iat":\#(Scene.now + 120)"#)
        },
        CauseCase(.clockAhead, "an hour", "mint_another", then: .admitted) {
            try $0.sign(#""iat":\#(Scene.now + 3_600)"#)
        },
        CauseCase(.tokenNotYetValid, "from tomorrow on", "mint_another", then: .admitted) {
            try $0.sign(#""nbf":\#(Scene.now + 86_400)"#)
        },
        CauseCase(.timesInMilliseconds, "as JavaScript has them", "mint_another", then: .admitted) {
            try $0.sign(#""iat":\#(Scene.now)000,"exp":\#(Scene.now + 60)000"#)
        },
        CauseCase(
            .timesInMilliseconds,
            "only iat, of an ungranted profile",
            "mint_another",
            then: .refused(.collectionNotGranted, at: .grant)
        ) {
            try $0.change { $0.grantedCollections = [] }
            try $0.sign(#""iat":\#(Scene.now)000"#)
        },
        CauseCase(.timeNotANumber, "in quotation marks", "mint_another", then: .admitted) {
            try $0.sign(#""exp":"\#(Scene.now + 60)""#)
        },
        CauseCase(.lifetimeTooLong, "a day instead of an hour", "raise_max_lifetime", then: .admitted) {
            try $0.change { $0.claimRules.maximumLifetimeSeconds = 3_600 }
            try $0.sign(#""iat":\#(Scene.now),"exp":\#(Scene.now + 86_400)"#)
        },
        CauseCase(.expiryMissing, "it is required", "mint_another", then: .admitted) {
            try $0.change { $0.claimRules.requiresExpiry = true }
        },
    ]

    private static let claimCases = [
        CauseCase(.audienceSpelling, "a slash at the end", "add_audience", then: .admitted) {
            try $0.change { $0.claimRules.audiences = ["https://api.example"] }
            try $0.sign(#""aud":"https://api.example/""#)
        },
        CauseCase(.audienceSpelling, "case, in a list", "add_audience", then: .admitted) {
            try $0.change { $0.claimRules.audiences = ["Orders"] }
            try $0.sign(#""aud":["x","orders"]"#)
        },
        CauseCase(.audienceJoined, "two in one text", "mint_another", then: .admitted) {
            try $0.change { $0.claimRules.audiences = ["orders"] }
            try $0.sign(#""aud":"billing orders""#)
        },
        CauseCase(.audienceUnknown, "another service's", "add_audience", then: .admitted) {
            try $0.change { $0.claimRules.audiences = ["orders"] }
            try $0.sign(#""aud":["billing","x"]"#)
        },
        CauseCase(.issuerSpelling, "a slash at the end", "add_issuer", then: .admitted) {
            try $0.change { $0.claimRules.issuers = ["https://id.example/"] }
            try $0.sign(#""iss":"https://id.example""#)
        },
        CauseCase(.issuerIsList, "one in a list", "mint_another", then: .admitted) {
            try $0.change { $0.claimRules.issuers = ["acme"] }
            try $0.sign(#""iss":["acme"]"#)
        },
        CauseCase(.issuerUnknown, "another issuer", "add_issuer", then: .admitted) {
            try $0.change { $0.claimRules.issuers = ["acme"] }
            try $0.sign(#""iss":"beta""#)
        },
        CauseCase(.claimMissing, "a required one", "mint_another", then: .admitted) {
            try $0.change { $0.claimRules.requiredClaims = ["tenant"] }
        },
        CauseCase(.claimNameCase, "Tenant instead of tenant", "mint_another", then: .admitted) {
            try $0.change { $0.claimRules.requiredClaims = ["tenant"] }
            try $0.sign(#""Tenant":"x""#)
        },
        CauseCase(.claimOfOtherType, "null", "mint_another") {
            try $0.change { $0.claimRules.requiredClaims = ["tenant"] }
            try $0.sign(#""tenant":null"#)
        },
        CauseCase(.claimOfOtherType, "jti as a number", "mint_another", then: .admitted) {
            try $0.change { $0.acceptsTokensOnce = true }
            $0.usedTokens = UsedTokens(startedAt: Scene.after(-60))
            try $0.sign(#""jti":7,"iat":\#(Scene.now),"exp":\#(Scene.now + 60)"#)
        },
        CauseCase(.tokenRevoked, "by its jti", "mint_another") {
            try $0.change {
                $0.revocations = [Revocation(id: .test(9), tokens: .tokenID("7"), createdAt: TestGateway.now)]
            }
            try $0.sign(#""jti":"7""#)
        },
        CauseCase(.tokenUsedBefore, "nothing remembers uses", "mint_another", then: .admitted) {
            try $0.change { $0.acceptsTokensOnce = true }
            try $0.sign(#""jti":"7","iat":\#(Scene.now),"exp":\#(Scene.now + 60)"#)
        },
    ]

    private static let standingCases = [
        CauseCase(.clientInactive, "switched off", "activate_client", then: .admitted) {
            var client = Client(id: .test(1), name: "Acme")
            client.isActive = false
            try $0.gateway.draft.put(client)
        },
        CauseCase(.profileInactive, "switched off", "activate_profile", then: .admitted) {
            try $0.change { $0.isActive = false }
        },
        CauseCase(.apiTokenInactive, "switched off", "activate_api_token", then: .admitted) {
            try $0.change { $0.apiTokens[0].isActive = false }
        },
        CauseCase(.apiTokenExpired, "yesterday", "extend_api_token", then: .admitted) {
            try $0.change { $0.apiTokens[0].expiresAt = Scene.after(-86_400) }
        },
        CauseCase(.addressDenied, "a block", "none") {
            try $0.change { $0.deniedAddresses = [try AddressRange("203.0.113.0/24")] }
        },
        CauseCase(.addressNotListed, "another network", "allow_address", then: .admitted) {
            try $0.change { $0.allowedAddresses = [try AddressRange("192.0.2.0/24")] }
        },
        CauseCase(.trustedProxyMissing, "a proxy in front", "trust_proxy") {
            try $0.change { $0.allowedAddresses = [try AddressRange("192.0.2.0/24")] }
            $0.request.clientAddress = IPAddress(v4: 0x0a00_0001)
        },
        CauseCase(.collectionNotGranted, "no grant", "grant_collection", then: .admitted) {
            try $0.change { $0.grantedCollections = [] }
        },
        CauseCase(.scopeMissing, "read instead of write", "mint_another", then: .admitted) {
            try $0.changeCollection { $0.endpoints[0].scopes = ["write"] }
            try $0.sign(#""scope":"read""#)
        },
        CauseCase(.ruleDoesNotHold, "another department", "none") {
            try $0.changeCollection {
                $0.endpoints[0].rule = try AuthorizationRule(#"claims.dept == "sales""#, parameters: [])
            }
        },
    ]

    private static let routeCases = [
        CauseCase(.pathCase, "a capital", "use_path", then: .admitted) {
            $0.request.path = "/api-endpoints-v1/Call"
        },
        CauseCase(.pathTrailingSlash, "one too many", "use_path", then: .admitted) {
            $0.request.path = "/api-endpoints-v1/call/"
        },
        CauseCase(.pathWithoutHandle, "the endpoint's path alone", "use_path", then: .admitted) {
            $0.request.path = "/call"
        },
        CauseCase(.pathUnknown, "nothing like it", "none") { $0.request.path = "/api-endpoints-v1/nothing" },
        CauseCase(.endpointInactive, "switched off", "activate_endpoint", then: .admitted) {
            try $0.changeCollection { $0.endpoints[0].isActive = false }
        },
        CauseCase(.collectionInactive, "switched off", "activate_collection", then: .admitted) {
            try $0.changeCollection { $0.isActive = false }
        },
        CauseCase(.hostNotAnswered, "another name", "add_host", then: .admitted) {
            try $0.changeCollection { $0.hosts = ["api.example"] }
        },
        CauseCase(.methodNotAnswered, "DELETE", "add_method", then: .admitted) {
            $0.request.method = "DELETE"
        },
        CauseCase(.methodCase, "small letters", "send_corrected", then: .admitted) {
            $0.request.method = "get"
        },
    ]
}

extension Scene {
    /// The payload that Acme's HMAC profile signs.
    var payload: String { #"{"sub":"\#(TestGateway.acmeToken)"}"# }
}
