/// A private key or an HMAC secret, to sign with.
public struct SigningKey: Sendable {
    /// The key that verifies what this one signs.
    public let verificationKey: VerificationKey

    private let material: PrivateKeyMaterial

    init(
        _ material: PrivateKeyMaterial,
        algorithms: [SignatureAlgorithm]? = nil,
        keyID: String? = nil,
        comment: String? = nil,
        form: KeyForm
    ) {
        self.material = material
        verificationKey = VerificationKey(
            material.publicHalf,
            algorithms: algorithms,
            keyID: keyID,
            comment: comment,
            form: form
        )
    }

    /// What sort of key this is.
    public var kind: KeyKind { verificationKey.kind }
    /// The algorithms that it can sign with.
    public var algorithms: [SignatureAlgorithm] { verificationKey.algorithms }
    /// The algorithm used when none is named: the first of ``algorithms``.
    public var defaultAlgorithm: SignatureAlgorithm? { algorithms.first }
    /// A JWK's `kid`.
    public var keyID: String? { verificationKey.keyID }
    /// The comment of an OpenSSH key.
    public var comment: String? { verificationKey.comment }
    /// The fingerprint of ``verificationKey``.
    public var fingerprint: String { verificationKey.fingerprint }

    /// The private key as unencrypted PKCS#8 in PEM; nil for a secret.
    public var pkcs8PEM: Secret<String>? {
        material.pkcs8PEM.map(Secret.init)
    }

    /// The public half as a line for `authorized_keys`; nil for secrets and ML-DSA.
    ///
    /// - Parameter comment: what follows the key; by default the comment that it came with.
    /// - Returns: the line, without a line break.
    public func openSSHPublicLine(comment: String? = nil) -> String? {
        verificationKey.openSSHPublicLine(comment: comment)
    }

    /// The bytes of an HMAC secret; nil for a private key.
    public var secret: Secret<[UInt8]>? { verificationKey.secret }
}

// MARK: - Making

extension SigningKey {
    /// Reads one private key: OpenSSH (as `ssh-keygen` writes it), PKCS#1, PKCS#8, SEC 1 or JWK.
    ///
    /// A JWK may also be one of a secret.
    ///
    /// - Parameter text: the contents of a file, at most 64 KiB.
    /// - Returns: the key.
    /// - Throws: ``KeyReadingError``; keys with a passphrase are refused with the command that removes it.
    public static func read(_ text: [UInt8]) throws(KeyReadingError) -> SigningKey {
        var keys: [SigningKey] = []
        var publicForm: KeyForm?
        for candidate in try KeyReader.candidates(in: text).candidates {
            switch candidate {
            case .publicKey(let key): publicForm = key.form
            case .privateKey(_, let read), .secret(let read): keys.append(try read())
            }
        }
        guard let key = keys.first else {
            throw publicForm.map { .publicKeyGiven($0) } ?? .empty
        }
        guard keys.count == 1 else { throw .severalKeys(keys.count) }
        return key
    }

    /// Makes a key of an HMAC secret as people paste it.
    ///
    /// - Parameters:
    ///   - secret: the text's UTF-8 bytes.
    ///   - secretIsBase64: whether the text is Base64 of the key; by default its bytes are the key.
    /// - Returns: the key.
    /// - Throws: as ``VerificationKey/hmac(secret:secretIsBase64:)``.
    public static func hmac(
        secret: Secret<[UInt8]>,
        secretIsBase64: Bool = false
    ) throws(KeyReadingError) -> SigningKey {
        let bytes = try SecretReader.read(secret.reveal(), isBase64: secretIsBase64)
        return SigningKey(
            .hmac(HMACKey(Secret(bytes))),
            form: secretIsBase64 ? .secretBase64 : .secretText
        )
    }

    /// Makes a new key from the system's random numbers.
    ///
    /// - Parameter kind: RSA takes 2048 to 8192 bits in steps of 256, HMAC 32 to 4,096 bytes.
    /// - Returns: the key.
    /// - Throws: ``KeyReadingError`` for a size out of range.
    public static func generate(_ kind: KeyKind) throws(KeyReadingError) -> SigningKey {
        SigningKey(try .generate(kind), form: .generated)
    }
}

// MARK: - Signing

/// Why something was not signed.
public enum SigningError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The key does not allow the algorithm.
    case algorithmNotAllowed(SignatureAlgorithm, by: KeyKind, allowed: [SignatureAlgorithm])
    /// The cryptographic library did not sign.
    case failed

    /// The reason in words.
    public var description: String {
        switch self {
        case .algorithmNotAllowed(let algorithm, let kind, let allowed):
            "\(algorithm) cannot be used with this key (\(kind)), it allows "
                + allowed.map(\.rawValue).joined(separator: ", ")
        case .failed: "the cryptographic library could not sign with this key"
        }
    }
}

extension SigningKey {
    /// Makes a compact JWS (RFC 7515 §3.1).
    ///
    /// - Parameters:
    ///   - payload: the bytes to sign; for a JWT the JSON of its claims.
    ///   - algorithm: the algorithm; ``defaultAlgorithm`` if nil.
    ///   - type: the header's `typ`; left out if nil.
    ///   - keyID: the header's `kid`; the key's own if nil, and left out if it has none.
    /// - Returns: the token.
    /// - Throws: ``SigningError``.
    public func sign(
        payload: [UInt8],
        algorithm: SignatureAlgorithm? = nil,
        type: String? = "JWT",
        keyID: String? = nil
    ) throws(SigningError) -> String {
        guard let algorithm = algorithm ?? defaultAlgorithm else { throw .failed }
        var header = Array("{\"alg\":\"\(algorithm.rawValue)\"".utf8)
        if let type { JSONWriter.appendMember("typ", type, to: &header) }
        if let keyID = keyID ?? self.keyID { JSONWriter.appendMember("kid", keyID, to: &header) }
        header.append(UInt8(ascii: "}"))
        var token: [UInt8] = []
        Base64URL.append(header.span, to: &token)
        token.append(UInt8(ascii: "."))
        Base64URL.append(payload.span, to: &token)
        let signature = try signature(for: token, algorithm: algorithm)
        token.append(UInt8(ascii: "."))
        Base64URL.append(signature.span, to: &token)
        return String(decoding: token, as: UTF8.self)
    }

    /// Signs bytes as they are.
    ///
    /// - Parameters:
    ///   - signed: the bytes.
    ///   - algorithm: the algorithm, which must be one of ``algorithms``.
    /// - Returns: the signature as JWS has it (RFC 7518 §3).
    /// - Throws: ``SigningError``.
    public func signature(
        for signed: [UInt8],
        algorithm: SignatureAlgorithm
    ) throws(SigningError) -> [UInt8] {
        guard algorithms.contains(algorithm) else {
            throw .algorithmNotAllowed(algorithm, by: kind, allowed: algorithms)
        }
        do {
            guard let signature = try material.signature(for: signed, algorithm: algorithm) else {
                throw SigningError.failed
            }
            return signature
        } catch {
            throw .failed
        }
    }
}

/// Writes the little JSON that headers need.
private enum JSONWriter {
    static func appendMember(_ name: StaticString, _ value: String, to output: inout [UInt8]) {
        output += Array(",\"\(name)\":\"".utf8)
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                output += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                output += Array("\\u00".utf8) + PrintableBytes.hexadecimal([byte]).utf8
            default:
                output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }
}
