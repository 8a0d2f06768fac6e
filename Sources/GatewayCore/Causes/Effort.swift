import JOSE

/// How much an explanation may still do: what is tried is counted in the microseconds that it takes about.
///
/// A count and not a clock, so that the same question always gets the same answer.
struct Effort: Sendable {
    /// What one explanation may spend, in microseconds: well below 50 ms on the slowest machine that is in use.
    static let limit = 20_000
    /// At most this many whole decisions are made again.
    static let maximumDecisions = 12

    /// What is left, in microseconds.
    private(set) var remaining = Effort.limit
    /// How many decisions may still be made.
    private(set) var decisions = Effort.maximumDecisions

    /// Takes what something costs; `false`, and nothing is taken, when so much is not left.
    mutating func spend(_ cost: Int) -> Bool {
        guard cost <= remaining else { return false }
        remaining -= cost
        return true
    }

    /// Takes a decision and what it costs.
    mutating func spendDecision(_ cost: Int) -> Bool {
        guard decisions > 0, spend(cost + 20) else { return false }
        decisions -= 1
        return true
    }

    /// What it costs to check one signature over so many bytes.
    static func cost(of key: KeyKind, signedBytes: Int) -> Int {
        let verifying =
            switch key {
            case .hmac: 3
            case .rsa(let bits): max(30, bits * bits / 100_000)
            case .ec(.p256): 90
            case .ec(.p384): 900
            case .ec(.p521): 1_800
            case .ed25519: 90
            // What a debug build takes: a bound that holds there holds in what is shipped.
            case .mlDSA65: 2_000
            case .mlDSA87: 3_000
            }
        return verifying + signedBytes / 250
    }
}
