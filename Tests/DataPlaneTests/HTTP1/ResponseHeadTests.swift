import DataPlane
import NIOCore
import Testing

@Suite struct `Answer heads` {
    struct Accepted: Sendable, CustomTestStringConvertible {
        let text: String
        let status: Int
        var reason = "OK"
        var method = KnownMethod.get
        var framing = BodyFraming.length(3)
        var keepAlive = true
        var testDescription: String { "\(method) \(text.debugDescription)" }

        static let table: [Accepted] = [
            .init(text: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", status: 200),
            .init(text: "HTTP/1.1 200 \r\nContent-Length: 3\r\n\r\n", status: 200, reason: ""),
            .init(text: "HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n", status: 200, reason: ""),
            .init(
                text: "HTTP/1.1 599 J\u{F6}\t x\r\nContent-Length: 3\r\n\r\n",
                status: 599,
                reason: "J\u{F6}\t x"
            ),
            .init(
                text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                status: 200,
                framing: .chunked
            ),
            .init(text: "HTTP/1.1 200 OK\r\n\r\n", status: 200, framing: .untilClose, keepAlive: false),
            .init(
                text: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
                status: 200,
                method: .head,
                framing: .none
            ),
            .init(
                text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                status: 200,
                method: .head,
                framing: .none
            ),
            .init(text: "HTTP/1.1 204 OK\r\n\r\n", status: 204, framing: .none),
            .init(text: "HTTP/1.1 204 OK\r\nContent-Length: 0\r\n\r\n", status: 204, framing: .none),
            .init(
                text: "HTTP/1.1 204 OK\r\nContent-Length: 3\r\n\r\n",
                status: 204,
                framing: .none,
                keepAlive: false
            ),
            .init(text: "HTTP/1.1 304 OK\r\nContent-Length: 3\r\n\r\n", status: 304, framing: .none),
            .init(text: "HTTP/1.1 103 OK\r\nLink: x\r\n\r\n", status: 103, framing: .none),
            .init(
                text: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: x, CLOSE\r\n\r\n",
                status: 200,
                keepAlive: false
            ),
            .init(
                text: "HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n",
                status: 200,
                keepAlive: false
            ),
        ]
    }

    @Test(arguments: Accepted.table)
    func `a sound head is read as written, however it is cut`(_ row: Accepted) throws {
        let bytes = Array(row.text.utf8)
        var buffer = ByteBuffer(bytes: bytes + [0x61])
        var parser = ResponseHeadParser()
        let head = try #require(parser.parse(&buffer, answering: row.method).head)
        #expect(head.status == row.status)
        #expect(head.string(head.reason) == row.reason)
        #expect(head.framing == row.framing)
        #expect(head.keepAlive == row.keepAlive)
        #expect(head.isInformational == (row.status < 200))
        #expect(buffer.readableBytes == 1)
        for cut in 1..<bytes.count {
            var buffer = ByteBuffer(bytes: bytes[..<cut])
            var parser = ResponseHeadParser()
            #expect(parser.parse(&buffer, answering: row.method).head == nil)
            #expect(parser.hasPartialHead)
            buffer.writeBytes(bytes[cut...])
            #expect(parser.parse(&buffer, answering: row.method).head == head, "cut at \(cut)")
        }
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        let reason: MalformedHead
        let text: String
        var testDescription: String { text.debugDescription }

        init(_ reason: MalformedHead, _ text: String) {
            self.reason = reason
            self.text = text
        }
    }

