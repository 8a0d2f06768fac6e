/// A NIST curve that JWS uses (RFC 7518 §3.4).
public enum EllipticCurve: String, Hashable, Sendable, CaseIterable {
    case p256 = "P-256"
    case p384 = "P-384"
    case p521 = "P-521"

    /// The length of one coordinate, in bytes.
    public var coordinateBytes: Int {
        switch self {
        case .p256: 32
        case .p384: 48
        case .p521: 66
        }
    }

    /// The curve's name in OpenSSH keys (RFC 5656 §10.1).
    var openSSHName: String {
        switch self {
        case .p256: "nistp256"
        case .p384: "nistp384"
        case .p521: "nistp521"
        }
    }

    /// The algorithm that the curve is used with.
    var algorithm: SignatureAlgorithm {
        switch self {
        case .p256: .es256
        case .p384: .es384
        case .p521: .es512
        }
    }
}

/// What sort of key something is, with its size.
public enum KeyKind: Hashable, Sendable {
    case hmac(bytes: Int)
    case rsa(bits: Int)
    case ec(EllipticCurve)
    case ed25519
    case mlDSA65
    case mlDSA87

    /// The algorithms that a key of this kind can serve, the customary one first (RFC 7518 §3.2 to §3.5).
    public var algorithms: [SignatureAlgorithm] {
        switch self {
        case .hmac(let bytes):
            ([(.hs256, 32), (.hs384, 48), (.hs512, 64)] as [(SignatureAlgorithm, Int)])
                .filter { bytes >= $0.1 }.map(\.0)
        case .rsa: [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]
        case .ec(let curve): [curve.algorithm]
        case .ed25519: [.edDSA]
        case .mlDSA65: [.mlDSA65]
        case .mlDSA87: [.mlDSA87]
        }
    }
}

extension KeyKind: CustomStringConvertible {
    /// The kind and size in words.
    public var description: String {
        switch self {
        case .hmac(let bytes): "HMAC secret of \(bytes) bytes"
        case .rsa(let bits): "RSA \(bits) bits"
        case .ec(let curve): "EC \(curve.rawValue)"
        case .ed25519: "Ed25519"
        case .mlDSA65: "ML-DSA-65"
        case .mlDSA87: "ML-DSA-87"
        }
    }
}

/// The form in which a key was given.
public enum KeyForm: String, Hashable, Sendable, CaseIterable {
    case openSSHPublicKey = "OpenSSH public key line"
    case openSSHPrivateKey = "OpenSSH private key"
    case pemSPKI = "PEM public key (SPKI)"
    case pemPKCS1 = "PEM RSA public key (PKCS#1)"
    case pemCertificate = "PEM X.509 certificate"
    case derSPKI = "DER public key (SPKI)"
    case derPKCS1 = "DER RSA public key (PKCS#1)"
    case derCertificate = "DER X.509 certificate"
    case jwk = "JWK"
    case jwkSet = "JWK set"
    case privatePKCS1 = "RSA private key (PKCS#1)"
    case privatePKCS8 = "private key (PKCS#8)"
    case privateSEC1 = "EC private key (SEC 1)"
    case secretText = "secret as text"
    case secretBase64 = "secret as Base64"
    case generated = "generated key"
}

extension KeyForm: CustomStringConvertible {
    /// The form in words.
    public var description: String { rawValue }
}
