import Crypto
import CryptoExtras
import FoundationEssentials

/// A private key or secret, parsed once.
enum PrivateKeyMaterial: Sendable {
    case hmac(HMACKey)
    case rsa(_RSA.Signing.PrivateKey, RSAPublicKey)
    case p256(P256.Signing.PrivateKey)
    case p384(P384.Signing.PrivateKey)
    case p521(P521.Signing.PrivateKey)
    case ed25519(Curve25519.Signing.PrivateKey)
    case mlDSA65(MLDSA65.PrivateKey)
    case mlDSA87(MLDSA87.PrivateKey)
}

// MARK: - Making

extension PrivateKeyMaterial {
    /// Checks an RSA key's numbers and prepares it; the rest is computed from them.
    static func rsa(
        modulus: [UInt8],
        exponent: [UInt8],
        d: [UInt8],
        p: [UInt8],
        q: [UInt8],
        form: KeyForm
    ) throws(KeyReadingError) -> PrivateKeyMaterial {
        let publicHalf = try KeyMaterial.rsa(modulus: modulus, exponent: exponent, form: form)
        guard case .rsa(let rsa) = publicHalf else { throw .malformed(form, reason: "not an RSA key") }
        let (d, p, q) = (stripped(d), stripped(p), stripped(q))
        // Keeps absurd numbers away from the arithmetic, which expects primes of about half the length.
        let primeBytes = rsa.modulus.count / 4...rsa.modulus.count
        guard d.count <= rsa.modulus.count, !d.isEmpty, primeBytes.contains(p.count),
            primeBytes.contains(q.count),
            p[p.count - 1] & 1 == 1, q[q.count - 1] & 1 == 1, p != q
        else { throw .malformed(form, reason: "the private RSA numbers do not fit the modulus") }
        let key = try KeyMaterial.attempt(form, "the private RSA numbers do not belong together") {
            try _RSA.Signing.PrivateKey(n: rsa.modulus, e: rsa.exponent, d: d, p: p, q: q)
        }
        return .rsa(key, rsa)
    }

    /// Prepares an EC key from its scalar, which may lack leading zeros.
    static func ec(
        _ curve: EllipticCurve,
        scalar: [UInt8],
        form: KeyForm
    ) throws(KeyReadingError) -> PrivateKeyMaterial {
        let digits = stripped(scalar)
        guard !digits.isEmpty, digits.count <= curve.coordinateBytes else {
            throw .malformed(form, reason: "the private number is outside the range of \(curve.rawValue)")
        }
        let scalar = [UInt8](repeating: 0, count: curve.coordinateBytes - digits.count) + digits
        return try KeyMaterial.attempt(form, "the private number is outside the range of \(curve.rawValue)") {
            switch curve {
            case .p256: .p256(try P256.Signing.PrivateKey(rawRepresentation: scalar))
            case .p384: .p384(try P384.Signing.PrivateKey(rawRepresentation: scalar))
            case .p521: .p521(try P521.Signing.PrivateKey(rawRepresentation: scalar))
            }
        }
    }

    static func ed25519(seed: [UInt8], form: KeyForm) throws(KeyReadingError) -> PrivateKeyMaterial {
        .ed25519(
            try KeyMaterial.attempt(form, "an Ed25519 private key has 32 bytes, this one has \(seed.count)") {
                try Curve25519.Signing.PrivateKey(rawRepresentation: seed)
            }
        )
    }

    static func mlDSA65(seed: [UInt8], form: KeyForm) throws(KeyReadingError) -> PrivateKeyMaterial {
        .mlDSA65(
            try KeyMaterial.attempt(form, "an ML-DSA seed has 32 bytes, this one has \(seed.count)") {
                try MLDSA65.PrivateKey(seedRepresentation: seed, publicKey: nil)
            }
        )
    }

    static func mlDSA87(seed: [UInt8], form: KeyForm) throws(KeyReadingError) -> PrivateKeyMaterial {
        .mlDSA87(
            try KeyMaterial.attempt(form, "an ML-DSA seed has 32 bytes, this one has \(seed.count)") {
                try MLDSA87.PrivateKey(seedRepresentation: seed, publicKey: nil)
            }
        )
    }

    static func generate(_ kind: KeyKind) throws(KeyReadingError) -> PrivateKeyMaterial {
        let form = KeyForm.generated
        switch kind {
        case .hmac(let bytes):
            try SecretReader.checkLength(bytes, algorithm: .hs256)
            guard bytes <= SecretReader.maximumBytes else {
                throw .tooLarge(found: bytes, limit: SecretReader.maximumBytes)
            }
            let secret = SymmetricKey(size: SymmetricKeySize(bitCount: bytes * 8))
            return .hmac(HMACKey(Secret(unsafe secret.withUnsafeBytes { unsafe Array($0) })))
        case .rsa(let bits):
            guard RSALimits.bits.contains(bits), bits % 256 == 0 else { throw .rsaSize(bits: bits) }
            let key = try KeyMaterial.attempt(form, "no RSA key of \(bits) bits could be made") {
                let key = try _RSA.Signing.PrivateKey(keySize: .init(bitCount: bits))
                return (key, try key.publicKey.getKeyPrimitives())
            }
            let material = try KeyMaterial.rsa(
                modulus: key.1.modulus,
                exponent: key.1.publicExponent,
                form: form
            )
            guard case .rsa(let publicHalf) = material else {
                throw .malformed(form, reason: "not an RSA key")
            }
            return .rsa(key.0, publicHalf)
        case .ec(.p256): return .p256(P256.Signing.PrivateKey())
        case .ec(.p384): return .p384(P384.Signing.PrivateKey())
        case .ec(.p521): return .p521(P521.Signing.PrivateKey())
        case .ed25519: return .ed25519(Curve25519.Signing.PrivateKey())
        case .mlDSA65:
            return .mlDSA65(
                try KeyMaterial.attempt(form, "no key could be made") { try MLDSA65.PrivateKey() }
            )
        case .mlDSA87:
            return .mlDSA87(
                try KeyMaterial.attempt(form, "no key could be made") { try MLDSA87.PrivateKey() }
            )
        }
    }

