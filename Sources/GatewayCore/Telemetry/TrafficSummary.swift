/// The traffic of a window: totals, what happened when, and who and what were at the top.
package struct TrafficSummary: Sendable {
    /// The 50th, 90th and 99th percentile of how long requests took, in microseconds.
    package struct Percentiles: Sendable, Equatable {
        /// What half, nine in ten, and all but one in a hundred requests stayed within.
        package let p50: UInt64, p90: UInt64, p99: UInt64

        /// Takes them from a histogram; `nil` when it is empty.
        package init?(_ latency: LatencyHistogram) {
            guard let p50 = latency.percentile(0.5), let p90 = latency.percentile(0.9),
                let p99 = latency.percentile(0.99)
            else { return nil }
            (self.p50, self.p90, self.p99) = (p50, p90, p99)
        }
    }

    /// One slot of the window.
    package struct Slot: Sendable {
        /// When it began.
        package let start: Timestamp
        /// How many requests there were.
        package internal(set) var requests: UInt64 = 0
        /// How many were refused, by code.
        package internal(set) var refusals: [String: UInt64] = [:]
        /// How long all of them took.
        package internal(set) var latency = LatencyHistogram()

        init(start: Timestamp) {
            self.start = start
        }
    }

    /// A client or an endpoint, and its traffic.
    package struct Share: Sendable {
        /// Its name; the client's, or the endpoint as `handle/name`.
        package let name: String
        /// How many requests there were.
        package internal(set) var requests: UInt64 = 0
        /// How many of them were refused.
        package internal(set) var refused: UInt64 = 0
        /// How long all of them took.
        package internal(set) var latency = LatencyHistogram()
    }

    /// How many clients and endpoints are named.
    package static let topCount = 10

    /// The window.
    package let window: TrafficWindow
    /// Its slots, oldest first; the last one is under way.
    package let slots: [Slot]
    /// How many requests there were.
    package let requests: UInt64
    /// How many were refused, by code.
    package let refusals: [String: UInt64]
    /// How long all of them took.
    package let latency: LatencyHistogram
    /// The clients with the most requests, first the one with the most.
    package let topClients: [Share]
    /// The endpoints with the most requests, first the one with the most.
    package let topEndpoints: [Share]

    /// How many were refused.
    package var refused: UInt64 { refusals.values.reduce(0, &+) }
}

extension TrafficSummary {
    /// Gathers a summary row by row, in any order.
    package struct Builder: Sendable {
        private let window: TrafficWindow
        private var slots: [Slot]
        private var clients: [String: Share] = [:]
        private var endpoints: [String: Share] = [:]

        /// Begins with an empty summary.
        package init(_ window: TrafficWindow, at now: Timestamp) {
            self.window = window
            slots = window.slots(at: now).map { Slot(start: $0) }
        }

        /// The first moment that belongs to the window.
        package var start: Timestamp { slots[0].start }

        /// Adds what was counted in a slot; what is outside the window counts nowhere.
        package mutating func add(_ start: Timestamp, _ labels: TrafficLabels, _ count: TrafficCount) {
            let offset = start.secondsSinceEpoch - self.start.secondsSinceEpoch
            guard offset >= 0, offset / window.period.rawValue < Int64(slots.count) else { return }
            let index = Int(offset / window.period.rawValue)
            slots[index].requests &+= count.requests
            slots[index].latency.merge(count.latency)
            if labels.isRefused { slots[index].refusals[labels.code, default: 0] &+= count.requests }
            Self.add(count, labels, to: &clients[labels.client, default: Share(name: labels.client)])
            Self.add(count, labels, to: &endpoints[labels.endpoint, default: Share(name: labels.endpoint)])
        }

        private static func add(_ count: TrafficCount, _ labels: TrafficLabels, to share: inout Share) {
            share.requests &+= count.requests
            if labels.isRefused { share.refused &+= count.requests }
            share.latency.merge(count.latency)
        }

        /// The summary of what was added.
        package func summary() -> TrafficSummary {
            var latency = LatencyHistogram()
            var refusals: [String: UInt64] = [:]
            for slot in slots {
                latency.merge(slot.latency)
                refusals.merge(slot.refusals) { $0 &+ $1 }
            }
            return TrafficSummary(
                window: window,
                slots: slots,
                requests: slots.reduce(0) { $0 &+ $1.requests },
                refusals: refusals,
                latency: latency,
                topClients: Self.top(clients),
                topEndpoints: Self.top(endpoints)
            )
        }

        private static func top(_ shares: [String: Share]) -> [Share] {
            let named = shares.values.filter { $0.name != TrafficLabels.none }
            return Array(named.sorted { ($1.requests, $0.name) < ($0.requests, $1.name) }.prefix(topCount))
        }
    }
}
