import GatewayCore
import Testing

@testable import ControlPlane

struct AdminClientAddressTests {
    @Test func `a proxy says whom a call comes from, and nobody else does`() throws {
        var rule = AdminClientAddress()
        #expect(rule.address(behind: "127.0.0.1", ["192.0.2.1"]) == "127.0.0.1")
        rule.trustsLoopback = true
        rule.proxies = [try AddressRange("10.0.0.0/8")]
        let rows: [(peer: String, fields: [String], address: String)] = [
            ("127.0.0.1", ["192.0.2.1"], "192.0.2.1"), ("::1", ["2001:db8::1"], "2001:db8::1"),
            // What the caller wrote stands before what the proxy wrote.
            ("127.0.0.1", ["198.51.100.9, 192.0.2.1"], "192.0.2.1"),
            ("127.0.0.1", ["198.51.100.9", "x,\t192.0.2.1 "], "192.0.2.1"),
            ("10.1.2.3", ["192.0.2.1"], "192.0.2.1"), ("::ffff:127.0.0.1", ["192.0.2.1"], "192.0.2.1"),
            ("192.0.2.7", ["192.0.2.1"], "192.0.2.7"), ("11.0.0.1", ["192.0.2.1"], "11.0.0.1"),
            ("127.0.0.1", [], "127.0.0.1"), ("127.0.0.1", [""], "127.0.0.1"),
            ("127.0.0.1", ["192.0.2.1,"], "127.0.0.1"), ("127.0.0.1", ["unknown"], "127.0.0.1"),
            ("unknown", ["192.0.2.1"], "unknown"),
        ]
        for row in rows {
            #expect(rule.address(behind: row.peer, row.fields) == row.address, "\(row.peer) \(row.fields)")
        }
    }
}
