import Synchronization

/// What the event loops counted and sampled, on its way to the store and to the metrics.
///
/// Requests never wait for it: an event loop hands over four times a second, texts are made here, and whoever owns this
/// has them written twice a second. What finds no room is dropped and counted.
package final class Telemetry: Sendable {
    /// What an event loop hands over.
    package struct Report: Sendable {
        /// When.
        package let at: Timestamp
        /// What it counted.
        package let traffic: TrafficTable
        /// How many decisions it sampled.
        package let decisionCount: Int
        /// Makes the decisions' texts.
        package let decisions: @Sendable () -> [DecisionRecord]
        /// How many decisions it had no room for.
        package let dropped: UInt64

        /// Takes the parts.
        package init(
            at: Timestamp,
            traffic: TrafficTable,
            decisionCount: Int,
            dropped: UInt64,
            decisions: @escaping @Sendable () -> [DecisionRecord]
        ) {
            self.at = at
            self.traffic = traffic
            self.decisionCount = decisionCount
            self.decisions = decisions
            self.dropped = dropped
        }
    }

    private struct RowKey: Hashable {
        let minute: Timestamp
        let labels: TrafficLabels
    }

    // What event loops handed over, and what of it found no room.
    private struct Reports {
        var waiting: [Report] = []
        var lostDecisions: UInt64 = 0
        var lostRequests: UInt64 = 0
    }

    // What is written at once.
    private struct Batch {
        let decisions: [DecisionRecord]
        let rows: [RowKey: TrafficCount]
        let uses: UseCounts
    }

    private struct State {
        var decisions: [DecisionRecord] = []
        var rows: [RowKey: TrafficCount] = [:]
        var uses = UseCounts()
        var totals = TelemetryTotals()
        var isKeeping = false
    }

    // Some seconds of what all event loops of a large machine sample.
    private static let maximumDecisions = 20_000
    private static let maximumRows = 10_000
    /// At most so many hand-overs wait until they are gathered: some seconds of the largest machines.
    package static let maximumReports = 4096

    private let store: any TelemetryStore
    private let reports = Mutex(Reports())
    private let state = Mutex(State())

    /// Gathers for a store.
    package init(store: any TelemetryStore) {
        self.store = store
    }

    /// Takes over what an event loop has.
    package func add(_ report: Report) {
        reports.withLock { reports in
            guard reports.waiting.count < Self.maximumReports else {
                reports.lostDecisions += UInt64(report.decisionCount) + report.dropped
                reports.lostRequests += report.traffic.requests
                return
            }
            reports.waiting.append(report)
        }
    }

    /// What there was since the start, as far as the event loops have handed it over.
    package var totals: TelemetryTotals {
        gather()
        return state.withLock { $0.totals }
    }

    /// Makes the texts of what was handed over.
    package func gather() {
        state.withLock { state in
            let reports = reports.withLock { reports in
                defer { reports = Reports() }
                return reports
            }
            state.totals.droppedDecisions += reports.lostDecisions
            state.totals.droppedRequests += reports.lostRequests
            for report in reports.waiting { Self.gather(report, into: &state) }
        }
    }

    private static func gather(_ report: Report, into state: inout State) {
        state.totals.droppedDecisions += report.dropped
        let minute = TrafficPeriod.minute.slot(of: report.at)
        state.totals.droppedRequests += report.traffic.uncountedUses
        for (id, requests) in report.traffic.useCounts where !state.uses.add(requests, of: id, in: minute) {
            state.totals.droppedRequests += requests
        }
        for row in report.traffic.rows(at: report.at) {
            state.totals.add(row)
            add(row.count, RowKey(minute: minute, labels: row.labels), &state)
        }
        guard state.decisions.count + report.decisionCount <= maximumDecisions else {
            state.totals.droppedDecisions += UInt64(report.decisionCount)
            return
        }
        if report.decisionCount > 0 { state.decisions += report.decisions() }
    }

    private static func add(_ count: TrafficCount, _ key: RowKey, _ state: inout State) {
        let isKnown = state.rows[key] != nil || state.rows.count < maximumRows
        // While nothing can be written there is one more row for each minute.
        let place = isKnown ? key : RowKey(minute: key.minute, labels: .other)
        guard state.rows.count < 2 * maximumRows || state.rows[place] != nil else {
            state.totals.droppedRequests += count.requests
            return
        }
        state.rows[place, default: TrafficCount()].merge(count)
    }

    /// Has the store keep what was gathered; only one call at a time does.
    ///
    /// - Throws: what the store throws; then the counts are tried again the next time, and the decisions dropped.
    package func keep() async throws {
        gather()
        let batch = state.withLock { state -> Batch? in
            guard !state.isKeeping, !state.decisions.isEmpty || !state.rows.isEmpty else { return nil }
            defer {
                (state.decisions, state.rows, state.uses, state.isKeeping) = ([], [:], UseCounts(), true)
            }
            return Batch(decisions: state.decisions, rows: state.rows, uses: state.uses)
        }
        guard let batch else { return }
        do {
            let rows = batch.rows.map { TrafficRow(at: $0.minute, labels: $0.labels, count: $1) }
            try await store.add(batch.decisions, rows, batch.uses.all)
            state.withLock { $0.isKeeping = false }
        } catch {
            state.withLock { state in
                state.isKeeping = false
                state.totals.droppedDecisions += UInt64(batch.decisions.count)
                for (key, count) in batch.rows { Self.add(count, key, &state) }
                state.totals.droppedRequests += state.uses.merge(batch.uses)
            }
            throw error
        }
    }
}

/// What there was since the start, for machines that watch.
package struct TelemetryTotals: Sendable {
    // Beyond them a watching machine would suffer.
    private static let maximumRows = 5000
    private static let maximumEndpoints = 1000

    /// The requests by all labels.
    package private(set) var requests: [TrafficLabels: UInt64] = [:]
    /// The requests of each endpoint, and how long they took.
    package private(set) var endpoints: [String: TrafficCount] = [:]
    /// Decisions that found no room on the way to the store.
    package internal(set) var droppedDecisions: UInt64 = 0
    /// Requests that found no room on the way to the stored rollups.
    package internal(set) var droppedRequests: UInt64 = 0

    /// Makes totals of nothing.
    package init() {}

    mutating func add(_ row: TrafficRow) {
        let isKnown = requests[row.labels] != nil || requests.count < Self.maximumRows
        requests[isKnown ? row.labels : .other, default: 0] &+= row.count.requests
        let endpoint = row.labels.endpoint
        let hasRoom = endpoints[endpoint] != nil || endpoints.count < Self.maximumEndpoints
        endpoints[hasRoom ? endpoint : TrafficLabels.other.endpoint, default: TrafficCount()].merge(row.count)
    }
}
