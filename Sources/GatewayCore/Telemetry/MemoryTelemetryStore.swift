import Synchronization

/// Telemetry in memory: for a gateway that runs from a file, and in the place of a database that cannot be used.
package final class MemoryTelemetryStore: TelemetryStore {
    // With their checks decisions take about 2 KiB each.
    private static let maximumDecisions = 10_000

    private struct SlotKey: Hashable {
        let period: TrafficPeriod
        let start: Timestamp
    }

    private struct State {
        var decisions: [(sequence: Int64, record: DecisionRecord)] = []
        var sequence: Int64 = 0
        var slots: [SlotKey: [TrafficLabels: TrafficCount]] = [:]
        var uses: [Timestamp: [UseID: UInt64]] = [:]
    }

    private let bounds: TelemetryBounds
    private let state = Mutex(State())

    /// Makes an empty store.
    package init(_ bounds: TelemetryBounds = TelemetryBounds()) {
        var bounds = bounds
        bounds.decisions = min(bounds.decisions, Self.maximumDecisions)
        self.bounds = bounds
    }

    package func add(
        _ decisions: [DecisionRecord],
        _ traffic: [TrafficRow],
        _ uses: [UseCount]
    ) async throws {
        state.withLock { state in
            for record in decisions {
                state.sequence += 1
                state.decisions.append((state.sequence, record))
            }
            for row in traffic {
                for period in TrafficPeriod.allCases {
                    let key = SlotKey(period: period, start: period.slot(of: row.at))
                    Self.add(row, to: &state.slots[key, default: [:]])
                }
            }
            for use in uses { state.uses[use.minute, default: [:]][use.id, default: 0] &+= use.requests }
        }
    }

    private static func add(_ row: TrafficRow, to slot: inout [TrafficLabels: TrafficCount]) {
        let isKnown = slot[row.labels] != nil || slot.count < TrafficPeriod.rowsPerSlot
        slot[isKnown ? row.labels : .other, default: TrafficCount()].merge(row.count)
    }

    package func prune(at now: Timestamp) async throws {
        state.withLock { state in
            let excess = state.decisions.count - bounds.decisions
            if excess > 0 { state.decisions.removeFirst(excess) }
            let oldest = Timestamp(secondsSinceEpoch: now.secondsSinceEpoch - bounds.decisionSeconds)
            state.decisions.removeAll { $0.record.at < oldest }
            state.slots = state.slots.filter { key, _ in
                key.start.secondsSinceEpoch >= now.secondsSinceEpoch - key.period.keptSeconds
            }
            state.uses = state.uses.filter { minute, _ in
                minute.secondsSinceEpoch >= now.secondsSinceEpoch - UseCount.keptSeconds
            }
        }
    }

    package func decisions(_ query: DecisionQuery) async throws -> DecisionPage {
        state.withLock { state in
            let limit = min(max(1, query.limit), DecisionQuery.maximumLimit)
            let all = state.decisions.map {
                (DecisionCursor(at: $0.record.at.secondsSinceEpoch, sequence: $0.sequence), $0.record)
            }
            let wanted = all.filter { query.wants($0.1) }
            if let after = query.after {
                let found = wanted.filter { $0.0.sequence > after.sequence }.prefix(limit)
                let end = found.count < limit ? all.last?.0 : found.last?.0
                return DecisionPage(records: found.map(\.1), next: nil, newest: end ?? after)
            }
            let sorted = wanted.filter { entry in query.before.map { entry.0 < $0 } ?? true }
                .sorted { $1.0 < $0.0 }
            let page = sorted.prefix(limit)
            return DecisionPage(
                records: page.map(\.1),
                next: sorted.count > limit ? page.last?.0 : nil,
                newest: all.last?.0 ?? DecisionCursor(at: 0, sequence: 0)
            )
        }
    }

    package func decision(requestID: String) async throws -> DecisionRecord? {
        state.withLock { state in state.decisions.last { $0.record.requestID == requestID }?.record }
    }

    package func traffic(
        _ window: TrafficWindow,
        of filter: TrafficFilter,
        at now: Timestamp
    ) async throws -> TrafficSummary {
        var builder = TrafficSummary.Builder(window, at: now)
        var names = TextNumbers()
        for row in rows(window, from: builder.start) where filter.wants(row.labels) {
            builder.add(
                row.at,
                client: names.number(of: row.labels.client),
                endpoint: names.number(of: row.labels.endpoint),
                code: row.labels.isRefused ? names.number(of: row.labels.code) : nil,
                row.count
            )
        }
        return builder.summary { names.text($0) }
    }

    package func trafficRows(
        _ window: TrafficWindow,
        at now: Timestamp,
        limit: Int
    ) async throws -> [TrafficRow] {
        Array(rows(window, from: window.slots(at: now)[0]).prefix(max(0, limit)))
    }

    package func calls(with ids: [UseID], since minute: Timestamp) async throws -> [UseID: UInt64] {
        let minutes = state.withLock { $0.uses.filter { $0.key >= minute }.values }
        return ids.reduce(into: [:]) { calls, id in
            let sum = minutes.reduce(0) { $0 &+ ($1[id] ?? 0) }
            if sum > 0 { calls[id] = sum }
        }
    }

    private func rows(_ window: TrafficWindow, from start: Timestamp) -> [TrafficRow] {
        let slots = state.withLock { $0.slots }
        let rows = slots.filter { $0.key.period == window.period && $0.key.start >= start }
            .flatMap { key, counts in
                counts.map { TrafficRow(at: key.start, labels: $0.key, count: $0.value) }
            }
        return rows.sorted { ($0.at, $0.labels) < ($1.at, $1.labels) }
    }
}

extension DecisionCursor: Comparable {
    package static func < (left: Self, right: Self) -> Bool {
        (left.at, left.sequence) < (right.at, right.sequence)
    }
}

extension TrafficLabels: Comparable {
    package static func < (left: Self, right: Self) -> Bool {
        (left.endpoint, left.client, left.profile, left.code)
            < (right.endpoint, right.client, right.profile, right.code)
    }
}

/// Numbers that stand for texts.
private struct TextNumbers {
    private var texts: [String] = []
    private var numbers: [String: Int64] = [:]

    mutating func number(of text: String) -> Int64 {
        if let number = numbers[text] { return number }
        let number = Int64(texts.count)
        texts.append(text)
        numbers[text] = number
        return number
    }

    func text(_ number: Int64) -> String { texts[Int(number)] }
}
