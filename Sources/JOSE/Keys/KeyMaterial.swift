import Crypto
import CryptoExtras
import FoundationEssentials
import Synchronization

/// The key proper, parsed once, with everything prepared that verification needs.
enum KeyMaterial: Sendable {
    case hmac(HMACKey)
    case rsa(RSAPublicKey)
    case p256(P256.Signing.PublicKey)
    case p384(P384.Signing.PublicKey)
    case p521(P521.Signing.PublicKey)
    case ed25519(Curve25519.Signing.PublicKey)
    case mlDSA65(MLDSA65.PublicKey)
    case mlDSA87(MLDSA87.PublicKey)
}

/// A secret with its HMAC states keyed in advance, so that a verification only copies one.
struct HMACKey: Sendable {
    let secret: Secret<[UInt8]>
    // The states after the key's own blocks take more memory than all else of a key, and a client mostly uses
    // one algorithm: each is made when it is needed first.
    private let prepared = PreparedStates()

    init(_ secret: Secret<[UInt8]>) {
        self.secret = secret
    }

    var bytes: Int { secret.reveal().count }

    var sha256: HMAC<SHA256> { prepared.sha256(secret) }
    var sha384: HMAC<SHA384> { prepared.sha384(secret) }
    var sha512: HMAC<SHA512> { prepared.sha512(secret) }

    // One method for each: a generic one would look its types up at every call.
    private final class PreparedStates: Sendable {
        private let ofSHA256 = Mutex<HMAC<SHA256>?>(nil)
        private let ofSHA384 = Mutex<HMAC<SHA384>?>(nil)
        private let ofSHA512 = Mutex<HMAC<SHA512>?>(nil)

        func sha256(_ secret: Secret<[UInt8]>) -> HMAC<SHA256> {
            ofSHA256.withLock { state in
                let known = state ?? HMAC(key: SymmetricKey(data: secret.reveal()))
                state = known
                return known
            }
        }

        func sha384(_ secret: Secret<[UInt8]>) -> HMAC<SHA384> {
            ofSHA384.withLock { state in
                let known = state ?? HMAC(key: SymmetricKey(data: secret.reveal()))
                state = known
                return known
            }
        }

        func sha512(_ secret: Secret<[UInt8]>) -> HMAC<SHA512> {
            ofSHA512.withLock { state in
                let known = state ?? HMAC(key: SymmetricKey(data: secret.reveal()))
                state = known
                return known
            }
        }
    }
}

/// An RSA public key with its two numbers, big-endian without leading zeros.
struct RSAPublicKey: Sendable {
    let key: _RSA.Signing.PublicKey
    let modulus: [UInt8]
    let exponent: [UInt8]

    var bits: Int { modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0) }
}

// MARK: - Making

extension KeyMaterial {
    /// Checks an RSA key's numbers and prepares it.
    static func rsa(
        modulus: some Sequence<UInt8>,
        exponent: some Sequence<UInt8>,
        form: KeyForm
    ) throws(KeyReadingError) -> KeyMaterial {
        let modulus = Array(modulus.drop { $0 == 0 })
        let exponent = Array(exponent.drop { $0 == 0 })
        let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
        guard RSALimits.bits.contains(bits) else { throw .rsaSize(bits: bits) }
        guard let low = exponent.last, low & 1 == 1, exponent.count > 1 || low >= 3,
            exponent.count * 8 - exponent[0].leadingZeroBitCount <= 33
        else { throw .rsaExponent }
        guard modulus[modulus.count - 1] & 1 == 1 else {
            throw .malformed(form, reason: "the modulus is even")
        }
        let key = try attempt(form, "the RSA numbers are not a key") {
            try _RSA.Signing.PublicKey(n: modulus, e: exponent)
        }
        return .rsa(RSAPublicKey(key: key, modulus: modulus, exponent: exponent))
    }

