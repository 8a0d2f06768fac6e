package import NIOCore

/// Reads a body of known length as its bytes arrive, without copying them.
package struct LengthBodyDecoder: Sendable {
    /// How many bytes of the body have not come yet.
    package private(set) var remaining: Int64

    /// Makes a decoder for one body; a negative length counts as none.
    package init(length: Int64) {
        remaining = max(0, length)
    }

    /// Reads on; after the end it answers ``BodyStep/end(trailersDropped:)`` again and uses no byte.
    package mutating func decode(_ buffer: inout ByteBuffer) -> BodyStep {
        guard remaining > 0 else { return .end(trailersDropped: 0) }
        let count = min(remaining, Int64(buffer.readableBytes))
        guard count > 0, let slice = buffer.readSlice(length: Int(count)) else { return .needMore }
        remaining -= count
        return .data(slice)
    }
}

/// Reads a body of any framing as its bytes arrive, without copying them.
package struct BodyDecoder: Sendable {
    private enum Form {
        case length(LengthBodyDecoder)
        case chunked(ChunkedBodyDecoder)
        case untilClose
        case closed
    }

    private var form: Form

    /// Makes a decoder for one body; the limits bound its chunk extensions and trailer fields.
    package init(_ framing: BodyFraming, limits: HTTPLimits = HTTPLimits()) {
        form =
            switch framing {
            case .none: .length(LengthBodyDecoder(length: 0))
            case .length(let length): .length(LengthBodyDecoder(length: length))
            case .chunked: .chunked(ChunkedBodyDecoder(limits: limits))
            case .untilClose: .untilClose
            }
    }

    /// True once the whole body was given out.
    package var isFinished: Bool {
        switch form {
        case .length(let decoder): decoder.remaining == 0
        case .chunked(let decoder): decoder.isFinished
        case .untilClose: false
        case .closed: true
        }
    }

    /// How many bytes of a body of known length have not come yet; nil for the other framings.
    package var remainingLength: Int64? {
        switch form {
        case .length(let decoder): decoder.remaining
        case .chunked, .untilClose, .closed: nil
        }
    }

    /// Reads on; after the end it answers ``BodyStep/end(trailersDropped:)`` again and uses no byte.
    package mutating func decode(_ buffer: inout ByteBuffer) -> BodyStep {
        switch form {
        case .length(var decoder):
            let step = decoder.decode(&buffer)
            form = .length(decoder)
            return step
        case .chunked(var decoder):
            let step = decoder.decode(&buffer)
            form = .chunked(decoder)
            return step
        case .untilClose:
            let count = buffer.readableBytes
            guard count > 0, let slice = buffer.readSlice(length: count) else { return .needMore }
            return .data(slice)
        case .closed:
            return .end(trailersDropped: 0)
        }
    }

    /// Says that the connection ended after all received bytes were decoded.
    ///
    /// - Returns: the end, where the body ends with the connection or was whole already; otherwise
    ///   ``BodyStep/malformed(_:)`` with ``MalformedBody/truncated``.
    package mutating func connectionEnded() -> BodyStep {
        if case .untilClose = form { form = .closed }
        return isFinished ? .end(trailersDropped: 0) : .malformed(.truncated)
    }
}
