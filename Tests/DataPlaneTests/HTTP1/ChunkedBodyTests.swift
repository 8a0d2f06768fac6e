import DataPlane
import FuzzTargets
import NIOCore
import Testing

@Suite(.tags(.security)) struct `Chunked bodies` {
    struct Row: Sendable, CustomTestStringConvertible {
        let text: String
        let expected: HTTP1Transcript.Event
        var testDescription: String { text.debugDescription }

        static func whole(_ text: String, _ body: String, trailers: Int = 0) -> Row {
            Row(text: text, expected: .body(Array(body.utf8), trailersDropped: trailers))
        }

        static func bad(_ reason: MalformedBody, _ text: String, after body: String = "") -> Row {
            Row(text: text, expected: .malformed(after: Array(body.utf8), reason))
        }

        static let table: [Row] = [
            .whole("0\r\n\r\n", ""),
            .whole("000000000000000\r\n\r\n", ""),
            .whole("3\r\nabc\r\n0\r\n\r\n", "abc"),
            .whole("3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\n", "abc0123456789"),
            .whole("1;a\r\nx\r\n0;b=c;d=\"e \\\" \t\";f\r\n\r\n", "x"),
            .whole("4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"),
            .whole("0\r\nX: y\r\nPortcullis-Client: evil\r\nEmpty:\r\n\r\n", "", trailers: 3),
            .whole("0\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\nHost: b\r\n\r\n", "", trailers: 3),
            .bad(.chunkSize, "\r\n"),
            .bad(.chunkSize, "\n"),
            .bad(.chunkSize, " 3\r\nabc\r\n"),
            .bad(.chunkSize, "+3\r\nabc\r\n"),
            .bad(.chunkSize, "-1\r\n"),
            .bad(.chunkSize, ";a\r\n"),
            .bad(.chunkSize, "g\r\n"),
            .bad(.chunkSize, "1000000000000000\r\n"),
            .bad(.chunkSize, "ffffffffffffffff\r\n"),
            .bad(.chunkSize, "0000000000000003\r\nabc\r\n"),
            .bad(.chunkSizeEnd, "0x3\r\nabc\r\n"),
            .bad(.chunkSizeEnd, "3 \r\nabc\r\n"),
            .bad(.chunkSizeEnd, "3\t\r\nabc\r\n"),
            .bad(.chunkSizeEnd, "3 ;a\r\nabc\r\n"),
            .bad(.chunkSizeEnd, "3\nabc\r\n"),
            .bad(.chunkSizeEnd, "3\rabc\r\n"),
            .bad(.chunkSizeEnd, "3_0\r\nabc\r\n"),
            .bad(.chunkSizeEnd, "3\0\r\nabc\r\n"),
            .bad(.chunkSizeEnd, "3,3\r\nabc\r\n"),
            .bad(.chunkExtension, "3;\r\nabc\r\n"),
            .bad(.chunkExtension, "3; a\r\nabc\r\n"),
            .bad(.chunkExtension, "3;a \r\nabc\r\n"),
            .bad(.chunkExtension, "3;a=\r\nabc\r\n"),
            .bad(.chunkExtension, "3;a==b\r\nabc\r\n"),
            .bad(.chunkExtension, "3;=b\r\nabc\r\n"),
            .bad(.chunkExtension, "3;a\nabc\r\n"),
            .bad(.chunkSizeEnd, "3;a\rb\r\nabc\r\n"),
            .bad(.chunkExtension, "3;a=\"b\r\nabc\r\n"),
            .bad(.chunkExtension, "3;a=\"\n\"\r\nabc\r\n"),
            .bad(.chunkExtension, "3;a=\"\\\n\"\r\nabc\r\n"),
            .bad(.chunkExtension, "3;a=\"b\"c\r\nabc\r\n"),
            .bad(.chunkExtension, "3;a\0\r\nabc\r\n"),
            .bad(.chunkEnd, "3\r\nabcd\r\n0\r\n\r\n", after: "abc"),
            .bad(.chunkEnd, "3\r\nabc0\r\n\r\n", after: "abc"),
            .bad(.chunkEnd, "3\r\nabc\n0\r\n\r\n", after: "abc"),
            .bad(.chunkEnd, "3\r\nabc\r0\r\n\r\n", after: "abc"),
            .bad(.trailerField, "0\r\n\n"),
            .bad(.trailerField, "0\r\n\r\r\n"),
            .bad(.trailerField, "0\r\n X: y\r\n\r\n"),
            .bad(.trailerField, "0\r\nX: y\r\n z\r\n\r\n"),
            .bad(.trailerField, "0\r\nX : y\r\n\r\n"),
            .bad(.trailerField, "0\r\n: y\r\n\r\n"),
            .bad(.trailerField, "0\r\nXy\r\n\r\n"),
            .bad(.trailerField, "0\r\nX: y\n\r\n"),
            .bad(.trailerField, "0\r\nX: y\0\r\n\r\n"),
            .bad(.trailerField, "0\r\nX: y\rz\r\n\r\n"),
            .bad(.trailerField, "0\r\nGET / HTTP/1.1\r\n\r\n"),
        ]
    }

    @Test(arguments: Row.table)
    func `a body is read as the grammar says, however it is cut`(_ row: Row) {
        let bytes = Array(row.text.utf8)
        #expect(HTTP1Transcript.chunkedBody([bytes]) == [row.expected])
        for cut in 0...bytes.count {
            let halves = [Array(bytes[..<cut]), Array(bytes[cut...])]
            #expect(HTTP1Transcript.chunkedBody(halves) == [row.expected], "cut at \(cut)")
        }
        #expect(HTTP1Transcript.chunkedBody(bytes.map { [$0] }) == [row.expected], "byte by byte")
    }

    @Test func `data is a slice of what arrived, and the byte after the body stays`() {
        var buffer = ByteBuffer(string: "5\r\nhello\r\n0\r\n\r\nGET")
        var decoder = ChunkedBodyDecoder()
        #expect(decoder.decode(&buffer) == .data(ByteBuffer(string: "hello")))
        #expect(decoder.decode(&buffer) == .end(trailersDropped: 0))
        #expect(decoder.decode(&buffer) == .end(trailersDropped: 0))
        #expect(decoder.isFinished)
        #expect(buffer == ByteBuffer(string: "GET"))
    }

    @Test func `the largest size is taken for what it is`() {
        var buffer = ByteBuffer(string: "fffffffffffffff\r\nab")
        var decoder = ChunkedBodyDecoder()
        #expect(decoder.decode(&buffer) == .data(ByteBuffer(string: "ab")))
        #expect(decoder.decode(&buffer) == .needMore)
    }

    @Test func `extensions and trailers are bounded over the whole body`() {
        let limits = HTTPLimits(maximumFieldCount: 2, maximumChunkOverhead: 16)
        let rows: [(text: String, expected: HTTP1Transcript.Event)] = [
            ("0;\(String(repeating: "a", count: 14))\r\n\r\n", .body([], trailersDropped: 0)),
            (
                "0;\(String(repeating: "a", count: 16))\r\n\r\n",
                .malformed(after: [], .chunkExtensionsTooLong)
            ),
            (
                String(repeating: "1;abcde\r\nx\r\n", count: 3),
                .malformed(after: Array("xx".utf8), .chunkExtensionsTooLong)
            ),
            ("0\r\nX: 123456789\r\n\r\n", .body([], trailersDropped: 1)),
            ("0\r\nX: 1234567890\r\n\r\n", .malformed(after: [], .trailersTooLong)),
            ("0\r\na:\r\nb:\r\n\r\n", .body([], trailersDropped: 2)),
            ("0\r\na:\r\nb:\r\nc:\r\n\r\n", .malformed(after: [], .trailersTooLong)),
        ]
        for row in rows {
            let found = HTTP1Transcript.chunkedBody([Array(row.text.utf8)], limits: limits)
            #expect(found == [row.expected], "\(row.text)")
        }
    }

    @Test func `a refused body stays refused`() {
        var buffer = ByteBuffer(string: "x")
        var decoder = BodyDecoder(.chunked)
        #expect(decoder.decode(&buffer) == .malformed(.chunkSize))
        var sound = ByteBuffer(string: "0\r\n\r\n")
        #expect(decoder.decode(&sound) == .malformed(.chunkSize))
        #expect(sound.readableBytes == 5)
    }
}

