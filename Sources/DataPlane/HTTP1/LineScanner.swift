/// Finds the lines of a head as its bytes arrive, looking at each byte once.
///
/// What it answers depends on the bytes alone, never on how they were cut into arrivals.
struct LineScanner: Sendable {
    /// Where the line that comes next begins.
    private(set) var lineStart = 0

    /// Bytes before this one hold neither a line end nor a forbidden byte.
    private var scanned = 0

    enum Outcome {
        case needMore
        /// A whole line, without its line end.
        case line(ByteRange)
        /// The line is longer than the line's limit.
        case lineTooLong
        /// The head is longer than the head's limit.
        case headTooLong
    }

    /// Finds the next line.
    ///
    /// - Parameters:
    ///   - bytes: the head's bytes so far, from its first one.
    ///   - lineLimit: the most bytes of the line, without its end.
    ///   - headLimit: the most bytes of the head, with the end of this line.
    /// - Returns: the line, the need for more bytes, or the limit that was met.
    /// - Throws: ``HTTPRefusal/badRequest(_:offset:)`` at a bare CR, a bare LF or a control byte.
    @inline(__always)
    mutating func next(
        in bytes: Span<UInt8>,
        lineLimit: Int,
        headLimit: Int
    ) throws(HTTPRefusal) -> Outcome {
        // The last places where the line's carriage return may stand.
        let lastOfLine = lineStart + lineLimit
        let lastOfHead = headLimit - 2
        let last = min(lastOfLine, lastOfHead)
        let stop = min(bytes.count, last + 1)
        var index = scanned
        while true {
            index = Self.firstControl(in: bytes, from: index, to: stop)
            guard index < stop else { break }
            switch bytes[index] {
            case ASCII.tab:
                index += 1
            case ASCII.carriageReturn:
                guard index + 1 < bytes.count else {
                    scanned = index
                    return .needMore
                }
                guard bytes[index + 1] == ASCII.lineFeed else {
                    throw .badRequest(.bareCarriageReturn, offset: index)
                }
                let line = ByteRange(offset: lineStart, end: index)
                lineStart = index + 2
                scanned = lineStart
                return .line(line)
            case ASCII.lineFeed:
                throw .badRequest(.bareLineFeed, offset: index)
            default:
                throw .badRequest(.controlByte, offset: index)
            }
        }
        scanned = max(scanned, stop)
        guard bytes.count > last else { return .needMore }
        return lastOfLine <= lastOfHead ? .lineTooLong : .headTooLong
    }

    /// The first index of a byte below 0x20 or equal to 0x7F; `end` when there is none.
    @inline(__always)
    static func firstControl(in bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        let raw = unsafe bytes.bytes
        let ones = UInt64(0x0101_0101_0101_0101)
        let tops = UInt64(0x8080_8080_8080_8080)
        var index = start
        // Eight bytes at a time; `end` is within the bytes, and any eight bytes are a number.
        while index + 8 <= end {
            let word = unsafe raw.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            let low = (word &- ones &* 0x20) & ~word
            let noDelete = word ^ (ones &* 0x7F)
            let delete = (noDelete &- ones) & ~noDelete
            if (low | delete) & tops != 0 { break }
            index += 8
        }
        while index < end {
            let byte = bytes[index]
            if byte < 0x20 || byte == ASCII.delete { return index }
            index += 1
        }
        return end
    }
}
