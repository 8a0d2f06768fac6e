/// Why something is not a key that can be used: what was found, and what to do.
public enum KeyReadingError: Error, Hashable, Sendable {
    /// There is nothing but white space.
    case empty
    /// The input is larger than the limit, both in bytes.
    case tooLarge(found: Int, limit: Int)
    /// The input is no form of key known here.
    case unrecognised(found: String, advice: String)
    /// The input is a known sort of key that cannot be used.
    case unsupported(found: String, advice: String)
    /// A private key stands where a public one belongs.
    case privateKeyGiven(KeyForm)
    /// A public key stands where a private one is needed.
    case publicKeyGiven(KeyForm)
    /// A symmetric JWK stands where a public key belongs.
    case symmetricKeyGiven
    /// The private key is protected by a passphrase.
    case encryptedPrivateKey(KeyForm)
    /// The form was recognised, its contents are broken.
    case malformed(KeyForm, reason: String)
    /// An RSA modulus has too few or too many bits.
    case rsaSize(bits: Int)
    /// An RSA public exponent is even, below 3, or longer than 33 bits.
    case rsaExponent
    /// One key was asked for, and there are more.
    case severalKeys(Int)
    /// A JWK says that it is not for signatures.
    case notForSignatures(parameter: String, found: String)
    /// A JWK's `alg` does not fit its key.
    case algorithmMismatch(algorithm: String, kind: KeyKind)
    /// No member of a JWK set can be used; the reasons in order.
    case noUsableKey(reasons: [String])
    /// A secret has too few bytes for the algorithm (RFC 7518 §3.2).
    case secretTooShort(bytes: Int, minimum: Int, algorithm: SignatureAlgorithm)
    /// A secret is one that anybody would try first.
    case wellKnownSecret(String)
    /// A secret said to be Base64 is not.
    case secretNotBase64(Base64Error)
}

extension KeyReadingError: CustomStringConvertible {
    /// What was found and what to do; nothing of a secret is in it.
    public var description: String {
        switch self {
        case .empty: "no key was given; paste a public key or its file's contents"
        case .tooLarge(let found, let limit): "the key has \(found) bytes, at most \(limit) are accepted"
        case .unrecognised(let found, let advice), .unsupported(let found, let advice):
            "found \(found); \(advice)"
        case .privateKeyGiven(let form):
            "found a private key: \(form); give the public key instead (the .pub file, or the output of "
                + "ssh-keygen -y or openssl pkey -pubout), and consider the private key exposed"
        case .publicKeyGiven(let form): "found a public key: \(form); signing needs the private key"
        case .symmetricKeyGiven: "found a symmetric JWK (kty oct); give it as a secret, or give a public key"
        case .encryptedPrivateKey(let form):
            "found a private key protected by a passphrase: \(form); make a copy without one: "
                + (form == .openSSHPrivateKey
                    ? "ssh-keygen -p -N \"\" -f COPY" : "openssl pkey -in KEY -out COPY")
        case .malformed(let form, let reason): "\(form): \(reason)"
        case .rsaSize(let bits):
            "the RSA key has \(bits) bits, accepted are \(RSALimits.bits.lowerBound) to "
                + "\(RSALimits.bits.upperBound); make one with ssh-keygen -t rsa -b 3072"
        case .rsaExponent: "the RSA public exponent must be odd, at least 3 and at most 33 bits long"
        case .severalKeys(let count): "found \(count) keys, expected one; add each key on its own"
        case .notForSignatures(let parameter, let found):
            "the JWK's \(parameter) is \(found), expected one that allows signatures"
        case .algorithmMismatch(let algorithm, let kind): "the JWK's alg is \(algorithm), its key is \(kind)"
        case .noUsableKey(let reasons):
            reasons.isEmpty
                ? "the JWK set has no keys"
                : "no key of the JWK set can be used: " + reasons.prefix(8).joined(separator: "; ")
        case .secretTooShort(let bytes, let minimum, let algorithm):
            "the secret has \(bytes) bytes, \(algorithm) needs at least \(minimum); "
                + "make one with openssl rand -base64 \(minimum)"
        case .wellKnownSecret(let what):
            "the secret is \(what); make one with openssl rand -base64 32"
        case .secretNotBase64(let error):
            "the secret is not Base64: \(error); if it is meant as text, do not mark it as Base64"
        }
    }
}

/// Bounds on RSA keys; the upper one is what the cryptographic library accepts.
enum RSALimits {
    static let bits = 2_048...8_192
}