    /// Checks that a point (SEC 1 §2.3.3, compressed or not) lies on the curve, and prepares it.
    static func ec(
        _ curve: EllipticCurve,
        point: [UInt8],
        form: KeyForm
    ) throws(KeyReadingError) -> KeyMaterial {
        try attempt(form, "the point is not on the curve \(curve.rawValue)") {
            let isCompressed = point.count == curve.coordinateBytes + 1
            switch curve {
            case .p256:
                return .p256(
                    isCompressed
                        ? try .init(compressedRepresentation: point) : try .init(x963Representation: point)
                )
            case .p384:
                return .p384(
                    isCompressed
                        ? try .init(compressedRepresentation: point) : try .init(x963Representation: point)
                )
            case .p521:
                return .p521(
                    isCompressed
                        ? try .init(compressedRepresentation: point) : try .init(x963Representation: point)
                )
            }
        }
    }

    /// Prepares an Ed25519 key; points of small order, with which anybody can sign, are refused.
    static func ed25519(_ point: [UInt8], form: KeyForm) throws(KeyReadingError) -> KeyMaterial {
        guard point.count == 32 else {
            throw .malformed(form, reason: "an Ed25519 key has 32 bytes, this one has \(point.count)")
        }
        guard !SmallOrderPoints.contains(point) else {
            throw .malformed(form, reason: "the Ed25519 point is of small order, anybody could sign for it")
        }
        return .ed25519(
            try attempt(form, "the bytes are not an Ed25519 key") {
                try Curve25519.Signing.PublicKey(rawRepresentation: point)
            }
        )
    }

    static func mlDSA65(_ bytes: [UInt8], form: KeyForm) throws(KeyReadingError) -> KeyMaterial {
        .mlDSA65(
            try attempt(form, "an ML-DSA-65 key has 1952 bytes, this one has \(bytes.count)") {
                try MLDSA65.PublicKey(rawRepresentation: bytes)
            }
        )
    }

    static func mlDSA87(_ bytes: [UInt8], form: KeyForm) throws(KeyReadingError) -> KeyMaterial {
        .mlDSA87(
            try attempt(form, "an ML-DSA-87 key has 2592 bytes, this one has \(bytes.count)") {
                try MLDSA87.PublicKey(rawRepresentation: bytes)
            }
        )
    }

    /// Runs something of the cryptographic library, whose errors say nothing to people.
    static func attempt<T>(
        _ form: KeyForm,
        _ reason: @autoclosure () -> String,
        _ body: () throws -> T
    ) throws(KeyReadingError) -> T {
        do {
            return try body()
        } catch {
            throw .malformed(form, reason: reason())
        }
    }
}

/// The Ed25519 points whose order divides 8, in all encodings that a decoder may accept (RFC 8032 §5.1.3).
private enum SmallOrderPoints {
    static func contains(_ point: [UInt8]) -> Bool {
        // The last bit is the sign of x, which does not matter here.
        var bytes = point
        bytes[31] &= 0x7F
        return points.contains(bytes)
    }

    private static let points: Set<[UInt8]> = [
        edge(0x00), edge(0x01), edge(0xEC, fill: 0xFF), edge(0xED, fill: 0xFF), edge(0xEE, fill: 0xFF),
        [
            0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF, 0x98, 0xF0,
            0xD5, 0xDF, 0xAC, 0x05, 0xD3, 0xC6, 0x33, 0x39, 0xB1, 0x38, 0x02, 0x88, 0x6D, 0x53, 0xFC, 0x05,
        ],
        [
            0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B, 0x76, 0x0D, 0x10, 0x67, 0x0F,
            0x2A, 0x20, 0x53, 0xFA, 0x2C, 0x39, 0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77, 0x92, 0xAC, 0x03, 0x7A,
        ],
    ]

    private static func edge(_ first: UInt8, fill: UInt8 = 0) -> [UInt8] {
        [first] + [UInt8](repeating: fill, count: 30) + [fill & 0x7F]
    }
}

// MARK: - Facts

