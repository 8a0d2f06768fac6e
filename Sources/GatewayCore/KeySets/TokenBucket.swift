/// So many at once, and one more every so often.
package struct TokenBucket: Sendable {
    private let capacity: Double
    private let refillMilliseconds: Double
    private var level: Double
    private var filledAt: Int64

    /// Begins full.
    package init(capacity: Int, oneEveryMilliseconds refill: Int64, at now: Int64 = 0) {
        self.capacity = Double(capacity)
        refillMilliseconds = Double(max(1, refill))
        level = Double(capacity)
        filledAt = now
    }

    /// Whether one can be taken at this time, in milliseconds of a clock that never goes back.
    package mutating func take(at now: Int64, leaving rest: Double = 0) -> Bool {
        fill(now)
        guard level >= 1 + rest else { return false }
        level -= 1
        return true
    }

    /// Whether nothing is missing.
    package mutating func isFull(at now: Int64) -> Bool {
        fill(now)
        return level >= capacity
    }

    private mutating func fill(_ now: Int64) {
        guard now > filledAt else { return }
        level = min(capacity, level + Double(now - filledAt) / refillMilliseconds)
        filledAt = now
    }

    /// Gives one back.
    package mutating func giveBack() {
        level = min(capacity, level + 1)
    }
}
