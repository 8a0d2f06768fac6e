package import NIOCore

/// The head of an upstream's answer, checked as strictly as a request's.
///
/// Only ``ResponseHeadParser`` makes one.
package struct ResponseHead: Sendable, Hashable, MessageHead {
    /// The head's bytes, from the first of the version to the last of the empty line.
    package let bytes: ByteBuffer

    /// The status, 100 to 599.
    package let status: Int

    /// The reason phrase, which may be empty.
    package let reason: ByteRange

    /// The minor version of HTTP/1: 0 or 1.
    package let versionMinor: Int

    /// The fields in the order in which they came.
    package let headers: [HeaderField]

    /// The kinds of field that occur.
    package let present: KnownHeaderSet

    /// Where the body ends, by status and by the method that was asked (RFC 9112 §6.3).
    package let framing: BodyFraming

    /// What `Content-Length` says, also where there is no body (`HEAD`, 304).
    package let contentLength: Int64?

    /// True when the connection may carry another request once the body is read to its end.
    ///
    /// The caller must still see that no byte was received beyond that end.
    package let keepAlive: Bool

    /// The names that `Connection` lists but for `close`, `keep-alive` and `upgrade`.
    package let connectionOptions: [ByteRange]

    /// True for an interim answer (1xx), after which the final one is still to come; 101 is the last of its
    /// kind on a connection, since another protocol follows it.
    package var isInformational: Bool { status < 200 }
}

/// Reads the heads of an upstream's answers, however they are cut into arrivals.
///
/// The rules of use are those of ``RequestHeadParser``. A refusal is a 502, whatever its
/// ``HTTPRefusal/status`` says, and the connection must be closed.
package struct ResponseHeadParser: Sendable {
    /// What the bytes so far amount to.
    package enum Outcome: Sendable {
        /// The head is not whole yet; nothing was consumed.
        case needMore
        /// A head, and exactly its bytes were consumed.
        case head(ResponseHead)
        /// The bytes are refused for good.
        case refused(HTTPRefusal)
    }

    /// True between the first byte of a head and its last.
    package private(set) var hasPartialHead = false

    private let limits: HTTPLimits
    private var scanner = LineScanner()
    private var section = FieldSection()
    private var line: StatusLine?
    private var refusal: HTTPRefusal?

    /// Makes a parser for a new connection.
    package init(limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
    }

    /// Reads on; after an interim answer call it again for the next.
    ///
    /// The method is that of the request which is answered: an answer to `HEAD` has no body.
    package mutating func parse(_ buffer: inout ByteBuffer, answering method: KnownMethod) -> Outcome {
        if let refusal { return .refused(refusal) }
        guard buffer.readableBytes > 0 else { return .needMore }
        do throws(HTTPRefusal) {
            if !hasPartialHead { try begin(buffer.readableBytesUInt8Span) }
            guard try scan(buffer.readableBytesUInt8Span) else { return .needMore }
            return .head(try finish(&buffer, answering: method))
        } catch {
            refusal = error
            return .refused(error)
        }
    }

    /// Takes back the field table of a head that is done with, so that the next head needs no new memory.
    package mutating func recycle(_ head: consuming ResponseHead) {
        guard !hasPartialHead else { return }
        section.fields = head.headers
    }

    private mutating func begin(_ bytes: Span<UInt8>) throws(HTTPRefusal) {
        scanner = LineScanner()
        section.removeAll()
        line = nil
        hasPartialHead = true
        // So that what is not HTTP at all is not waited for.
        guard bytes[0] == UInt8(ascii: "H") else { throw .badRequest(.statusLine, offset: 0) }
    }

    /// Reads whole lines; true at the end of the head.
    private mutating func scan(_ bytes: Span<UInt8>) throws(HTTPRefusal) -> Bool {
        while true {
            let next = try scanner.next(
                in: bytes,
                lineLimit: limits.maximumField,
                headLimit: limits.maximumHead
            )
            switch next {
            case .needMore: return false
            case .lineTooLong:
                throw .headersTooLarge(line == nil ? .startLine : .field, limit: limits.maximumField)
            case .headTooLong:
                throw .headersTooLarge(.head, limit: limits.maximumHead)
            case .line(let range):
                if line == nil {
                    line = try StatusLine(range, in: bytes)
                } else if range.isEmpty {
                    return true
                } else {
                    _ = try section.add(range, in: bytes, maximumCount: limits.maximumFieldCount)
                }
            }
        }
    }

    /// Checks what only the whole head shows, and takes its bytes.
    private mutating func finish(
        _ buffer: inout ByteBuffer,
        answering method: KnownMethod
    ) throws(HTTPRefusal) -> ResponseHead {
        let end = scanner.lineStart
        guard let line else { throw .badRequest(.statusLine, offset: 0) }
        let framing = try framing(line, answering: method, end: end)
        section.markConnectionOptions(in: buffer.readableBytesUInt8Span)
        guard let bytes = buffer.readSlice(length: end) else { throw .badRequest(.statusLine, offset: 0) }
        hasPartialHead = false
        // A 204 that announces a body may well be followed by one: its connection is not used again.
        let announcesTwice =
            line.status == 204
            && (section.present.contains(.transferEncoding) || (section.contentLength ?? 0) > 0)
        let head = ResponseHead(
            bytes: bytes,
            status: line.status,
            reason: line.reason,
            versionMinor: line.versionMinor,
            headers: section.fields,
            present: section.present,
            framing: framing,
            contentLength: section.contentLength,
            keepAlive: line.versionMinor == 1 && !section.closes && framing != .untilClose && !announcesTwice,
            connectionOptions: section.options
        )
        section.fields = []
        return head
    }

    private func framing(
        _ line: StatusLine,
        answering method: KnownMethod,
        end: Int
    ) throws(HTTPRefusal) -> BodyFraming {
        let isChunked = section.present.contains(.transferEncoding)
        if isChunked, section.contentLength != nil {
            throw .badRequest(.transferEncodingWithLength, offset: end)
        }
        if isChunked, line.versionMinor == 0 {
            throw .badRequest(.transferEncodingBeforeOneOne, offset: end)
        }
        if line.status < 200, isChunked || (section.contentLength ?? 0) > 0 {
            throw .badRequest(.framingForbidden, offset: end)
        }
        if method == .head || line.status < 200 || line.status == 204 || line.status == 304 { return .none }
        if isChunked { return .chunked }
        return section.contentLength.map { .length($0) } ?? .untilClose
    }
}

