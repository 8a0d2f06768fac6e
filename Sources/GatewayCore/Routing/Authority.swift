/// A host with an optional port, as the `Host` field and absolute targets name it (RFC 3986 §3.2.2).
///
/// Of registered names only the unreserved characters are taken: percent-escapes and the sub-delimiters,
/// which RFC 3986 allows, occur in no real host name, and mean something in the lists that hosts are written
/// into (`Forwarded`). An empty port (`host:`) is refused as well.
package struct Authority: Sendable {
    /// The host without the port; an IPv6 address keeps its brackets.
    package let name: Range<Int>

    /// Nil when the range is not an authority.
    package init?(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        guard !range.isEmpty, range.upperBound <= bytes.count else { return nil }
        var index = range.lowerBound
        if bytes[index] == UInt8(ascii: "[") {
            while index < range.upperBound, bytes[index] != UInt8(ascii: "]") { index += 1 }
            guard index < range.upperBound else { return nil }
            guard Self.isIPv6(bytes, range.lowerBound + 1..<index) else { return nil }
            index += 1
        } else {
            while index < range.upperBound, Self.isUnreserved(bytes[index]) { index += 1 }
        }
        name = range.lowerBound..<index
        guard !name.isEmpty else { return nil }
        guard index < range.upperBound else { return }
        guard bytes[index] == UInt8(ascii: ":") else { return nil }
        guard Self.isPort(bytes, index + 1..<range.upperBound) else { return nil }
    }

    private static func isPort(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard (1...5).contains(range.count) else { return false }
        var port = 0
        for index in range {
            guard let digit = decimalValue(bytes[index]) else { return false }
            port = port * 10 + Int(digit)
        }
        return port <= 65535
    }

    /// `IPv6address` of RFC 3986: eight groups, one run of zero groups left out, a dotted IPv4 tail allowed.
    private static func isIPv6(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard (2...45).contains(range.count) else { return false }
        var groups = 0
        var isShortened = false
        var index = range.lowerBound
        if bytes[index] == UInt8(ascii: ":") {
            guard bytes[index + 1] == UInt8(ascii: ":") else { return false }
            isShortened = true
            index += 2
        }
        while index < range.upperBound {
            let start = index
            while index < range.upperBound, isHexDigit(bytes[index]) { index += 1 }
            if index < range.upperBound, bytes[index] == UInt8(ascii: ".") {
                guard isIPv4(bytes, start..<range.upperBound) else { return false }
                groups += 2
                break
            }
            guard (1...4).contains(index - start) else { return false }
            groups += 1
            guard index < range.upperBound else { break }
            guard bytes[index] == UInt8(ascii: ":"), index + 1 < range.upperBound else { return false }
            index += 1
            if bytes[index] == UInt8(ascii: ":") {
                guard !isShortened else { return false }
                isShortened = true
                index += 1
            }
        }
        return isShortened ? groups < 8 : groups == 8
    }

    private static func isIPv4(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        for part in 0..<4 {
            let start = index
            var value = 0
            while index < range.upperBound, index - start < 3, let digit = decimalValue(bytes[index]) {
                value = value * 10 + Int(digit)
                index += 1
            }
            let hasLeadingZero = index - start > 1 && bytes[start] == UInt8(ascii: "0")
            guard index > start, value <= 255, !hasLeadingZero else { return false }
            guard part < 3 else { break }
            guard index < range.upperBound, bytes[index] == UInt8(ascii: ".") else { return false }
            index += 1
        }
        return index == range.upperBound
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: false
        }
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"): true
        default: decimalValue(byte) != nil
        }
    }

    private static func decimalValue(_ byte: UInt8) -> UInt8? {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? byte - UInt8(ascii: "0") : nil
    }
}
