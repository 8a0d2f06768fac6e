import DataPlane
import GatewayCore
import Testing

@Suite struct `The PROXY protocol's header` {
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]

    private static func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test(arguments: [
        ("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", "192.0.2.1"),
        ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255"),
        ("PROXY TCP6 2001:db8::1 ::1 0 1\r\n", "2001:db8::1"),
    ])
    func `names the caller in text`(_ text: String, _ expected: String) throws {
        let bytes = Array(text.utf8)
        let found = ProxyHeader.read((bytes + Array("GET / HTTP/1.1\r\n".utf8)).span)
        #expect(found == .source(try Self.address(expected), length: bytes.count))
        for cut in 0..<bytes.count {
            #expect(ProxyHeader.read(bytes.span.extracting(first: cut)) == .incomplete, "\(cut)")
        }
    }

    @Test(arguments: ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff:f ::1 65535 65535\r\n"])
    func `can name nobody`(_ text: String) {
        #expect(ProxyHeader.read(text.utf8.span) == .unknown(length: text.utf8.count))
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n", "proxy TCP4 1.2.3.4 1.2.3.4 1 1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n", "PROXY  TCP4 1.2.3.4 1.2.3.4 1 1\r\n",
        "PROXY TCP4 ::1 ::1 1 1\r\n", "PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n", "PROXY TCP4 1.2.3.4 ::1 1 1\r\n",
        "PROXY TCP4 01.2.3.4 1.2.3.4 1 1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 +1 1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 99999999999999999999 1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 1\rX",
        "PROXY \r\n", "PROXY\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n" + String(repeating: "x", count: 200),
        "PROXY UNKNOWN " + String(repeating: "x", count: 100), "\u{16}\u{3}\u{1}",
        "PROXY TCP5 1.2.3.4 1.2.3.4 1 1\r\n",
    ])
    func `is nothing else in text`(_ text: String) {
        #expect(ProxyHeader.read(text.utf8.span) == .malformed)
    }

    @Test func `names the caller in bytes`() throws {
        let v4 = Self.signature + [0x21, 0x11, 0, 12, 192, 0, 2, 1, 198, 51, 100, 2, 0, 1, 0, 2]
        #expect(
            ProxyHeader.read((v4 + [22, 3, 1]).span) == .source(try Self.address("192.0.2.1"), length: 28)
        )
        let source: [UInt8] = [0x20, 0x01, 0x0d, 0xb8] + Array(repeating: 0, count: 11) + [7]
        let v6 = Self.signature + [0x21, 0x21, 0, 39] + source + Array(repeating: 0, count: 20) + [4, 0, 0]
        #expect(ProxyHeader.read(v6.span) == .source(try Self.address("2001:db8::7"), length: 55))
        for cut in 0..<v6.count {
            #expect(ProxyHeader.read(v6.span.extracting(first: cut)) == .incomplete, "\(cut)")
        }
        let local = Self.signature + [0x20, 0x11, 0, 12, 192, 0, 2, 1, 198, 51, 100, 2, 0, 1, 0, 2]
        #expect(ProxyHeader.read(local.span) == .peer(length: 28))
        #expect(ProxyHeader.read((Self.signature + [0x21, 0, 0, 0]).span) == .unknown(length: 16))
        #expect(ProxyHeader.read((Self.signature + [0x20, 0, 0, 0]).span) == .peer(length: 16))
    }

    @Test(
        arguments: [
            [0x11, 0x11, 0, 12], [0x22, 0x11, 0, 12], [0x21, 0x11, 0, 11], [0x21, 0x21, 0, 35],
            [0x21, 0x12, 0, 12],
            [0x21, 0x31, 0, 216], [0x21, 0x11, 0xff, 0xff], [0x21, 0x11, 2, 9],
        ] as [[UInt8]]
    )
    func `is nothing else in bytes`(_ fixed: [UInt8]) {
        let bytes = Self.signature + fixed + Array(repeating: 1, count: 600)
        #expect(ProxyHeader.read(bytes.span) == .malformed)
    }

    @Test func `has the whole signature`() {
        for index in 0..<12 {
            var bytes = Self.signature + [0x21, 0x11, 0, 12] + Array(repeating: 1, count: 12)
            bytes[index] ^= 1
            #expect(ProxyHeader.read(bytes.span) == .malformed)
        }
    }
}
