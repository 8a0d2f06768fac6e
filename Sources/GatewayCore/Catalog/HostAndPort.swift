/// The authority of a URL (RFC 3986 §3.2) without user information: a name or address, perhaps with a port.
enum HostAndPort {
    /// Reads `host`, `host:port`, `[address]` or `[address]:port`.
    ///
    /// - Returns: the host without brackets; `nil` when it is anything else.
    static func parse(_ authority: String, defaultPort: Int) -> (host: String, port: Int)? {
        let bytes = Array(authority.utf8)
        guard !bytes.isEmpty, bytes.count <= 260 else { return nil }
        var portText: ArraySlice<UInt8> = []
        let host: ArraySlice<UInt8>
        if bytes[0] == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            host = bytes[1..<close]
            portText = bytes[(close + 1)...]
            guard IPAddress(String(decoding: host, as: UTF8.self)) != nil else { return nil }
        } else {
            let colon = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
            host = bytes[..<colon]
            portText = bytes[colon...]
            guard !host.isEmpty, host.allSatisfy(isHostCharacter) else { return nil }
        }
        let text = String(decoding: host, as: UTF8.self)
        guard !portText.isEmpty else { return (text, defaultPort) }
        let digits = portText.dropFirst()
        guard portText.first == UInt8(ascii: ":"), !digits.isEmpty, digits.count <= 5,
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = Int(String(decoding: digits, as: UTF8.self)), (1...65_535).contains(port)
        else { return nil }
        return (text, port)
    }

    private static func isHostCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
