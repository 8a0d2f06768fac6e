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
    ///
    /// Numbers stand for the labels' texts until the end: rows are many and names few, and only those that are shown
    /// are looked up.
    package struct Builder: Sendable {
        private struct Tally: Sendable {
            var requests: UInt64 = 0
            var refused: UInt64 = 0
            var latency = LatencyHistogram()
        }

        private let window: TrafficWindow
        private let starts: [Timestamp]
        private var totals: [Tally]
        private var refusals: [[Int64: UInt64]]
        private var clients: [Int64: Tally] = [:]
        private var endpoints: [Int64: Tally] = [:]

        /// Begins with an empty summary.
        package init(_ window: TrafficWindow, at now: Timestamp) {
            self.window = window
            starts = window.slots(at: now)
            totals = Array(repeating: Tally(), count: starts.count)
            refusals = Array(repeating: [:], count: starts.count)
        }

        /// The first moment that belongs to the window.
        package var start: Timestamp { starts[0] }

        /// Adds what was counted in a slot; what is outside the window counts nowhere.
        ///
        /// - Parameters:
        ///   - start: when the slot began.
        ///   - client: whom the tokens named.
        ///   - endpoint: what was matched.
        ///   - code: why the requests were refused; `nil` when they were admitted.
        ///   - count: how many there were.
        package mutating func add(
            _ start: Timestamp,
            client: Int64,
            endpoint: Int64,
            code: Int64?,
            _ count: TrafficCount
        ) {
            let offset = start.secondsSinceEpoch - self.start.secondsSinceEpoch
            guard offset >= 0, offset / window.period.rawValue < Int64(starts.count) else { return }
            let slot = Int(offset / window.period.rawValue)
            let isRefused = code != nil
            Self.add(count, isRefused, to: &totals[slot])
            if let code { refusals[slot][code, default: 0] &+= count.requests }
            Self.add(count, isRefused, to: &clients[client, default: Tally()])
            Self.add(count, isRefused, to: &endpoints[endpoint, default: Tally()])
        }

        private static func add(_ count: TrafficCount, _ isRefused: Bool, to tally: inout Tally) {
            tally.requests &+= count.requests
            if isRefused { tally.refused &+= count.requests }
            tally.latency.merge(count.latency)
        }

        /// The summary of what was added.
        ///
        /// - Parameter text: the text that a number stands for.
        /// - Returns: the totals, the slots, and who and what were at the top.
        /// - Throws: what `text` throws.
        package func summary<Failure>(
            _ text: (Int64) throws(Failure) -> String
        ) throws(Failure) -> TrafficSummary {
            var latency = LatencyHistogram()
            var codes: [String: UInt64] = [:]
            var slots: [Slot] = []
            for (index, total) in totals.enumerated() {
                var slot = Slot(start: starts[index])
                (slot.requests, slot.latency) = (total.requests, total.latency)
                for (code, count) in refusals[index] { slot.refusals[try text(code), default: 0] &+= count }
                latency.merge(slot.latency)
                codes.merge(slot.refusals) { $0 &+ $1 }
                slots.append(slot)
            }
            return TrafficSummary(
                window: window,
                slots: slots,
                requests: totals.reduce(0) { $0 &+ $1.requests },
                refusals: codes,
                latency: latency,
                topClients: try Self.top(clients, text),
                topEndpoints: try Self.top(endpoints, text)
            )
        }

        private static func top<Failure>(
            _ tallies: [Int64: Tally],
            _ text: (Int64) throws(Failure) -> String
        ) throws(Failure) -> [Share] {
            // One more than are wanted: what stands for none is not among them. Of equals all are looked up.
            let counts = tallies.values.map(\.requests).sorted(by: >)
            let least = counts.dropFirst(topCount).first ?? 0
            var shares: [Share] = []
            for (label, tally) in tallies where tally.requests >= least {
                let name = try text(label)
                guard name != TrafficLabels.none else { continue }
                shares.append(
                    Share(
                        name: name,
                        requests: tally.requests,
                        refused: tally.refused,
                        latency: tally.latency
                    )
                )
            }
            return Array(shares.sorted { ($1.requests, $0.name) < ($0.requests, $1.name) }.prefix(topCount))
        }
    }
}
