import Glibc
package import NIOCore

/// Bytes that are gathered to be sent: added at the end, taken from the front.
///
/// It has one owner, so that adding needs no look at who else might hold its memory: a head consists of two
/// dozen short pieces, and each costs one comparison and one copy.
package struct OutputBuffer: ~Copyable {
    private var memory: UnsafeMutableRawPointer?
    private var start = 0
    private var end = 0

    /// How many bytes there is memory for, including those that were taken.
    package private(set) var capacity = 0

    /// Makes an empty buffer, which takes no memory.
    package init() {}

    deinit {
        free(memory)
    }

    /// How many bytes there are.
    package var count: Int { end - start }

    /// True when there is nothing to send.
    package var isEmpty: Bool { end == start }

    // MARK: Adding

    /// Makes room for that many more bytes; returns where the first of them goes.
    ///
    /// `count` bytes from there on are within the memory, whatever is done with them.
    @inline(__always)
    private mutating func room(_ count: Int) -> UnsafeMutableRawPointer {
        if let memory, capacity - end >= count { return memory + end }
        return grow(count)
    }

    @inline(never)
    private mutating func grow(_ more: Int) -> UnsafeMutableRawPointer {
        if start > 0, let memory {
            memmove(memory, memory + start, count)
            (start, end) = (0, count)
            if capacity - end >= more { return memory + end }
        }
        let wanted = max(Self.smallest, end + more, 2 * capacity)
        guard let larger = realloc(memory, wanted) else { fatalError("out of memory") }
        memory = larger
        capacity = wanted
        return larger + end
    }

    // Most heads are shorter.
    private static let smallest = 2048

    /// Adds bytes.
    @inline(__always)
    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        memcpy(room(bytes.count), source, bytes.count)
        end += bytes.count
    }

    /// Adds bytes.
    @inline(__always)
    package mutating func append(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBytes { append($0) }
    }

    /// Adds bytes.
    @inline(__always)
    package mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    /// Adds the readable bytes of a buffer, which stay in it.
    @inline(__always)
    package mutating func append(_ buffer: ByteBuffer) {
        buffer.withUnsafeReadableBytes { append($0) }
    }

    /// Adds a text.
    @inline(__always)
    package mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Adds a text as UTF-8.
    package mutating func append(text: String) {
        append(text.utf8.span)
    }

    /// Adds one byte.
    @inline(__always)
    package mutating func append(byte: UInt8) {
        room(1).storeBytes(of: byte, as: UInt8.self)
        end += 1
    }

    /// Adds a carriage return and a line feed.
    @inline(__always)
    package mutating func appendLineEnd() {
        room(2).storeBytes(of: 0x0A0D, as: UInt16.self)
        end += 2
    }

    /// Adds a number that is not negative, in decimal or hexadecimal digits.
    package mutating func append(_ number: UInt64, radix: UInt64 = 10) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var first = 20
        var rest = number
        repeat {
            first -= 1
            let digit = UInt8(truncatingIfNeeded: rest % radix)
            digits[first] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            rest /= radix
        } while rest > 0
        append(digits.span.extracting(first..<20))
    }

    // MARK: Taking

    /// Takes bytes from the front, at most those that there are.
    package mutating func removeFirst(_ taken: Int) {
        start += min(max(0, taken), count)
        if isEmpty { (start, end) = (0, 0) }
    }

    /// Forgets all but the first bytes.
    package mutating func truncate(to kept: Int) {
        end = start + min(max(0, kept), count)
    }

    /// Forgets the bytes; keeps the memory.
    package mutating func removeAll() {
        (start, end) = (0, 0)
    }

    /// Gives the bytes to be read, beginning at one of them.
    package borrowing func withBytes<Result>(
        from first: Int = 0,
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        let first = min(max(0, first), count)
        return try body(
            UnsafeRawBufferPointer(
                start: memory.map { UnsafeRawPointer($0 + start + first) },
                count: count - first
            )
        )
    }

    /// The bytes in a buffer that can be read from.
    package var byteBuffer: ByteBuffer {
        withBytes { bytes in
            var copy = ByteBufferAllocator().buffer(capacity: bytes.count)
            copy.writeBytes(bytes)
            return copy
        }
    }
}
