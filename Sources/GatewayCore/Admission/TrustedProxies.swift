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
    /// - Returns: `nil` when a proxy names what is no address (`unknown`, a name); the left-most address when
    ///   all are trusted proxies'; the peer without any field.
    package func client(behind peer: IPAddress, _ fields: [[UInt8]]) -> IPAddress? {
        var found = peer
        for field in fields.reversed() {
            for element in Self.elements(field).reversed() {
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

    /// The elements of a list (RFC 9110 §5.6.1), commas within quotation marks apart.
    private static func elements(_ field: [UInt8]) -> [ArraySlice<UInt8>] {
        split(field[...], at: UInt8(ascii: ",")).map(trimmed).filter { !$0.isEmpty }
    }

    /// The value of the `for` parameter of one element (RFC 7239 §4); `nil` unless there is exactly one.
    private static func forwardedFor(_ element: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var found: ArraySlice<UInt8>?
        for pair in split(element, at: UInt8(ascii: ";")).map(trimmed) {
            guard pair.count >= 4, String(decoding: pair.prefix(4), as: UTF8.self).lowercased() == "for="
            else {
                continue
            }
            guard found == nil else { return nil }
            found = pair.dropFirst(4)
        }
        return found
    }

    private static func split(_ text: ArraySlice<UInt8>, at separator: UInt8) -> [ArraySlice<UInt8>] {
        var parts: [ArraySlice<UInt8>] = []
        var start = text.startIndex
        var isQuoted = false
        for index in text.indices {
            if text[index] == UInt8(ascii: "\"") { isQuoted.toggle() }
            guard text[index] == separator, !isQuoted else { continue }
            parts.append(text[start..<index])
            start = index + 1
        }
        return parts + [text[start...]]
    }

    private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isSpace: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        var text = text.drop(while: isSpace)
        while let last = text.last, isSpace(last) { text.removeLast() }
        return text
    }

    /// An address with or without port, IPv6 in brackets when there is one, the whole perhaps in quotation marks.
    private static func node(_ text: ArraySlice<UInt8>) -> IPAddress? {
        var node = text
        if node.first == UInt8(ascii: "\""), node.count >= 2, node.last == UInt8(ascii: "\"") {
            node = node.dropFirst().dropLast()
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

    private static func isPort(_ text: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first else { return true }
        let digits = text.dropFirst()
        return first == UInt8(ascii: ":") && (1...5).contains(digits.count)
            && digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}
