/// A value that must not appear in logs, errors, dumps or interpolated strings.
///
/// Printing, debugging and reflecting it all give `<redacted>`; only ``reveal()`` gives the value, so that
/// every place which reads a secret can be found by searching for that word.
public struct Secret<Value: Sendable>: Sendable {
    private let value: Value

    /// Wraps a value.
    public init(_ value: Value) {
        self.value = value
    }

    /// The wrapped value, in clear.
    public func reveal() -> Value {
        value
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Always `<redacted>`.
    public var description: String { "<redacted>" }

    /// Always `<redacted>`.
    public var debugDescription: String { "<redacted>" }

    /// A mirror without children.
    public var customMirror: Mirror {
        Mirror(self, children: [(label: String?, value: Any)](), displayStyle: .struct)
    }
}

extension Secret where Value == [UInt8] {
    /// Compares two secrets without telling by the time taken where they differ.
    public func isEqual(to other: Secret<[UInt8]>) -> Bool {
        ConstantTime.equal(value, other.value)
    }
}

/// Comparison whose duration depends only on the lengths compared.
public enum ConstantTime {
    /// Whether two byte sequences are equal; the time taken tells only whether the lengths are.
    @inline(never)
    public static func equal(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
        guard a.count == b.count else { return false }
        var difference: UInt8 = 0
        for index in a.indices {
            difference |= a[index] ^ b[index]
        }
        return difference == 0
    }

    /// Whether two byte arrays are equal; the time taken tells only whether the lengths are.
    public static func equal(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        equal(a.span, b.span)
    }
}
