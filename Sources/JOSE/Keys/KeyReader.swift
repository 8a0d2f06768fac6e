/// Recognises the form of a key and reads it for a purpose.
struct KeyReader {
    enum Purpose {
        /// Public keys only; anything secret was pasted by mistake.
        case publicKeys
        /// Anything that can verify; private keys give their public half.
        case verification
    }

    static let acceptedForms =
        "accepted are an OpenSSH public key line, PEM or DER (public key, RSA public key, X.509 "
        + "certificate), JWK and JWK set"
    static let acceptedKinds = "accepted are RSA, EC (P-256, P-384, P-521), Ed25519, ML-DSA-65 and ML-DSA-87"

    let purpose: Purpose

    func read(_ text: [UInt8]) throws(KeyReadingError) -> PublicKeyReading {
        let found = try Self.candidates(in: text)
        var keys: [VerificationKey] = []
        for candidate in found.candidates {
            let key = try self.key(candidate)
            // A file may hold a private key and its public half.
            let isKnown = keys.contains {
                $0.fingerprint == key.fingerprint && $0.keyID == key.keyID && $0.algorithms == key.algorithms
            }
            if purpose == .publicKeys || !isKnown { keys.append(key) }
        }
        return PublicKeyReading(keys: keys, skipped: found.skipped)
    }

    private func key(_ candidate: KeyCandidate) throws(KeyReadingError) -> VerificationKey {
        switch (candidate, purpose) {
        case (.publicKey(let key), _): return key
        case (.privateKey(let form, _), .publicKeys): throw .privateKeyGiven(form)
        case (.secret, .publicKeys): throw .symmetricKeyGiven
        case (.privateKey(_, let read), .verification), (.secret(let read), .verification):
            return try read().verificationKey
        }
    }

    /// What a text consists of, and for a JWK set why members were left out.
    static func candidates(
        in text: [UInt8]
    ) throws(KeyReadingError) -> (candidates: [KeyCandidate], skipped: [String]) {
        guard text.count <= VerificationKey.maximumTextBytes else {
            throw .tooLarge(found: text.count, limit: VerificationKey.maximumTextBytes)
        }
        if isDER(text) { return ([try DERKeyReader(isPEM: false).candidate(text)], []) }
        // Editors on Windows put a byte order mark before text.
        let text = text.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(text.dropFirst(3)) : text
        guard let first = text.first(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) else { throw .empty }
        if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
            return try JWKReader.candidates(in: text)
        }
        if PEM.isPEM(text) { return (try pemCandidates(text), []) }
        return (try OpenSSHReader.publicKeys(text).map(KeyCandidate.publicKey), [])
    }

    /// Whether bytes begin like a DER sequence; text that begins with "0" is told apart by the length.
    static func isDER(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 2, bytes[0] == 0x30 else { return false }
        return (0x81...0x83).contains(bytes[1]) || Int(bytes[1]) == bytes.count - 2
    }

    private static func pemCandidates(_ text: [UInt8]) throws(KeyReadingError) -> [KeyCandidate] {
        let blocks: [PEM.Block]
        do {
            blocks = try PEM.blocks(in: text)
        } catch {
            throw .unrecognised(found: "a broken PEM file", advice: error.reason)
        }
        let certificates = blocks.filter { $0.label.hasSuffix("CERTIFICATE") }.count
        guard certificates < 2 else {
            throw .unsupported(
                found: "a chain of \(certificates) certificates",
                advice: "give only the first one, the leaf"
            )
        }
        var candidates: [KeyCandidate] = []
        for block in blocks where block.label != "EC PARAMETERS" {
            candidates.append(try candidate(block))
        }
        guard !candidates.isEmpty else {
            throw .unrecognised(found: "a PEM file without a key", advice: acceptedForms)
        }
        return candidates
    }

    private static func candidate(_ block: PEM.Block) throws(KeyReadingError) -> KeyCandidate {
        switch block.label {
        case "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE", "X509 CERTIFICATE":
            return try DERKeyReader(isPEM: true).candidate(contents(of: block, form(block.label)))
        case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
            let form = form(block.label)
            if block.isEncrypted || block.label == "ENCRYPTED PRIVATE KEY" {
                return .privateKey(form) { () throws(KeyReadingError) in throw .encryptedPrivateKey(form) }
            }
            return .privateKey(form) { () throws(KeyReadingError) in
                let candidate = try DERKeyReader(isPEM: true).candidate(contents(of: block, form))
                guard case .privateKey(_, let read) = candidate else {
                    throw .malformed(form, reason: "the contents are not a private key")
                }
                return try read()
            }
        case "OPENSSH PRIVATE KEY":
            return .privateKey(.openSSHPrivateKey) { () throws(KeyReadingError) in
                try OpenSSHReader.privateKey(contents(of: block, .openSSHPrivateKey))
            }
        case "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST":
            throw .unsupported(
                found: "a certificate request",
                advice: "take its public key with openssl req -pubkey -noout -in FILE"
            )
        case let label where label.hasPrefix("PGP"):
            throw .unsupported(found: "an OpenPGP key", advice: acceptedForms)
        case let label where label.hasPrefix("DSA"):
            throw .unsupported(found: "a DSA key", advice: acceptedKinds)
        case let label:
            throw .unsupported(found: "a PEM block labelled \(label)", advice: acceptedForms)
        }
    }

    private static func form(_ label: String) -> KeyForm {
        switch label {
        case "RSA PUBLIC KEY": .pemPKCS1
        case "CERTIFICATE", "X509 CERTIFICATE": .pemCertificate
        case "PRIVATE KEY", "ENCRYPTED PRIVATE KEY": .privatePKCS8
        case "RSA PRIVATE KEY": .privatePKCS1
        case "EC PRIVATE KEY": .privateSEC1
        default: .pemSPKI
        }
    }

    private static func contents(of block: PEM.Block, _ form: KeyForm) throws(KeyReadingError) -> [UInt8] {
        do {
            return try block.contents.get()
        } catch {
            throw .malformed(form, reason: "the Base64 between the BEGIN and END lines is broken: \(error)")
        }
    }
}
