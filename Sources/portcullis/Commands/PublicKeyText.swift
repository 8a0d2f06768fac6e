import JOSE

/// The forms in which a public key is written.
enum PublicKeyFormat: String, CaseIterable {
    case openssh, pem, jwk
}

/// A public key as text, ending in a line break.
enum PublicKeyText {
    /// Writes a key.
    ///
    /// - Parameters:
    ///   - key: the key; not a secret.
    ///   - format: the form.
    ///   - comment: what follows the key in its OpenSSH form.
    /// - Returns: the text; nil when the key has no such form.
    static func text(_ key: VerificationKey, as format: PublicKeyFormat, comment: String?) -> String? {
        switch format {
        case .openssh: key.openSSHPublicLine(comment: comment).map { $0 + "\n" }
        case .pem: key.subjectPublicKeyInfoPEM
        case .jwk: members(of: key).map(object)
        }
    }

    private static func object(_ members: [(String, String)]) -> String {
        "{" + members.map { "\(JSONText.string($0)):\(JSONText.string($1))" }.joined(separator: ",") + "}\n"
    }

    /// The members of a JWK (RFC 7518 §6, RFC 8037 §2, RFC 9964 §3).
    private static func members(of key: VerificationKey) -> [(String, String)]? {
        switch key.kind {
        case .hmac: return nil
        case .rsa:
            guard let fields = wireFields(key), fields.count == 3 else { return nil }
            return [("kty", "RSA"), ("n", number(fields[2])), ("e", number(fields[1]))]
        case .ec(let curve):
            let length = curve.coordinateBytes
            guard let point = wireFields(key)?.last, point.count == 1 + 2 * length else { return nil }
            let coordinates = point.dropFirst()
            return [
                ("kty", "EC"), ("crv", curve.rawValue),
                ("x", Base64URL.encode(Array(coordinates.prefix(length)))),
                ("y", Base64URL.encode(Array(coordinates.suffix(length)))),
            ]
        case .ed25519:
            guard let point = wireFields(key)?.last else { return nil }
            return [("kty", "OKP"), ("crv", "Ed25519"), ("x", Base64URL.encode(point))]
        case .mlDSA65: return postQuantum(key, "ML-DSA-65", bytes: 1_952)
        case .mlDSA87: return postQuantum(key, "ML-DSA-87", bytes: 2_592)
        }
    }

    /// The key is the last field of its SubjectPublicKeyInfo (RFC 9881 §4).
    private static func postQuantum(_ key: VerificationKey, _ name: String, bytes: Int) -> [(String, String)]?
    {
        guard let pem = key.subjectPublicKeyInfoPEM else { return nil }
        let body = pem.split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined()
        // The PEM was written a moment ago, so that its Base64 is sound.
        guard let encoded = try? Base64.decode(Array(body.utf8)), encoded.count > bytes else { return nil }
        return [("kty", "AKP"), ("alg", name), ("pub", Base64URL.encode(Array(encoded.suffix(bytes))))]
    }

    /// The fields of the key in OpenSSH's form, each a length of four bytes and that many bytes (RFC 4253 §6.6).
    private static func wireFields(_ key: VerificationKey) -> [[UInt8]]? {
        guard let line = key.openSSHPublicLine(comment: ""),
            let text = line.split(separator: " ").dropFirst().first,
            // The line was written a moment ago, so that its Base64 is sound.
            var rest = (try? Base64.decode(Array(text.utf8)))?[...]
        else { return nil }
        var fields: [[UInt8]] = []
        while !rest.isEmpty {
            guard rest.count >= 4 else { return nil }
            let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(4)
            guard rest.count >= length else { return nil }
            fields.append(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return fields
    }

    /// A number without the zero byte that keeps it positive in OpenSSH's form (RFC 7518 §2, Base64urlUInt).
    private static func number(_ bytes: [UInt8]) -> String {
        Base64URL.encode(Array(bytes.drop { $0 == 0 }))
    }
}
