/// Reads the wire types of SSH (RFC 4251 §5) without ever going past the end.
struct SSHReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: some Collection<UInt8>) {
        rest = ArraySlice(Array(bytes))
    }

    var isAtEnd: Bool { rest.isEmpty }
    var remaining: ArraySlice<UInt8> { rest }

    mutating func take(_ count: Int) -> [UInt8]? {
        guard count >= 0, rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func uint32() -> Int? {
        take(4).map { $0.reduce(0) { $0 << 8 | Int($1) } }
    }

    mutating func string() -> [UInt8]? {
        guard let count = uint32() else { return nil }
        return take(count)
    }

    /// A non-negative integer's magnitude, without leading zeros.
    mutating func integer() -> [UInt8]? {
        guard let bytes = string() else { return nil }
        if let first = bytes.first, first & 0x80 != 0 { return nil }
        return Array(bytes.drop { $0 == 0 })
    }
}

/// Writes the wire types of SSH.
struct SSHWriter {
    private(set) var bytes: [UInt8] = []

    mutating func uint32(_ value: UInt32) {
        for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(shift))) }
    }

    mutating func string(_ string: [UInt8]) {
        uint32(UInt32(truncatingIfNeeded: string.count))
        bytes += string
    }

    mutating func string(_ text: String) {
        string(Array(text.utf8))
    }

    mutating func integer(_ magnitude: [UInt8]) {
        let digits = Array(magnitude.drop { $0 == 0 })
        string((digits.first ?? 0) & 0x80 == 0 ? digits : [0] + digits)
    }
}

/// The OpenSSH key types that can be used.
enum SSHKeyType: String, CaseIterable {
    case rsa = "ssh-rsa"
    case p256 = "ecdsa-sha2-nistp256"
    case p384 = "ecdsa-sha2-nistp384"
    case p521 = "ecdsa-sha2-nistp521"
    case ed25519 = "ssh-ed25519"

    init?(_ kind: KeyKind) {
        switch kind {
        case .rsa: self = .rsa
        case .ec(.p256): self = .p256
        case .ec(.p384): self = .p384
        case .ec(.p521): self = .p521
        case .ed25519: self = .ed25519
        case .hmac, .mlDSA65, .mlDSA87: return nil
        }
    }

    init?(name: some Collection<UInt8>) {
        guard let type = Self.allCases.first(where: { name.elementsEqual($0.rawValue.utf8) }) else {
            return nil
        }
        self = type
    }

    var curve: EllipticCurve? {
        switch self {
        case .p256: .p256
        case .p384: .p384
        case .p521: .p521
        case .rsa, .ed25519: nil
        }
    }

    /// Reads the fields of a public key after its type.
    func publicKey(_ reader: inout SSHReader, form: KeyForm) throws(KeyReadingError) -> KeyMaterial {
        let truncated = KeyReadingError.malformed(
            form,
            reason: "the key ends too early; copy the whole of it"
        )
        switch self {
        case .rsa:
            guard let exponent = reader.integer(), let modulus = reader.integer() else { throw truncated }
            return try .rsa(modulus: modulus, exponent: exponent, form: form)
        case .p256, .p384, .p521:
            guard let name = reader.string(), let point = reader.string(), let curve else { throw truncated }
            guard name.elementsEqual(curve.openSSHName.utf8) else {
                throw .malformed(
                    form,
                    reason: "the curve is \(PrintableBytes.quote(name)), the type is \(rawValue)"
                )
            }
            return try .ec(curve, point: point, form: form)
        case .ed25519:
            guard let point = reader.string() else { throw truncated }
            return try .ed25519(point, form: form)
        }
    }
}
