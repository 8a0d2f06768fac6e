/// A host with an optional port, as the `Host` field and absolute targets name it (RFC 3986 §3.2.2).
///
/// Of registered names only the unreserved characters are taken: percent-escapes and the sub-delimiters,
/// which RFC 3986 allows, occur in no real host name, and mean something in the lists that hosts are written
/// into (`Forwarded`). An empty port (`host:`) is refused as well.
struct Authority: Sendable {
    /// The host without the port; an IPv6 address keeps its brackets.
    let name: ByteRange

    /// Nil when the range is not an authority.
    init?(_ bytes: Span<UInt8>, _ range: ByteRange) {
        guard !range.isEmpty, range.end <= bytes.count else { return nil }
        var index = range.offset
        if bytes[index] == UInt8(ascii: "[") {
            while index < range.end, bytes[index] != UInt8(ascii: "]") { index += 1 }
            guard index < range.end else { return nil }
            guard Self.isIPv6(bytes, ByteRange(offset: range.offset + 1, end: index)) else { return nil }
            index += 1
        } else {
            while index < range.end, ByteClass.unreserved.contains(bytes[index]) { index += 1 }
        }
        name = ByteRange(offset: range.offset, end: index)
        guard !name.isEmpty else { return nil }
        guard index < range.end else { return }
        guard bytes[index] == ASCII.colon else { return nil }
        guard Self.isPort(bytes, ByteRange(offset: index + 1, end: range.end)) else { return nil }
    }

    private static func isPort(_ bytes: Span<UInt8>, _ range: ByteRange) -> Bool {
        guard (1...5).contains(range.count) else { return false }
        var port = 0
        for index in range.offset..<range.end {
            guard let digit = ASCII.decimalValue(bytes[index]) else { return false }
            port = port * 10 + Int(digit)
        }
        return port <= 65535
    }

    /// `IPv6address` of RFC 3986: eight groups, one run of zero groups left out, a dotted IPv4 tail allowed.
    private static func isIPv6(_ bytes: Span<UInt8>, _ range: ByteRange) -> Bool {
        guard (2...45).contains(range.count) else { return false }
        var groups = 0
        var isShortened = false
        var index = range.offset
        if bytes[index] == ASCII.colon {
            guard bytes[index + 1] == ASCII.colon else { return false }
            isShortened = true
            index += 2
        }
        while index < range.end {
            let start = index
            while index < range.end, ASCII.hexValue(bytes[index]) != nil { index += 1 }
            if index < range.end, bytes[index] == UInt8(ascii: ".") {
                guard isIPv4(bytes, ByteRange(offset: start, end: range.end)) else { return false }
                groups += 2
                break
            }
            guard (1...4).contains(index - start) else { return false }
            groups += 1
            guard index < range.end else { break }
            guard bytes[index] == ASCII.colon, index + 1 < range.end else { return false }
            index += 1
            if bytes[index] == ASCII.colon {
                guard !isShortened else { return false }
                isShortened = true
                index += 1
            }
        }
        return isShortened ? groups < 8 : groups == 8
    }

    private static func isIPv4(_ bytes: Span<UInt8>, _ range: ByteRange) -> Bool {
        var index = range.offset
        for part in 0..<4 {
            let start = index
            var value = 0
            while index < range.end, index - start < 3, let digit = ASCII.decimalValue(bytes[index]) {
                value = value * 10 + Int(digit)
                index += 1
            }
            let hasLeadingZero = index - start > 1 && bytes[start] == UInt8(ascii: "0")
            guard index > start, value <= 255, !hasLeadingZero else { return false }
            guard part < 3 else { break }
            guard index < range.end, bytes[index] == UInt8(ascii: ".") else { return false }
            index += 1
        }
        return index == range.end
    }
}
