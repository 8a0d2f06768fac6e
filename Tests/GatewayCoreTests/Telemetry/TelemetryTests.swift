import GatewayCore
import Testing

@Suite struct `Telemetry on its way` {
    private static let now = Timestamp(secondsSinceEpoch: 1_795_478_400)

    private static func report(_ count: Int, _ code: Rejection.Code? = .endpointNotFound) -> Telemetry.Report
    {
        var table = TrafficTable()
        for _ in 0..<count { table.count(Findings(now: now), code, microseconds: 100) }
        return Telemetry.Report(at: now, traffic: table, decisionCount: 0, dropped: 0) { [] }
    }

    @Test func `counts of all event loops are added up and kept once`() async throws {
        let store = MemoryTelemetryStore()
        let telemetry = Telemetry(store: store)
        telemetry.add(Self.report(3))
        telemetry.add(Self.report(4))
        telemetry.add(Self.report(2, nil))
        try await telemetry.keep()
        try await telemetry.keep()
        let summary = try await store.traffic(.hour, at: Self.now)
        #expect(summary.requests == 9 && summary.refusals == ["endpoint_not_found": 7])
        #expect(telemetry.totals.requests.values.reduce(0, +) == 9)
    }

    @Test func `what cannot be written is added up until it can be`() async throws {
        let store = FailingStore()
        let telemetry = Telemetry(store: store)
        telemetry.add(Self.report(3))
        await #expect(throws: CatalogStoreError.self) { try await telemetry.keep() }
        await store.recover()
        telemetry.add(Self.report(1))
        try await telemetry.keep()
        #expect(try await store.traffic(.hour, at: Self.now).requests == 4)
    }

    @Test func `rows beyond the bound are counted together`() async throws {
        let store = MemoryTelemetryStore()
        let rows = (0..<TrafficPeriod.rowsPerSlot + 50).map { number in
            var count = TrafficCount()
            count.add(microseconds: 1)
            let labels = TrafficLabels(endpoint: "e/\(number)", client: "c", profile: "p", code: "-")
            return TrafficRow(at: Self.now, labels: labels, count: count)
        }
        try await store.add([], rows)
        let kept = try await store.trafficRows(.hour, at: Self.now, limit: .max)
        #expect(kept.count == TrafficPeriod.rowsPerSlot + 1)
        #expect(kept.first { $0.labels == .other }?.count.requests == 50)
    }

    @Test func `cursors are read as they are written`() {
        for cursor in [
            DecisionCursor(at: 1_795_478_400, sequence: 7), DecisionCursor(at: -1, sequence: .max),
        ] {
            #expect(DecisionCursor(cursor.text) == cursor)
        }
        #expect(DecisionCursor("xyz") == nil)
    }
}

/// A store that fails until it is told to recover.
private actor FailingStore: TelemetryStore {
    private let store = MemoryTelemetryStore()
    private var isBroken = true

    func recover() { isBroken = false }

    func add(_ decisions: [DecisionRecord], _ traffic: [TrafficRow]) async throws {
        if isBroken { throw CatalogStoreError.full(detail: "rehearsal") }
        try await store.add(decisions, traffic)
    }

    func prune(at now: Timestamp) async throws { try await store.prune(at: now) }
    func decisions(_ query: DecisionQuery) async throws -> DecisionPage { try await store.decisions(query) }
    func decision(requestID: String) async throws -> DecisionRecord? {
        try await store.decision(requestID: requestID)
    }
    func traffic(
        _ window: TrafficWindow,
        of filter: TrafficFilter,
        at now: Timestamp
    ) async throws -> TrafficSummary {
        try await store.traffic(window, of: filter, at: now)
    }
    func trafficRows(_ window: TrafficWindow, at now: Timestamp, limit: Int) async throws -> [TrafficRow] {
        try await store.trafficRows(window, at: now, limit: limit)
    }
}
