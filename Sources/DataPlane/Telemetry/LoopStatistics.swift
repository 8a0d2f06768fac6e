import NIOCore

/// How one event loop stands.
package struct LoopStatistics: Sendable {
    /// How many connections callers have.
    package let connections: Int
    /// How many verified tokens it remembers.
    package let rememberedTokens: Int
    /// How often a token was found among them since the start.
    package let tokenHits: UInt64
    /// How often one was not, and had to be verified.
    package let tokenMisses: UInt64
    /// The longest that ready events may have waited in the last ten seconds.
    package let lagNanoseconds: Int64
    /// The upstreams' targets that it has called, by authority.
    package let targets: [String: TargetStatistics]
}

/// How one target stands for one event loop.
package struct TargetStatistics: Sendable {
    /// How many connections to it are open.
    package let connections: Int
    /// Whether it just failed, so that others are tried first.
    package let isDown: Bool
}

/// The longest delay of the last seconds.
struct LoopLag {
    private static let span = TimeAmount.seconds(5)
    private var current = TimeAmount.zero
    private var before = TimeAmount.zero
    private var end = NIODeadline.uptimeNanoseconds(0)

    /// Notes a delay.
    mutating func note(_ delay: TimeAmount, at now: NIODeadline) {
        if now >= end {
            before = now >= end + Self.span ? .zero : current
            current = .zero
            end = now + Self.span
        }
        current = max(current, delay)
    }

    /// The longest of the last five to ten seconds, in nanoseconds.
    var latest: Int64 { max(current, before).nanoseconds }
}
