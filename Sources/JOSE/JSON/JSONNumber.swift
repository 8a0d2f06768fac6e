/// A JSON number, read exactly and in constant space: nothing goes through `Double`.
///
/// Holds the integer part up to 2^64 - 1, nine digits of the fraction, and whether more follow; that is all
/// that JOSE asks of a number.
public struct JSONNumber: Hashable, Sendable {
    /// Whether the value is below zero; false for `-0`.
    public let isNegative: Bool
    /// Whether the value's magnitude does not fit a 64-bit integer.
    public let isBeyondRange: Bool
    /// The whole part of the magnitude; `UInt64.max` when beyond range.
    let wholePart: UInt64
    /// The first nine digits of the fraction.
    let nanoseconds: Int64
    /// Whether digits other than zero follow the ninth of the fraction.
    let hasFinerDigits: Bool

    /// The value, if it is exactly an integer within `Int64` (`1e3` and `10.0` are).
    public var integer: Int64? {
        guard !isBeyondRange, nanoseconds == 0, !hasFinerDigits else { return nil }
        if isNegative {
            return wholePart == UInt64(Int64.max) + 1 ? .min : -Int64(wholePart)
        }
        return Int64(exactly: wholePart)
    }

    /// The value as seconds since the epoch, rounded down to a nanosecond; nil when beyond range.
    public var numericDate: NumericDate? {
        guard !isBeyondRange, wholePart < UInt64(Int64.max) else { return nil }
        let whole = Int64(wholePart)
        guard isNegative else { return NumericDate(seconds: whole, nanoseconds: nanoseconds) }
        let fraction = nanoseconds + (hasFinerDigits ? 1 : 0)
        return fraction == 0
            ? NumericDate(seconds: -whole)
            : NumericDate(seconds: -whole - 1, nanoseconds: 1_000_000_000 - fraction)
    }

    /// Reads what nearly all dates are: up to 18 digits and nothing else, so that no sum can overflow.
    private static func plainWhole(_ text: Span<UInt8>) -> UInt64? {
        guard (1...18).contains(text.count) else { return nil }
        var whole: UInt64 = 0
        for index in text.indices {
            let digit = text[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            whole = whole &* 10 &+ UInt64(digit)
        }
        return whole
    }

    /// Reads a number whose grammar has been checked (RFC 8259 §6).
    init(checked text: Span<UInt8>) {
        if let whole = Self.plainWhole(text) {
            isNegative = false
            isBeyondRange = false
            wholePart = whole
            nanoseconds = 0
            hasFinerDigits = false
            return
        }
        var reading = Digits(text)
        let negative = !text.isEmpty && text[0] == UInt8(ascii: "-")
        guard let first = reading.firstSignificant else {
            isNegative = false
            isBeyondRange = false
            wholePart = 0
            nanoseconds = 0
            hasFinerDigits = false
            return
        }
        isNegative = negative
        // How many digits, from the first significant one on, stand before the decimal point.
        let wholeDigits = reading.pointPosition + reading.exponent - first
        guard wholeDigits <= 20 else {
            isBeyondRange = true
            wholePart = .max
            nanoseconds = 0
            hasFinerDigits = false
            return
        }
        reading.skipToFirstSignificant()
        var whole: UInt64 = 0
        var overflow = false
        for _ in 0..<max(0, wholeDigits) {
            let (product, a) = whole.multipliedReportingOverflow(by: 10)
            let (sum, b) = product.addingReportingOverflow(UInt64(reading.next() ?? 0))
            overflow = overflow || a || b
            whole = sum
        }
        var fraction: Int64 = 0
        for place in 0..<9 {
            // A negative count of whole digits means zeros between the point and the first digit.
            let digit = place < -wholeDigits ? 0 : Int64(reading.next() ?? 0)
            fraction = fraction * 10 + digit
        }
        let limit = negative ? UInt64(Int64.max) + 1 : UInt64(Int64.max)
        isBeyondRange = overflow || whole > limit
        wholePart = overflow ? .max : whole
        nanoseconds = fraction
        hasFinerDigits = reading.hasSignificantRest
    }
}

/// The digits of a checked number, point and sign left out, with the exponent bounded.
private struct Digits: ~Copyable {
    /// Far outside any range that matters, and far from overflowing when lengths are added.
    private static let exponentBound = 1_000_000_000

    private var digits: [UInt8] = []
    private var position = 0
    private(set) var pointPosition = 0
    private(set) var exponent = 0
    let firstSignificant: Int?

    init(_ text: Span<UInt8>) {
        var index = 0
        var pointSeen = false
        if !text.isEmpty, text[0] == UInt8(ascii: "-") { index = 1 }
        digits.reserveCapacity(text.count)
        scan: while index < text.count {
            switch text[index] {
            case UInt8(ascii: "."):
                pointSeen = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                break scan
            case let digit:
                digits.append(digit &- UInt8(ascii: "0"))
                if !pointSeen { pointPosition += 1 }
            }
            index += 1
        }
        firstSignificant = digits.firstIndex { $0 != 0 }
        guard index < text.count else { return }
        index += 1
        var negative = false
        if index < text.count, text[index] == UInt8(ascii: "-") || text[index] == UInt8(ascii: "+") {
            negative = text[index] == UInt8(ascii: "-")
            index += 1
        }
        while index < text.count {
            exponent = min(exponent * 10 + Int(text[index] &- UInt8(ascii: "0")), Self.exponentBound)
            index += 1
        }
        if negative { exponent = -exponent }
    }

    mutating func skipToFirstSignificant() {
        position = firstSignificant ?? digits.count
    }

    mutating func next() -> UInt8? {
        guard position < digits.count else { return nil }
        defer { position += 1 }
        return digits[position]
    }

    var hasSignificantRest: Bool {
        digits[position...].contains { $0 != 0 }
    }
}
