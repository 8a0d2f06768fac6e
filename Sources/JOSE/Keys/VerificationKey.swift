/// A key that signatures are checked with: an HMAC secret or a public key, parsed and prepared once.
public struct VerificationKey: Sendable {
    /// What sort of key this is.
    public var kind: KeyKind { storage.kind }
    /// The algorithms that it allows, whatever a token's header says.
    ///
    /// They follow from the kind; a JWK's `alg` narrows them to one.
    public var algorithms: [SignatureAlgorithm] { storage.algorithms }
    /// A JWK's `kid`.
    public var keyID: String? { storage.keyID }
    /// The comment of an OpenSSH key.
    public var comment: String? { storage.comment }
    /// The form in which the key was given.
    public var form: KeyForm { storage.form }
    /// For public keys `SHA256:` and the digest that `ssh-keygen -l` prints (for ML-DSA, of the SPKI); for a
    /// secret `HMAC:` and 12 hexadecimal digits.
    public var fingerprint: String { storage.material.fingerprint }
    /// The only length, in bytes, that a signature can have; nil for HMAC, where it depends on the algorithm.
    public var signatureLength: Int? { storage.material.signatureLength }

    var material: KeyMaterial { storage.material }

    private let storage: Storage

    /// The parts, in one object: keys are copied about on the request path.
    private final class Storage: Sendable {
        let material: KeyMaterial
        let kind: KeyKind
        let algorithms: [SignatureAlgorithm]
        let keyID: String?
        let comment: String?
        let form: KeyForm

        init(
            _ material: KeyMaterial,
            _ algorithms: [SignatureAlgorithm]?,
            _ keyID: String?,
            _ comment: String?,
            _ form: KeyForm
        ) {
            self.material = material
            kind = material.kind
            self.algorithms = algorithms ?? material.kind.algorithms
            self.keyID = keyID
            self.comment = comment
            self.form = form
        }
    }

    init(
        _ material: KeyMaterial,
        algorithms: [SignatureAlgorithm]? = nil,
        keyID: String? = nil,
        comment: String? = nil,
        form: KeyForm
    ) {
        storage = Storage(material, algorithms, keyID, comment, form)
    }

    /// Checks a signature.
    ///
    /// - Parameters:
    ///   - signature: the signature, of exactly the length that key and algorithm give it.
    ///   - signed: the bytes that were signed.
    ///   - algorithm: the algorithm, which must be one of ``algorithms``.
    /// - Returns: whether the signature is right.
    public func isValidSignature(
        _ signature: Span<UInt8>,
        for signed: Span<UInt8>,
        algorithm: SignatureAlgorithm
    ) -> Bool {
        guard storage.algorithms.contains(algorithm) else { return false }
        return storage.material.isValid(signature, for: signed, algorithm: algorithm)
    }

    /// The key as PEM SubjectPublicKeyInfo, the form to store it in; nil for a secret.
    public var subjectPublicKeyInfoPEM: String? {
        storage.material.subjectPublicKeyInfo.map { PEM.encode($0, label: "PUBLIC KEY") }
    }

    /// The key as a line for `authorized_keys`; nil for secrets and ML-DSA, which OpenSSH does not have.
    ///
    /// - Parameter comment: what follows the key; by default the comment that it came with.
    /// - Returns: the line, without a line break.
    public func openSSHPublicLine(comment: String? = nil) -> String? {
        guard let blob = storage.material.openSSHBlob, let name = SSHKeyType(storage.kind)?.rawValue else {
            return nil
        }
        // A comment with a line break would make two lines of one.
        let comment = (comment ?? storage.comment)?.filter {
            $0.unicodeScalars.allSatisfy { $0.value >= 0x20 }
        }
        return "\(name) \(Base64.encode(blob))" + (comment.map { " \($0)" } ?? "")
    }

    /// The bytes of an HMAC secret; nil for a public key.
    public var secret: Secret<[UInt8]>? {
        guard case .hmac(let key) = storage.material else { return nil }
        return key.secret
    }
}

