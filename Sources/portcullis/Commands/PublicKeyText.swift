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
        case .jwk: key.jwkMembers.map(object)
        }
    }

    private static func object(_ members: [(name: String, value: String)]) -> String {
        "{"
            + members.map { "\(JSONText.string($0.name)):\(JSONText.string($0.value))" }
            .joined(separator: ",") + "}\n"
    }
}
