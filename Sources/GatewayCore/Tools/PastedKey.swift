package import JOSE

/// A key as its owner gives it to a tool, read but not yet understood.
package struct PastedKey: Sendable {
    /// How the text is to be taken.
    private enum Contents: Sendable {
        case anyForm(Secret<[UInt8]>)
        case secret(Secret<[UInt8]>, isBase64: Bool)
    }

    private let contents: Contents

    /// Takes a key in whatever form it has.
    package init(anyForm text: [UInt8]) {
        contents = .anyForm(Secret(text))
    }

    /// Takes an HMAC secret; `nil` when it is a key pair's key, or what is left of one.
    ///
    /// - Parameters:
    ///   - text: the secret's text.
    ///   - isBase64: whether the text is Base64 of the key; by default its bytes are the key.
    package init?(secret text: [UInt8], isBase64: Bool) {
        guard !KeyResemblance.isFound(in: text) else { return nil }
        contents = .secret(Secret(text), isBase64: isBase64)
    }

    /// The key to sign with.
    ///
    /// - Throws: ``KeyReadingError``, with what was found and what to do.
    package func signingKey() throws(KeyReadingError) -> SigningKey {
        switch contents {
        case .anyForm(let text): return try SigningKey.read(text.reveal())
        case .secret(let secret, let isBase64):
            return try SigningKey.hmac(secret: secret, secretIsBase64: isBase64)
        }
    }

    /// Reads the keys to verify with.
    ///
    /// - Parameter algorithm: what the token says, or what the caller expects: text that is no known form is a
    ///   secret if this is an HMAC.
    /// - Returns: the keys, at least one.
    /// - Throws: ``KeyReadingError``, with what was found and what to do.
    package func verificationKeys(
        for algorithm: SignatureAlgorithm
    ) throws(KeyReadingError) -> [VerificationKey] {
        switch contents {
        case .anyForm(let text):
            let isSecretPossible = algorithm.isHMAC && !KeyResemblance.isFound(in: text.reveal())
            return try VerificationKey.anyKey(
                reading: text.reveal(),
                algorithm: isSecretPossible ? algorithm : nil
            )
        case .secret(let secret, let isBase64):
            return [try VerificationKey.hmac(secret: secret, secretIsBase64: isBase64)]
        }
    }

    /// For a secret: the key that the same text gives when it is taken the other way, and how it was taken.
    func otherReading() -> (key: VerificationKey, wasBase64: Bool)? {
        guard case .secret(let secret, let isBase64) = contents,
            // Most secrets cannot be taken the other way; then there is no hint.
            let key = try? VerificationKey.hmac(secret: secret, secretIsBase64: !isBase64)
        else { return nil }
        return (key, isBase64)
    }

    /// Whether text that was refused as no known form may have been meant as a secret.
    package func mayBeSecret(after error: KeyReadingError) -> Bool {
        guard case .unrecognised = error, case .anyForm(let text) = contents else { return false }
        return !KeyResemblance.isFound(in: text.reveal())
    }
}

/// Tells damaged keys from secrets.
///
/// A public key that is not recognised as one must never become an HMAC secret: whoever has the public key could
/// then sign (RFC 8725 §2.1).
enum KeyResemblance {
    private static let marks = [
        "-BEGIN", "BEGIN ", "ssh-", "ecdsa-sha2-", "sk-ssh", "\"kty\"",
        // The Base64 of OpenSSH keys, whose first field is the name of the type.
        "AAAAB3NzaC1", "AAAAC3NzaC1", "AAAAE2VjZHNh",
    ].map { Array($0.utf8) }

    /// Whether a text has a mark of a key pair's key, or is the Base64 or hexadecimal form of one.
    static func isFound(in text: [UInt8]) -> Bool {
        // In UTF-16 the marks stand with zero bytes in between.
        let text = text.filter { $0 != 0 }
        let dense = text.filter { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
        let padding = [UInt8](repeating: UInt8(ascii: "="), count: (4 - dense.count % 4) % 4)
        // What does not decode resembles nothing.
        let decoded = [try? Base64.decode(dense + padding), try? Base64URL.decode(dense), hexadecimal(dense)]
        return ([text] + decoded.compactMap(\.self)).contains { reading in
            isDERKey(reading) || marks.contains { reading.firstRange(of: $0) != nil }
        }
    }

    /// Whether bytes begin like the ASN.1 of a key or certificate: a sequence with a long length.
    private static func isDERKey(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 40, bytes[0] == 0x30 else { return false }
        let first: UInt8
        switch bytes[1] {
        case 0x82: first = bytes[4]
        case 0x81: first = bytes[3]
        // As any byte may stand here in a secret, the length has to be right.
        case let length where Int(length) == bytes.count - 2: first = bytes[2]
        default: return false
        }
        return first == 0x30 || first == 0x02
    }

    private static func hexadecimal(_ text: [UInt8]) -> [UInt8]? {
        guard text.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in text {
            guard let digit = Character(Unicode.Scalar(character)).hexDigitValue else { return nil }
            if let first = high {
                bytes.append(first << 4 | UInt8(digit))
                high = nil
            } else {
                high = UInt8(digit)
            }
        }
        return bytes
    }
}
