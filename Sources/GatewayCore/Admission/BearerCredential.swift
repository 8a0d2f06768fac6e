/// `Authorization: Bearer <token>` (RFC 6750 §2.1).
enum BearerCredential {
    enum Found: Equatable {
        /// The token's bytes in the field's value; they may be none.
        case token(Range<Int>)
        /// A comma joins two credentials, as some intermediaries do with repeated fields.
        case several
        /// Another authentication scheme, or no value at all.
        case otherScheme
    }

    private static let scheme: [UInt8] = Array("bearer".utf8)

    /// Finds the token in the value of an `Authorization` field.
    static func find(in value: Span<UInt8>) -> Found {
        guard value.count >= scheme.count else { return .otherScheme }
        // Scheme names are compared without regard to case (RFC 9110 §11.1).
        for index in scheme.indices where value[index] | 0x20 != scheme[index] { return .otherScheme }
        guard value.count > scheme.count else { return .token(value.count..<value.count) }
        guard value[scheme.count] == UInt8(ascii: " ") else { return .otherScheme }
        var start = scheme.count
        while start < value.count, value[start] == UInt8(ascii: " ") { start += 1 }
        var end = value.count
        while end > start, value[end - 1] == UInt8(ascii: " ") || value[end - 1] == UInt8(ascii: "\t") {
            end -= 1
        }
        return hasComma(value.extracting(start..<end)) ? .several : .token(start..<end)
    }

    /// Looks at every byte whatever it finds, so that the compiler can look at sixteen at once.
    private static func hasComma(_ bytes: Span<UInt8>) -> Bool {
        bytes.withUnsafeBufferPointer { bytes in
            var found: UInt8 = 0
            for byte in bytes { found |= byte == UInt8(ascii: ",") ? 1 : 0 }
            return found != 0
        }
    }
}
