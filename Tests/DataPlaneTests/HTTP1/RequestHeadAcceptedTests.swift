import DataPlane
import FuzzTargets
import NIOCore
import Testing

/// A head that must be accepted, and what must be found in it.
struct AcceptedRequest: Sendable, CustomTestStringConvertible {
    let why: String
    let text: String
    var path = "/"
    var query: String?
    var host: String? = "a.example"
    var framing = BodyFraming.none
    var keepAlive = true
    var form = TargetForm.origin
    var testDescription: String { why }

    var bytes: [UInt8] { Array(text.utf8) }

    static let table: [AcceptedRequest] = [
        .init(why: "the plainest request", text: "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        .init(
            why: "one empty line before the request line is passed over",
            text: "\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
        ),
        .init(
            why: "a query is split at the first question mark",
            text: "GET /a/b?c=d?e&f HTTP/1.1\r\nHost: a.example\r\n\r\n",
            path: "/a/b",
            query: "c=d?e&f"
        ),
        .init(
            why: "an empty query is a query",
            text: "GET /a? HTTP/1.1\r\nHost: a.example\r\n\r\n",
            path: "/a",
            query: ""
        ),
        .init(
            why: "white space around a value is not of it",
            text: "GET / HTTP/1.1\r\nHost: \t a.example \t\r\n\r\n"
        ),
        .init(
            why: "no white space before a value is needed",
            text: "GET / HTTP/1.1\r\nHost:a.example\r\nX:\r\n\r\n"
        ),
        .init(
            why: "names compare without case",
            text: "POST / HTTP/1.1\r\nHOST: a.example\r\ncontent-LENGTH: 5\r\n\r\n",
            framing: .length(5)
        ),
        .init(
            why: "a length of none is not the same as no length",
            text: "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n",
            framing: .length(0)
        ),
        .init(
            why: "leading zeros do not change a length",
            text: "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0000000000000000000007\r\n\r\n",
            framing: .length(7)
        ),
        .init(
            why: "the longest length has 63 bits",
            text: "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9223372036854775807\r\n\r\n",
            framing: .length(.max)
        ),
        .init(
            why: "codings compare without case",
            text: "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: CHunked\r\n\r\n",
            framing: .chunked
        ),
        .init(
            why: "close ends the connection",
            text: "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive, Close\r\n\r\n",
            keepAlive: false
        ),
        .init(
            why: "empty elements of Connection are passed over",
            text: "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: , ,keep-alive,, x-a ,\r\n\r\n"
        ),
        .init(
            why: "HTTP/1.0 closes, even where it asks not to",
            text: "GET / HTTP/1.0\r\nHost: a.example\r\nConnection: keep-alive\r\n\r\n",
            keepAlive: false
        ),
        .init(
            why: "HTTP/1.0 needs no Host",
            text: "GET / HTTP/1.0\r\n\r\n",
            host: nil,
            keepAlive: false
        ),
        .init(
            why: "an absolute target gives its path",
            text: "GET http://a.example/x/y?z HTTP/1.1\r\nHost: a.example\r\n\r\n",
            path: "/x/y",
            query: "z",
            form: .absolute
        ),
        .init(
            why: "an absolute target without a path means the root",
            text: "GET HTTPS://A.example?z HTTP/1.1\r\nHost: a.EXAMPLE\r\n\r\n",
            query: "z",
            host: "A.example",
            form: .absolute
        ),
        .init(
            why: "OPTIONS takes an asterisk",
            text: "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n",
            path: "*",
            form: .asterisk
        ),
        .init(
            why: "a host may have a port",
            text: "GET / HTTP/1.1\r\nHost: a.example:65535\r\n\r\n",
            host: "a.example:65535"
        ),
        .init(
            why: "a host may be an IPv6 address",
            text: "GET / HTTP/1.1\r\nHost: [2001:db8::1:192.0.2.33]:80\r\n\r\n",
            host: "[2001:db8::1:192.0.2.33]:80"
        ),
        .init(
            why: "values may hold tabs and bytes above ASCII",
            text: "GET / HTTP/1.1\r\nHost: a.example\r\nX-Name: J\u{F6}hn\tD\u{20AC}e\r\n\r\n"
        ),
        .init(
            why: "an unknown method is for the routes to judge",
            text: "M-SEARCH / HTTP/1.1\r\nHost: a.example\r\n\r\n"
        ),
        .init(
            why: "Upgrade and TE are no error",
            text:
                "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, TE\r\nUpgrade: h2c\r\nTE: trailers\r\n\r\n"
        ),
    ]
}

@Suite struct `Accepted request heads` {
    @Test(arguments: AcceptedRequest.table)
    func `a sound head is read as written`(_ row: AcceptedRequest) throws {
        var buffer = ByteBuffer(bytes: row.bytes + [0x47])
        var parser = RequestHeadParser()
        let head = try #require(parser.parse(&buffer).head)
        #expect(head.string(head.path) == row.path)
        #expect(head.query.map(head.string) == row.query)
        #expect(head.host.map(head.string) == row.host)
        #expect(head.framing == row.framing)
        #expect(head.keepAlive == row.keepAlive)
        #expect(head.targetForm == row.form)
        #expect(buffer.readableBytes == 1, "exactly the head is consumed")
        #expect(!parser.hasPartialHead)
    }