@Suite struct `Bodies of the other framings` {
    @Test func `a body of known length ends at its length`() {
        var buffer = ByteBuffer(string: "abc")
        var decoder = BodyDecoder(.length(5))
        #expect(decoder.decode(&buffer) == .data(ByteBuffer(string: "abc")))
        #expect(decoder.decode(&buffer) == .needMore)
        #expect(decoder.remainingLength == 2)
        var rest = ByteBuffer(string: "defg")
        #expect(decoder.decode(&rest) == .data(ByteBuffer(string: "de")))
        #expect(decoder.decode(&rest) == .end(trailersDropped: 0))
        #expect(rest == ByteBuffer(string: "fg"))
        #expect(decoder.connectionEnded() == .end(trailersDropped: 0))
    }

    @Test(arguments: [BodyFraming.none, .length(0)])
    func `no body needs no byte`(_ framing: BodyFraming) {
        var buffer = ByteBuffer(string: "GET")
        var decoder = BodyDecoder(framing)
        #expect(decoder.isFinished)
        #expect(decoder.decode(&buffer) == .end(trailersDropped: 0))
        #expect(buffer.readableBytes == 3)
    }

    @Test func `a body until close ends with the connection`() {
        var buffer = ByteBuffer(string: "abc")
        var decoder = BodyDecoder(.untilClose)
        #expect(decoder.decode(&buffer) == .data(ByteBuffer(string: "abc")))
        #expect(decoder.decode(&buffer) == .needMore)
        #expect(!decoder.isFinished)
        #expect(decoder.connectionEnded() == .end(trailersDropped: 0))
        #expect(decoder.isFinished)
    }

    @Test(arguments: [BodyFraming.length(4), .chunked])
    func `a body cut short by the connection is no whole body`(_ framing: BodyFraming) {
        var buffer = ByteBuffer(string: "3\r\n")
        var decoder = BodyDecoder(framing)
        _ = decoder.decode(&buffer)
        #expect(decoder.connectionEnded() == .malformed(.truncated))
    }
}
