import DataPlane
import NIOCore
import Testing

@Suite struct `Heads written afresh` {
    @Test func `a request goes on without what concerns one connection or names an identity`() throws {
        let received = try parsed(
            """
            POST /a?q=1 HTTP/1.1\r
            Host: gateway.example\r
            Accept:  text/html\t\r
            Connection: keep-alive, X-Private, Portcullis-Client\r
            X-Private: 1\r
            Keep-Alive: timeout=5\r
            Proxy-Connection: keep-alive\r
            Proxy-Authorization: Basic x\r
            Proxy-Authenticate: x\r
            TE: trailers\r
            Trailer: X-T\r
            Upgrade: h2c\r
            Transfer-Encoding: chunked\r
            Portcullis-Client: evil\r
            PORTCULLIS_Subject_Name: evil\r
            Portcullis-Anything: evil\r
            x_forwarded_for: 1.2.3.4\r
            Authorization: Bearer secret\r
            X-Empty:\r
            Accept: */*\r
            \r

            """
        )
        var buffer = OutputBuffer()
        let path = Array("/v2/a".utf8)
        let isWritten = HeadWriter.writeRequestLine(of: received, query: received.query, into: &buffer) {
            $0.append(path)
        }
        #expect(isWritten)
        HeadWriter.writeField("Host", "upstream.example:9000", into: &buffer)
        HeadWriter.writeFields(
            of: received,
            dropping: [.identity, KnownHeaderSet(.host, .authorization)],
            into: &buffer
        )
        HeadWriter.writeField("Portcullis-Client", "Acme", into: &buffer)
        HeadWriter.writeFraming(received.framing, into: &buffer)
        HeadWriter.endHead(into: &buffer)
        let text = String(buffer: buffer.byteBuffer)
        #expect(
            text == """
                POST /v2/a?q=1 HTTP/1.1\r
                Host: upstream.example:9000\r
                Accept: text/html\r
                X-Empty: \r
                Accept: */*\r
                Portcullis-Client: Acme\r
                Transfer-Encoding: chunked\r
                \r

                """
        )
    }

    @Test(arguments: AcceptedRequest.table.filter { $0.form != .asterisk })
    func `what is written is read as the same head`(_ row: AcceptedRequest) throws {
        let head = try parsed(row.text)
        var buffer = OutputBuffer()
        let isWritten = HeadWriter.writeRequestLine(of: head, query: head.query, into: &buffer) { line in
            head.bytes(head.path) { line.append($0) }
        }
        #expect(isWritten)
        HeadWriter.writeField("Host", "b", into: &buffer)
        HeadWriter.writeFields(of: head, dropping: KnownHeaderSet(.host), into: &buffer)
        HeadWriter.writeFraming(head.framing, into: &buffer)
        HeadWriter.endHead(into: &buffer)
        var sent = buffer.byteBuffer
        var parser = RequestHeadParser()
        let again = try #require(parser.parse(&sent).head)
        #expect(again.string(again.path) == row.path)
        #expect(again.query.map(again.string) == row.query)
        #expect(again.framing == row.framing)
        #expect(sent.readableBytes == 0)
    }

    @Test func `an answer goes on with its status and fields`() throws {
        var received = ByteBuffer(
            string:
                "HTTP/1.1 200 Fine\r\nServer: x\r\nConnection: close\r\nContent-Length: 3\r\nX-A:b\r\n\r\n"
        )
        var parser = ResponseHeadParser()
        let head = try #require(parser.parse(&received, answering: .get).head)
        var buffer = OutputBuffer()
        HeadWriter.writeStatusLine(of: head, into: &buffer)
        HeadWriter.writeFields(of: head, dropping: [], into: &buffer)
        HeadWriter.writeFraming(head.framing, into: &buffer)
        HeadWriter.writeConnectionClose(into: &buffer)
        HeadWriter.endHead(into: &buffer)
        let text = String(buffer: buffer.byteBuffer)
        #expect(
            text
                == "HTTP/1.1 200 Fine\r\nServer: x\r\nX-A: b\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"
        )
    }

    @Test(.tags(.security), arguments: ["a\r\nX: b", "a\nb", "a\rb", "a\0b", "\u{7F}", "a\u{1B}b1234567890"])
    func `a value that could end a line is not written`(_ value: String) throws {
        var buffer = OutputBuffer()
        let isFieldWritten = HeadWriter.writeField("X-A", value, into: &buffer)
        #expect(!isFieldWritten)
        #expect(try !writes(path: "/" + value))
        let isEmpty = buffer.isEmpty
        #expect(isEmpty)
    }

    @Test(.tags(.security), arguments: ["", "a", "/a b", "/a#b", "/\u{E9}", "http://a/"])
    func `a target that is no path is not written`(_ target: String) throws {
        #expect(try !writes(path: target))
    }

    /// Whether a request line with this path is written; if not, nothing of it is.
    private func writes(path: String) throws -> Bool {
        let head = try parsed("GET / HTTP/1.0\r\n\r\n")
        var buffer = OutputBuffer()
        let isWritten = HeadWriter.writeRequestLine(of: head, query: nil, into: &buffer) {
            $0.append(text: path)
        }
        let isEmpty = buffer.isEmpty
        #expect(isWritten != isEmpty)
        return isWritten
    }

    @Test func `chunks that are written are read as the same body`() {
        var buffer = OutputBuffer()
        for part in ["hello", String(repeating: "x", count: 300)] {
            HeadWriter.writeChunkHeader(part.utf8.count, into: &buffer)
            buffer.append(text: part)
            HeadWriter.writeChunkEnd(into: &buffer)
        }
        HeadWriter.writeChunkHeader(0, into: &buffer)
        HeadWriter.writeLastChunk(into: &buffer)
        var sent = buffer.byteBuffer
        var decoder = ChunkedBodyDecoder()
        #expect(decoder.decode(&sent) == .data(ByteBuffer(string: "hello")))
        #expect(decoder.decode(&sent) == .data(ByteBuffer(repeating: 0x78, count: 300)))
        #expect(decoder.decode(&sent) == .end(trailersDropped: 0))
        #expect(sent.readableBytes == 0)
    }

    @Test(arguments: Array(100...599) + [Int.min, 0, 99, 600, .max])
    func `every status line that is written is read again`(_ status: Int) throws {
        var buffer = OutputBuffer()
        HeadWriter.writeStatusLine(status, into: &buffer)
        HeadWriter.endHead(into: &buffer)
        var sent = buffer.byteBuffer
        var parser = ResponseHeadParser()
        let head = try #require(parser.parse(&sent, answering: .get).head)
        #expect(head.status == ((100...599).contains(status) ? status : 500))
    }

    @Test func `the request for a body is a whole interim answer`() throws {
        var buffer = OutputBuffer()
        HeadWriter.writeContinue(into: &buffer)
        var sent = buffer.byteBuffer
        var parser = ResponseHeadParser()
        let head = try #require(parser.parse(&sent, answering: .post).head)
        #expect(head.status == 100)
        #expect(sent.readableBytes == 0)
    }

    private func parsed(_ text: String) throws -> RequestHead {
        var buffer = ByteBuffer(string: text)
        var parser = RequestHeadParser()
        return try #require(parser.parse(&buffer).head)
    }
}
