import Crypto

extension VerificationKey {
    /// The members of the key as a JWK (RFC 7518 §6, RFC 8037 §2, RFC 9964 §3), `kid` and `use` not among them;
    /// nil for a secret.
    public var jwkMembers: [(name: String, value: String)]? {
        switch material {
        case .hmac: return nil
        case .rsa(let key):
            return [
                ("kty", "RSA"), ("n", Base64URL.encode(key.modulus)), ("e", Base64URL.encode(key.exponent)),
            ]
        case .p256: return Self.ec(.p256, material)
        case .p384: return Self.ec(.p384, material)
        case .p521: return Self.ec(.p521, material)
        case .ed25519(let key):
            let point = Base64URL.encode(Array(key.rawRepresentation))
            return [("kty", "OKP"), ("crv", "Ed25519"), ("x", point)]
        case .mlDSA65(let key):
            let encoded = Base64URL.encode(Array(key.rawRepresentation))
            return [("kty", "AKP"), ("alg", "ML-DSA-65"), ("pub", encoded)]
        case .mlDSA87(let key):
            let encoded = Base64URL.encode(Array(key.rawRepresentation))
            return [("kty", "AKP"), ("alg", "ML-DSA-87"), ("pub", encoded)]
        }
    }

    private static func ec(
        _ curve: EllipticCurve,
        _ material: KeyMaterial
    ) -> [(name: String, value: String)]? {
        let length = curve.coordinateBytes
        // Not compressed: 4, then both coordinates (SEC 1 §2.3.3).
        guard let point = material.ecPoint?.bytes, point.count == 1 + 2 * length else { return nil }
        return [
            ("kty", "EC"), ("crv", curve.rawValue),
            ("x", Base64URL.encode(Array(point.dropFirst().prefix(length)))),
            ("y", Base64URL.encode(Array(point.suffix(length)))),
        ]
    }
}
