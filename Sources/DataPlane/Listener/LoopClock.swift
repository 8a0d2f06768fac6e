import GatewayCore

/// The wall clock of one event loop, which asks it once a turn.
struct LoopClock {
    private let wallClock: @Sendable () -> Timestamp
    private var time = Timestamp(secondsSinceEpoch: 0)
    private var turn: UInt64?
    private var dateField = DateField()

    init(_ wallClock: @escaping @Sendable () -> Timestamp) {
        self.wallClock = wallClock
    }

    /// The time at this turn.
    mutating func now(in turn: UInt64) -> Timestamp {
        if self.turn != turn {
            self.turn = turn
            time = wallClock()
        }
        return time
    }

    /// The `Date` field at this turn, with its line end.
    mutating func dateLine(in turn: UInt64) -> [UInt8] {
        dateField.line(at: now(in: turn))
    }
}
