extension JSONParser {
    /// Reads a string, checks it, and puts it on the tape.
    mutating func string(_ text: Span<UInt8>) throws(JSONError) {
        position += 1
        let start = position
        var isEscaped = false
        while position < text.count {
            let byte = text[position]
            if byte == UInt8(ascii: "\"") {
                append(.string, start: start, end: position, isEscaped: isEscaped)
                position += 1
                return
            }
            if byte == UInt8(ascii: "\\") {
                isEscaped = true
                try escape(text)
            } else if byte < 0x20 {
                throw error(.controlCharacter(byte))
            } else if byte < 0x80 {
                position += 1
            } else {
                position += try sequenceLength(text)
            }
        }
        throw error(.unexpectedEnd(expected: .stringEnd))
    }

    private mutating func escape(_ text: Span<UInt8>) throws(JSONError) {
        guard position + 1 < text.count else { throw error(.unexpectedEnd(expected: .escape)) }
        switch text[position + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 2
        case UInt8(ascii: "u"):
            let first = try codeUnit(text)
            guard first & 0xF800 == 0xD800 else { return }
            guard first < 0xDC00, position + 1 < text.count, text[position] == UInt8(ascii: "\\"),
                text[position + 1] == UInt8(ascii: "u")
            else { throw error(.loneSurrogate) }
            let second = try codeUnit(text)
            guard second & 0xFC00 == 0xDC00 else { throw error(.loneSurrogate) }
        case let found:
            throw error(.invalidEscape(found: found))
        }
    }

    /// Reads `\uXXXX` and moves behind it.
    private mutating func codeUnit(_ text: Span<UInt8>) throws(JSONError) -> UInt16 {
        position += 2
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard position < text.count else { throw error(.unexpectedEnd(expected: .hexadecimalDigit)) }
            guard let digit = Self.hexadecimalValue(text[position]) else {
                throw error(.unexpectedByte(found: text[position], expected: .hexadecimalDigit))
            }
            unit = unit << 4 | UInt16(digit)
            position += 1
        }
        return unit
    }

    private static func hexadecimalValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The length of the multi-byte UTF-8 sequence at the position (Unicode 16, table 3-7).
    private func sequenceLength(_ text: Span<UInt8>) throws(JSONError) -> Int {
        let length: Int
        let second: ClosedRange<UInt8>
        switch text[position] {
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: throw error(.invalidUTF8)
        }
        guard position + length <= text.count, second.contains(text[position + 1]) else {
            throw error(.invalidUTF8)
        }
        for offset in 2..<max(length, 2) where text[position + offset] & 0xC0 != 0x80 {
            throw error(.invalidUTF8)
        }
        return length
    }

    /// A checked string's bytes with its escapes decoded.
    static func decoded(_ node: JSONNode, in text: Span<UInt8>) -> [UInt8] {
        let end = Int(node.end)
        var index = Int(node.start)
        return [UInt8](capacity: end - index) { output in
            while index < end {
                let byte = text[index]
                index += 1
                guard byte == UInt8(ascii: "\\"), index < end else {
                    output.append(byte)
                    continue
                }
                let escaped = text[index]
                index += 1
                switch escaped {
                case UInt8(ascii: "b"): output.append(0x08)
                case UInt8(ascii: "f"): output.append(0x0C)
                case UInt8(ascii: "n"): output.append(0x0A)
                case UInt8(ascii: "r"): output.append(0x0D)
                case UInt8(ascii: "t"): output.append(0x09)
                case UInt8(ascii: "u"):
                    // A scalar's UTF-8 is never longer than its escape, so the capacity suffices.
                    for byte in UTF8.encode(scalar(in: text, at: &index)) ?? UTF8.encodedReplacementCharacter
                    {
                        output.append(byte)
                    }
                default: output.append(escaped)
                }
            }
        }
    }

    /// Reads the scalar of one checked `XXXX` or `XXXX\uXXXX` and moves behind it.
    private static func scalar(in text: Span<UInt8>, at index: inout Int) -> Unicode.Scalar {
        let first = unit(in: text, at: index)
        index += 4
        guard first & 0xFC00 == 0xD800, index + 6 <= text.count else {
            return Unicode.Scalar(first) ?? "\u{FFFD}"
        }
        let second = unit(in: text, at: index + 2)
        index += 6
        return Unicode.Scalar(0x10000 + (first & 0x3FF) << 10 + second & 0x3FF) ?? "\u{FFFD}"
    }

    private static func unit(in text: Span<UInt8>, at index: Int) -> UInt32 {
        var unit: UInt32 = 0
        for offset in 0..<4 where index + offset < text.count {
            unit = unit << 4 | UInt32(hexadecimalValue(text[index + offset]) ?? 0)
        }
        return unit
    }
}
