/// An ECDSA signature as ASN.1 DER writes it: SEQUENCE of two INTEGERs (RFC 3279 §2.2.3).
enum DERSignature {
    /// The two numbers one after the other, as JWS has them (RFC 7518 §3.4).
    ///
    /// - Parameters:
    ///   - bytes: what may be such a signature.
    ///   - coordinateBytes: the length that each number is brought to.
    /// - Returns: `nil` when it is none, or a number is too long.
    static func raw(_ bytes: [UInt8], coordinateBytes: Int) -> [UInt8]? {
        var rest = bytes[...]
        guard let body = element(0x30, of: &rest), rest.isEmpty else { return nil }
        var numbers = body
        guard let first = element(0x02, of: &numbers), let second = element(0x02, of: &numbers),
            numbers.isEmpty, let r = padded(first, coordinateBytes), let s = padded(second, coordinateBytes)
        else { return nil }
        return r + s
    }

    /// The contents of an element of this tag with a length below 256 bytes.
    private static func element(_ tag: UInt8, of bytes: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard bytes.popFirst() == tag, var length = bytes.popFirst().map(Int.init) else { return nil }
        if length == 0x81 {
            guard let long = bytes.popFirst() else { return nil }
            length = Int(long)
        } else if length >= 0x80 {
            return nil
        }
        guard length <= bytes.count else { return nil }
        let contents = bytes.prefix(length)
        bytes = bytes.dropFirst(length)
        return contents
    }

    private static func padded(_ number: ArraySlice<UInt8>, _ count: Int) -> [UInt8]? {
        let digits = number.drop { $0 == 0 }
        guard digits.count <= count else { return nil }
        return Array(repeating: 0, count: count - digits.count) + digits
    }
}
