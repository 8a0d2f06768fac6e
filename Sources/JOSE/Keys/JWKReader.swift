/// Reads JSON Web Keys and sets of them (RFC 7517, RFC 7518 §6, RFC 8037 §2, RFC 9964).
enum JWKReader {
    static func candidates(
        in text: [UInt8]
    ) throws(KeyReadingError) -> (candidates: [KeyCandidate], skipped: [String]) {
        let document: JSONDocument
        do {
            document = try JSONDocument(
                parsing: text,
                limits: JSONLimits(maximumBytes: VerificationKey.maximumTextBytes)
            )
        } catch {
            throw .malformed(.jwk, reason: "not strict JSON: \(error)")
        }
        guard document.root.kind == .object else {
            throw .malformed(.jwkSet, reason: "\(document.root.kind.words), expected an object")
        }
        guard let keys = document.root[member: "keys"], document.root[member: "kty"] == nil else {
            return ([try candidate(document.root, form: .jwk)], [])
        }
        guard keys.kind == .array else {
            throw .malformed(.jwkSet, reason: "keys is \(keys.kind.words), expected an array")
        }
        return try members(of: keys)
    }

    /// Unusable members are left out, as RFC 7517 §5 asks, as long as one can be used.
    private static func members(
        of keys: JSONElement
    ) throws(KeyReadingError) -> (candidates: [KeyCandidate], skipped: [String]) {
        var candidates: [KeyCandidate] = []
        var skipped: [String] = []
        for (index, element) in keys.elements.enumerated() {
            do {
                guard element.kind == .object else {
                    throw KeyReadingError.malformed(.jwk, reason: "\(element.kind.words), expected an object")
                }
                candidates.append(try candidate(element, form: .jwkSet))
            } catch {
                let keyID = element[member: "kid"]?.stringBytes.map { " (kid \(PrintableBytes.quote($0)))" }
                skipped.append("key \(index + 1)\(keyID ?? ""): \(error)")
            }
        }
        guard !candidates.isEmpty else { throw .noUsableKey(reasons: skipped) }
        return (candidates, skipped)
    }

    private static func candidate(
        _ element: JSONElement,
        form: KeyForm
    ) throws(KeyReadingError) -> KeyCandidate {
        let jwk = JWK(element: element, form: form)
        guard let type = try jwk.string("kty") else {
            throw .malformed(form, reason: "kty is missing")
        }
        if type.elementsEqual("oct".utf8) {
            return .secret { () throws(KeyReadingError) in try jwk.secret() }
        }
        let privateMember =
            type.elementsEqual("AKP".utf8) ? jwk.element[member: "priv"] : jwk.element[member: "d"]
        if privateMember != nil {
            // Read now, so that a set leaves out a private key that cannot be used like any other.
            let key = try jwk.privateKey(type)
            return .privateKey(form) { () throws(KeyReadingError) in key }
        }
        return .publicKey(try jwk.publicKey(type))
    }
}

/// One key of JSON.
private struct JWK {
    let element: JSONElement
    let form: KeyForm

    func string(_ name: String) throws(KeyReadingError) -> [UInt8]? {
        guard let member = element[member: Array(name.utf8)] else { return nil }
        guard let bytes = member.stringBytes else {
            throw .malformed(form, reason: "\(name) is \(member.kind.words), expected a string")
        }
        return bytes
    }

    /// The bytes of a Base64url member.
    func bytes(_ name: String) throws(KeyReadingError) -> [UInt8] {
        guard let text = try string(name) else { throw .malformed(form, reason: "\(name) is missing") }
        do {
            return try Base64URL.decode(text)
        } catch {
            throw .malformed(form, reason: "\(name) is not Base64url: \(error)")
        }
    }

    private func bytes(_ name: String, count: Int) throws(KeyReadingError) -> [UInt8] {
        let bytes = try bytes(name)
        guard bytes.count == count else {
            throw .malformed(form, reason: "\(name) has \(bytes.count) bytes, expected \(count)")
        }
        return bytes
    }

    // MARK: Keys

    func publicKey(_ type: [UInt8]) throws(KeyReadingError) -> VerificationKey {
        let material = try publicMaterial(type)
        try checkUse(["verify"])
        return VerificationKey(
            material,
            algorithms: try algorithms(material.kind),
            keyID: try keyID(),
            form: form
        )
    }

    func privateKey(_ type: [UInt8]) throws(KeyReadingError) -> SigningKey {
        let expected = try publicMaterial(type)
        let material = try privateMaterial(expected.kind)
        guard material.publicHalf.subjectPublicKeyInfo == expected.subjectPublicKeyInfo else {
            throw .malformed(form, reason: "its public and private members do not belong together")
        }
        try checkUse(["sign", "verify"])
        return SigningKey(material, algorithms: try algorithms(expected.kind), keyID: try keyID(), form: form)
    }

