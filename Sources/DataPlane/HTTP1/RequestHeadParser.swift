import GatewayCore
package import NIOCore

/// Reads request heads from the bytes of one connection, however they are cut into arrivals.
///
/// It is a value with no I/O: the caller keeps the unread bytes and calls ``parse(_:)`` again when more
/// have come. The caller must not consume or prepend bytes between two calls of one head.
package struct RequestHeadParser: Sendable {
    /// What the bytes so far amount to.
    package enum Outcome: Sendable {
        /// The head is not whole yet; nothing but a tolerated empty line was consumed.
        case needMore
        /// A head, and exactly its bytes were consumed.
        case head(RequestHead)
        /// The bytes are refused for good: answer, then close the connection.
        case refused(HTTPRefusal)
    }

    /// True between the first byte of a head and its last.
    package private(set) var hasPartialHead = false

    private let limits: HTTPLimits
    private var scanner = LineScanner()
    private var section = FieldSection()
    private var line: RequestLine?
    private var host: ByteRange?
    private var hostName: ByteRange?
    private var hasSkippedEmptyLine = false
    private var refusal: HTTPRefusal?

    /// Makes a parser for a new connection.
    package init(limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
    }

    /// Reads on; call it again after ``Outcome/head(_:)``, since requests may be pipelined.
    package mutating func parse(_ buffer: inout ByteBuffer) -> Outcome {
        if let refusal { return .refused(refusal) }
        guard buffer.readableBytes > 0 else { return .needMore }
        do throws(HTTPRefusal) {
            if !hasPartialHead {
                begin()
                guard try skipEmptyLine(&buffer) else { return .needMore }
            }
            hasPartialHead = true
            guard try scan(buffer.readableBytesUInt8Span) else { return .needMore }
            return .head(try finish(&buffer))
        } catch {
            refusal = error
            return .refused(error)
        }
    }

    /// Takes back the field table of a head that is done with, so that the next head needs no new memory.
    package mutating func recycle(_ head: consuming RequestHead) {
        guard !hasPartialHead else { return }
        section.fields = head.headers
    }

    /// Gives back the memory that is kept for the next head.
    package mutating func rest() {
        guard !hasPartialHead else { return }
        section = FieldSection()
    }

    private mutating func begin() {
        scanner = LineScanner()
        section.removeAll()
        line = nil
        host = nil
        hostName = nil
    }

    /// Passes over one empty line before the request line (RFC 9112 §2.2); false when more bytes are needed.
    private mutating func skipEmptyLine(_ buffer: inout ByteBuffer) throws(HTTPRefusal) -> Bool {
        guard var first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return false }
        if first == ASCII.carriageReturn, !hasSkippedEmptyLine {
            let second = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt8.self)
            guard let second else { return false }
            guard second == ASCII.lineFeed else { throw .badRequest(.bareCarriageReturn, offset: 0) }
            hasSkippedEmptyLine = true
            buffer.moveReaderIndex(forwardBy: 2)
            guard let next = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return false }
            first = next
        }
        switch first {
        case ASCII.carriageReturn: throw .badRequest(.emptyLine, offset: 0)
        case ASCII.lineFeed: throw .badRequest(.bareLineFeed, offset: 0)
        default: break
        }
        // So that what is not HTTP at all, a TLS greeting for one, is not waited for.
        guard ByteClass.token.contains(first) else { throw .badRequest(.method, offset: 0) }
        return true
    }

    /// Reads whole lines; true at the end of the head.
    private mutating func scan(_ bytes: Span<UInt8>) throws(HTTPRefusal) -> Bool {
        while true {
            let lineLimit = line == nil ? limits.maximumTarget + RequestLine.overhead : limits.maximumField
            let next = try scanner.next(in: bytes, lineLimit: lineLimit, headLimit: limits.maximumHead)
            switch next {
            case .needMore: return false
            case .lineTooLong, .headTooLong: throw excess(next, bytes)
            case .line(let range):
                if line == nil {
                    try startLine(range, in: bytes)
                } else if range.isEmpty {
                    return true
                } else {
                    try add(range, in: bytes)
                }
            }
        }
    }

    private mutating func startLine(_ range: ByteRange, in bytes: Span<UInt8>) throws(HTTPRefusal) {
        let request = try RequestLine(range, in: bytes)
        guard request.target.count <= limits.maximumTarget else {
            throw .uriTooLong(limit: limits.maximumTarget)
        }
        line = request
    }

    private func excess(_ outcome: LineScanner.Outcome, _ bytes: Span<UInt8>) -> HTTPRefusal {
        guard line == nil else {
            if case .lineTooLong = outcome {
                return .headersTooLarge(.field, limit: limits.maximumField)
            }
            return .headersTooLarge(.head, limit: limits.maximumHead)
        }
        guard RequestLine.hasMethod(within: limits.maximumHead - 1, of: bytes) else {
            return .badRequest(.method, offset: 0)
        }
        return .uriTooLong(limit: min(limits.maximumTarget, limits.maximumHead))
    }

    private mutating func add(_ range: ByteRange, in bytes: Span<UInt8>) throws(HTTPRefusal) {
        let hadExpect = section.present.contains(.expect)
        let field = try section.add(range, in: bytes, maximumCount: limits.maximumFieldCount)
        switch field.kind {
        case .host:
            guard host == nil else { throw .badRequest(.duplicateHost, offset: field.name.offset) }
            guard let authority = Authority(bytes, field.value.offset..<field.value.end) else {
                throw .badRequest(.host, offset: field.value.offset)
            }
            host = field.value
            hostName = ByteRange(offset: authority.name.lowerBound, end: authority.name.upperBound)
        case .expect:
            guard !hadExpect, equal(bytes, field.value, "100-continue") else {
                throw .badRequest(.expectation, offset: field.value.offset)
            }
        default: break
        }
    }

    /// Checks what only the whole head shows, and takes its bytes.
    private mutating func finish(_ buffer: inout ByteBuffer) throws(HTTPRefusal) -> RequestHead {
        let end = scanner.lineStart
        guard let line else { throw .badRequest(.method, offset: 0) }
        if line.versionMinor == 1, host == nil { throw .badRequest(.missingHost, offset: end) }
        try checkAuthority(line, buffer.readableBytesUInt8Span)
        let framing = try framing(line, end: end)
        section.markConnectionOptions(in: buffer.readableBytesUInt8Span)
        guard let bytes = buffer.readSlice(length: end) else { throw .badRequest(.method, offset: 0) }
        hasPartialHead = false
        hasSkippedEmptyLine = false
        let isOneOne = line.versionMinor == 1
        let hasBody = framing != .none && framing != .length(0)
        let head = RequestHead(
            bytes: bytes,
            method: line.method,
            knownMethod: line.knownMethod,
            target: line.target,
            targetForm: line.form,
            path: line.path,
            query: line.query,
            versionMinor: line.versionMinor,
            headers: section.fields,
            present: section.present,
            framing: framing,
            host: line.authority ?? host,
            hostName: line.authorityName ?? hostName,
            keepAlive: isOneOne && !section.closes,
            // In HTTP/1.0 the expectation must be ignored, and without a body there is nothing to wait for
            // (RFC 9110 §10.1.1).
            expectsContinue: isOneOne && hasBody && section.present.contains(.expect),
            wantsUpgrade: isOneOne && section.upgrades && section.present.contains(.upgrade),
            connectionOptions: section.options
        )
        section.fields = []
        return head
    }

    private func checkAuthority(_ line: RequestLine, _ bytes: Span<UInt8>) throws(HTTPRefusal) {
        guard let authority = line.authority, let host else { return }
        guard equalIgnoringCase(bytes, authority, host) else {
            throw .badRequest(.authorityMismatch, offset: host.offset)
        }
    }

    private func framing(_ line: RequestLine, end: Int) throws(HTTPRefusal) -> BodyFraming {
        guard section.present.contains(.transferEncoding) else {
            return section.contentLength.map { .length($0) } ?? .none
        }
        if section.contentLength != nil { throw .badRequest(.transferEncodingWithLength, offset: end) }
        if line.versionMinor == 0 { throw .badRequest(.transferEncodingBeforeOneOne, offset: end) }
        return .chunked
    }
}
