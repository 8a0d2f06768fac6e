/// The id of a trace across services (W3C Trace Context, §3.2.2.3), as the caller gave it.
package struct TraceID: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    /// Takes the two halves, most significant first; `nil` when both are zero, which no trace has.
    package init?(high: UInt64, low: UInt64) {
        guard high | low != 0 else { return nil }
        self.high = high
        self.low = low
    }

    /// The text form: 32 lower-case hex digits.
    package var text: String { Hex.encode(high) + Hex.encode(low) }
}
