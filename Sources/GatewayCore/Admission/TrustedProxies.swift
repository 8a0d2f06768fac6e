/// Finds out whom a call comes from when it came through proxies.
package struct TrustedProxies: Sendable {
    /// The header in which they say it.
    package let header: ClientAddressHeader
    private let ranges: [AddressRange]

    init(_ settings: GatewaySettings) {
        ranges = settings.trustedProxies
        header = settings.clientAddressHeader
    }

    /// Whether a connection from this address is a trusted proxy's.
    package func contains(_ address: IPAddress) -> Bool {
        ranges.contains { $0.contains(address) }
    }

    /// The caller's address: counted from the right, the first that is no trusted proxy's.
    ///
    /// What stands further to the left was written by the caller and proves nothing.
    ///
    /// - Parameters:
    ///   - peer: the address that the connection comes from, a trusted proxy's.
    ///   - fields: the values of the header's fields, in their order.
    /// - Returns: `nil` when a proxy names what is no address (`unknown`, a name), or its field cannot be told
    ///   apart from what the caller wrote before it; the left-most address when all are trusted proxies'; the
    ///   peer without any field.
    package func client(behind peer: IPAddress, _ fields: [[UInt8]]) -> IPAddress? {
        var found = peer
        for field in fields.reversed() {
            guard let elements = elements(field) else { return nil }
            for element in elements.reversed() {
                guard let address = address(element) else { return nil }
                found = address
                if !contains(address) { return address }
            }
        }
        return found
    }

    private func address(_ element: ArraySlice<UInt8>) -> IPAddress? {
        switch header {
        case .xForwardedFor: Self.node(element)
        case .forwarded: Self.forwardedFor(element).flatMap(Self.node)
        case .proxyProtocol: nil
        }
    }

    /// The elements of a list (RFC 9110 §5.6.1); `nil` when quotation marks are not as they must be.
    private func elements(_ field: [UInt8]) -> [ArraySlice<UInt8>]? {
        let comma = UInt8(ascii: ",")
        let parts: [ArraySlice<UInt8>]?
        switch header {
        // X-Forwarded-For knows no quoted strings: whatever a caller wrote ends at the proxy's comma.
        case .xForwardedFor, .proxyProtocol:
            parts = field.split(separator: comma, omittingEmptySubsequences: false)
        case .forwarded: parts = Self.split(field[...], at: comma)
        }
        return parts?.map(Self.trimmed).filter { !$0.isEmpty }
    }

    /// The value of the `for` parameter of one element (RFC 7239 §4); `nil` unless there is exactly one.
    private static func forwardedFor(_ element: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let pairs = split(element, at: UInt8(ascii: ";")) else { return nil }
        var found: ArraySlice<UInt8>?
        for pair in pairs.map(trimmed) {
            guard pair.count >= 4, String(decoding: pair.prefix(4), as: UTF8.self).lowercased() == "for="
            else {
                continue
            }
            guard found == nil else { return nil }
            found = pair.dropFirst(4)
        }
        return found
    }

    /// The parts between separators that stand outside of quoted strings; `nil` unless every quotation mark
    /// belongs to a quoted string that is the whole value of a parameter.
    ///
    /// A proxy appends to what its caller sent. A quoted string that the caller leaves open would end at the first
    /// quotation mark of the proxy, and turn inside out what the proxy wrote.
    private static func split(_ text: ArraySlice<UInt8>, at separator: UInt8) -> [ArraySlice<UInt8>]? {
        var parts: [ArraySlice<UInt8>] = []
        var start = text.startIndex
        var index = start
        while index < text.endIndex {
            if text[index] == quotationMark {
                guard index > text.startIndex, text[index - 1] == UInt8(ascii: "="),
                    let end = endOfQuotedString(text[index...])
                else { return nil }
                index = end
                continue
            }
            if text[index] == separator {
                parts.append(text[start..<index])
                start = index + 1
            }
            index += 1
        }
        return parts + [text[start...]]
    }

    /// Where the quoted string ends that a text begins with (RFC 9110 §5.6.4); `nil` when it is left open, or
    /// something follows that ends no value.
    private static func endOfQuotedString(_ text: ArraySlice<UInt8>) -> Int? {
        var index = text.startIndex + 1
        while index < text.endIndex, text[index] != quotationMark {
            index += text[index] == backslash ? 2 : 1
        }
        guard index < text.endIndex else { return nil }
        let end = index + 1
        return end == text.endIndex || valueEnds.contains(text[end]) ? end : nil
    }

    private static let quotationMark = UInt8(ascii: "\"")
    private static let backslash = UInt8(ascii: "\\")
    private static let valueEnds = Array(",; \t".utf8)

    private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isSpace: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        var text = text.drop(while: isSpace)
        while let last = text.last, isSpace(last) { text.removeLast() }
        return text
    }

    /// An address with or without port, IPv6 in brackets when there is one, the whole perhaps in quotation marks.
    private static func node(_ text: ArraySlice<UInt8>) -> IPAddress? {
        var node = text
        if node.first == quotationMark, node.count >= 2, node.last == quotationMark {
            node = unescaped(node.dropFirst().dropLast())
        }
        guard node.count <= 64 else { return nil }
        if node.first == UInt8(ascii: "[") {
            guard let end = node.firstIndex(of: UInt8(ascii: "]")), isPort(node[(end + 1)...]) else {
                return nil
            }
            return IPAddress(String(decoding: node[(node.startIndex + 1)..<end], as: UTF8.self))
        }
        let colons = node.count { $0 == UInt8(ascii: ":") }
        if colons == 1, let colon = node.firstIndex(of: UInt8(ascii: ":")) {
            guard isPort(node[colon...]) else { return nil }
            node = node[..<colon]
        }
        return IPAddress(String(decoding: node, as: UTF8.self))
    }

    /// The contents of a quoted string without the backslashes of its quoted pairs (RFC 9110 §5.6.4).
    private static func unescaped(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard text.contains(backslash) else { return text }
        var plain: [UInt8] = []
        var isEscaped = false
        for byte in text {
            if byte == backslash, !isEscaped {
                isEscaped = true
            } else {
                plain.append(byte)
                isEscaped = false
            }
        }
        return plain[...]
    }

    private static func isPort(_ text: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first else { return true }
        let digits = text.dropFirst()
        return first == UInt8(ascii: ":") && (1...5).contains(digits.count)
            && digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}
