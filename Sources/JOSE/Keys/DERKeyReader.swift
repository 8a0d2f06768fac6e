import SwiftASN1

/// Something that was recognised as a key, to be read only by whoever may have it.
enum KeyCandidate {
    case publicKey(VerificationKey)
    case privateKey(KeyForm, read: () throws(KeyReadingError) -> SigningKey)
    case secret(read: () throws(KeyReadingError) -> SigningKey)
}

/// Recognises the DER structures that keys come in by their shape.
struct DERKeyReader {
    /// Whether the bytes came in PEM, which only the names of forms depend on.
    let isPEM: Bool

    private var spki: KeyForm { isPEM ? .pemSPKI : .derSPKI }
    private var pkcs1: KeyForm { isPEM ? .pemPKCS1 : .derPKCS1 }
    private var certificate: KeyForm { isPEM ? .pemCertificate : .derCertificate }

    func candidate(_ bytes: [UInt8]) throws(KeyReadingError) -> KeyCandidate {
        guard let root = DERValue(parsing: bytes), let fields = root.sequence else {
            throw .malformed(spki, reason: "not a complete DER structure; copy the whole of it")
        }
        if fields.count == 2, fields[0].sequence != nil, fields[1].bitString != nil {
            return .publicKey(try key(fields, spki))
        }
        if fields.count == 2, let modulus = fields[0].integer, let exponent = fields[1].integer {
            let material = try KeyMaterial.rsa(modulus: modulus, exponent: exponent, form: pkcs1)
            return .publicKey(VerificationKey(material, form: pkcs1))
        }
        if fields.count == 3, fields[1].sequence != nil, let signed = fields[0].sequence,
            fields[2].bitString != nil
        {
            return .publicKey(try certificateKey(signed))
        }
        if fields.count == 2, fields[0].sequence != nil, fields[1].octetString != nil {
            return .privateKey(.privatePKCS8) { () throws(KeyReadingError) in
                throw .encryptedPrivateKey(.privatePKCS8)
            }
        }
        return try privateCandidate(fields)
    }

    private func privateCandidate(_ fields: [DERValue]) throws(KeyReadingError) -> KeyCandidate {
        guard fields.count >= 2, fields[0].integer != nil else {
            throw .unrecognised(found: "a DER structure that is not a key", advice: KeyReader.acceptedForms)
        }
        if fields[1].sequence != nil {
            return .privateKey(.privatePKCS8) { () throws(KeyReadingError) in
                try PrivateKeyReader.pkcs8(fields)
            }
        }
        if fields[1].octetString != nil {
            return .privateKey(.privateSEC1) { () throws(KeyReadingError) in
                try PrivateKeyReader.sec1(fields, curve: nil, form: .privateSEC1)
            }
        }
        guard fields.count >= 9 else {
            throw .unrecognised(found: "a DER structure that is not a key", advice: KeyReader.acceptedForms)
        }
        return .privateKey(.privatePKCS1) { () throws(KeyReadingError) in
            try PrivateKeyReader.pkcs1(fields, form: .privatePKCS1)
        }
    }

    /// The key of a certificate's signed part (RFC 5280 §4.1): behind version, serial number, signature
    /// algorithm, issuer, validity and subject.
    private func certificateKey(_ signed: [DERValue]) throws(KeyReadingError) -> VerificationKey {
        let hasVersion = signed.first?.isContextTag(0) == true
        let index = hasVersion ? 6 : 5
        guard signed.count > index, let fields = signed[index].sequence, fields.count == 2 else {
            throw .malformed(certificate, reason: "there is no public key where a certificate has it")
        }
        return try key(fields, certificate)
    }