    private static func stripped(_ number: [UInt8]) -> [UInt8] {
        Array(number.drop { $0 == 0 })
    }
}

// MARK: - Facts

extension PrivateKeyMaterial {
    var publicHalf: KeyMaterial {
        switch self {
        case .hmac(let key): .hmac(key)
        case .rsa(_, let key): .rsa(key)
        case .p256(let key): .p256(key.publicKey)
        case .p384(let key): .p384(key.publicKey)
        case .p521(let key): .p521(key.publicKey)
        case .ed25519(let key): .ed25519(key.publicKey)
        case .mlDSA65(let key): .mlDSA65(key.publicKey)
        case .mlDSA87(let key): .mlDSA87(key.publicKey)
        }
    }

    /// The key as PKCS#8 in PEM (RFC 5958, RFC 5915, RFC 8410 §7, RFC 9881 §6); nil for a secret.
    var pkcs8PEM: String? {
        switch self {
        case .hmac: nil
        case .rsa(let key, _): key.pkcs8PEMRepresentation + "\n"
        case .p256(let key): Self.pkcs8(.p256, Array(key.rawRepresentation), publicHalf)
        case .p384(let key): Self.pkcs8(.p384, Array(key.rawRepresentation), publicHalf)
        case .p521(let key): Self.pkcs8(.p521, Array(key.rawRepresentation), publicHalf)
        case .ed25519(let key):
            Self.pkcs8(
                DERWriter.sequence(KeyOID.encoded(KeyOID.ed25519)),
                DERWriter.octetString(Array(key.rawRepresentation))
            )
        case .mlDSA65(let key):
            Self.pkcs8(
                DERWriter.sequence(KeyOID.encoded(KeyOID.mlDSA65)),
                DERWriter.element(0x80, Array(key.seedRepresentation))
            )
        case .mlDSA87(let key):
            Self.pkcs8(
                DERWriter.sequence(KeyOID.encoded(KeyOID.mlDSA87)),
                DERWriter.element(0x80, Array(key.seedRepresentation))
            )
        }
    }

    private static func pkcs8(_ curve: EllipticCurve, _ scalar: [UInt8], _ publicHalf: KeyMaterial) -> String
    {
        let point = publicHalf.ecPoint?.bytes ?? []
        let key = DERWriter.sequence(
            DERWriter.integer([1]),
            DERWriter.octetString(scalar),
            DERWriter.element(0xA1, DERWriter.bitString(point))
        )
        return pkcs8(KeyOID.algorithm(of: curve), key)
    }

    private static func pkcs8(_ algorithm: [UInt8], _ key: [UInt8]) -> String {
        let contents = DERWriter.sequence(DERWriter.integer([]), algorithm, DERWriter.octetString(key))
        return PEM.encode(contents, label: "PRIVATE KEY")
    }
}

// MARK: - Signing

extension PrivateKeyMaterial {
    /// Signs with an algorithm that the key is known to allow; nil if it is not of the key's kind.
    func signature(for signed: [UInt8], algorithm: SignatureAlgorithm) throws -> [UInt8]? {
        switch (self, algorithm) {
        case (.hmac(let key), .hs256): code(signed, key.sha256)
        case (.hmac(let key), .hs384): code(signed, key.sha384)
        case (.hmac(let key), .hs512): code(signed, key.sha512)
        case (.rsa(let key, _), .rs256):
            Array(
                try key.signature(for: SHA256.hash(data: signed), padding: .insecurePKCS1v1_5)
                    .rawRepresentation
            )
        case (.rsa(let key, _), .rs384):
            Array(
                try key.signature(for: SHA384.hash(data: signed), padding: .insecurePKCS1v1_5)
                    .rawRepresentation
            )
        case (.rsa(let key, _), .rs512):
            Array(
                try key.signature(for: SHA512.hash(data: signed), padding: .insecurePKCS1v1_5)
                    .rawRepresentation
            )
        case (.rsa(let key, _), .ps256):
            Array(try key.signature(for: SHA256.hash(data: signed), padding: .PSS).rawRepresentation)
        case (.rsa(let key, _), .ps384):
            Array(try key.signature(for: SHA384.hash(data: signed), padding: .PSS).rawRepresentation)
        case (.rsa(let key, _), .ps512):
            Array(try key.signature(for: SHA512.hash(data: signed), padding: .PSS).rawRepresentation)
        case (.p256(let key), .es256): Array(try key.signature(for: signed).rawRepresentation)
        case (.p384(let key), .es384): Array(try key.signature(for: signed).rawRepresentation)
        case (.p521(let key), .es512): Array(try key.signature(for: signed).rawRepresentation)
        case (.ed25519(let key), .edDSA): Array(try key.signature(for: signed))
        case (.mlDSA65(let key), .mlDSA65): Array(try key.signature(for: signed))
        case (.mlDSA87(let key), .mlDSA87): Array(try key.signature(for: signed))
        // Every other pair is a key with an algorithm of another kind.
        default: nil
        }
    }

    private func code<Hash: HashFunction>(_ signed: [UInt8], _ keyed: HMAC<Hash>) -> [UInt8] {
        var code = keyed
        code.update(data: signed)
        return Array(code.finalize())
    }
}