extension KeyMaterial {
    var kind: KeyKind {
        switch self {
        case .hmac(let key): .hmac(bytes: key.bytes)
        case .rsa(let key): .rsa(bits: key.bits)
        case .p256: .ec(.p256)
        case .p384: .ec(.p384)
        case .p521: .ec(.p521)
        case .ed25519: .ed25519
        case .mlDSA65: .mlDSA65
        case .mlDSA87: .mlDSA87
        }
    }

    /// The exact length of a signature in bytes; nil for HMAC, where it depends on the algorithm.
    var signatureLength: Int? {
        switch self {
        case .hmac: nil
        case .rsa(let key): key.modulus.count
        case .p256: 64
        case .p384: 96
        case .p521: 132
        case .ed25519: 64
        case .mlDSA65: 3_309
        case .mlDSA87: 4_627
        }
    }

    /// The uncompressed point of an EC key (SEC 1 §2.3.3).
    var ecPoint: (curve: EllipticCurve, bytes: [UInt8])? {
        switch self {
        case .p256(let key): (.p256, Array(key.x963Representation))
        case .p384(let key): (.p384, Array(key.x963Representation))
        case .p521(let key): (.p521, Array(key.x963Representation))
        case .hmac, .rsa, .ed25519, .mlDSA65, .mlDSA87: nil
        }
    }

    /// The key in the wire form of SSH (RFC 4253 §6.6, RFC 5656 §3.1, RFC 8709 §4), where there is one.
    var openSSHBlob: [UInt8]? {
        var writer = SSHWriter()
        switch self {
        case .rsa(let key):
            writer.string("ssh-rsa")
            writer.integer(key.exponent)
            writer.integer(key.modulus)
        case .p256, .p384, .p521:
            guard let (curve, point) = ecPoint else { return nil }
            writer.string("ecdsa-sha2-" + curve.openSSHName)
            writer.string(curve.openSSHName)
            writer.string(point)
        case .ed25519(let key):
            writer.string("ssh-ed25519")
            writer.string(Array(key.rawRepresentation))
        case .hmac, .mlDSA65, .mlDSA87:
            return nil
        }
        return writer.bytes
    }

    /// The key as SubjectPublicKeyInfo (RFC 5280 §4.1.2.7); nil for HMAC.
    var subjectPublicKeyInfo: [UInt8]? {
        switch self {
        case .hmac: return nil
        case .rsa(let key):
            let numbers = DERWriter.sequence(DERWriter.integer(key.modulus), DERWriter.integer(key.exponent))
            return DERWriter.subjectPublicKeyInfo(KeyOID.rsaAlgorithm, numbers)
        case .p256, .p384, .p521:
            guard let (curve, point) = ecPoint else { return nil }
            return DERWriter.subjectPublicKeyInfo(KeyOID.algorithm(of: curve), point)
        case .ed25519(let key):
            return DERWriter.subjectPublicKeyInfo(
                DERWriter.sequence(KeyOID.encoded(KeyOID.ed25519)),
                Array(key.rawRepresentation)
            )
        case .mlDSA65(let key):
            return DERWriter.subjectPublicKeyInfo(
                DERWriter.sequence(KeyOID.encoded(KeyOID.mlDSA65)),
                Array(key.rawRepresentation)
            )
        case .mlDSA87(let key):
            return DERWriter.subjectPublicKeyInfo(
                DERWriter.sequence(KeyOID.encoded(KeyOID.mlDSA87)),
                Array(key.rawRepresentation)
            )
        }
    }

    /// What names the key to people without giving it away.
    var fingerprint: String {
        switch self {
        case .hmac(let key):
            // Keyed by the secret over a text without a dot, which no token's signed part can be; six bytes
            // tell keys apart and are too few to be a signature.
            var code = key.sha256
            code.update(data: Array("secret fingerprint".utf8))
            return "HMAC:" + PrintableBytes.hexadecimal(Array(code.finalize()).prefix(6))
        case .rsa, .p256, .p384, .p521, .ed25519, .mlDSA65, .mlDSA87:
            let digest = SHA256.hash(data: openSSHBlob ?? subjectPublicKeyInfo ?? [])
            return "SHA256:" + Base64.encode(Array(digest), padded: false)
        }
    }
}
