/// The id of one request: 32 lower-case hex digits, unique across gateways.
package struct RequestID: Hashable, Sendable {
    /// How many digits there are.
    static let digitCount = 32

    let high: UInt64
    let low: UInt64

    /// Takes the two halves.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads the text form: exactly 32 lower-case hex digits.
    init?(_ text: String) {
        guard text.utf8.count == Self.digitCount, !text.utf8.contains(where: { $0 < 0x30 }),
            let high = UInt64(text.prefix(16), radix: 16), let low = UInt64(text.suffix(16), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
        guard self.text == text else { return nil }
    }

    /// The text form.
    package var text: String {
        withDigits { digits in String(decoding: digits.withUnsafeBufferPointer { Array($0) }, as: UTF8.self) }
    }

    /// Gives the 32 digits without making a text.
    func withDigits<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        let digits = InlineArray<32, UInt8> { index in
            let word = index < 16 ? high : low
            let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (index % 16))) & 15
            return digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
        }
        return body(digits.span)
    }
}

/// Makes the ids of one event loop: a random start, then a walk that visits each value once.
struct RequestIDGenerator {
    private let high: UInt64
    private var state: UInt64

    init(using generator: inout some RandomNumberGenerator) {
        high = generator.next()
        state = generator.next()
    }

    /// The next id; neighbours do not look alike (the finaliser of SplitMix64).
    mutating func next() -> RequestID {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return RequestID(high: high, low: mixed ^ (mixed >> 31))
    }
}
