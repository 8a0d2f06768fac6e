/// The header fields of one head, and what they say of its framing and its connection.
///
/// It is filled line by line while the head arrives; nothing is copied.
struct FieldSection: Sendable {
    /// The most options in `Connection`: real messages have two or three, and each costs a look at every field.
    static let maximumConnectionOptions = 32

    var fields: [HeaderField] = []
    private(set) var present: KnownHeaderSet = []
    private(set) var contentLength: Int64?
    private(set) var options: [ByteRange] = []
    private(set) var optionCount = 0
    private(set) var closes = false
    private(set) var keepsAlive = false
    private(set) var upgrades = false

    /// Forgets every field and keeps the memory.
    mutating func removeAll() {
        fields.removeAll(keepingCapacity: true)
        options.removeAll(keepingCapacity: true)
        present = []
        contentLength = nil
        optionCount = 0
        closes = false
        keepsAlive = false
        upgrades = false
    }

    /// Reads a field line (RFC 9112 §5) that holds no control byte but the tab.
    ///
    /// - Throws: ``HTTPRefusal`` when the line is malformed, or its framing field is.
    @inline(__always)
    mutating func add(
        _ line: ByteRange,
        in bytes: Span<UInt8>,
        maximumCount: Int
    ) throws(HTTPRefusal) -> HeaderField {
        guard fields.count < maximumCount else { throw .headersTooLarge(.fieldCount, limit: maximumCount) }
        let field = try Self.field(line, in: bytes)
        switch field.kind {
        case .contentLength: try addContentLength(field.value, in: bytes)
        case .transferEncoding: try addTransferEncoding(field.value, in: bytes)
        case .connection: try addConnection(field.value, in: bytes)
        default: break
        }
        present.insert(KnownHeaderSet(field.kind))
        fields.append(field)
        return field
    }

    /// Marks the fields that `Connection` names, once all are known.
    mutating func markConnectionOptions(in bytes: Span<UInt8>) {
        guard !options.isEmpty else { return }
        for index in fields.indices {
            let name = fields[index].name
            for option in options where equalIgnoringCase(bytes, name, option) {
                fields[index].isConnectionOption = true
            }
        }
    }

    /// Splits a line into name and value.
    @inline(__always)
    private static func field(_ line: ByteRange, in bytes: Span<UInt8>) throws(HTTPRefusal) -> HeaderField {
        var index = line.offset
        let end = line.end
        var hasUnderscore = false
        while index < end {
            let byte = bytes[index]
            guard ByteClass.token.contains(byte) else { break }
            if byte == UInt8(ascii: "_") { hasUnderscore = true }
            index += 1
        }
        guard index < end else { throw .badRequest(.missingColon, offset: line.offset) }
        guard bytes[index] == ASCII.colon, index > line.offset else {
            // Between name and colon white space is as bad as any other byte (RFC 9112 §5.1).
            let folded = index == line.offset && ASCII.isBlank(bytes[index])
            throw .badRequest(folded ? .foldedField : .fieldName, offset: index)
        }
        let name = ByteRange(offset: line.offset, end: index)
        var start = index + 1
        var stop = end
        while start < stop, ASCII.isBlank(bytes[start]) { start += 1 }
        while stop > start, ASCII.isBlank(bytes[stop - 1]) { stop -= 1 }
        let kind = KnownHeader.named(bytes, name, hasUnderscore: hasUnderscore)
        return HeaderField(name: name, value: ByteRange(offset: start, end: stop), kind: kind)
    }

    /// RFC 9110 §8.6, with no list, no sign and no second field.
    private mutating func addContentLength(
        _ value: ByteRange,
        in bytes: Span<UInt8>
    ) throws(HTTPRefusal) {
        guard contentLength == nil else { throw .badRequest(.duplicateContentLength, offset: value.offset) }
        guard !value.isEmpty else { throw .badRequest(.contentLength, offset: value.offset) }
        var length = Int64(0)
        for index in value.offset..<value.end {
            guard let digit = ASCII.decimalValue(bytes[index]) else {
                throw .badRequest(.contentLength, offset: index)
            }
            let (shifted, tooBig) = length.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = shifted.addingReportingOverflow(Int64(digit))
            guard !tooBig, !overflow else { throw .badRequest(.contentLength, offset: index) }
            length = sum
        }
        contentLength = length
    }

    /// RFC 9112 §6.1: the one coding accepted is `chunked`.
    private func addTransferEncoding(_ value: ByteRange, in bytes: Span<UInt8>) throws(HTTPRefusal) {
        guard !present.contains(.transferEncoding) else {
            throw .badRequest(.duplicateTransferEncoding, offset: value.offset)
        }
        guard equal(bytes, value, "chunked") else {
            throw .badRequest(.transferEncoding, offset: value.offset)
        }
    }

    /// RFC 9110 §7.6.1: a list of tokens, in which empty elements are allowed (§5.6.1.2).
    private mutating func addConnection(_ value: ByteRange, in bytes: Span<UInt8>) throws(HTTPRefusal) {
        var index = value.offset
        while index < value.end {
            if ASCII.isBlank(bytes[index]) || bytes[index] == UInt8(ascii: ",") {
                index += 1
                continue
            }
            let start = index
            while index < value.end, ByteClass.token.contains(bytes[index]) { index += 1 }
            let option = ByteRange(offset: start, end: index)
            while index < value.end, ASCII.isBlank(bytes[index]) { index += 1 }
            let isWhole = index == value.end || bytes[index] == UInt8(ascii: ",")
            guard !option.isEmpty, isWhole, optionCount < Self.maximumConnectionOptions else {
                throw .badRequest(.connectionOption, offset: start)
            }
            optionCount += 1
            note(option, in: bytes)
        }
    }

    private mutating func note(_ option: ByteRange, in bytes: Span<UInt8>) {
        if equal(bytes, option, "keep-alive") {
            keepsAlive = true
        } else if equal(bytes, option, "close") {
            closes = true
        } else if equal(bytes, option, "upgrade") {
            upgrades = true
        } else {
            options.append(option)
        }
    }
}
