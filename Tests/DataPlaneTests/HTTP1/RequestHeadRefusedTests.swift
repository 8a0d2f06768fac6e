import DataPlane
import NIOCore
import Testing

/// A head that must be refused, and why.
struct RefusedRequest: Sendable, CustomTestStringConvertible {
    let text: String
    let reason: MalformedHead
    var testDescription: String { text.debugDescription }

    var bytes: [UInt8] { Array(text.utf8) }

    init(_ reason: MalformedHead, _ text: String) {
        self.reason = reason
        self.text = text
    }

    /// A head whose request line is refused.
    static func line(_ reason: MalformedHead, _ line: String) -> Self {
        Self(reason, "\(line)\r\nHost: a\r\n\r\n")
    }

    /// A head with sound start and Host, whose other fields are refused.
    static func fields(_ reason: MalformedHead, _ fields: String, version: String = "1.1") -> Self {
        Self(reason, "POST / HTTP/\(version)\r\nHost: a\r\n\(fields)\r\n\r\n")
    }

    /// A head whose Host is refused.
    static func host(_ host: String) -> Self {
        Self(.host, "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")
    }

    static let lines: [RefusedRequest] = [
        .init(.bareLineFeed, "GET / HTTP/1.1\nHost: a\n\n"),
        .init(.bareLineFeed, "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"),
        .init(.bareLineFeed, "GET / HTTP/1.1\r\nHost: a\r\n\n"),
        .init(.bareLineFeed, "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.bareCarriageReturn, "GET / HTTP/1.1\rHost: a\r\n\r\n"),
        .init(.bareCarriageReturn, "GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n"),
        .init(.bareCarriageReturn, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
        .init(.bareCarriageReturn, "\r\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.emptyLine, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.controlByte, "GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n"),
        .init(.controlByte, "GET / HTTP/1.1\r\nHost: a\r\nX: \u{7F}\r\n\r\n"),
        .init(.controlByte, "GET / HTTP/1.1\r\nHost: a\r\nX: \u{1B}[2J\r\n\r\n"),
        .init(.controlByte, "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init(.controlByte, "GET / HTTP/1.1\r\nHost: a\r\nX\u{B}: b\r\n\r\n"),
        .line(.method, " GET / HTTP/1.1"),
        .line(.method, "GE(T / HTTP/1.1"),
        .line(.method, "GET\t/ HTTP/1.1"),
        .line(.method, "GET"),
        .line(.method, "\(String(repeating: "M", count: 33)) / HTTP/1.1"),
        .line(.method, "\u{16}\u{3}\u{1}"),
        .line(.method, "[GET / HTTP/1.1"),
        .line(.emptyTarget, "GET  / HTTP/1.1"),
        .line(.emptyTarget, "GET "),
        .line(.emptyTarget, "GET  HTTP/1.1"),
        .line(.targetByte, "GET /a#b HTTP/1.1"),
        .line(.targetByte, "GET /\u{E9} HTTP/1.1"),
        .line(.targetByte, "GET /a\tb HTTP/1.1"),
        .line(.missingVersion, "GET /"),
        .line(.version, "GET /a b HTTP/1.1"),
        .line(.version, "GET / "),
        .line(.version, "GET /  HTTP/1.1"),
        .line(.version, "GET / HTTP/1.1 "),
        .line(.version, "GET / http/1.1"),
        .line(.version, "GET / HTTP/1.10"),
        .line(.version, "GET / HTTP/11"),
        .line(.version, "GET / HTTP/1,1"),
        .line(.version, "GET / HTTP/1.1x"),
        .line(.version, "GET / HTTPS/1.1"),
        .line(.version, "GET / ICE/1.1"),
        .line(.targetForm, "GET a.example:443 HTTP/1.1"),
        .line(.targetForm, "CONNECT a.example:443 HTTP/1.1"),
        .line(.targetForm, "CONNECT / HTTP/1.1"),
        .line(.targetForm, "CONNECT http://a/ HTTP/1.1"),
        .line(.targetForm, "GET * HTTP/1.1"),
        .line(.targetForm, "OPTIONS ** HTTP/1.1"),
        .line(.targetForm, "GET path HTTP/1.1"),
        .line(.targetForm, "GET ?query HTTP/1.1"),
        .line(.targetForm, "GET ftp://a/ HTTP/1.1"),
        .line(.targetForm, "GET http:/a/ HTTP/1.1"),
        .line(.targetForm, "GET http:///x HTTP/1.1"),
        .line(.targetForm, "GET http://u@a/ HTTP/1.1"),
        .line(.targetForm, "GET http://u:p@a/ HTTP/1.1"),
        .line(.targetForm, "GET http://a:99999/ HTTP/1.1"),
        .line(.authorityMismatch, "GET http://b/ HTTP/1.1"),
        .line(.authorityMismatch, "GET http://a:80/ HTTP/1.1"),
        .line(.authorityMismatch, "GET http://a.b/ HTTP/1.1"),
    ]

    static let fields: [RefusedRequest] = [
        .fields(.foldedField, "X: b\r\n c"),
        .fields(.foldedField, "X: b\r\n\tc"),
        .fields(.foldedField, "X: b\r\n "),
        .init(.foldedField, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
        .fields(.fieldName, "X : b"),
        .fields(.fieldName, "X\t: b"),
        .fields(.fieldName, ": b"),
        .fields(.fieldName, "X Y: b"),
        .fields(.fieldName, "X\u{E9}: b"),
        .fields(.fieldName, "X(1): b"),
        .fields(.fieldName, "\"X\": b"),
        .fields(.fieldName, "X\tContent-Length: 1"),
        .fields(.missingColon, "Xb"),
        .fields(.contentLength, "Content-Length:"),
        .fields(.contentLength, "Content-Length: +1"),
        .fields(.contentLength, "Content-Length: -1"),
        .fields(.contentLength, "Content-Length: 1 2"),
        .fields(.contentLength, "Content-Length: 1,1"),
        .fields(.contentLength, "Content-Length: 1, 1"),
        .fields(.contentLength, "Content-Length: 0x1"),
        .fields(.contentLength, "Content-Length: 1.0"),
        .fields(.contentLength, "Content-Length: 1e1"),
        .fields(.contentLength, "Content-Length: \u{0661}"),
        .fields(.contentLength, "Content-Length: 9223372036854775808"),
        .fields(.contentLength, "Content-Length: 18446744073709551617"),
        .fields(.contentLength, "Content-Length: \(String(repeating: "9", count: 4000))"),
        .fields(.duplicateContentLength, "Content-Length: 1\r\nContent-Length: 1"),
        .fields(.duplicateContentLength, "Content-Length: 1\r\ncontent-length: 2"),
        .fields(.transferEncoding, "Transfer-Encoding:"),
        .fields(.transferEncoding, "Transfer-Encoding: identity"),
        .fields(.transferEncoding, "Transfer-Encoding: gzip, chunked"),
        .fields(.transferEncoding, "Transfer-Encoding: chunked, identity"),
        .fields(.transferEncoding, "Transfer-Encoding: chunked, chunked"),
        .fields(.transferEncoding, "Transfer-Encoding: chunked;q=1"),
        .fields(.transferEncoding, "Transfer-Encoding: xchunked"),
        .fields(.transferEncoding, "Transfer-Encoding: \"chunked\""),
        .fields(.transferEncoding, "Transfer-Encoding: ,chunked"),
        .fields(.transferEncoding, "Transfer-Encoding: chunke\u{212A}"),
        .fields(.duplicateTransferEncoding, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        .fields(.duplicateTransferEncoding, "Transfer-Encoding: chunked\r\nTransfer-encoding: x"),
        .fields(.transferEncodingWithLength, "Transfer-Encoding: chunked\r\nContent-Length: 1"),
        .fields(.transferEncodingWithLength, "Content-Length: 0\r\nTransfer-Encoding: chunked"),
        .fields(.transferEncodingBeforeOneOne, "Transfer-Encoding: chunked", version: "1.0"),
        .init(.missingHost, "GET / HTTP/1.1\r\n\r\n"),
        .init(.missingHost, "GET http://a/ HTTP/1.1\r\n\r\n"),
        .fields(.duplicateHost, "Host: a"),
        .fields(.duplicateHost, "hOST: b"),
        .fields(.expectation, "Expect: 200-ok"),
        .fields(.expectation, "Expect:"),
        .fields(.expectation, "Expect: 100-continue, 100-continue"),
        .fields(.expectation, "Expect: 100-continue\r\nExpect: 100-continue"),
        .fields(.connectionOption, "Connection: a b"),
        .fields(.connectionOption, "Connection: a;b"),
        .fields(.connectionOption, "Connection: \"close\""),
        .fields(.connectionOption, "Connection: \(Array(repeating: "a", count: 33).joined(separator: ","))"),
        .host(""), .host("a b"), .host("a,b"), .host("a, b"), .host("u@a"), .host("a/b"), .host("a?b"),
        .host("a#b"), .host("a:b"), .host("a:"), .host(":80"), .host("a:65536"), .host("a:000080"),
        .host("a:-1"), .host("a:80:80"), .host("http://a"), .host("[::1"), .host("::1"), .host("[]"),
        .host("[::1]x"), .host("[::1]:"), .host("[1:2:3:4:5:6:7]"), .host("[1:2:3:4:5:6:7:8:9]"),
        .host("[1::2::3]"), .host("[:1:2:3:4:5:6:7]"), .host("[1:2:3:4:5:6:7:]"), .host("[12345::]"),
        .host("[1:2:3:4:5:6:7::8]"), .host("[::g]"), .host("[fe80::1%25eth0]"), .host("[v1.a]"),
        .host("[::1.2.3]"), .host("[::1.2.3.256]"), .host("[::01.2.3.4]"), .host("[::1.2.3.4.5]"),
        .host("[1:2:3:4:5:6:7:1.2.3.4]"), .host("[:::]"), .host("[:]"), .host("a%2eb"), .host("a;b"),
        .host("a\u{E9}"), .host("a\\b"), .host("<a>"), .host("a\tb"),
    ]
}

@Suite(.tags(.security)) struct `Refused request heads` {
    @Test(arguments: RefusedRequest.lines + RefusedRequest.fields)
    func `a head that could be read in two ways is refused for good`(_ row: RefusedRequest) throws {
        var buffer = ByteBuffer(bytes: row.bytes)
        var parser = RequestHeadParser()
        let refusal = try #require(parser.parse(&buffer).refusal)
        let found: MalformedHead? = if case .badRequest(let reason, _) = refusal { reason } else { nil }
        #expect(found == row.reason)
        #expect(refusal.status == 400)

        buffer.clear()
        buffer.writeString("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(parser.parse(&buffer).refusal == refusal, "nothing on the connection is read after it")
    }

    @Test(arguments: RefusedRequest.lines + RefusedRequest.fields)
    func `how it is cut into arrivals changes nothing`(_ row: RefusedRequest) throws {
        var whole = ByteBuffer(bytes: row.bytes)
        var parser = RequestHeadParser()
        let expected = try #require(parser.parse(&whole).refusal)
        for cut in 0...row.bytes.count {
            var buffer = ByteBuffer(bytes: row.bytes[..<cut])
            var parser = RequestHeadParser()
            _ = parser.parse(&buffer)
            buffer.writeBytes(row.bytes[cut...])
            #expect(parser.parse(&buffer).refusal == expected, "cut at \(cut)")
        }
        var buffer = ByteBuffer()
        var slow = RequestHeadParser()
        for byte in row.bytes {
            buffer.writeInteger(byte)
            #expect(slow.parse(&buffer).head == nil)
        }
        #expect(slow.parse(&buffer).refusal == expected)
    }

    @Test(arguments: ["HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/9.9"])
    func `another version is not supported`(_ version: String) {
        var buffer = ByteBuffer(string: "GET / \(version)\r\nHost: a\r\n\r\n")
        var parser = RequestHeadParser()
        #expect(parser.parse(&buffer).refusal == .versionNotSupported(offset: 6))
    }

    @Test func `a refusal tells the operator where, and nothing of the message`() {
        var buffer = ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: secret\r\n\r\n")
        var parser = RequestHeadParser()
        #expect(
            parser.parse(&buffer).refusal?.operatorDetail
                == "Content-Length is not one decimal number within 63 bits, at byte 41 of the head"
        )
    }
}

@Suite(.tags(.security)) struct `Limits of request heads` {
    private let limits = HTTPLimits(
        maximumField: 64,
        maximumHead: 200,
        maximumTarget: 40,
        maximumFieldCount: 4
    )

    @Test func `each limit is met exactly`() {
        let start = "GET / HTTP/1.1\r\nHost: a\r\n"
        let rows: [(why: String, text: String, refusal: HTTPRefusal?)] = [
            ("a field of 64 bytes", "\(start)\(field(64))\r\n\r\n", nil),
            ("a field of 65", "\(start)\(field(65))\r\n\r\n", .headersTooLarge(.field, limit: 64)),
            ("a field of 65, not ended", "\(start)\(field(65))", .headersTooLarge(.field, limit: 64)),
            ("a target of 40", "GET \(target(40)) HTTP/1.1\r\nHost: a\r\n\r\n", nil),
            ("a target of 41", "GET \(target(41)) HTTP/1.1\r\nHost: a\r\n\r\n", .uriTooLong(limit: 40)),
            ("a target without end", "GET \(target(500))", .uriTooLong(limit: 40)),
            ("4 fields", "\(start)a: 1\r\nb: 2\r\nc: 3\r\n\r\n", nil),
            (
                "5 fields", "\(start)a: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\n\r\n",
                .headersTooLarge(.fieldCount, limit: 4)
            ),
            ("a head of 200", start + fields(200 - start.utf8.count - 2) + "\r\n", nil),
            (
                "a head of 201", start + fields(201 - start.utf8.count - 2) + "\r\n",
                .headersTooLarge(.head, limit: 200)
            ),
            ("a method without end", String(repeating: "M", count: 500), .badRequest(.method, offset: 0)),
        ]
        for row in rows {
            var buffer = ByteBuffer(string: row.text)
            var parser = RequestHeadParser(limits: limits)
            let outcome = parser.parse(&buffer)
            #expect(outcome.refusal == row.refusal, "\(row.why)")
            #expect((outcome.head != nil) == (row.refusal == nil), "\(row.why)")

            var slowly = ByteBuffer()
            var slow = RequestHeadParser(limits: limits)
            var last = RequestHeadParser.Outcome.needMore
            for byte in row.text.utf8 where last.isNeedMore {
                slowly.writeInteger(byte)
                last = slow.parse(&slowly)
            }
            #expect(last.refusal == row.refusal, "\(row.why), byte by byte")
            #expect(last.head == outcome.head, "\(row.why), byte by byte")
        }
    }

    @Test func `a head of the greatest size that arrives byte by byte is read in one pass`() throws {
        // Looking at the bytes again at each arrival would be two thousand million looks here.
        let text = "GET \(target(32_000)) HTTP/1.1\r\nHost: a\r\n\(field(16_384))\r\n\(field(16_384))\r\n\r\n"
        var buffer = ByteBuffer()
        var parser = RequestHeadParser()
        var outcome = RequestHeadParser.Outcome.needMore
        for byte in text.utf8 where outcome.isNeedMore {
            buffer.writeInteger(byte)
            outcome = parser.parse(&buffer)
        }
        #expect(try #require(outcome.head).bytes.readableBytes == text.utf8.count)
    }

    @Test func `the documented limits are the defaults`() {
        let limits = HTTPLimits()
        #expect(limits.maximumField == 16 * 1024)
        #expect(limits.maximumHead == 64 * 1024)
    }

    @Test(arguments: [0, 1, 2, 3, 17])
    func `limits that no head can meet refuse and do not trap`(_ limit: Int) {
        let limits = HTTPLimits(
            maximumField: limit,
            maximumHead: limit,
            maximumTarget: limit,
            maximumFieldCount: limit
        )
        var buffer = ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        var parser = RequestHeadParser(limits: limits)
        #expect(parser.parse(&buffer).refusal != nil)
    }

    private func field(_ count: Int) -> String { "x: " + String(repeating: "v", count: count - 3) }

    private func target(_ count: Int) -> String { "/" + String(repeating: "p", count: count - 1) }

    /// Three fields that take that many bytes with their line ends.
    private func fields(_ count: Int) -> String {
        let third = count / 3
        return [third, third, count - 2 * third].map { field($0 - 2) + "\r\n" }.joined()
    }
}

extension Tag {
    @Tag static var security: Self
}
