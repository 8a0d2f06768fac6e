import JOSE
import Measuring

/// One algorithm: a key made for the run, good tokens, and the two kinds that everybody has to refuse.
struct Subject: Sendable {
    let algorithm: SignatureAlgorithm
    let key: SigningKey
    let tokens: [[UInt8]]
    let spoilt: [[UInt8]]
    let expired: [[UInt8]]
    /// When everything happens, in seconds since 1970.
    static let now: Int64 = 1_795_478_400
    /// When the good tokens end.
    static let expiry = now + 3_600

    init(_ algorithm: SignatureAlgorithm) throws {
        self.algorithm = algorithm
        key = try Self.key(for: algorithm)
        tokens = try Self.sign(64, key, algorithm, expiry: Self.expiry)
        expired = try Self.sign(4, key, algorithm, expiry: Self.now - 3_600)
        spoilt = tokens.map { token in
            var token = token
            // The first character of the signature, whose bits all count.
            if let dot = token.lastIndex(of: UInt8(ascii: ".")) {
                token[dot + 1] = token[dot + 1] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            }
            return token
        }
    }

    /// What C libraries read: the secret's bytes, or the public key in PEM.
    func keyText() throws -> [UInt8] {
        if let secret = key.secret { return secret.reveal() }
        guard let pem = key.verificationKey.subjectPublicKeyInfoPEM else {
            throw BenchmarkFailure("the \(algorithm) key has no PEM form")
        }
        return Array(pem.utf8)
    }

    /// The public key or the secret as a JWK (RFC 7517), of the kinds that cjose knows.
    func jwk() throws -> String? {
        if let secret = key.secret {
            return #"{"kty":"oct","k":"\#(Base64URL.encode(secret.reveal()))"}"#
        }
        let line = key.verificationKey.openSSHPublicLine() ?? ""
        let parts = try Self.strings(Base64.decode(Array(line.split(separator: " ")[1].utf8)))
        switch key.kind {
        case .rsa:
            let (exponent, modulus) = (parts[1], parts[2].drop { $0 == 0 })
            return
                #"{"kty":"RSA","e":"\#(Base64URL.encode(exponent))","n":"\#(Base64URL.encode(Array(modulus)))"}"#
        case .ec(.p256):
            let (x, y) = (Array(parts[2][1..<33]), Array(parts[2][33...]))
            return #"{"kty":"EC","crv":"P-256","x":"\#(Base64URL.encode(x))","y":"\#(Base64URL.encode(y))"}"#
        case .hmac, .ec, .ed25519, .mlDSA65, .mlDSA87: return nil
        }
    }

    /// The strings of the SSH wire form (RFC 4251 §5).
    private static func strings(_ blob: [UInt8]) -> [[UInt8]] {
        var strings: [[UInt8]] = []
        var rest = blob[...]
        while rest.count >= 4 {
            let count = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            strings.append(Array(rest.dropFirst(4).prefix(count)))
            rest = rest.dropFirst(4 + count)
        }
        return strings
    }

    private static func key(for algorithm: SignatureAlgorithm) throws -> SigningKey {
        switch algorithm {
        case .rs256: try .generate(.rsa(bits: 2048))
        case .es256: try .generate(.ec(.p256))
        case .edDSA: try .generate(.ed25519)
        default: try .generate(.hmac(bytes: 32))
        }
    }

    private static func sign(
        _ count: Int,
        _ key: SigningKey,
        _ algorithm: SignatureAlgorithm,
        expiry: Int64
    ) throws -> [[UInt8]] {
        try (0..<count).map { number in
            let payload = """
                {"sub":"d4aee74e131926682043395edecaf377765fae48e56e232cb295af475b314545","name":"John Doe",\
                "iat":\(now),"exp":\(expiry),"jti":"5f2b9c1e-7a4d-4f0c-8b6e-\(100_000_000_000 + number)"}
                """
            return Array(try key.sign(payload: Array(payload.utf8), algorithm: algorithm).utf8)
        }
    }
}
