import GatewayCore

/// The trace that a caller says a request belongs to (W3C Trace Context).
///
/// What is well-formed passes unchanged: the gateway begins no traces and has no part of its own in one. What is
/// malformed is taken out, as §4.3 asks of whoever cannot read it, and `tracestate` never goes without `traceparent`.
enum TraceContext {
    // 2 + 1 + 32 + 1 + 16 + 1 + 2 (§3.2.2).
    private static let parentLength = 55
    // §3.3.1.5 has 512 passed on at least.
    private static let maximumStateBytes = 8192

    /// The fields of a request that must not be passed on; none for most.
    @inline(__always)
    static func dropped(from head: RequestHead) -> KnownHeaderSet {
        guard !head.present.isDisjoint(with: fields) else { return [] }
        return judged(head)
    }

    /// The trace that a request belongs to; `nil` for most.
    @inline(__always)
    static func id(of head: RequestHead) -> TraceID? {
        guard head.present.contains(.traceparent) else { return nil }
        return parent(of: head)
    }

    private static let fields = KnownHeaderSet(.traceparent, .tracestate)

    @inline(never)
    private static func judged(_ head: RequestHead) -> KnownHeaderSet {
        guard parent(of: head) != nil else { return fields }
        var bytes = 0
        for field in head.headers where field.kind == .tracestate { bytes += field.value.count }
        return bytes <= maximumStateBytes ? [] : KnownHeaderSet(.tracestate)
    }

    @inline(never)
    private static func parent(of head: RequestHead) -> TraceID? {
        var found: TraceID?
        var count = 0
        for field in head.headers where field.kind == .traceparent {
            count += 1
            found = head.bytes(field.value) { id(inParent: $0) }
        }
        return count == 1 ? found : nil
    }

    /// The trace id of a `traceparent` value (§3.2); `nil` when it is malformed.
    static func id(inParent value: Span<UInt8>) -> TraceID? {
        let dash = UInt8(ascii: "-")
        guard value.count >= parentLength, value[2] == dash, value[35] == dash, value[52] == dash,
            let version = number(value, 0..<2), version != 0xff, number(value, 53..<55) != nil,
            let high = number(value, 3..<19), let low = number(value, 19..<35),
            let parent = number(value, 36..<52), parent != 0
        else { return nil }
        // A later version may say more, behind another dash.
        guard value.count == parentLength || (version > 0 && value[parentLength] == dash) else { return nil }
        return TraceID(high: high, low: low)
    }

    private static func number(_ value: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
        var number: UInt64 = 0
        for index in range {
            // Lower case alone (§3.2.1).
            guard let digit = Hex.value(of: value[index]) else { return nil }
            number = number << 4 | UInt64(digit)
        }
        return number
    }
}
