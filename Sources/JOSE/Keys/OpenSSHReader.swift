/// Reads OpenSSH's public key lines and its private key files (openssh-key-v1).
enum OpenSSHReader {
    /// Longer comments are cut; they are for people.
    private static let maximumCommentBytes = 256

    // MARK: Public key lines

    static func publicKeys(_ text: [UInt8]) throws(KeyReadingError) -> [VerificationKey] {
        var keys: [VerificationKey] = []
        for rawLine in text.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            let line = PEM.trimmed(rawLine)
            if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
            keys.append(try publicKey(line))
        }
        guard !keys.isEmpty else { throw .empty }
        return keys
    }

    private static func publicKey(_ line: ArraySlice<UInt8>) throws(KeyReadingError) -> VerificationKey {
        let fields = line.split(
            maxSplits: 2,
            omittingEmptySubsequences: true,
            whereSeparator: { $0 == 0x20 || $0 == 0x09 }
        )
        guard let name = fields.first else { throw .empty }
        guard let type = SSHKeyType(name: name) else { throw refusal(of: line, beginning: name) }
        guard fields.count >= 2 else {
            throw .malformed(
                .openSSHPublicKey,
                reason: "nothing follows \(type.rawValue); copy the whole line"
            )
        }
        let blob: [UInt8]
        do {
            blob = try Base64.decode(Array(fields[1]))
        } catch {
            throw .malformed(.openSSHPublicKey, reason: "the Base64 is broken: \(error); copy the whole line")
        }
        var reader = SSHReader(blob)
        guard let inner = reader.string(), inner.elementsEqual(name) else {
            throw .malformed(
                .openSSHPublicKey,
                reason: "the line says \(type.rawValue), the key inside does not"
            )
        }
        let material = try type.publicKey(&reader, form: .openSSHPublicKey)
        guard reader.isAtEnd else { throw .malformed(.openSSHPublicKey, reason: "bytes follow the key") }
        let comment = fields.count == 3 ? comment(PEM.trimmed(fields[2])) : nil
        return VerificationKey(material, comment: comment, form: .openSSHPublicKey)
    }

    private static func comment(_ bytes: some Collection<UInt8>) -> String? {
        guard let text = String(validating: bytes.prefix(maximumCommentBytes), as: UTF8.self) else {
            return nil
        }
        let printable = text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }
        return printable.isEmpty ? nil : String(String.UnicodeScalarView(printable))
    }

    /// Says what a line is that begins with no known key type.
    private static func refusal(
        of line: ArraySlice<UInt8>,
        beginning name: ArraySlice<UInt8>
    ) -> KeyReadingError {
        let word = String(decoding: name.prefix(64), as: UTF8.self)
        let text = String(decoding: line.prefix(4_096), as: UTF8.self)
        if word.contains("-cert-v01@") {
            return .unsupported(found: "an OpenSSH certificate", advice: "give the plain .pub line")
        }
        if word.hasPrefix("sk-") {
            return .unsupported(
                found: "the public key of a security token (\(PrintableBytes.quote(name)))",
                advice: "such keys cannot sign tokens; make one with ssh-keygen -t ed25519 or -t rsa"
            )
        }
        if word == "ssh-dss" {
            return .unsupported(found: "a DSA key", advice: KeyReader.acceptedKinds)
        }
        if word.hasPrefix("PuTTY-User-Key-File") {
            return .unsupported(
                found: "a PuTTY private key file",
                advice: "give the OpenSSH line that PuTTYgen shows at its top"
            )
        }
        if text.hasPrefix("---- BEGIN SSH2 PUBLIC KEY") {
            return .unsupported(
                found: "an SSH2 public key file (RFC 4716)",
                advice: "convert it with ssh-keygen -i -f FILE"
            )
        }
        if SSHKeyType.allCases.contains(where: { text.contains(" \($0.rawValue) ") }) {
            return .unsupported(
                found: "an OpenSSH line with options before the key",
                advice: "give it without them, beginning with ssh-rsa, ecdsa-sha2-… or ssh-ed25519"
            )
        }
        // Not "unrecognised": a public key must never pass for the text of a secret.
        if let bytes = try? Base64.decode(Array(line)), KeyReader.isDER(bytes) {
            return .unsupported(
                found: "Base64 of a key without its frame",
                advice: "put the lines -----BEGIN PUBLIC KEY----- and -----END PUBLIC KEY----- around it"
            )
        }
        return .unrecognised(found: "\(line.count) bytes that are no key", advice: KeyReader.acceptedForms)
    }

    // MARK: Private keys

    private static let magic = Array("openssh-key-v1\0".utf8)

    /// Reads the decoded contents of an `OPENSSH PRIVATE KEY` block (OpenSSH's PROTOCOL.key).
    static func privateKey(_ bytes: [UInt8]) throws(KeyReadingError) -> SigningKey {
        let form = KeyForm.openSSHPrivateKey
        let truncated = KeyReadingError.malformed(
            form,
            reason: "the file ends too early; copy the whole of it"
        )
        guard bytes.starts(with: magic) else {
            throw .malformed(form, reason: "it does not say openssh-key-v1")
        }
        var reader = SSHReader(bytes.dropFirst(magic.count))
        guard let cipher = reader.string(), let derivation = reader.string(), reader.string() != nil,
            let count = reader.uint32()
        else { throw truncated }
        guard cipher.elementsEqual("none".utf8), derivation.elementsEqual("none".utf8) else {
            throw .encryptedPrivateKey(form)
        }
        guard count == 1 else { throw .malformed(form, reason: "it holds \(count) keys, expected 1") }
        guard let publicBlob = reader.string(), let section = reader.string(), reader.isAtEnd else {
            throw truncated
        }
        var fields = SSHReader(section)
        guard let first = fields.uint32(), let second = fields.uint32(), let name = fields.string() else {
            throw truncated
        }
        guard first == second else { throw .malformed(form, reason: "the check numbers differ") }
        guard let type = SSHKeyType(name: name) else {
            throw .unsupported(
                found: "an OpenSSH private key of type \(PrintableBytes.quote(name))",
                advice: KeyReader.acceptedKinds
            )
        }
        guard let material = try material(type, &fields), let rawComment = fields.string() else {
            throw truncated
        }
        guard isPadding(fields.remaining) else { throw .malformed(form, reason: "the padding is wrong") }
        let key = SigningKey(material, comment: comment(rawComment), form: form)
        guard key.verificationKey.material.openSSHBlob == publicBlob else {
            throw .malformed(form, reason: "its public and private halves do not belong together")
        }
        return key
    }

    /// Padding counts up from 1 (PROTOCOL.key).
    private static func isPadding(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.count < 256 && bytes.enumerated().allSatisfy { Int($0.element) == $0.offset + 1 }
    }

    /// Reads the fields of a private key after its type; nil when they end too early.
    private static func material(
        _ type: SSHKeyType,
        _ fields: inout SSHReader
    ) throws(KeyReadingError) -> PrivateKeyMaterial? {
        let form = KeyForm.openSSHPrivateKey
        switch type {
        case .rsa:
            guard let modulus = fields.integer(), let exponent = fields.integer(), let d = fields.integer(),
                fields.integer() != nil, let p = fields.integer(), let q = fields.integer()
            else { return nil }
            return try .rsa(modulus: modulus, exponent: exponent, d: d, p: p, q: q, form: form)
        case .p256, .p384, .p521:
            guard fields.string() != nil, fields.string() != nil, let scalar = fields.integer(),
                let curve = type.curve
            else { return nil }
            return try .ec(curve, scalar: scalar, form: form)
        case .ed25519:
            guard let point = fields.string(), let seedAndPoint = fields.string() else { return nil }
            guard seedAndPoint.count == 64, Array(seedAndPoint.suffix(32)) == point else {
                throw .malformed(form, reason: "the Ed25519 key does not have 64 bytes")
            }
            return try .ed25519(seed: Array(seedAndPoint.prefix(32)), form: form)
        }
    }
}
