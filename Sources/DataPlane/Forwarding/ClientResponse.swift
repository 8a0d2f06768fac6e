import GatewayCore

/// Writes what the caller gets: the upstream's answer less hop-by-hop fields, or a refusal as problem+json.
enum ClientResponse {
    /// How the body of an answer is framed towards the caller.
    static func framing(of response: ResponseHead, toVersionMinor minor: Int) -> BodyFraming {
        switch response.framing {
        case .none: .none
        case .length(let length): .length(length)
        // HTTP/1.0 knows no chunks: there the end of the connection ends the body.
        case .chunked, .untilClose: minor == 0 ? .untilClose : .chunked
        }
    }

    /// Writes the head of the upstream's answer.
    static func head(
        of response: ResponseHead,
        framing: BodyFraming,
        answering method: KnownMethod,
        id: RequestID,
        dateLine: @autoclosure () -> [UInt8],
        closes: Bool,
        into buffer: inout OutputBuffer
    ) {
        HeadWriter.writeStatusLine(of: response, into: &buffer)
        HeadWriter.writeFields(of: response, dropping: KnownHeaderSet(.xRequestID), into: &buffer)
        // RFC 9110 §6.6.1: who passes on an answer without a date adds one.
        if !response.present.contains(.date) { buffer.append(dateLine()) }
        id.withDigits { _ = HeadWriter.writeField("X-Request-Id", $0, into: &buffer) }
        // Where there is no body, its length may still be told (RFC 9110 §8.6).
        if framing == .none, let length = response.contentLength, method == .head || response.status == 304 {
            HeadWriter.writeFraming(.length(length), into: &buffer)
        } else {
            HeadWriter.writeFraming(framing, into: &buffer)
        }
        if closes { HeadWriter.writeConnectionClose(into: &buffer) }
        HeadWriter.endHead(into: &buffer)
    }

    /// Writes an interim answer.
    static func informational(_ response: ResponseHead, into buffer: inout OutputBuffer) {
        HeadWriter.writeStatusLine(of: response, into: &buffer)
        HeadWriter.writeFields(of: response, dropping: [], into: &buffer)
        HeadWriter.endHead(into: &buffer)
    }

    /// Writes a whole permit to the proxy that asked, with the identity headers for its upstream.
    static func permit(
        _ admitted: Admitted,
        id: RequestID,
        dateLine: [UInt8],
        closes: Bool,
        into buffer: inout OutputBuffer
    ) {
        HeadWriter.writeStatusLine(200, into: &buffer)
        HeadWriter.writeField("Cache-Control", "no-store", into: &buffer)
        buffer.append(dateLine)
        id.withDigits { _ = HeadWriter.writeField("X-Request-Id", $0, into: &buffer) }
        buffer.append(admitted.identityHeaders)
        HeadWriter.writeFraming(.length(0), into: &buffer)
        if closes { HeadWriter.writeConnectionClose(into: &buffer) }
        HeadWriter.endHead(into: &buffer)
    }

    /// Writes a whole refusal (RFC 9457); to `HEAD` without the body.
    ///
    /// - Returns: how many bytes of it are the body.
    static func refusal(
        _ rejection: Rejection,
        id: RequestID,
        dateLine: [UInt8],
        allowedMethods: [String],
        hasBody: Bool,
        closes: Bool,
        into buffer: inout OutputBuffer
    ) -> Int {
        let code = rejection.code
        let parts = RefusalParts.of(rejection)
        buffer.append(parts.head)
        buffer.append(dateLine)
        id.withDigits { _ = HeadWriter.writeField("X-Request-Id", $0, into: &buffer) }
        if code == .methodNotAllowed {
            HeadWriter.writeField("Allow", allowedMethods.joined(separator: ", "), into: &buffer)
        }
        HeadWriter.writeFraming(.length(Int64(parts.bodyLength)), into: &buffer)
        if closes { HeadWriter.writeConnectionClose(into: &buffer) }
        HeadWriter.endHead(into: &buffer)
        guard hasBody else { return 0 }
        buffer.append(parts.bodyStart)
        id.withDigits { digits in buffer.append(digits) }
        buffer.append(parts.bodyEnd)
        return parts.bodyLength
    }
}

/// What is the same in all refusals with one code and one sentence.
struct RefusalParts: Sendable {
    /// The status line and the fields that do not change.
    let head: [UInt8]
    /// The problem document up to the request id.
    let bodyStart: [UInt8]
    /// The problem document after the request id.
    let bodyEnd = Array("\"}\n".utf8)

    /// How long the body is.
    var bodyLength: Int { bodyStart.count + RequestID.digitCount + bodyEnd.count }

    private static let codes = Rejection.Code.allCases
    private static let ofCodes = codes.map { code in RefusalParts(code, detail: code.publicDetail) }

    /// The parts for a refusal: made ready for a code's own sentence, made now for another.
    static func of(_ rejection: Rejection) -> RefusalParts {
        let code = rejection.code
        guard rejection.publicDetail == code.publicDetail, let index = codes.firstIndex(of: code) else {
            return RefusalParts(code, detail: rejection.publicDetail)
        }
        return ofCodes[index]
    }

    private init(_ code: Rejection.Code, detail: String) {
        var buffer = OutputBuffer()
        HeadWriter.writeStatusLine(code.status, into: &buffer)
        HeadWriter.writeField("Content-Type", "application/problem+json", into: &buffer)
        HeadWriter.writeField("Cache-Control", "no-store", into: &buffer)
        HeadWriter.writeField("X-Content-Type-Options", "nosniff", into: &buffer)
        if code.status == 401 || code == .notAuthorized {
            let parameters = code.bearerError.map { ", error=\"\($0)\"" } ?? ""
            HeadWriter.writeField(
                "WWW-Authenticate",
                "Bearer realm=\"portcullis\"\(parameters)",
                into: &buffer
            )
        }
        if code == .upstreamUnavailable { HeadWriter.writeField("Retry-After", "1", into: &buffer) }
        head = buffer.withBytes { Array($0) }
        let start = """
            {"type":"urn:portcullis:error:\(code.rawValue)","title":"\(code.title)","status":\(code.status),\
            "code":"\(code.rawValue)","detail":\(DocumentNode(.string(detail)).json()),"request_id":"
            """
        bodyStart = Array(start.utf8)
    }
}
