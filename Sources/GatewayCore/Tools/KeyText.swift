package import JOSE

/// The forms in which a public key is written.
package enum PublicKeyFormat: String, Sendable, CaseIterable {
    /// A line for `authorized_keys`.
    case openssh
    /// SubjectPublicKeyInfo in PEM.
    case pem
    /// RFC 7517.
    case jwk
}

/// A public key as text, ending in a line break.
package enum PublicKeyText {
    /// Writes a key.
    ///
    /// - Parameters:
    ///   - key: the key; not a secret.
    ///   - format: the form.
    ///   - comment: what follows the key in its OpenSSH form.
    /// - Returns: the text; nil when the key has no such form.
    package static func text(_ key: VerificationKey, as format: PublicKeyFormat, comment: String?) -> String?
    {
        switch format {
        case .openssh: key.openSSHPublicLine(comment: comment).map { $0 + "\n" }
        case .pem: key.subjectPublicKeyInfoPEM
        case .jwk:
            key.jwkMembers.map { DocumentNode(object: $0.map { ($0.name, .string($0.value)) }).json() + "\n" }
        }
    }
}

/// How an HMAC secret is written as text.
package enum SecretEncoding: String, Sendable, CaseIterable {
    /// Base64 with padding (RFC 4648 §4).
    case base64
    /// Base64url without padding (RFC 4648 §5).
    case base64url
    /// Lower-case hexadecimal digits.
    case hex

    /// The text of a secret.
    package func text(_ secret: Secret<[UInt8]>) -> Secret<String> {
        let bytes = secret.reveal()
        return switch self {
        case .base64: Secret(Base64.encode(bytes))
        case .base64url: Secret(Base64URL.encode(bytes))
        case .hex: Secret(Hex.encode(bytes))
        }
    }
}
