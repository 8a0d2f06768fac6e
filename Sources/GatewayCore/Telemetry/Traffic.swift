/// What requests are counted by.
package struct TrafficLabels: Hashable, Sendable {
    /// What stands for a label that there is none of: no endpoint was matched, nobody was named, nothing was
    /// refused.
    package static let none = "-"

    /// Where what is beyond the bound on distinct labels is counted.
    package static let other = TrafficLabels(
        endpoint: "(other)",
        client: "(other)",
        profile: "(other)",
        code: "(other)"
    )

    // Longer than any name of the catalog.
    private static let maximumBytes = 512

    /// The endpoint as `handle/name`, or the path of one of the gateway's own.
    package let endpoint: String
    /// The client that the token named.
    package let client: String
    /// Its profile.
    package let profile: String
    /// The refusal's code; `-` for a request that was admitted.
    package let code: String

    /// Takes the labels; what is too long is cut.
    package init(endpoint: String, client: String, profile: String, code: String) {
        self.endpoint = Self.bounded(endpoint)
        self.client = Self.bounded(client)
        self.profile = Self.bounded(profile)
        self.code = Self.bounded(code)
    }

    private static func bounded(_ text: String) -> String {
        guard text.utf8.count > maximumBytes else { return text }
        var bytes = 0
        let scalars = text.unicodeScalars.prefix { scalar in
            bytes += UTF8.width(scalar)
            return bytes <= maximumBytes
        }
        return String(String.UnicodeScalarView(scalars))
    }

    /// Whether the request was refused.
    package var isRefused: Bool { code != Self.none }
}

/// How many requests there were, and how long they took.
package struct TrafficCount: Sendable, Equatable {
    /// How many.
    package var requests: UInt64 = 0
    /// How long they took together, in microseconds.
    package var microseconds: UInt64 = 0
    /// How long each took.
    package var latency = LatencyHistogram()

    /// Makes a count of nothing.
    package init() {}

    /// Adds another count.
    package mutating func merge(_ other: TrafficCount) {
        requests &+= other.requests
        microseconds &+= other.microseconds
        latency.merge(other.latency)
    }

    /// Counts one request.
    package mutating func add(microseconds duration: UInt64) {
        requests &+= 1
        microseconds &+= duration
        latency.add(1, toBucket: LatencyHistogram.bucket(ofMicroseconds: duration))
    }
}

/// What was counted with the same labels within some seconds.
package struct TrafficRow: Sendable {
    /// When; it counts into the slot of each period that holds this moment.
    package let at: Timestamp
    /// By what.
    package let labels: TrafficLabels
    /// How many.
    package let count: TrafficCount

    /// Takes the parts.
    package init(at: Timestamp, labels: TrafficLabels, count: TrafficCount) {
        self.at = at
        self.labels = labels
        self.count = count
    }
}

/// The lengths of time that traffic is rolled up by: every request counts into one slot of each.
package enum TrafficPeriod: Int64, Sendable, CaseIterable {
    case minute = 60
    case quarterHour = 900
    case sixHours = 21_600

    /// At most so many rows are kept of one slot; what would be more is counted as ``TrafficLabels/other``.
    package static let rowsPerSlot = 1000

    /// How long slots are kept, in seconds.
    package var keptSeconds: Int64 {
        switch self {
        case .minute: 3 * 3600
        case .quarterHour: 2 * 86_400
        case .sixHours: 31 * 86_400
        }
    }

    /// The beginning of the slot that holds a moment.
    package func slot(of time: Timestamp) -> Timestamp {
        let seconds = time.secondsSinceEpoch
        let rest = ((seconds % rawValue) + rawValue) % rawValue
        return Timestamp(secondsSinceEpoch: seconds - rest)
    }
}

/// How far back an overview looks.
package enum TrafficWindow: String, Sendable, CaseIterable {
    case hour, day, month

    /// The length of its slots.
    package var period: TrafficPeriod {
        switch self {
        case .hour: .minute
        case .day: .quarterHour
        case .month: .sixHours
        }
    }

    /// How many slots it has; the last one is under way.
    package var slotCount: Int {
        switch self {
        case .hour: 60
        case .day: 96
        case .month: 120
        }
    }

    /// The beginnings of its slots, oldest first.
    package func slots(at now: Timestamp) -> [Timestamp] {
        let last = period.slot(of: now).secondsSinceEpoch
        return (0..<slotCount).map { index in
            Timestamp(secondsSinceEpoch: last - Int64(slotCount - 1 - index) * period.rawValue)
        }
    }
}
