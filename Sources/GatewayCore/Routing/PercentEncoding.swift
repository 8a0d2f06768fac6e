/// Percent-encoding (RFC 3986 §2.1), and the `+` of HTML forms.
package enum PercentEncoding {
    /// The bytes with `%xx` decoded; `nil` when a `%` is followed by anything else.
    package static func decoded(_ text: ArraySlice<UInt8>, plusIsSpace: Bool) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            switch text[index] {
            case UInt8(ascii: "%"):
                guard index + 2 < text.endIndex, let high = digit(text[index + 1]),
                    let low = digit(text[index + 2])
                else { return nil }
                bytes.append(high << 4 | low)
                index += 2
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
            default: bytes.append(text[index])
            }
            index += 1
        }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        let isUpper = byte &- UInt8(ascii: "A") < 6
        return Hex.value(of: isUpper ? byte | 0x20 : byte)
    }
}
