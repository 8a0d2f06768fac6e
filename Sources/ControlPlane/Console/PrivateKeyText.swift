/// Recognises private keys by how they are written, so that one that was pasted in a wrong place is not shown again.
///
/// It errs on the side of emptying a field: what is emptied was refused or not saved.
enum PrivateKeyText {
    /// How private keys begin, or what stands in them: PEM and OpenSSH, the same without its lines, PuTTY.
    private static let signs = [
        "private key", "privatekey", "private-lines", "b3blbnnzac1rzxktdje", "putty-user-key-file",
    ]

    /// Whether a private key, or a part of one, stands in a text.
    static func isFound(in text: String) -> Bool {
        let lower = text.lowercased()
        if signs.contains(where: { lower.contains($0) }) { return true }
        // A JWK: `d` is in every private one, `k` is a secret itself (RFC 7518 §6.2.2, §6.3.2 and §6.4.1);
        // `priv` is that of ML-DSA.
        guard text.contains("\"kty\"") else { return false }
        return text.contains(/"(?:d|k|p|q|priv)"\s*:/)
    }
}
