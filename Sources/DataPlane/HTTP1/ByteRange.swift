/// A run of bytes inside a message head, counted from the head's first byte.
package struct ByteRange: Sendable, Hashable {
    private let start: Int32
    private let length: Int32

    /// The index of the first byte.
    package var offset: Int { Int(start) }

    /// How many bytes there are.
    package var count: Int { Int(length) }

    /// The index after the last byte.
    package var end: Int { Int(start) + Int(length) }

    /// True when there is no byte.
    package var isEmpty: Bool { length == 0 }

    /// Makes the range `offset ..< end`; an `end` before `offset` makes it empty.
    ///
    /// A head is at most some tens of kilobytes (see ``HTTPLimits``), so 32 bits hold every offset in it.
    @inline(__always)
    package init(offset: Int, end: Int) {
        start = Int32(truncatingIfNeeded: max(0, offset))
        length = Int32(truncatingIfNeeded: max(0, end - offset))
    }
}
