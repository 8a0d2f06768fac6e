/// A signature or MAC algorithm that this library verifies and makes; `none` is not among them.
///
/// Names as registered for the `alg` header (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864, RFC 9964).
public enum SignatureAlgorithm: String, Sendable, CaseIterable, Hashable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case edDSA = "EdDSA"
    case mlDSA65 = "ML-DSA-65"
    case mlDSA87 = "ML-DSA-87"

    /// Finds the algorithm of an `alg` value, compared byte by byte.
    ///
    /// `Ed25519` (RFC 9864) is `EdDSA`.
    public init?(headerValue: [UInt8]) {
        let name = Self.packed(headerValue)
        guard let known = Self.names.first(where: { $0.name == name }) else { return nil }
        self = known.algorithm
    }

    /// Whether the algorithm is an HMAC, whose key is a shared secret.
    public var isHMAC: Bool {
        switch self {
        case .hs256, .hs384, .hs512: true
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512, .es256, .es384, .es512, .edDSA, .mlDSA65,
            .mlDSA87:
            false
        }
    }

    private static let names: [(name: UInt128, algorithm: SignatureAlgorithm)] =
        allCases.map { (packed(Array($0.rawValue.utf8)), $0) } + [(packed(Array("Ed25519".utf8)), .edDSA)]

    /// A name and its length as one number, so that a token's `alg` is found by comparing numbers.
    ///
    /// It is 0 for names longer than any known.
    private static func packed(_ name: [UInt8]) -> UInt128 {
        guard name.count < 16 else { return 0 }
        return name.reduce(UInt128(name.count)) { $0 << 8 | UInt128($1) }
    }
}

extension SignatureAlgorithm: CustomStringConvertible {
    /// The registered name.
    public var description: String { rawValue }
}
