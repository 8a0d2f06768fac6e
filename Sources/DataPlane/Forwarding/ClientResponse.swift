import GatewayCore
import NIOCore

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
        date: @autoclosure () -> String,
        closes: Bool,
        into buffer: inout ByteBuffer
    ) {
        HeadWriter.writeStatusLine(of: response, into: &buffer)
        HeadWriter.writeFields(of: response, dropping: KnownHeaderSet(.xRequestID), into: &buffer)
        // RFC 9110 §6.6.1: who passes on an answer without a date adds one.
        if !response.present.contains(.date) { HeadWriter.writeField("Date", date(), into: &buffer) }
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
    static func informational(_ response: ResponseHead, into buffer: inout ByteBuffer) {
        HeadWriter.writeStatusLine(of: response, into: &buffer)
        HeadWriter.writeFields(of: response, dropping: [], into: &buffer)
        HeadWriter.endHead(into: &buffer)
    }

    /// Writes a whole refusal (RFC 9457); to `HEAD` without the body.
    static func refusal(
        _ rejection: Rejection,
        id: RequestID,
        date: String,
        allowedMethods: [String],
        hasBody: Bool,
        closes: Bool,
        into buffer: inout ByteBuffer
    ) {
        let code = rejection.code
        let body = """
            {"type":"urn:portcullis:error:\(code.rawValue)","title":"\(code.title)","status":\(code.status),\
            "code":"\(code.rawValue)","detail":\(DocumentNode(.string(rejection.publicDetail)).json()),\
            "request_id":"\(id.text)"}\n
            """
        HeadWriter.writeStatusLine(code.status, into: &buffer)
        HeadWriter.writeField("Date", date, into: &buffer)
        HeadWriter.writeField("Content-Type", "application/problem+json", into: &buffer)
        HeadWriter.writeField("Cache-Control", "no-store", into: &buffer)
        HeadWriter.writeField("X-Content-Type-Options", "nosniff", into: &buffer)
        id.withDigits { _ = HeadWriter.writeField("X-Request-Id", $0, into: &buffer) }
        if code.status == 401 {
            let parameters = code.bearerError.map { ", error=\"\($0)\"" } ?? ""
            HeadWriter.writeField(
                "WWW-Authenticate",
                "Bearer realm=\"portcullis\"\(parameters)",
                into: &buffer
            )
        }
        if code == .methodNotAllowed {
            HeadWriter.writeField("Allow", allowedMethods.joined(separator: ", "), into: &buffer)
        }
        if code == .upstreamUnavailable { HeadWriter.writeField("Retry-After", "1", into: &buffer) }
        HeadWriter.writeFraming(.length(Int64(body.utf8.count)), into: &buffer)
        if closes { HeadWriter.writeConnectionClose(into: &buffer) }
        HeadWriter.endHead(into: &buffer)
        if hasBody { buffer.writeString(body) }
    }
}
