import Crypto
import JOSE

/// Keys that verify nothing, tried where a token has no key of its own, so that time tells nothing.
enum Decoys {
    /// Does the work of one verification of this token and forgets the outcome.
    static func spend(on token: UnverifiedToken, _ bytes: Span<UInt8>) {
        guard let key = key(for: token.algorithm, signatureLength: token.signature.count) else { return }
        let signed = bytes.extracting(0..<min(token.signedLength, bytes.count))
        // RSA checks the length first: give it as many bytes as the decoy's modulus has.
        var signature = token.signature
        if let length = key.signatureLength, signature.count != length {
            signature = Array(signature.prefix(length))
            signature += Array(repeating: 0, count: length - signature.count)
        }
        _ = key.isValidSignature(signature.span, for: signed, algorithm: token.algorithm)
    }

    private static func key(for algorithm: SignatureAlgorithm, signatureLength: Int) -> VerificationKey? {
        switch algorithm {
        case .hs256, .hs384, .hs512: hmac
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512:
            signatureLength >= 512 ? rsa4096 : signatureLength >= 384 ? rsa3072 : rsa2048
        case .es256: p256
        case .es384: p384
        case .es512: p521
        case .edDSA: ed25519
        case .mlDSA65: mlDSA65
        case .mlDSA87: mlDSA87
        }
    }

    private static let hmac = hmacKey()
    private static let p256 = generated(.ec(.p256))
    private static let p384 = generated(.ec(.p384))
    private static let p521 = generated(.ec(.p521))
    private static let ed25519 = generated(.ed25519)
    private static let mlDSA65 = generated(.mlDSA65)
    private static let mlDSA87 = generated(.mlDSA87)

    // Fixed, because generating RSA keys takes seconds. What they would verify is refused all the same.
    private static let rsa2048 = read(RSADecoys.bits2048)
    private static let rsa3072 = read(RSADecoys.bits3072)
    private static let rsa4096 = read(RSADecoys.bits4096)

    private static func hmacKey() -> VerificationKey? {
        let bytes = SymmetricKey(size: SymmetricKeySize(bitCount: 512)).withUnsafeBytes { Array($0) }
        // A decoy that cannot be made costs only the evenness of time.
        return try? VerificationKey.hmac(secret: Secret(bytes))
    }

    private static func generated(_ kind: KeyKind) -> VerificationKey? {
        // As above.
        try? SigningKey.generate(kind).verificationKey
    }

    private static func read(_ line: String) -> VerificationKey? {
        // As above; a test reads all three.
        try? VerificationKey.publicKey(reading: Array(line.utf8))
    }

    /// Makes the keys before the first request needs them.
    static func prepare() {
        _ = [hmac, p256, p384, p521, ed25519, mlDSA65, mlDSA87, rsa2048, rsa3072, rsa4096]
    }

    static var areComplete: Bool {
        [hmac, p256, p384, p521, ed25519, mlDSA65, mlDSA87, rsa2048, rsa3072, rsa4096].allSatisfy {
            $0 != nil
        }
    }
}
