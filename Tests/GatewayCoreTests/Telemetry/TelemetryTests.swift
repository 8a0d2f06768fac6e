import GatewayCore
import PortcullisTestSupport
import Testing

@Suite struct `Telemetry on its way` {
    private static let now = Timestamp(secondsSinceEpoch: 1_795_478_400)

    private static func report(_ count: Int, _ code: Rejection.Code? = .endpointNotFound) -> Telemetry.Report
    {
        var table = TrafficTable()
        for _ in 0..<count { table.count(TrafficKey(Findings(now: now), code), microseconds: 100) }
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

    @Test func `what nobody gathers is dropped and counted, and no event loop waits`() {
        let telemetry = Telemetry(store: MemoryTelemetryStore())
        for _ in 0..<Telemetry.maximumReports + 10 { telemetry.add(Self.report(2)) }
        let totals = telemetry.totals
        #expect(totals.requests.values.reduce(0, +) == UInt64(2 * Telemetry.maximumReports))
        #expect(totals.droppedRequests == 20)
    }

    @Test func `one event loop's labels beyond the bound are counted together, and no request is lost`()
        throws
    {
        let count = TrafficTable.maximumRows + 100
        var admission = Admission(
            cache: VerifiedTokenCache(capacity: 1, maximumBytes: 1 << 16, seed: 1)
        )
        let snapshot = try Self.snapshot(endpoints: count)
        var table = TrafficTable()
        // Twice, so that those within the bound are found again among the others.
        for _ in 0..<2 {
            for number in 0..<count {
                let path = Array("/api/e\(number)".utf8)
                let decision = admission.decide(
                    snapshot,
                    host: Span(),
                    method: Array("GET".utf8).span,
                    path: path.span,
                    authorization: Span(),
                    apiToken: Span(),
                    fields: NoFields(),
                    Self.question
                )
                table.count(TrafficKey(decision.findings, nil), microseconds: 100)
            }
        }
        let rows = table.rows(at: Self.now)
        #expect(rows.count == TrafficTable.maximumRows)
        #expect(rows.first?.labels.endpoint == "api/e0" && rows.first?.count.requests == 2)
        // One row is the others' own.
        #expect(rows.last?.labels == .other && rows.last?.count.requests == 2 * 101)
        #expect(rows.reduce(0) { $0 + $1.count.requests } == UInt64(2 * count))
    }

    private static let question = AdmissionQuestion(
        clientAddress: IPAddress(v4: 0x7f00_0001),
        authorizationFields: 0,
        apiTokenFields: 0,
        now: now
    )

    private static func snapshot(endpoints count: Int) throws -> Snapshot {
        var draft = CatalogDraft(Catalog())
        let target = try UpstreamTarget(url: "http://127.0.0.1:9")
        let upstream = Upstream(id: .test(1), name: "echo", targets: [target])
        try draft.put(upstream)
        var collection = Collection(id: .test(2), name: "API", handle: "api")
        collection.endpoints = try (0..<count).map { number in
            var endpoint = try Endpoint.test(number + 1, "e\(number)", ["GET"], "/e\(number)", upstream)
            endpoint.authentication = .none
            return endpoint
        }
        try draft.put(collection)
        return Snapshot(draft.finished())
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

    func add(
        _ decisions: [DecisionRecord],
        _ traffic: [TrafficRow],
        _ uses: [UseCount]
    ) async throws {
        if isBroken { throw CatalogStoreError.full(detail: "rehearsal") }
        try await store.add(decisions, traffic, uses)
    }

    func calls(with ids: [UseID], since minute: Timestamp) async throws -> [UseID: UInt64] {
        try await store.calls(with: ids, since: minute)
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

/// A request without query and headers.
private struct NoFields: RequestFields {
    var queryBytes: [UInt8] { [] }
    var fieldCount: Int { 0 }
    func values(ofField name: [UInt8]) -> [[UInt8]] { [] }
}
