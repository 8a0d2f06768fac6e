import DataPlane
import GatewayCore
import NIOCore
import Testing

@Suite struct `What one event loop keeps of a flood` {
    private static let now = Timestamp(secondsSinceEpoch: 1_795_478_400)

    private static func note(
        _ count: Int,
        _ code: Rejection.Code?,
        at second: Int64 = 0,
        in loop: inout LoopTelemetry
    ) {
        let time = Timestamp(secondsSinceEpoch: now.secondsSinceEpoch + second)
        let findings = Findings(now: time)
        let rejection = code.map { Rejection($0, operatorDetail: "a test") }
        for number in 0..<count {
            let request = FinishedRequest(
                RequestID(high: UInt64(second), low: UInt64(number)),
                TrafficKey(findings, code),
                status: code?.status ?? 200,
                bytes: 0,
                from: IPAddress(v4: 0x7f00_0001),
                since: .now()
            )
            loop.note(request, nil, nil, at: time) { (findings, rejection) }
        }
    }

    @Test func `refusals beyond the bound of a second are counted, not kept, and the count is told`()
        async throws
    {
        let store = MemoryTelemetryStore()
        let telemetry = Telemetry(store: store)
        var loop = LoopTelemetry(telemetry, nil)
        Self.note(LoopTelemetry.refusedPerSecond + 88, .invalidToken, in: &loop)
        loop.handOver(at: Self.now)
        // Handing over within the second must not begin it anew.
        Self.note(10, .invalidToken, in: &loop)
        loop.handOver(at: Self.now)
        #expect(telemetry.totals.droppedDecisions == 98)
        Self.note(10, .invalidToken, at: 1, in: &loop)
        loop.handOver(at: Self.now)
        try await telemetry.keep()
        let totals = telemetry.totals
        #expect(totals.droppedDecisions == 98 && totals.droppedRequests == 0)
        #expect(totals.requests.values.reduce(0, +) == UInt64(LoopTelemetry.refusedPerSecond + 108))
        var query = DecisionQuery()
        query.limit = DecisionQuery.maximumLimit
        #expect(try await store.decisions(query).records.count == LoopTelemetry.refusedPerSecond + 10)
    }

    @Test func `admitted requests are sampled one in 128, up to the bound of a second`() async throws {
        let store = MemoryTelemetryStore()
        let telemetry = Telemetry(store: store)
        var loop = LoopTelemetry(telemetry, nil)
        Self.note(128 * 100, nil, in: &loop)
        Self.note(1, nil, at: 1, in: &loop)
        loop.handOver(at: Self.now)
        try await telemetry.keep()
        #expect(telemetry.totals.droppedDecisions == UInt64(100 - LoopTelemetry.admittedPerSecond))
        #expect(telemetry.totals.requests.values.reduce(0, +) == 12_801)
        var query = DecisionQuery()
        (query.limit, query.outcome) = (DecisionQuery.maximumLimit, .admitted)
        #expect(try await store.decisions(query).records.count == LoopTelemetry.admittedPerSecond + 1)
    }

    @Test func `what is handed over late has no more room than a second's`() async throws {
        let telemetry = Telemetry(store: MemoryTelemetryStore())
        var loop = LoopTelemetry(telemetry, nil)
        for second in 0..<3 as Range<Int64> {
            Self.note(LoopTelemetry.refusedPerSecond, .invalidToken, at: second, in: &loop)
        }
        loop.handOver(at: Self.now)
        let room = LoopTelemetry.refusedPerSecond + LoopTelemetry.admittedPerSecond
        #expect(telemetry.totals.droppedDecisions == UInt64(3 * LoopTelemetry.refusedPerSecond - room))
    }
}
