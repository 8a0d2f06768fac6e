import NIOCore

/// Writes heads afresh: requests to upstreams, answers to callers.
///
/// A head is a start line, fields, the framing field and ``endHead(into:)``. What is written from outside
/// values is checked, so that no value can end a line; a value that could is not written at all.
package struct HeadWriter: Sendable {
    private init() {}

    // MARK: Start lines

    /// Writes `METHOD path?query HTTP/1.1` with the method of the head given.
    ///
    /// - Parameters:
    ///   - head: the received head.
    ///   - query: the part of the head to write after a `?`; nil writes none.
    ///   - buffer: where to write.
    ///   - writePath: writes the path to ask the upstream for; it begins with `/`.
    /// - Returns: false, with nothing written, when the path is not visible ASCII or does not begin with `/`.
    package static func writeRequestLine(
        of head: RequestHead,
        query: ByteRange?,
        into buffer: inout OutputBuffer,
        writePath: (inout OutputBuffer) -> Void
    ) -> Bool {
        let start = buffer.count
        head.bytes(head.method) { buffer.append($0) }
        buffer.append(byte: ASCII.space)
        let pathStart = buffer.count
        writePath(&buffer)
        guard buffer.withBytes(from: pathStart, isPath) else {
            buffer.truncate(to: start)
            return false
        }
        if let query {
            buffer.append(byte: UInt8(ascii: "?"))
            head.bytes(query) { buffer.append($0) }
        }
        buffer.append(" HTTP/1.1\r\n")
        return true
    }

    /// Writes the status line of an upstream's answer, with the upstream's reason phrase.
    package static func writeStatusLine(of head: ResponseHead, into buffer: inout OutputBuffer) {
        buffer.append("HTTP/1.1 ")
        buffer.append(UInt64(head.status))
        buffer.append(byte: ASCII.space)
        head.bytes(head.reason) { buffer.append($0) }
        buffer.appendLineEnd()
    }

    /// Writes a status line with the registered reason phrase; a status outside 100 to 599 is written as 500.
    package static func writeStatusLine(_ status: Int, into buffer: inout OutputBuffer) {
        let status = (100...599).contains(status) ? status : 500
        buffer.append("HTTP/1.1 ")
        buffer.append(UInt64(status))
        buffer.append(byte: ASCII.space)
        buffer.append(ReasonPhrase.of(status))
        buffer.appendLineEnd()
    }

    /// Writes the whole interim answer that asks the caller for the body (RFC 9110 §10.1.1).
    package static func writeContinue(into buffer: inout OutputBuffer) {
        buffer.append("HTTP/1.1 100 Continue\r\n\r\n")
    }

    // MARK: Fields

    /// Writes a received head's fields but those dropped and those that its `Connection` names.
    ///
    /// The hop-by-hop and framing fields are always left out, whatever `dropping` says.
    package static func writeFields(
        of head: some MessageHead,
        dropping: KnownHeaderSet,
        into buffer: inout OutputBuffer
    ) {
        let dropped = dropping.union(.hopByHop).union(.framing)
        head.bytes.withUnsafeReadableBytes { source in
            // Lines that stand together and are written as they would be here go on in one piece.
            var piece = 0..<0
            for field in head.headers where passes(field, dropped, source.count) {
                if let line = line(of: field, in: source) {
                    if piece.upperBound == line.lowerBound {
                        piece = piece.lowerBound..<line.upperBound
                        continue
                    }
                    buffer.append(UnsafeRawBufferPointer(rebasing: source[piece]))
                    piece = line
                } else {
                    buffer.append(UnsafeRawBufferPointer(rebasing: source[piece]))
                    piece = 0..<0
                    rewrite(field, in: source, into: &buffer)
                }
            }
            buffer.append(UnsafeRawBufferPointer(rebasing: source[piece]))
        }
    }

    /// Writes a received head's fields as ``writeFields(of:dropping:into:)`` does, less those with one of these names
    /// as well, which are in lower case.
    package static func writeFields(
        of head: some MessageHead,
        dropping: KnownHeaderSet,
        and names: [[UInt8]],
        into buffer: inout OutputBuffer
    ) {
        let dropped = dropping.union(.hopByHop).union(.framing)
        head.bytes.withUnsafeReadableBytes { source in
            for field in head.headers where passes(field, dropped, source.count) {
                let name = source[field.name.offset..<field.name.end]
                let isNamed = names.contains { known in
                    known.count == name.count
                        && zip(known, name).allSatisfy { $0 == ASCII.lowercased($1) }
                }
                if !isNamed { rewrite(field, in: source, into: &buffer) }
            }
        }
    }

    /// The whole line of a field that ``passes(_:_:_:)``, if it is `name: value` with nothing else around.
    @inline(__always)
    private static func line(of field: HeaderField, in source: UnsafeRawBufferPointer) -> Range<Int>? {
        let (middle, end) = (field.name.end, field.value.end)
        guard field.value.offset == middle + 2, end + 2 <= source.count,
            source[middle + 1] == ASCII.space, source[end] == ASCII.carriageReturn
        else { return nil }
        return field.name.offset..<end + 2
    }

    private static func rewrite(
        _ field: HeaderField,
        in source: UnsafeRawBufferPointer,
        into buffer: inout OutputBuffer
    ) {
        buffer.append(UnsafeRawBufferPointer(rebasing: source[field.name.offset..<field.name.end]))
        buffer.append(": ")
        buffer.append(UnsafeRawBufferPointer(rebasing: source[field.value.offset..<field.value.end]))
        buffer.appendLineEnd()
    }

    @inline(__always)
    private static func passes(_ field: HeaderField, _ dropped: KnownHeaderSet, _ available: Int) -> Bool {
        !field.isConnectionOption && !dropped.contains(field.kind) && field.value.end <= available
            && field.name.end <= available
    }

    /// Writes one field.
    ///
    /// - Parameters:
    ///   - name: the name, a token.
    ///   - value: the bytes of the value.
    ///   - buffer: where to write.
    /// - Returns: false, with nothing written, when the value holds a control byte but the tab.
    @discardableResult
    package static func writeField(
        _ name: StaticString,
        _ value: Span<UInt8>,
        into buffer: inout OutputBuffer
    ) -> Bool {
        guard isFieldValue(value) else { return false }
        buffer.append(name)
        buffer.append(": ")
        buffer.append(value)
        buffer.appendLineEnd()
        return true
    }

    /// Writes one field from text, as UTF-8; returns what ``writeField(_:_:into:)`` does.
    @discardableResult
    package static func writeField(
        _ name: StaticString,
        _ value: String,
        into buffer: inout OutputBuffer
    ) -> Bool {
        writeField(name, value.utf8.span, into: &buffer)
    }

    /// Writes the field that says where the body ends; nothing for ``BodyFraming/none`` and
    /// ``BodyFraming/untilClose``.
    package static func writeFraming(_ framing: BodyFraming, into buffer: inout OutputBuffer) {
        switch framing {
        case .none, .untilClose: break
        case .length(let length):
            buffer.append("Content-Length: ")
            buffer.append(UInt64(max(0, length)))
            buffer.appendLineEnd()
        case .chunked: buffer.append("Transfer-Encoding: chunked\r\n")
        }
    }

    /// Writes `Connection: close`.
    package static func writeConnectionClose(into buffer: inout OutputBuffer) {
        buffer.append("Connection: close\r\n")
    }

    /// Writes the empty line after the last field.
    package static func endHead(into buffer: inout OutputBuffer) {
        buffer.appendLineEnd()
    }

    // MARK: Chunks

    /// Writes what precedes a chunk's data; nothing for a size below 1, which would end the body.
    package static func writeChunkHeader(_ size: Int, into buffer: inout OutputBuffer) {
        guard size > 0 else { return }
        buffer.append(UInt64(size), radix: 16)
        buffer.appendLineEnd()
    }

    /// Writes what follows a chunk's data.
    package static func writeChunkEnd(into buffer: inout OutputBuffer) {
        buffer.appendLineEnd()
    }

    /// Writes the last chunk, without trailer fields.
    package static func writeLastChunk(into buffer: inout OutputBuffer) {
        buffer.append("0\r\n\r\n")
    }

    // MARK: Parts

    /// True when the bytes hold no control byte but the tab, so that they can be a field's value.
    package static func isFieldValue(_ value: Span<UInt8>) -> Bool {
        var index = 0
        while true {
            index = LineScanner.firstControl(in: value, from: index, to: value.count)
            guard index < value.count else { return true }
            guard value[index] == ASCII.tab else { return false }
            index += 1
        }
    }

    private static func isPath(_ path: UnsafeRawBufferPointer) -> Bool {
        guard path.first == ASCII.slash else { return false }
        for byte in path where !ByteClass.target.contains(byte) { return false }
        return true
    }
}
