package import NIOCore

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
        into buffer: inout ByteBuffer,
        writePath: (inout ByteBuffer) -> Void
    ) -> Bool {
        let start = buffer.writerIndex
        head.bytes(head.method) { _ = unsafe buffer.writeBytes($0.bytes) }
        buffer.writeInteger(ASCII.space)
        let pathStart = buffer.readableBytes
        writePath(&buffer)
        guard isPath(buffer.readableBytesUInt8Span.extracting(pathStart...)) else {
            buffer.moveWriterIndex(to: start)
            return false
        }
        if let query {
            buffer.writeInteger(UInt8(ascii: "?"))
            head.bytes(query) { _ = unsafe buffer.writeBytes($0.bytes) }
        }
        buffer.writeStaticString(" HTTP/1.1\r\n")
        return true
    }

    /// Writes a request line of the gateway's own.
    ///
    /// - Parameters:
    ///   - method: the method, a token.
    ///   - target: path and query; begins with `/`.
    ///   - buffer: where to write.
    /// - Returns: false, with nothing written, when the target is not visible ASCII or does not begin with `/`.
    package static func writeRequestLine(
        method: StaticString,
        target: Span<UInt8>,
        into buffer: inout ByteBuffer
    ) -> Bool {
        guard isPath(target) else { return false }
        buffer.writeStaticString(method)
        buffer.writeInteger(ASCII.space)
        unsafe buffer.writeBytes(target.bytes)
        buffer.writeStaticString(" HTTP/1.1\r\n")
        return true
    }

    /// Writes the status line of an upstream's answer, with the upstream's reason phrase.
    package static func writeStatusLine(of head: ResponseHead, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("HTTP/1.1 ")
        writeDecimal(Int64(head.status), into: &buffer)
        buffer.writeInteger(ASCII.space)
        head.bytes(head.reason) { _ = unsafe buffer.writeBytes($0.bytes) }
        writeLineEnd(into: &buffer)
    }

    /// Writes a status line with the registered reason phrase; a status outside 100 to 599 is written as 500.
    package static func writeStatusLine(_ status: Int, into buffer: inout ByteBuffer) {
        let status = (100...599).contains(status) ? status : 500
        buffer.writeStaticString("HTTP/1.1 ")
        writeDecimal(Int64(status), into: &buffer)
        buffer.writeInteger(ASCII.space)
        buffer.writeStaticString(ReasonPhrase.of(status))
        writeLineEnd(into: &buffer)
    }

    /// Writes the whole interim answer that asks the caller for the body (RFC 9110 §10.1.1).
    package static func writeContinue(into buffer: inout ByteBuffer) {
        buffer.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
    }

    // MARK: Fields

    /// Writes a received head's fields but those dropped and those that its `Connection` names.
    ///
    /// The hop-by-hop and framing fields are always left out, whatever `dropping` says.
    package static func writeFields(
        of head: some MessageHead,
        dropping: KnownHeaderSet,
        into buffer: inout ByteBuffer
    ) {
        let dropped = dropping.union(.hopByHop).union(.framing)
        let available = head.bytes.readableBytes
        var size = 0
        for field in head.headers where passes(field, dropped, available) {
            size += field.name.count + field.value.count + 4
        }
        guard size > 0 else { return }
        _ = unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { target in
            unsafe head.bytes.withUnsafeReadableBytes { source in
                var written = 0
                for field in head.headers where passes(field, dropped, available) {
                    unsafe copy(field.name, source, to: target, at: &written)
                    unsafe target[written] = ASCII.colon
                    unsafe target[written + 1] = ASCII.space
                    written += 2
                    unsafe copy(field.value, source, to: target, at: &written)
                    unsafe target[written] = ASCII.carriageReturn
                    unsafe target[written + 1] = ASCII.lineFeed
                    written += 2
                }
                return written
            }
        }
    }

    @inline(__always)
    private static func passes(_ field: HeaderField, _ dropped: KnownHeaderSet, _ available: Int) -> Bool {
        !field.isConnectionOption && !dropped.contains(field.kind) && field.value.end <= available
            && field.name.end <= available
    }

    /// Copies a range that ``passes(_:_:_:)`` has found to lie within the source.
    @inline(__always)
    private static func copy(
        _ range: ByteRange,
        _ source: UnsafeRawBufferPointer,
        to target: UnsafeMutableRawBufferPointer,
        at written: inout Int
    ) {
        let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: target[written...])
        unsafe rest.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: source[range.offset..<range.end])
        )
        written += range.count
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
        into buffer: inout ByteBuffer
    ) -> Bool {
        guard isFieldValue(value) else { return false }
        buffer.writeStaticString(name)
        buffer.writeStaticString(": ")
        unsafe buffer.writeBytes(value.bytes)
        writeLineEnd(into: &buffer)
        return true
    }

    /// Writes one field from text, as UTF-8; returns what ``writeField(_:_:into:)`` does.
    @discardableResult
    package static func writeField(
        _ name: StaticString,
        _ value: String,
        into buffer: inout ByteBuffer
    ) -> Bool {
        writeField(name, value.utf8.span, into: &buffer)
    }

    /// Writes one field whose name comes from configuration.
    ///
    /// - Returns: false, with nothing written, when the name is not a token or the value holds a control byte.
    package static func writeField(
        name: Span<UInt8>,
        value: Span<UInt8>,
        into buffer: inout ByteBuffer
    ) -> Bool {
        guard !name.isEmpty, isFieldValue(value) else { return false }
        for index in 0..<name.count where !ByteClass.token.contains(name[index]) { return false }
        unsafe buffer.writeBytes(name.bytes)
        buffer.writeStaticString(": ")
        unsafe buffer.writeBytes(value.bytes)
        writeLineEnd(into: &buffer)
        return true
    }

    /// Writes the field that says where the body ends; nothing for ``BodyFraming/none`` and
    /// ``BodyFraming/untilClose``.
    package static func writeFraming(_ framing: BodyFraming, into buffer: inout ByteBuffer) {
        switch framing {
        case .none, .untilClose: break
        case .length(let length):
            buffer.writeStaticString("Content-Length: ")
            writeDecimal(max(0, length), into: &buffer)
            writeLineEnd(into: &buffer)
        case .chunked: buffer.writeStaticString("Transfer-Encoding: chunked\r\n")
        }
    }

    /// Writes `Connection: close`.
    package static func writeConnectionClose(into buffer: inout ByteBuffer) {
        buffer.writeStaticString("Connection: close\r\n")
    }

    /// Writes the empty line after the last field.
    package static func endHead(into buffer: inout ByteBuffer) {
        writeLineEnd(into: &buffer)
    }

    // MARK: Chunks

    /// Writes what precedes a chunk's data; nothing for a size below 1, which would end the body.
    package static func writeChunkHeader(_ size: Int, into buffer: inout ByteBuffer) {
        guard size > 0 else { return }
        buffer.writeString(String(size, radix: 16))
        writeLineEnd(into: &buffer)
    }

    /// Writes what follows a chunk's data.
    package static func writeChunkEnd(into buffer: inout ByteBuffer) {
        writeLineEnd(into: &buffer)
    }

    /// Writes the last chunk, without trailer fields.
    package static func writeLastChunk(into buffer: inout ByteBuffer) {
        buffer.writeStaticString("0\r\n\r\n")
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

    private static func isPath(_ path: Span<UInt8>) -> Bool {
        guard !path.isEmpty, path[0] == ASCII.slash else { return false }
        for index in 0..<path.count where !ByteClass.target.contains(path[index]) { return false }
        return true
    }

    private static func writeLineEnd(into buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt16(0x0D0A))
    }

    private static func writeDecimal(_ number: Int64, into buffer: inout ByteBuffer) {
        buffer.writeString(String(number))
    }
}