    @Test(arguments: AcceptedRequest.table)
    func `how a head is cut into arrivals changes nothing`(_ row: AcceptedRequest) throws {
        var whole = ByteBuffer(bytes: row.bytes)
        var parser = RequestHeadParser()
        let expected = try #require(parser.parse(&whole).head)
        for cut in 1..<row.bytes.count {
            var buffer = ByteBuffer(bytes: row.bytes[..<cut])
            var parser = RequestHeadParser()
            #expect(parser.parse(&buffer).isNeedMore, "after \(cut) bytes")
            buffer.writeBytes(row.bytes[cut...])
            #expect(parser.parse(&buffer).head == expected, "cut at \(cut)")
        }
        var buffer = ByteBuffer()
        var slow = RequestHeadParser()
        for byte in row.bytes.dropLast() {
            buffer.writeInteger(byte)
            #expect(slow.parse(&buffer).isNeedMore)
        }
        #expect(slow.hasPartialHead)
        buffer.writeBytes(row.bytes.suffix(1))
        #expect(slow.parse(&buffer).head == expected)
    }

    @Test func `pipelined heads come out one by one, with the field table given back`() throws {
        let bytes = AcceptedRequest.table.flatMap { $0.framing == .none ? $0.bytes : [] }
        var buffer = ByteBuffer(bytes: bytes)
        var parser = RequestHeadParser()
        for row in AcceptedRequest.table where row.framing == .none {
            let head = try #require(parser.parse(&buffer).head)
            #expect(head.string(head.path) == row.path)
            parser.recycle(head)
        }
        #expect(buffer.readableBytes == 0)
        #expect(parser.parse(&buffer).isNeedMore)
    }

    @Test func `a recycled field table leaves no trace in the next head`() throws {
        var parser = RequestHeadParser()
        var first = ByteBuffer(
            string: "GET / HTTP/1.1\r\nHost: a\r\nVia: b\r\nConnection: close, via\r\n\r\n"
        )
        let head = try #require(parser.parse(&first).head)
        #expect(!head.keepAlive)
        parser.recycle(head)
        var second = ByteBuffer(string: "GET / HTTP/1.1\r\nHost: c\r\n\r\n")
        let next = try #require(parser.parse(&second).head)
        #expect(next.headers.count == 1)
        #expect(next.first(.via) == nil)
        #expect(next.connectionOptions.isEmpty)
        #expect(next.keepAlive)
    }

    @Test func `an expectation counts only where a body follows`() throws {
        let expect = "Host: a\r\nExpect: 100-Continue\r\n"
        let rows: [(String, Bool)] = [
            ("POST / HTTP/1.1\r\n\(expect)Content-Length: 1\r\n\r\n", true),
            ("POST / HTTP/1.1\r\n\(expect)Transfer-Encoding: chunked\r\n\r\n", true),
            ("GET / HTTP/1.1\r\n\(expect)\r\n", false),
            ("POST / HTTP/1.0\r\n\(expect)Content-Length: 1\r\n\r\n", false),
        ]
        for (text, expected) in rows {
            #expect(try parsed(text).expectsContinue == expected, "\(text)")
        }
    }

    @Test func `an upgrade is wanted only where Connection says so`() throws {
        let upgrade = try parsed("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
        #expect(upgrade.wantsUpgrade)
        #expect(try !parsed("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n").wantsUpgrade)
        #expect(try !parsed("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n").wantsUpgrade)
    }

    @Test func `fields that Connection names are marked, in any case and order`() throws {
        let head = try parsed(
            "GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nConnection: x-A, x-b\r\nX-B: 2\r\nX-C: 3\r\n\r\n"
        )
        let marked = head.headers.filter(head.isNamedInConnection).map { head.string($0.name) }
        #expect(marked == ["X-A", "X-B"])
        #expect(head.connectionOptions.map(head.string) == ["x-A", "x-b"])
    }

    @Test(arguments: ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
    func `known methods are known as written only`(_ method: String) throws {
        #expect(try parsed("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n").knownMethod != .other)
        let lower = try parsed("\(method.lowercased()) / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(lower.knownMethod == .other)
    }

    private func parsed(_ text: String) throws -> RequestHead {
        var buffer = ByteBuffer(string: text)
        var parser = RequestHeadParser()
        return try #require(parser.parse(&buffer).head)
    }
}

extension RequestHeadParser.Outcome {
    var head: RequestHead? {
        if case .head(let head) = self { head } else { nil }
    }

    var refusal: HTTPRefusal? {
        if case .refused(let refusal) = self { refusal } else { nil }
    }

    var isNeedMore: Bool {
        if case .needMore = self { true } else { false }
    }
}
