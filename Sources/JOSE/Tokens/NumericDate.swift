/// Seconds since 1970-01-01T00:00:00Z, leap seconds ignored, to the nanosecond (RFC 7519 §2).
public struct NumericDate: Hashable, Comparable, Sendable {
    /// Whole seconds, rounded down.
    public let seconds: Int64
    /// What comes on top of the seconds, 0 to 999,999,999.
    public let nanoseconds: Int64

    /// Makes a date; nanoseconds outside 0 to 999,999,999 are brought to the nearer end.
    public init(seconds: Int64, nanoseconds: Int64 = 0) {
        self.seconds = seconds
        self.nanoseconds = min(max(nanoseconds, 0), 999_999_999)
    }

    /// Whether the first date is the earlier one.
    public static func < (first: NumericDate, second: NumericDate) -> Bool {
        (first.seconds, first.nanoseconds) < (second.seconds, second.nanoseconds)
    }

    /// The date moved by whole seconds and nanoseconds of a duration, stopping at the ends of the range.
    public func advanced(by duration: Duration) -> NumericDate {
        let (wholeSeconds, attoseconds) = duration.components
        var nanoseconds = nanoseconds + attoseconds / 1_000_000_000
        var carry: Int64 = 0
        if nanoseconds >= 1_000_000_000 {
            nanoseconds -= 1_000_000_000
            carry = 1
        } else if nanoseconds < 0 {
            nanoseconds += 1_000_000_000
            carry = -1
        }
        let (moved, overflow) = seconds.addingReportingOverflow(wholeSeconds)
        let (total, carryOverflow) = moved.addingReportingOverflow(carry)
        guard !overflow, !carryOverflow else {
            return NumericDate(seconds: wholeSeconds < 0 ? .min : .max)
        }
        return NumericDate(seconds: total, nanoseconds: nanoseconds)
    }
}

extension NumericDate: ExpressibleByIntegerLiteral, CustomStringConvertible {
    /// Makes a date of whole seconds.
    public init(integerLiteral value: Int64) {
        self.init(seconds: value)
    }

    /// Seconds, with a fraction only where there is one.
    public var description: String {
        guard nanoseconds > 0 else { return String(seconds) }
        let digits = String(nanoseconds)
        let fraction = String(repeating: "0", count: 9 - digits.utf8.count) + digits
        // Rounded down means that the fraction is added, also below zero: -1.5 is -2 and a half more.
        return seconds < 0 ? "\(seconds) + 0.\(fraction)" : "\(seconds).\(fraction)"
    }
}
