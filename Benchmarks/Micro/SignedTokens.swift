import GatewayCore
import JOSE
import Measuring
import PortcullisTestSupport

/// The algorithms that are measured, each with a key made for the run.
enum MeasuredAlgorithm: String, CaseIterable {
    case hs256 = "HS256"
    case rs256 = "RS256"
    case es256 = "ES256"
    case edDSA = "EdDSA"

    var algorithm: SignatureAlgorithm {
        switch self {
        case .hs256: .hs256
        case .rs256: .rs256
        case .es256: .es256
        case .edDSA: .edDSA
        }
    }

    /// The API token of the profile that has the key.
    var apiToken: String {
        let digits =
            switch self {
            case .hs256: "a1"
            case .rs256: "b2"
            case .es256: "c3"
            case .edDSA: "d4"
            }
        return String(repeating: digits, count: 32)
    }

    /// The key, the same for every benchmark of the run.
    func key() throws -> SigningKey {
        switch self {
        case .hs256: try .hmac(secret: Self.secret)
        case .rs256: try Self.rsa.get()
        case .es256: try Self.p256.get()
        case .edDSA: try Self.ed25519.get()
        }
    }

    /// The key as somebody would paste it into the catalog.
    func material() throws -> ProfileKey.Material {
        guard self != .hs256 else { return .secret(Self.secret, isBase64: false) }
        guard let pem = try key().verificationKey.subjectPublicKeyInfoPEM else {
            throw BenchmarkFailure("the \(rawValue) key has no PEM form")
        }
        return .publicKey(pem)
    }

    private static let secret = Secret(Array("q0cKmGZL5u3hGnqzv1FV0v7pNq3mJ2cW8t6RrXyZ9sE=".utf8))
    private static let rsa = Result { try SigningKey.generate(.rsa(bits: 2048)) }
    private static let p256 = Result { try SigningKey.generate(.ec(.p256)) }
    private static let ed25519 = Result { try SigningKey.generate(.ed25519) }
}

/// Tokens as identity providers issue them, each another one by its `jti`.
enum SignedTokens {
    /// When everything in the benchmarks happens: 2026-11-24T00:00:00Z.
    static let now: Int64 = 1_795_478_400

    /// Signs `count` tokens that name `apiToken`.
    static func make(
        _ algorithm: MeasuredAlgorithm,
        count: Int,
        apiToken: String? = nil,
        lifetime: Int64 = 3_600
    ) throws -> [[UInt8]] {
        let key = try algorithm.key()
        return try (0..<count).map { number in
            let payload = """
                {"sub":"\(apiToken ?? algorithm.apiToken)","name":"John Doe","iat":\(now),\
                "exp":\(now + lifetime),"jti":"5f2b9c1e-7a4d-4f0c-8b6e-\(100_000_000_000 + number)"}
                """
            return Array(try key.sign(payload: Array(payload.utf8), algorithm: algorithm.algorithm).utf8)
        }
    }

    /// The same tokens with one bit of the signature's first character changed.
    static func spoilt(_ tokens: [[UInt8]]) -> [[UInt8]] {
        tokens.map { token in
            var token = token
            if let dot = token.lastIndex(of: UInt8(ascii: ".")) {
                token[dot + 1] = token[dot + 1] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            }
            return token
        }
    }
}
