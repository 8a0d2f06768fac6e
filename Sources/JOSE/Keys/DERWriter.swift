import SwiftASN1

/// The few DER forms that keys are written in (X.690 §8, §10).
enum DERWriter {
    static func sequence(_ parts: [UInt8]...) -> [UInt8] {
        element(0x30, parts.flatMap { $0 })
    }

    /// A non-negative integer, given big-endian.
    static func integer(_ magnitude: [UInt8]) -> [UInt8] {
        let digits = Array(magnitude.drop { $0 == 0 })
        guard let first = digits.first else { return element(0x02, [0]) }
        return element(0x02, first & 0x80 == 0 ? digits : [0] + digits)
    }

    static func octetString(_ bytes: [UInt8]) -> [UInt8] {
        element(0x04, bytes)
    }

    static func bitString(_ bytes: [UInt8]) -> [UInt8] {
        element(0x03, [0] + bytes)
    }

    static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        if content.count < 0x80 {
            length = [UInt8(content.count)]
        } else {
            var rest = content.count
            while rest > 0 {
                length.insert(UInt8(truncatingIfNeeded: rest), at: 0)
                rest >>= 8
            }
            length.insert(0x80 | UInt8(length.count), at: 0)
        }
        return [tag] + length + content
    }

    static func subjectPublicKeyInfo(_ algorithm: [UInt8], _ key: [UInt8]) -> [UInt8] {
        sequence(algorithm, bitString(key))
    }
}

/// Object identifiers of keys and curves.
enum KeyOID {
    /// RFC 8017 appendix C.
    static let rsa: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 1, 1]
    static let rsaPSS: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 1, 10]
    /// RFC 5480 §2.1.1.
    static let ec: ASN1ObjectIdentifier = [1, 2, 840, 10045, 2, 1]
    static let p256: ASN1ObjectIdentifier = [1, 2, 840, 10045, 3, 1, 7]
    static let p384: ASN1ObjectIdentifier = [1, 3, 132, 0, 34]
    static let p521: ASN1ObjectIdentifier = [1, 3, 132, 0, 35]
    /// RFC 8410 §3.
    static let ed25519: ASN1ObjectIdentifier = [1, 3, 101, 112]
    /// RFC 9881 §2.
    static let mlDSA65: ASN1ObjectIdentifier = [2, 16, 840, 1, 101, 3, 4, 3, 18]
    static let mlDSA87: ASN1ObjectIdentifier = [2, 16, 840, 1, 101, 3, 4, 3, 19]

    /// `rsaEncryption` with its obligatory NULL.
    static let rsaAlgorithm = DERWriter.sequence(encoded(rsa), [0x05, 0x00])

    static func algorithm(of curve: EllipticCurve) -> [UInt8] {
        DERWriter.sequence(encoded(ec), encoded(named(curve)))
    }

    static func named(_ curve: EllipticCurve) -> ASN1ObjectIdentifier {
        switch curve {
        case .p256: p256
        case .p384: p384
        case .p521: p521
        }
    }

    static func curve(_ identifier: ASN1ObjectIdentifier) -> EllipticCurve? {
        EllipticCurve.allCases.first { named($0) == identifier }
    }

    static func encoded(_ identifier: ASN1ObjectIdentifier) -> [UInt8] {
        var content: [UInt8] = []
        let components = identifier.oidComponents
        guard components.count >= 2 else { return [] }
        for component in [components[0] * 40 + components[1]] + components.dropFirst(2) {
            var septets = [UInt8(component & 0x7F)]
            var rest = component >> 7
            while rest > 0 {
                septets.insert(0x80 | UInt8(rest & 0x7F), at: 0)
                rest >>= 7
            }
            content += septets
        }
        return DERWriter.element(0x06, content)
    }

    /// What people call a key type that cannot be used here.
    static func name(_ identifier: ASN1ObjectIdentifier) -> String {
        names[identifier] ?? "a key of type \(identifier)"
    }

    private static let names: [ASN1ObjectIdentifier: String] = [
        [1, 2, 840, 10040, 4, 1]: "a DSA key",
        [1, 2, 840, 113549, 1, 3, 1]: "a Diffie-Hellman key",
        [1, 3, 101, 110]: "an X25519 key, which is for key agreement",
        [1, 3, 101, 111]: "an X448 key, which is for key agreement",
        [1, 3, 101, 113]: "an Ed448 key",
        [2, 16, 840, 1, 101, 3, 4, 3, 17]: "an ML-DSA-44 key",
        [1, 3, 132, 0, 10]: "an EC key on secp256k1",
        [1, 3, 132, 0, 33]: "an EC key on P-224",
    ]
}
