import JOSE

/// The ways in which a signer's library or script may read a pasted secret otherwise than the profile does.
package enum SecretReading: String, Sendable, CaseIterable {
    /// Base64 of the key's bytes.
    case base64
    /// The text's own bytes.
    case text
    /// Base64url of the key's bytes, with or without padding.
    case base64url
    /// Hexadecimal digits of the key's bytes, in either case.
    case hex
    /// The text with the line feed that `echo` and editors put behind it.
    case withLineBreak = "with_line_break"
    /// The text without the white space and quotation marks around it.
    case trimmed

    /// The material that verifies what a signer signs who reads the secret in this way.
    ///
    /// - Returns: `nil` for a public key, and where the text has no such reading, or none other than its own.
    package func material(of material: ProfileKey.Material) -> ProfileKey.Material? {
        guard case .secret(let secret, let isBase64) = material else { return nil }
        let text = secret.reveal()
        switch self {
        case .base64:
            // What is no Base64 has no such reading.
            return isBase64 || (try? Base64.decode(text)) == nil ? nil : .secret(secret, isBase64: true)
        case .text: return isBase64 ? .secret(secret, isBase64: false) : nil
        case .base64url:
            // Where the usual alphabet fits as well, the two readings are one.
            guard (try? Base64.decode(text)) == nil else { return nil }
            let bare = Array(text.reversed().drop { $0 == UInt8(ascii: "=") }.reversed())
            // What is no Base64url has no such reading.
            return Self.kept(try? Base64URL.decode(bare))
        case .hex:
            let lowered = text.map { $0 &- UInt8(ascii: "A") < 26 ? $0 | 0x20 : $0 }
            return Self.kept(Hex.decode(lowered))
        case .withLineBreak:
            return isBase64 ? nil : .secret(Secret(text + [UInt8(ascii: "\n")]), isBase64: false)
        case .trimmed:
            let trimmed = TokenCorrection.trimmed(text)
            return trimmed.count == text.count ? nil : .secret(Secret(trimmed), isBase64: isBase64)
        }
    }

    /// Bytes in the form that secrets are kept in.
    private static func kept(_ bytes: [UInt8]?) -> ProfileKey.Material? {
        bytes.map { .secret(Secret(Array(Base64.encode($0).utf8)), isBase64: true) }
    }
}
