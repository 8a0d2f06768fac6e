import SwiftASN1

/// Reads private keys whose DER structure has been recognised.
enum PrivateKeyReader {
    /// PKCS#8 (RFC 5958 §2).
    static func pkcs8(_ fields: [DERValue]) throws(KeyReadingError) -> SigningKey {
        let form = KeyForm.privatePKCS8
        guard fields.count >= 3, let algorithm = fields[1].sequence, let contents = fields[2].octetString,
            let identifier = algorithm.first?.objectIdentifier
        else { throw .malformed(form, reason: "the algorithm or the key is missing") }
        switch identifier {
        case KeyOID.rsa, KeyOID.rsaPSS:
            guard let numbers = DERValue(parsing: contents)?.sequence else {
                throw .malformed(form, reason: "the RSA numbers are missing")
            }
            let isPSS = identifier == KeyOID.rsaPSS
            guard !isPSS || algorithm.count == 1 else {
                throw .unsupported(
                    found: "an RSA-PSS key bound to parameters",
                    advice: "use an RSA key without them"
                )
            }
            return try pkcs1(numbers, form: form, algorithms: isPSS ? [.ps256, .ps384, .ps512] : nil)
        case KeyOID.ec:
            guard let name = algorithm.last?.objectIdentifier, let curve = KeyOID.curve(name) else {
                throw .unsupported(
                    found: "an EC key on another curve",
                    advice: "use P-256, P-384 or P-521 by name"
                )
            }
            guard let key = DERValue(parsing: contents)?.sequence else {
                throw .malformed(form, reason: "the EC key is missing")
            }
            return try sec1(key, curve: curve, form: form)
        case KeyOID.ed25519:
            guard let seed = DERValue(parsing: contents)?.octetString else {
                throw .malformed(form, reason: "the Ed25519 key is missing")
            }
            return SigningKey(try .ed25519(seed: seed, form: form), form: form)
        case KeyOID.mlDSA65:
            return SigningKey(try .mlDSA65(seed: seed(contents, form), form: form), form: form)
        case KeyOID.mlDSA87:
            return SigningKey(try .mlDSA87(seed: seed(contents, form), form: form), form: form)
        default:
            throw .unsupported(found: KeyOID.name(identifier), advice: KeyReader.acceptedKinds)
        }
    }

    /// RSAPrivateKey (RFC 8017 appendix A.1.2): version, n, e, d, p, q, and three that follow from them.
    static func pkcs1(
        _ fields: [DERValue],
        form: KeyForm,
        algorithms: [SignatureAlgorithm]? = nil
    ) throws(KeyReadingError) -> SigningKey {
        let numbers = fields.compactMap(\.integer)
        guard numbers.count >= 9 else { throw .malformed(form, reason: "the RSA numbers are missing") }
        guard numbers[0].isEmpty, fields.count == 9 else {
            throw .unsupported(found: "an RSA key of more than two primes", advice: "use one of two primes")
        }
        let material = try PrivateKeyMaterial.rsa(
            modulus: numbers[1],
            exponent: numbers[2],
            d: numbers[3],
            p: numbers[4],
            q: numbers[5],
            form: form
        )
        return SigningKey(material, algorithms: algorithms, form: form)
    }

    /// ECPrivateKey (RFC 5915 §3); inside PKCS#8 the curve is given outside.
    static func sec1(
        _ fields: [DERValue],
        curve given: EllipticCurve?,
        form: KeyForm
    ) throws(KeyReadingError) -> SigningKey {
        guard fields.count >= 2, fields[0].integer == [1], let scalar = fields[1].octetString else {
            throw .malformed(form, reason: "the private number is missing")
        }
        let named = fields.lazy.compactMap { $0.contextValue(0)?.objectIdentifier }.first
        guard let curve = given ?? named.flatMap(KeyOID.curve) else {
            throw .unsupported(
                found: named.map(KeyOID.name) ?? "an EC key without a named curve",
                advice: "use P-256, P-384 or P-521 by name"
            )
        }
        let material = try PrivateKeyMaterial.ec(curve, scalar: scalar, form: form)
        let point = fields.lazy.compactMap { $0.contextValue(1)?.bitString }.first
        if let point, point.first == 0x04, point != material.publicHalf.ecPoint?.bytes {
            throw .malformed(form, reason: "its public and private halves do not belong together")
        }
        return SigningKey(material, form: form)
    }

    /// The seed of an ML-DSA key, alone or beside the expanded key (RFC 9881 §6).
    private static func seed(_ contents: [UInt8], _ form: KeyForm) throws(KeyReadingError) -> [UInt8] {
        guard let value = DERValue(parsing: contents) else {
            throw .malformed(form, reason: "the ML-DSA key is missing")
        }
        if let seed = value.contextPrimitive(0) { return seed }
        if let both = value.sequence, both.count == 2, let seed = both[0].octetString { return seed }
        throw .unsupported(
            found: "an ML-DSA key in expanded form only",
            advice: "export it with its seed"
        )
    }
}