/// The parts of a status line (RFC 9112 §4).
struct StatusLine: Sendable {
    let versionMinor: Int
    let status: Int
    let reason: ByteRange

    /// Reads a whole status line; the space before an empty reason may be missing, as many servers write it.
    init(_ line: ByteRange, in bytes: Span<UInt8>) throws(HTTPRefusal) {
        let versionEnd = line.offset + HTTPVersion.length
        guard
            let version = HTTPVersion(
                ByteRange(offset: line.offset, end: min(versionEnd, line.end)),
                in: bytes
            )
        else {
            throw .badRequest(.statusLine, offset: line.offset)
        }
        guard version.major == 1, version.minor <= 1 else {
            throw .versionNotSupported(offset: line.offset)
        }
        versionMinor = version.minor
        let statusEnd = versionEnd + 4
        guard line.end >= statusEnd, bytes[versionEnd] == ASCII.space else {
            throw .badRequest(.statusLine, offset: versionEnd)
        }
        var status = 0
        for index in (versionEnd + 1)..<statusEnd {
            guard let digit = ASCII.decimalValue(bytes[index]) else {
                throw .badRequest(.statusLine, offset: index)
            }
            status = status * 10 + Int(digit)
        }
        guard (100...599).contains(status), line.end == statusEnd || bytes[statusEnd] == ASCII.space else {
            throw .badRequest(.statusLine, offset: statusEnd)
        }
        self.status = status
        reason = ByteRange(offset: min(statusEnd + 1, line.end), end: line.end)
    }
}
