package import DataPlane
import NIOCore

/// Entry points for fuzzing the HTTP/1.1 codec: each takes any bytes and stops the process when an invariant
/// does not hold.
///
/// The invariants: nothing traps; what is found does not depend on how the bytes were cut into arrivals; a
/// head that is accepted, written afresh and read again is one head that says the same.
package enum HTTP1FuzzTargets {
    /// Reads the bytes as the caller's side of a connection: heads, each with its body.
    package static func requestHead(_ bytes: [UInt8]) {
        let whole = HTTP1Transcript.requests([bytes])
        for arrivals in cuts(bytes) {
            precondition(HTTP1Transcript.requests(arrivals) == whole, "requests depend on their arrivals")
        }
        for case .request(let head) in whole { checkRewritten(head) }
    }

    /// Reads the bytes as an upstream's side of a connection; the first byte chooses the method answered.
    package static func responseHead(_ bytes: [UInt8]) {
        let method: KnownMethod = (bytes.first ?? 0) & 1 == 0 ? .get : .head
        let whole = HTTP1Transcript.responses([bytes], answering: method)
        for arrivals in cuts(bytes) {
            let cut = HTTP1Transcript.responses(arrivals, answering: method)
            precondition(cut == whole, "answers depend on their arrivals")
        }
        for case .response(let head) in whole { checkRewritten(head, answering: method) }
    }

    /// Reads the bytes as a chunked body.
    package static func chunked(_ bytes: [UInt8]) {
        let whole = HTTP1Transcript.chunkedBody([bytes])
        for arrivals in cuts(bytes) {
            precondition(HTTP1Transcript.chunkedBody(arrivals) == whole, "a body depends on its arrivals")
        }
    }

    /// The bytes in two halves at three places, and one by one when they are few.
    private static func cuts(_ bytes: [UInt8]) -> [[[UInt8]]] {
        // The places follow from the bytes, so that a finding can be repeated.
        let sum = bytes.reduce(into: 17) { $0 = ($0 &* 31 &+ Int($1)) & 0xFFFF }
        let places = [bytes.count / 2, sum % (bytes.count + 1), max(0, bytes.count - 1)]
        var all = places.map { [Array(bytes[..<$0]), Array(bytes[$0...])] }
        if bytes.count <= 4096 { all.append(bytes.map { [$0] }) }
        return all
    }

    private static func checkRewritten(_ head: RequestHead) {
        guard head.targetForm != .asterisk else { return }
        var written = OutputBuffer()
        let isWritten = HeadWriter.writeRequestLine(of: head, query: head.query, into: &written) { line in
            head.bytes(head.path) { line.append($0) }
        }
        precondition(isWritten, "an accepted path cannot be written")
        if let host = head.host {
            let isHost = head.bytes(host) { HeadWriter.writeField("Host", $0, into: &written) }
            precondition(isHost, "an accepted host cannot be written")
        } else {
            HeadWriter.writeField("Host", "upstream.example", into: &written)
        }
        HeadWriter.writeFields(of: head, dropping: [KnownHeaderSet(.host), .identity], into: &written)
        HeadWriter.writeFraming(head.framing, into: &written)
        HeadWriter.endHead(into: &written)

        var buffer = written.byteBuffer
        var parser = RequestHeadParser(limits: roomy)
        guard case .head(let again) = parser.parse(&buffer) else {
            preconditionFailure("a head written afresh is not accepted")
        }
        precondition(buffer.readableBytes == 0, "a head written afresh is more than one")
        precondition(again.string(again.method) == head.string(head.method), "the method changed")
        precondition(again.string(again.path) == head.string(head.path), "the path changed")
        precondition(again.query.map(again.string) == head.query.map(head.string), "the query changed")
        precondition(again.framing == head.framing, "the framing changed")
        precondition(!again.present.contains(.portcullisIdentity), "an identity header passed")
        precondition(endToEnd(again) == endToEnd(head), "the fields changed")
    }

    private static func checkRewritten(_ head: ResponseHead, answering method: KnownMethod) {
        var written = OutputBuffer()
        HeadWriter.writeStatusLine(of: head, into: &written)
        HeadWriter.writeFields(of: head, dropping: .identity, into: &written)
        HeadWriter.writeFraming(head.framing, into: &written)
        HeadWriter.endHead(into: &written)
        var buffer = written.byteBuffer
        var parser = ResponseHeadParser(limits: roomy)
        guard case .head(let again) = parser.parse(&buffer, answering: method) else {
            preconditionFailure("a head written afresh is not accepted")
        }
        precondition(buffer.readableBytes == 0, "a head written afresh is more than one")
        precondition(again.status == head.status, "the status changed")
        precondition(again.framing == head.framing, "the framing changed")
        precondition(endToEnd(again) == endToEnd(head), "the fields changed")
    }

    /// Writing may add a space after each colon, so a head at the limits may leave them.
    private static let roomy = HTTPLimits(maximumField: 1 << 20, maximumHead: 1 << 20)

    /// The fields that a proxy passes on, as bytes.
    private static func endToEnd(_ head: some MessageHead) -> [[UInt8]] {
        let dropped: KnownHeaderSet = [.hopByHop, .framing, .identity, KnownHeaderSet(.host)]
        return head.headers
            .filter { !dropped.contains($0.kind) && !head.isNamedInConnection($0) }
            .flatMap { [head.array($0.name), head.array($0.value)] }
    }
}