    private func key(_ fields: [DERValue], _ form: KeyForm) throws(KeyReadingError) -> VerificationKey {
        guard let algorithm = fields[0].sequence, let identifier = algorithm.first?.objectIdentifier,
            let bits = fields[1].bitString, algorithm.count <= 2
        else { throw .malformed(form, reason: "the algorithm or the key is missing") }
        let parameters = algorithm.count == 2 ? algorithm[1] : nil
        switch identifier {
        case KeyOID.rsa:
            return VerificationKey(try rsa(bits, form), form: form)
        case KeyOID.rsaPSS:
            guard parameters == nil else {
                throw .unsupported(
                    found: "an RSA-PSS key bound to parameters",
                    advice: "use an RSA key without them"
                )
            }
            let algorithms: [SignatureAlgorithm] = [.ps256, .ps384, .ps512]
            return VerificationKey(try rsa(bits, form), algorithms: algorithms, form: form)
        case KeyOID.ec:
            guard let name = parameters?.objectIdentifier else {
                throw .unsupported(
                    found: "an EC key without a named curve",
                    advice: "use P-256, P-384 or P-521 by name"
                )
            }
            guard let curve = KeyOID.curve(name) else {
                throw .unsupported(found: KeyOID.name(name), advice: "use P-256, P-384 or P-521")
            }
            return VerificationKey(try .ec(curve, point: bits, form: form), form: form)
        case KeyOID.ed25519, KeyOID.mlDSA65, KeyOID.mlDSA87:
            guard parameters == nil else {
                throw .malformed(form, reason: "the algorithm has parameters, which it must not")
            }
            return VerificationKey(try withoutParameters(identifier, bits, form), form: form)
        default:
            throw .unsupported(found: KeyOID.name(identifier), advice: KeyReader.acceptedKinds)
        }
    }

    private func withoutParameters(
        _ identifier: ASN1ObjectIdentifier,
        _ bits: [UInt8],
        _ form: KeyForm
    ) throws(KeyReadingError) -> KeyMaterial {
        switch identifier {
        case KeyOID.mlDSA65: try .mlDSA65(bits, form: form)
        case KeyOID.mlDSA87: try .mlDSA87(bits, form: form)
        default: try .ed25519(bits, form: form)
        }
    }

    private func rsa(_ bits: [UInt8], _ form: KeyForm) throws(KeyReadingError) -> KeyMaterial {
        guard let numbers = DERValue(parsing: bits)?.sequence, numbers.count == 2,
            let modulus = numbers[0].integer, let exponent = numbers[1].integer
        else { throw .malformed(form, reason: "modulus and exponent are missing") }
        return try .rsa(modulus: modulus, exponent: exponent, form: form)
    }
}

/// A parsed DER value, read without errors that say nothing: what does not fit is nil.
struct DERValue {
    private let node: ASN1Node

    private init(_ node: ASN1Node) {
        self.node = node
    }

    init?(parsing bytes: [UInt8]) {
        // Whatever the parser objects to, the answer is the same: not DER.
        guard let node = try? DER.parse(bytes) else { return nil }
        self.node = node
    }

    var sequence: [DERValue]? {
        guard node.identifier == .sequence, case .constructed(let children) = node.content else { return nil }
        return children.map(DERValue.init)
    }

    /// A non-negative integer's magnitude without leading zeros.
    var integer: [UInt8]? {
        guard node.identifier == .integer, case .primitive(let bytes) = node.content, let first = bytes.first,
            first & 0x80 == 0
        else { return nil }
        if bytes.count > 1, first == 0, bytes[bytes.startIndex + 1] & 0x80 == 0 { return nil }
        return Array(bytes.drop { $0 == 0 })
    }

    var octetString: [UInt8]? { primitive(.octetString) }

    var objectIdentifier: ASN1ObjectIdentifier? {
        // As above: a broken identifier is not one.
        try? ASN1ObjectIdentifier(derEncoded: node)
    }

    /// A bit string of whole bytes.
    var bitString: [UInt8]? {
        guard let bytes = primitive(.bitString), bytes.first == 0 else { return nil }
        return Array(bytes.dropFirst())
    }

    func isContextTag(_ number: UInt) -> Bool {
        node.identifier.tagClass == .contextSpecific && node.identifier.tagNumber == number
    }

    /// The content of a primitive value under a context tag.
    func contextPrimitive(_ number: UInt) -> [UInt8]? {
        guard isContextTag(number), case .primitive(let bytes) = node.content else { return nil }
        return Array(bytes)
    }

    /// The only value inside a constructed context tag.
    func contextValue(_ number: UInt) -> DERValue? {
        guard isContextTag(number), case .constructed(let children) = node.content else { return nil }
        let values = children.map(DERValue.init)
        return values.count == 1 ? values[0] : nil
    }

    private func primitive(_ identifier: ASN1Identifier) -> [UInt8]? {
        guard node.identifier == identifier, case .primitive(let bytes) = node.content else { return nil }
        return Array(bytes)
    }
}