    func secret() throws(KeyReadingError) -> SigningKey {
        let secret = try bytes("k")
        try checkUse(["sign", "verify"])
        guard secret.count <= SecretReader.maximumBytes else {
            throw .tooLarge(found: secret.count, limit: SecretReader.maximumBytes)
        }
        let algorithm = try string("alg").map { (name) throws(KeyReadingError) in try self.algorithm(name) }
        let kind = KeyKind.hmac(bytes: secret.count)
        if let algorithm, !algorithm.isHMAC {
            throw .algorithmMismatch(algorithm: algorithm.rawValue, kind: kind)
        }
        try SecretReader.checkLength(secret.count, algorithm: algorithm ?? .hs256)
        return SigningKey(
            .hmac(HMACKey(Secret(secret))),
            algorithms: algorithm.map { [$0] },
            keyID: try keyID(),
            form: form
        )
    }

    private func publicMaterial(_ type: [UInt8]) throws(KeyReadingError) -> KeyMaterial {
        if type.elementsEqual("RSA".utf8) {
            return try .rsa(modulus: bytes("n"), exponent: bytes("e"), form: form)
        }
        if type.elementsEqual("EC".utf8) {
            let name = try string("crv") ?? []
            guard let curve = EllipticCurve.allCases.first(where: { name.elementsEqual($0.rawValue.utf8) })
            else {
                throw .unsupported(
                    found: "an EC JWK on curve \(PrintableBytes.quote(name))",
                    advice: "use P-256, P-384 or P-521"
                )
            }
            let x = try bytes("x", count: curve.coordinateBytes)
            let y = try bytes("y", count: curve.coordinateBytes)
            return try .ec(curve, point: [0x04] + x + y, form: form)
        }
        if type.elementsEqual("OKP".utf8) {
            let name = try string("crv") ?? []
            guard name.elementsEqual("Ed25519".utf8) else {
                throw .unsupported(
                    found: "an OKP JWK on curve \(PrintableBytes.quote(name))",
                    advice: "use Ed25519"
                )
            }
            return try .ed25519(bytes("x"), form: form)
        }
        if type.elementsEqual("AKP".utf8) {
            let name = try string("alg") ?? []
            if name.elementsEqual("ML-DSA-65".utf8) { return try .mlDSA65(bytes("pub"), form: form) }
            if name.elementsEqual("ML-DSA-87".utf8) { return try .mlDSA87(bytes("pub"), form: form) }
            throw .unsupported(
                found: "an AKP JWK with alg \(PrintableBytes.quote(name))",
                advice: "use ML-DSA-65 or ML-DSA-87"
            )
        }
        throw .unsupported(
            found: "a JWK with kty \(PrintableBytes.quote(type))",
            advice: KeyReader.acceptedKinds
        )
    }

    private func privateMaterial(_ kind: KeyKind) throws(KeyReadingError) -> PrivateKeyMaterial {
        switch kind {
        case .rsa:
            guard element[member: "p"] != nil, element[member: "q"] != nil else {
                throw .unsupported(
                    found: "a private RSA JWK without its primes p and q",
                    advice: "export it with them"
                )
            }
            guard element[member: "oth"] == nil else {
                throw .unsupported(
                    found: "an RSA key of more than two primes",
                    advice: "use one of two primes"
                )
            }
            return try .rsa(
                modulus: bytes("n"),
                exponent: bytes("e"),
                d: bytes("d"),
                p: bytes("p"),
                q: bytes("q"),
                form: form
            )
        case .ec(let curve): return try .ec(curve, scalar: bytes("d"), form: form)
        case .mlDSA65: return try .mlDSA65(seed: bytes("priv"), form: form)
        case .mlDSA87: return try .mlDSA87(seed: bytes("priv"), form: form)
        case .ed25519, .hmac: return try .ed25519(seed: bytes("d"), form: form)
        }
    }

    // MARK: Rules

    /// Refuses keys that say they are for something else (RFC 7517 §4.2, §4.3).
    private func checkUse(_ operations: [String]) throws(KeyReadingError) {
        if let use = try string("use"), !use.elementsEqual("sig".utf8) {
            throw .notForSignatures(parameter: "use", found: PrintableBytes.quote(use))
        }
        guard let listed = element[member: "key_ops"] else { return }
        guard listed.kind == .array else {
            throw .malformed(form, reason: "key_ops is \(listed.kind.words), expected an array")
        }
        let isAllowed = listed.elements.contains { element in
            operations.contains { element.isString(Array($0.utf8)) }
        }
        guard isAllowed else {
            throw .notForSignatures(
                parameter: "key_ops",
                found: "without " + operations.joined(separator: " and ")
            )
        }
    }

    private func algorithm(_ name: [UInt8]) throws(KeyReadingError) -> SignatureAlgorithm {
        guard let algorithm = SignatureAlgorithm(headerValue: name) else {
            throw .unsupported(
                found: "a JWK with alg \(PrintableBytes.quote(name))",
                advice: "give one whose alg is for signatures, or without alg"
            )
        }
        return algorithm
    }

    /// The algorithms of a key's kind, narrowed to the JWK's `alg`.
    private func algorithms(_ kind: KeyKind) throws(KeyReadingError) -> [SignatureAlgorithm] {
        guard let name = try string("alg") else { return kind.algorithms }
        let algorithm = try algorithm(name)
        guard kind.algorithms.contains(algorithm) else {
            throw .algorithmMismatch(algorithm: algorithm.rawValue, kind: kind)
        }
        return [algorithm]
    }

    private func keyID() throws(KeyReadingError) -> String? {
        try string("kid").map { String(decoding: $0, as: UTF8.self) }
    }
}
