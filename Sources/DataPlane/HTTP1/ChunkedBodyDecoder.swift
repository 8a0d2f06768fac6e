package import NIOCore

/// What a body's bytes so far amount to.
package enum BodyStep: Sendable, Hashable {
    /// Every received byte was used; the body goes on.
    case needMore
    /// A part of the body, a slice of the received bytes; never empty. Ask again.
    case data(ByteBuffer)
    /// The body is whole, and the buffer stands at the byte after it.
    case end(trailersDropped: Int)
    /// The bytes are refused for good: the connection must be closed.
    case malformed(MalformedBody)
}

/// Why a body was refused.
package enum MalformedBody: String, Error, Sendable, Hashable, CaseIterable {
    case chunkSize = "a chunk size is not 1 to 15 hexadecimal digits"
    case chunkSizeEnd = "a chunk size is followed by neither a line end nor an extension"
    case chunkExtension = "a chunk extension is malformed"
    case chunkExtensionsTooLong = "the chunk extensions go beyond the limit"
    case chunkEnd = "a chunk is not followed by a line end"
    case trailerField = "a trailer field is malformed"
    case trailersTooLong = "the trailer fields go beyond the limit"
    case truncated = "the connection ended before the body did"
}

/// Reads a chunked body (RFC 9112 §7.1) as its bytes arrive, without copying them.
///
/// Stricter than the grammar in one place: no white space anywhere around sizes and extensions, which the
/// grammar calls bad and which smuggling relies on. Trailer fields are checked, counted and dropped: never
/// forwarded, never merged into the head.
package struct ChunkedBodyDecoder: Sendable {
    private enum State {
        case size
        case extensionName
        case extensionValue
        case extensionToken
        case extensionQuoted
        case extensionEscape
        case extensionQuotedEnd
        case sizeLineFeed
        case data
        case dataCarriageReturn
        case dataLineFeed
        case trailerStart
        case trailerName
        case trailerValue
        case trailerLineFeed
        case lastLineFeed
        case finished
    }

    /// Fifteen digits are 60 bits: neither a sign nor an overflow is possible.
    private static let maximumDigits = 15

    private let limits: HTTPLimits
    private var state = State.size
    private var digits = 0
    private var remaining = Int64(0)
    private var nameLength = 0
    private var extensionBytes = 0
    private var trailerBytes = 0
    private var trailers = 0
    private var fault: MalformedBody?

    /// Makes a decoder for one body.
    package init(limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
    }

    /// True once the body was read to its end.
    package var isFinished: Bool { state == .finished }

    /// Reads on; after the end it answers ``BodyStep/end(trailersDropped:)`` again and uses no byte.
    package mutating func decode(_ buffer: inout ByteBuffer) -> BodyStep {
        if let fault { return .malformed(fault) }
        do throws(MalformedBody) {
            while true {
                if state == .finished { return .end(trailersDropped: trailers) }
                if state == .data { return data(&buffer) }
                guard buffer.readableBytes > 0 else { return .needMore }
                let used = try readLines(buffer.readableBytesUInt8Span)
                buffer.moveReaderIndex(forwardBy: used)
            }
        } catch {
            fault = error
            return .malformed(error)
        }
    }

    private mutating func data(_ buffer: inout ByteBuffer) -> BodyStep {
        let count = min(remaining, Int64(buffer.readableBytes))
        guard count > 0, let slice = buffer.readSlice(length: Int(count)) else { return .needMore }
        remaining -= count
        if remaining == 0 { state = .dataCarriageReturn }
        return .data(slice)
    }

    /// Reads everything that is not data; gives the number of bytes read.
    private mutating func readLines(_ bytes: Span<UInt8>) throws(MalformedBody) -> Int {
        var index = 0
        while index < bytes.count, state != .data, state != .finished {
            try read(bytes[index])
            index += 1
        }
        return index
    }

    private mutating func read(_ byte: UInt8) throws(MalformedBody) {
        switch state {
        case .size, .sizeLineFeed: try readSize(byte)
        case .extensionName, .extensionValue, .extensionToken, .extensionQuoted, .extensionEscape,
            .extensionQuotedEnd:
            extensionBytes += 1
            guard extensionBytes <= limits.maximumChunkOverhead else { throw .chunkExtensionsTooLong }
            try readExtension(byte)
        case .dataCarriageReturn:
            guard byte == ASCII.carriageReturn else { throw .chunkEnd }
            state = .dataLineFeed
        case .dataLineFeed:
            guard byte == ASCII.lineFeed else { throw .chunkEnd }
            state = .size
        case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed, .lastLineFeed:
            trailerBytes += 1
            guard trailerBytes <= limits.maximumChunkOverhead else { throw .trailersTooLong }
            try readTrailer(byte)
        case .data, .finished: break
        }
    }

    private mutating func readSize(_ byte: UInt8) throws(MalformedBody) {
        if state == .sizeLineFeed {
            guard byte == ASCII.lineFeed else { throw .chunkSizeEnd }
            state = remaining == 0 ? .trailerStart : .data
            digits = 0
            return
        }
        if let digit = ASCII.hexValue(byte) {
            guard digits < Self.maximumDigits else { throw .chunkSize }
            // The last chunk's zero is left from the data before, so the first digit starts from it.
            remaining = remaining << 4 | Int64(digit)
            digits += 1
            return
        }
        guard digits > 0 else { throw .chunkSize }
        switch byte {
        case ASCII.carriageReturn: state = .sizeLineFeed
        case UInt8(ascii: ";"):
            state = .extensionName
            nameLength = 0
        default: throw .chunkSizeEnd
        }
    }

    /// Reads `chunk-ext = *( ";" token [ "=" ( token / quoted-string ) ] )` (RFC 9112 §7.1.1).
    private mutating func readExtension(_ byte: UInt8) throws(MalformedBody) {
        switch state {
        case .extensionName:
            if ByteClass.token.contains(byte) {
                nameLength += 1
            } else if nameLength > 0, byte == UInt8(ascii: "=") {
                state = .extensionValue
            } else {
                try endExtension(byte, isWhole: nameLength > 0)
            }
        case .extensionValue:
            if byte == UInt8(ascii: "\"") {
                state = .extensionQuoted
            } else {
                guard ByteClass.token.contains(byte) else { throw .chunkExtension }
                state = .extensionToken
            }
        case .extensionToken:
            if !ByteClass.token.contains(byte) { try endExtension(byte, isWhole: true) }
        case .extensionQuoted:
            guard !ASCII.isForbiddenControl(byte) else { throw .chunkExtension }
            if byte == UInt8(ascii: "\"") { state = .extensionQuotedEnd }
            if byte == UInt8(ascii: "\\") { state = .extensionEscape }
        case .extensionEscape:
            guard !ASCII.isForbiddenControl(byte) else { throw .chunkExtension }
            state = .extensionQuoted
        case .extensionQuotedEnd: try endExtension(byte, isWhole: true)
        case .size, .sizeLineFeed, .data, .dataCarriageReturn, .dataLineFeed, .trailerStart, .trailerName,
            .trailerValue, .trailerLineFeed, .lastLineFeed, .finished:
            break
        }
    }

    private mutating func endExtension(_ byte: UInt8, isWhole: Bool) throws(MalformedBody) {
        guard isWhole else { throw .chunkExtension }
        switch byte {
        case ASCII.carriageReturn: state = .sizeLineFeed
        case UInt8(ascii: ";"):
            state = .extensionName
            nameLength = 0
        default: throw .chunkExtension
        }
    }

    /// The rules of a header field line; the two line ends after the last chunk are counted with them.
    private mutating func readTrailer(_ byte: UInt8) throws(MalformedBody) {
        switch state {
        case .trailerStart:
            if byte == ASCII.carriageReturn {
                state = .lastLineFeed
            } else {
                guard ByteClass.token.contains(byte) else { throw .trailerField }
                guard trailers < limits.maximumFieldCount else { throw .trailersTooLong }
                state = .trailerName
            }
        case .trailerName:
            if byte == ASCII.colon {
                state = .trailerValue
            } else if !ByteClass.token.contains(byte) {
                throw .trailerField
            }
        case .trailerValue:
            if byte == ASCII.carriageReturn {
                state = .trailerLineFeed
            } else if ASCII.isForbiddenControl(byte) {
                throw .trailerField
            }
        case .trailerLineFeed:
            guard byte == ASCII.lineFeed else { throw .trailerField }
            trailers += 1
            state = .trailerStart
        case .lastLineFeed:
            guard byte == ASCII.lineFeed else { throw .trailerField }
            state = .finished
        case .size, .extensionName, .extensionValue, .extensionToken, .extensionQuoted, .extensionEscape,
            .extensionQuotedEnd, .sizeLineFeed, .data, .dataCarriageReturn, .dataLineFeed, .finished:
            break
        }
    }
}
