package import GatewayCore

/// The header of the PROXY protocol, by which a proxy says before anything else whom a connection comes from
/// (proxy-protocol.txt of HAProxy, versions 1 and 2).
package enum ProxyHeader: Equatable, Sendable {
    /// Whom the connection comes from, and how many bytes the header has.
    case source(IPAddress, length: Int)
    /// The proxy speaks for itself: the connection's peer is the caller.
    case peer(length: Int)
    /// The proxy cannot say for whom it speaks, so that nobody knows who the caller is.
    case unknown(length: Int)
    /// More bytes are needed.
    case incomplete
    /// What stands there is no such header.
    case malformed

    // With its line end (§2.1).
    private static let longestText = 107
    // The fixed part and the addresses of both ends, and room for what else a proxy may tell.
    static let longestBinary = 16 + 520
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
    private static let word = Array("PROXY ".utf8)

    /// Reads the header that a connection's bytes begin with.
    package static func read(_ bytes: Span<UInt8>) -> ProxyHeader {
        guard bytes.count > 0 else { return .incomplete }
        if bytes[0] == signature[0] { return binary(bytes) }
        return text(bytes)
    }

    // MARK: Version 1

    private static func text(_ bytes: Span<UInt8>) -> ProxyHeader {
        for index in 0..<min(word.count, bytes.count) where bytes[index] != word[index] { return .malformed }
        var end = 0
        while end < bytes.count, bytes[end] != UInt8(ascii: "\r") {
            guard end < longestText - 2 else { return .malformed }
            end += 1
        }
        guard end + 1 < bytes.count else { return .incomplete }
        guard bytes[end + 1] == UInt8(ascii: "\n"), end >= word.count else { return .malformed }
        var line: [UInt8] = []
        for index in word.count..<end { line.append(bytes[index]) }
        let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        if parts.first?.elementsEqual("UNKNOWN".utf8) == true { return .unknown(length: end + 2) }
        guard parts.count == 5, isPort(parts[3]), isPort(parts[4]),
            let source = IPAddress(String(decoding: parts[1], as: UTF8.self)),
            IPAddress(String(decoding: parts[2], as: UTF8.self)) != nil
        else { return .malformed }
        let isV6 = parts[1].contains(UInt8(ascii: ":"))
        guard parts[0].elementsEqual((isV6 ? "TCP6" : "TCP4").utf8),
            parts[2].contains(UInt8(ascii: ":")) == isV6
        else { return .malformed }
        return .source(source, length: end + 2)
    }

    private static func isPort(_ text: ArraySlice<UInt8>) -> Bool {
        guard (1...5).contains(text.count), text.count == 1 || text.first != UInt8(ascii: "0") else {
            return false
        }
        var value = 0
        for digit in text {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return false }
            value = value * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return value <= 65_535
    }

    // MARK: Version 2

    private static func binary(_ bytes: Span<UInt8>) -> ProxyHeader {
        for index in 0..<min(signature.count, bytes.count) where bytes[index] != signature[index] {
            return .malformed
        }
        guard bytes.count >= 16 else { return .incomplete }
        let (command, family) = (bytes[12], bytes[13])
        let length = 16 + (Int(bytes[14]) << 8 | Int(bytes[15]))
        guard command == 0x20 || command == 0x21, length <= longestBinary else { return .malformed }
        guard bytes.count >= length else { return .incomplete }
        // LOCAL: whatever the addresses say is to be ignored (§2.2).
        if command == 0x20 { return .peer(length: length) }
        switch family {
        case 0x11:
            guard length >= 16 + 12 else { return .malformed }
            return .source(IPAddress(v4: UInt32(truncatingIfNeeded: number(bytes, 16, 4))), length: length)
        case 0x21:
            guard length >= 16 + 36 else { return .malformed }
            return .source(IPAddress(high: number(bytes, 16, 8), low: number(bytes, 24, 8)), length: length)
        case 0x00: return .unknown(length: length)
        // Datagrams and local sockets carry no HTTP from anywhere.
        default: return .malformed
        }
    }

    private static func number(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in start..<start + count { value = value << 8 | UInt64(bytes[index]) }
        return value
    }
}