/// What a reader of one side of a connection found, in order.
package enum HTTP1Transcript {
    /// One finding.
    package enum Event: Sendable, Equatable {
        case request(RequestHead)
        case response(ResponseHead)
        case body([UInt8], trailersDropped: Int)
        case refused(HTTPRefusal)
        case malformed(after: [UInt8], MalformedBody)
        /// A head or body has begun and not ended; what came of the body so far.
        case unfinished([UInt8])
    }

    /// Reads requests with their bodies.
    package static func requests(_ arrivals: [[UInt8]], limits: HTTPLimits = HTTPLimits()) -> [Event] {
        var parser = RequestHeadParser(limits: limits)
        return read(arrivals, limits) { buffer in
            switch parser.parse(&buffer) {
            case .needMore: nil
            case .head(let head): (.request(head), head.framing)
            case .refused(let refusal): (.refused(refusal), nil)
            }
        }
    }

    /// Reads answers with their bodies.
    package static func responses(
        _ arrivals: [[UInt8]],
        answering method: KnownMethod,
        limits: HTTPLimits = HTTPLimits()
    ) -> [Event] {
        var parser = ResponseHeadParser(limits: limits)
        return read(arrivals, limits) { buffer in
            switch parser.parse(&buffer, answering: method) {
            case .needMore: nil
            case .head(let head): (.response(head), head.framing)
            case .refused(let refusal): (.refused(refusal), nil)
            }
        }
    }

    /// Reads one chunked body.
    package static func chunkedBody(_ arrivals: [[UInt8]], limits: HTTPLimits = HTTPLimits()) -> [Event] {
        var buffer = ByteBuffer()
        var body = Body(.chunked, limits)
        for arrival in arrivals {
            buffer.writeBytes(arrival)
            if let event = body.read(&buffer) { return [event] }
        }
        return [.unfinished(body.bytes)]
    }

    private static func read(
        _ arrivals: [[UInt8]],
        _ limits: HTTPLimits,
        nextHead: (inout ByteBuffer) -> (event: Event, framing: BodyFraming?)?
    ) -> [Event] {
        var events: [Event] = []
        var buffer = ByteBuffer()
        var body: Body?
        for arrival in arrivals {
            buffer.writeBytes(arrival)
            while true {
                if body != nil {
                    guard let event = body?.read(&buffer) else { break }
                    events.append(event)
                    if case .malformed = event { return events }
                    body = nil
                }
                guard let (event, framing) = nextHead(&buffer) else { break }
                events.append(event)
                guard let framing else { return events }
                body = Body(framing, limits)
            }
        }
        // Bytes that a partial head holds back stay in the buffer.
        events.append(.unfinished(body?.bytes ?? Array(buffer.readableBytesView)))
        return events
    }

    private struct Body {
        var decoder: BodyDecoder
        var bytes: [UInt8] = []

        init(_ framing: BodyFraming, _ limits: HTTPLimits) {
            decoder = BodyDecoder(framing, limits: limits)
        }

        /// Nil when more bytes are needed.
        mutating func read(_ buffer: inout ByteBuffer) -> Event? {
            while true {
                switch decoder.decode(&buffer) {
                case .needMore: return nil
                case .data(let slice): bytes.append(contentsOf: slice.readableBytesView)
                case .end(let trailers): return .body(bytes, trailersDropped: trailers)
                case .malformed(let reason): return .malformed(after: bytes, reason)
                }
            }
        }
    }
}

extension MessageHead {
    /// The bytes of a range.
    package func array(_ range: ByteRange) -> [UInt8] {
        bytes(range) { span in (0..<span.count).map { span[$0] } }
    }
}
