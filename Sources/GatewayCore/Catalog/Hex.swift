/// Lower-case hexadecimal, as API tokens, digests and identities are written.
package enum Hex {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Writes bytes as two lower-case digits each.
    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Writes a 64-bit word as 16 digits, most significant first.
    package static func encode(_ word: UInt64) -> String {
        var text: [UInt8] = []
        append(word, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends a 64-bit word as 16 digits, most significant first.
    package static func append(_ word: UInt64, to text: inout [UInt8]) {
        for shift in stride(from: 60, through: 0, by: -4) {
            let value = UInt8(truncatingIfNeeded: word >> UInt64(shift)) & 15
            text.append(value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10)
        }
    }

    /// Reads a 64-bit word of 16 lower-case digits, most significant first, that begin at an index.
    ///
    /// - Returns: `nil` where there are fewer digits or other characters.
    package static func word(_ digits: Span<UInt8>, at start: Int = 0) -> UInt64? {
        guard start >= 0, digits.count - start >= 16 else { return nil }
        var word: UInt64 = 0
        var values: UInt8 = 0
        for index in start..<start + 16 {
            // Without branches, since what random digits are cannot be foretold.
            let number = digits[index] &- UInt8(ascii: "0")
            let letter = digits[index] &- UInt8(ascii: "a")
            let value = number < 10 ? number : letter < 6 ? letter + 10 : 0xff
            values |= value
            word = word << 4 | UInt64(value & 15)
        }
        return values < 16 ? word : nil
    }

    /// Reads an even number of lower-case digits; nothing else, not even upper case, is accepted.
    package static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in text {
            guard let value = value(of: character) else { return nil }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? bytes : nil
    }

    /// The value of one lower-case digit.
    package static func value(of character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