    static let refused: [Refused] = [
        .init(.statusLine, "HTTP/1.1 20 OK\r\n\r\n"),
        .init(.statusLine, "HTTP/1.1 2000 OK\r\n\r\n"),
        .init(.statusLine, "HTTP/1.1 099 OK\r\n\r\n"),
        .init(.statusLine, "HTTP/1.1 600 OK\r\n\r\n"),
        .init(.statusLine, "HTTP/1.1 +20 OK\r\n\r\n"),
        .init(.statusLine, "HTTP/1.1  200 OK\r\n\r\n"),
        .init(.statusLine, "HTTP/1.1\t200 OK\r\n\r\n"),
        .init(.statusLine, "HTTP/1.1 200\tOK\r\n\r\n"),
        .init(.statusLine, "HTTP/1.1\r\n\r\n"),
        .init(.statusLine, "HTTP/11 200 OK\r\n\r\n"),
        .init(.statusLine, "HT\r\n\r\n"),
        .init(.statusLine, "http/1.1 200 OK\r\n\r\n"),
        .init(.statusLine, "rubbish"),
        .init(.statusLine, "\r\nHTTP/1.1 200 OK\r\n\r\n"),
        .init(.bareLineFeed, "HTTP/1.1 200 OK\nContent-Length: 3\n\n"),
        .init(.bareCarriageReturn, "HTTP/1.1 200 O\rK\r\n\r\n"),
        .init(.controlByte, "HTTP/1.1 200 O\0K\r\n\r\n"),
        .init(.foldedField, "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"),
        .init(.fieldName, "HTTP/1.1 200 OK\r\nX : a\r\n\r\n"),
        .init(.duplicateContentLength, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n"),
        .init(.contentLength, "HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\n"),
        .init(.transferEncoding, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
        .init(
            .transferEncodingWithLength,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
        ),
        .init(.transferEncodingBeforeOneOne, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        .init(.framingForbidden, "HTTP/1.1 100 OK\r\nContent-Length: 3\r\n\r\n"),
        .init(.framingForbidden, "HTTP/1.1 101 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ]

    @Test(.tags(.security), arguments: refused)
    func `rubbish is refused for good`(_ row: Refused) throws {
        var buffer = ByteBuffer(string: row.text)
        var parser = ResponseHeadParser()
        let refusal = try #require(parser.parse(&buffer, answering: .get).refusal)
        let found: MalformedHead? = if case .badRequest(let found, _) = refusal { found } else { nil }
        #expect(found == row.reason)
        var slowly = ByteBuffer()
        var slow = ResponseHeadParser()
        for byte in row.text.utf8 {
            slowly.writeInteger(byte)
            #expect(slow.parse(&slowly, answering: .get).head == nil)
        }
        #expect(slow.parse(&slowly, answering: .get).refusal == refusal)
    }

    @Test(.tags(.security)) func `a head without end is refused at the limit`() {
        let fields = String(repeating: "X-Filler: 0123456789\r\n", count: 100)
        var buffer = ByteBuffer(string: "HTTP/1.1 200 OK\r\n" + fields)
        var parser = ResponseHeadParser(limits: HTTPLimits(maximumHead: 1000))
        #expect(parser.parse(&buffer, answering: .get).refusal == .headersTooLarge(.head, limit: 1000))

        var long = ByteBuffer(string: "HTTP/1.1 200 " + String(repeating: "x", count: 20_000))
        var other = ResponseHeadParser()
        #expect(
            other.parse(&long, answering: .get).refusal == .headersTooLarge(.startLine, limit: 16 * 1024)
        )
    }

    @Test(.tags(.security)) func `another version is not supported`() {
        var buffer = ByteBuffer(string: "HTTP/2.0 200 OK\r\n\r\n")
        var parser = ResponseHeadParser()
        #expect(parser.parse(&buffer, answering: .get).refusal == .versionNotSupported(offset: 0))
    }

    @Test func `the final answer follows the interim ones`() throws {
        var buffer = ByteBuffer(
            string:
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
        )
        var parser = ResponseHeadParser()
        for status in [100, 103, 204] {
            let head = try #require(parser.parse(&buffer, answering: .post).head)
            #expect(head.status == status)
            parser.recycle(head)
        }
        #expect(buffer.readableBytes == 0)
    }
}

extension ResponseHeadParser.Outcome {
    var head: ResponseHead? {
        if case .head(let head) = self { head } else { nil }
    }

    var refusal: HTTPRefusal? {
        if case .refused(let refusal) = self { refusal } else { nil }
    }
}