// MARK: - Reading

/// Public keys as read, and what was left out.
public struct PublicKeyReading: Sendable {
    /// The usable keys, in the order given; at least one.
    public let keys: [VerificationKey]
    /// For each member of a JWK set that cannot be used, which it is and why.
    public let skipped: [String]
}

extension VerificationKey {
    /// The largest text in which public keys are looked for, in bytes.
    public static let maximumTextBytes = 65_536

    /// Reads public keys in any form that people have: OpenSSH lines, PEM or DER (SPKI, PKCS#1, X.509
    /// certificate), JWK, JWK set.
    ///
    /// - Parameter text: the contents of a file, or what was pasted; at most 64 KiB.
    /// - Returns: the keys, at least one.
    /// - Throws: ``KeyReadingError``, which says what was found and what to do.
    public static func publicKeys(reading text: [UInt8]) throws(KeyReadingError) -> [VerificationKey] {
        try readPublicKeys(text).keys
    }

    /// Reads public keys as ``publicKeys(reading:)`` and reports what of a JWK set was left out.
    public static func readPublicKeys(_ text: [UInt8]) throws(KeyReadingError) -> PublicKeyReading {
        try KeyReader(purpose: .publicKeys).read(text)
    }

    /// Reads exactly one public key.
    ///
    /// - Parameter text: as for ``publicKeys(reading:)``.
    /// - Returns: the key.
    /// - Throws: ``KeyReadingError``, also when there are several keys.
    public static func publicKey(reading text: [UInt8]) throws(KeyReadingError) -> VerificationKey {
        let keys = try publicKeys(reading: text)
        guard keys.count == 1, let key = keys.first else { throw .severalKeys(keys.count) }
        return key
    }

    /// Makes a key of an HMAC secret as people paste it.
    ///
    /// - Parameters:
    ///   - secret: the text's UTF-8 bytes.
    ///   - secretIsBase64: whether the text is Base64 (either alphabet) of the key; by default its bytes are
    ///     the key.
    ///   - wasAccepted: whether the text was made a key of earlier, and is not judged again but for its length.
    /// - Returns: the key, with the algorithms that its length suffices for.
    /// - Throws: ``KeyReadingError`` for fewer than 32 bytes (RFC 7518 §3.2), for well-known examples, and
    ///   for public keys pasted as secrets.
    public static func hmac(
        secret: Secret<[UInt8]>,
        secretIsBase64: Bool = false,
        wasAccepted: Bool = false
    ) throws(KeyReadingError) -> VerificationKey {
        let bytes = try SecretReader.read(
            secret.reveal(),
            isBase64: secretIsBase64,
            isJudged: !wasAccepted
        )
        return VerificationKey(
            .hmac(HMACKey(Secret(bytes))),
            form: secretIsBase64 ? .secretBase64 : .secretText
        )
    }

    /// Reads keys to verify with from anything: every public form, JWKs of secrets, private keys (their
    /// public half), and, if an HMAC algorithm is expected, a secret as raw text.
    ///
    /// Meant for a key that its owner gives to a tool: JWKs of secrets are not checked against well-known
    /// examples here, though their length is.
    ///
    /// - Parameters:
    ///   - text: the contents of a file.
    ///   - expected: the algorithm that the key is for, if it is known. Text that is no known form is taken
    ///     as a secret, less one final line break, if this is an HMAC.
    /// - Returns: the keys, at least one.
    /// - Throws: ``KeyReadingError``, which says what was found and what to do.
    public static func anyKey(
        reading text: [UInt8],
        algorithm expected: SignatureAlgorithm? = nil
    ) throws(KeyReadingError) -> [VerificationKey] {
        do {
            return try KeyReader(purpose: .verification).read(text).keys
        } catch .unrecognised where expected?.isHMAC == true {
            let secret = SecretReader.withoutFinalLineBreak(text)
            try SecretReader.checkLength(secret.count, algorithm: .hs256)
            return [VerificationKey(.hmac(HMACKey(Secret(secret))), form: .secretText)]
        }
    }
}
