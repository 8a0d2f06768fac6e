import GatewayCore
import JOSE
import PortcullisTestSupport

/// A call that goes wrong, with the catalog around it.
struct Scene {
    private static let base = Result { try TestGateway() }
    static let now = TestGateway.now.secondsSinceEpoch

    var gateway: TestGateway
    var request: ExplainedRequest
    var usedTokens: UsedTokens?

    init() throws {
        gateway = try Self.base.get()
        request = ExplainedRequest(
            method: "GET",
            host: "gateway.example",
            path: "/api-endpoints-v1/call",
            token: nil,
            clientAddress: IPAddress(v4: 0xcb00_7107)
        )
        try sign("")
    }

    var explained: Explained {
        Explanation.explain(
            request,
            gateway.snapshot,
            usedTokens: usedTokens,
            requestID: "1",
            now: TestGateway.now
        )
    }

    var causes: [LikelyCause] { explained.likelyCauses() }

    // MARK: Tokens

    var token: String {
        get { String(decoding: request.token ?? [], as: UTF8.self) }
        set { request.token = Array(newValue.utf8) }
    }

    /// Signs as Acme's HMAC profile: its API token in `sub`, and these members besides.
    mutating func sign(_ members: String, secret: String = TestGateway.acmeSecret) throws {
        let rest = members.isEmpty ? "" : ",\(members)"
        try signPayload(#"{"sub":"\#(TestGateway.acmeToken)"\#(rest)}"#, secret: secret)
    }

    mutating func signPayload(_ payload: String, secret: String = TestGateway.acmeSecret) throws {
        try sign(with: try .hmac(secret: Secret(Array(secret.utf8))), payload: payload)
    }

    /// Signs as Acme's RSA profile would.
    mutating func signRSA(_ algorithm: SignatureAlgorithm = .rs256, _ key: SigningKey? = nil) throws {
        let payload = #"{"sub":"\#(TestGateway.acmeRSAToken)"}"#
        try sign(with: key ?? gateway.acmeRSAKey, payload: payload, algorithm)
    }

    mutating func sign(
        with key: SigningKey,
        payload: String? = nil,
        _ algorithm: SignatureAlgorithm? = nil,
        keyID: String? = nil,
        type: String? = "JWT"
    ) throws {
        let payload = payload ?? #"{"sub":"\#(TestGateway.acmeToken)"}"#
        token = try key.sign(payload: Array(payload.utf8), algorithm: algorithm, type: type, keyID: keyID)
    }

    /// Signs with HMAC over a header of its own and bytes as secret.
    mutating func signRaw(header: String, payload: String, secret: [UInt8]) throws {
        let key = try SigningKey.hmac(secret: Secret(Array(Base64.encode(secret).utf8)), secretIsBase64: true)
        let parts = [header, payload].map { Base64URL.encode(Array($0.utf8)) }.joined(separator: ".")
        let signature = try key.signature(for: Array(parts.utf8), algorithm: .hs256)
        token = "\(parts).\(Base64URL.encode(signature))"
    }

    // MARK: The catalog

    /// Changes a profile: 1 is Acme's with HMAC, 2 its with RSA, 3 the other client's.
    mutating func change(_ number: Int = 1, _ change: (inout AccessProfile) throws -> Void) throws {
        var profile = try gateway.profile(number)
        try change(&profile)
        try gateway.draft.put(profile)
    }

    mutating func changeCollection(_ change: (inout GatewayCore.Collection) throws -> Void) throws {
        guard var collection = gateway.draft.catalog.collections[.test(2)] else { return }
        try change(&collection)
        try gateway.draft.put(collection)
    }

    /// Gives Acme's HMAC profile another secret.
    mutating func setSecret(_ text: String, isBase64: Bool = false) throws {
        try change { profile in
            profile.keys = [
                try ProfileKey(
                    id: .test(1001),
                    name: "key",
                    material: .secret(Secret(Array(text.utf8)), isBase64: isBase64),
                    createdAt: TestGateway.now,
                    wasAccepted: true
                )
            ]
        }
    }

    /// Gives a profile the public half of a key.
    mutating func setKey(_ key: SigningKey, of number: Int = 1) throws {
        try change(number) { profile in
            profile.keys = [
                try ProfileKey(
                    id: .test(1000 + number),
                    name: "key",
                    material: .publicKey(key.verificationKey.subjectPublicKeyInfoPEM ?? ""),
                    createdAt: TestGateway.now
                )
            ]
        }
    }

    static func after(_ seconds: Int64) -> Timestamp { Timestamp(secondsSinceEpoch: now + seconds) }

    /// Twice as long as an API token may be written wrongly: in capitals.
    static let capitals = TestGateway.acmeToken.uppercased()
    /// A secret in Base64url that is none in Base64.
    static let urlSecret = "q0cKmGZL5u3hGnqzv1FV0v7pNq3mJ2cW8t6RrXyZ-_E"
    /// A secret of hexadecimal digits.
    static let hexSecret = "8f0c1d2e3b4a5968778695a4b3c2d1e0f1a2b3c4d5e6f708192a3b4c5d6e7f80"

    static let ec = Result { try SigningKey.generate(.ec(.p256)) }
    static let ed = Result { try SigningKey.generate(.ed25519) }
    static let rsa = Result { try SigningKey.generate(.rsa(bits: 2048)) }
}
