import NIOCore
import Testing

@testable import DataPlane

@Suite struct `Tables of the codec` {
    @Test func `byte classes are those of the RFCs`() {
        let alphanumeric = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
        let token = Set(("!#$%&'*+-.^_`|~" + alphanumeric).utf8)
        let unreserved = Set(("-._~" + alphanumeric).utf8)
        for byte in UInt8.min...UInt8.max {
            #expect(ByteClass.token.contains(byte) == token.contains(byte))
            #expect(ByteClass.unreserved.contains(byte) == unreserved.contains(byte))
            let isTarget = (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "#")
            #expect(ByteClass.target.contains(byte) == isTarget)
            #expect(ASCII.isForbiddenControl(byte) == ((byte < 0x20 && byte != 9) || byte == 0x7F))
        }
    }

    @Test func `the eight-byte scan finds exactly the control bytes, at every place`() {
        for byte in UInt8.min...UInt8.max {
            for place in 0..<20 {
                var bytes = [UInt8](repeating: 0xFF, count: 20)
                bytes[place] = byte
                let isControl = byte < 0x20 || byte == 0x7F
                let found = LineScanner.firstControl(in: bytes.span, from: 0, to: 20)
                #expect(found == (isControl ? place : 20))
            }
        }
    }

    static let names: [(name: String, kind: KnownHeader)] = [
        ("Host", .host), ("Content-Length", .contentLength), ("Transfer-Encoding", .transferEncoding),
        ("Connection", .connection), ("Keep-Alive", .keepAlive), ("Proxy-Connection", .proxyConnection),
        ("TE", .te), ("Trailer", .trailer), ("Upgrade", .upgrade), ("Expect", .expect),
        ("Authorization", .authorization), ("Proxy-Authorization", .proxyAuthorization),
        ("Proxy-Authenticate", .proxyAuthenticate), ("API-Token", .apiToken), ("Forwarded", .forwarded),
        ("X-Forwarded-For", .xForwardedFor), ("X-Forwarded-Proto", .xForwardedProto),
        ("X-Forwarded-Host", .xForwardedHost), ("X-Forwarded-Port", .xForwardedPort),
        ("X-Request-Id", .xRequestID), ("Via", .via), ("Date", .date), ("Server", .server),
        ("Content-Type", .contentType), ("traceparent", .traceparent), ("tracestate", .tracestate),
        ("Portcullis-Client", .portcullisIdentity), ("portcullis_claims", .portcullisIdentity),
        ("Portcullis-Subject_Name", .portcullisIdentity), ("PORTCULLIS-", .portcullisIdentity),
        ("portcullis_x_y", .portcullisIdentity),
        ("Content_Length", .underscore), ("_", .underscore), ("X_A", .underscore),
    ]

    @Test(arguments: names)
    func `known names are known in any case, and nothing near them is`(_ name: String, _ kind: KnownHeader) {
        for text in [name, name.lowercased(), name.uppercased()] {
            #expect(found(text) == kind)
        }
        if kind != .underscore, kind != .portcullisIdentity {
            // A byte that differs from a letter by the bit of its case only must not be taken for it.
            for index in name.utf8.indices {
                var bytes = Array(name.utf8)
                let place = name.utf8.distance(from: name.utf8.startIndex, to: index)
                bytes[place] ^= 0x20
                let isLetter = (bytes[place] | 0x20) >= 0x61 && (bytes[place] | 0x20) <= 0x7A
                #expect(found(bytes) == (isLetter ? kind : .other), "byte \(place) of \(name)")
            }
            #expect(found(name + "x") == .other)
            #expect(found(String(name.dropLast())) != kind)
        }
    }

    @Test(arguments: ["", "X", "portcullis", "portcullisclient", "x-portcullis-client", "X-Forwarded-Hosx"])
    func `other names are other`(_ name: String) {
        #expect(found(name) == .other)
    }

    @Test func `every known header has a place of its own in a set`() {
        for first in KnownHeader.allCases {
            for second in KnownHeader.allCases {
                #expect(KnownHeaderSet(first).contains(second) == (first == second))
            }
        }
        #expect(Set(Self.names.map(\.kind)).count == KnownHeader.allCases.count - 1, "each is in the table")
    }

    private func found(_ name: String) -> KnownHeader { found(Array(name.utf8)) }

    private func found(_ bytes: [UInt8]) -> KnownHeader {
        KnownHeader.named(
            bytes.span,
            ByteRange(offset: 0, end: bytes.count),
            hasUnderscore: bytes.contains(UInt8(ascii: "_"))
        )
    }
}
