import ControlPlane
import DataPlane
import GatewayCore
import Logging
import SQLiteStore

/// The telemetry of a running gateway: it is gathered and written twice a second, and never a reason not to serve.
struct TelemetryKeeper: Sendable {
    /// What the event loops hand over to.
    let telemetry: Telemetry
    /// Where it is kept.
    let store: any TelemetryStore
    private let tasks: [Task<Void, Never>]

    // What kill -9 may cost is this, the quarter of a second between two hand-overs, and the time of the write:
    // together less than a second.
    private static let interval = Duration.milliseconds(500)
    // The store forgets a little at every second write.
    private static let writesBetweenPrunings = 2
    // While the disk is full, one line each so many seconds.
    private static let secondsBetweenWarnings: Int64 = 60

    /// Begins to keep: in a database of its own beside that of the catalog, or in memory where there is none.
    static func start(_ options: ServeOptions, _ logger: Logger) -> TelemetryKeeper {
        let store = store(options, logger)
        let telemetry = Telemetry(store: store)
        return TelemetryKeeper(
            telemetry: telemetry,
            store: store,
            tasks: [
                // Apart from writing: while the disk makes that wait, what is handed over is still added up.
                Task { while (try? await Task.sleep(for: interval)) != nil { telemetry.gather() } },
                Task { await write(telemetry, store, logger) },
            ]
        )
    }

    private static func store(_ options: ServeOptions, _ logger: Logger) -> any TelemetryStore {
        var bounds = TelemetryBounds()
        bounds.decisions = options.keptDecisions
        guard options.catalogFile == nil else { return MemoryTelemetryStore(bounds) }
        do {
            let (store, reason) = try SQLiteTelemetryStore.open(
                dataDirectory: options.dataDirectory,
                bounds: bounds
            )
            if let reason {
                logger.warning(
                    "decisions and counts of requests begin anew, what was kept cannot be read",
                    metadata: ["reason": "\(reason)"]
                )
            }
            return store
        } catch {
            logger.warning(
                "decisions and counts of requests are kept in memory alone",
                metadata: ["reason": "\(error)"]
            )
            return MemoryTelemetryStore(bounds)
        }
    }

    private static func write(_ telemetry: Telemetry, _ store: any TelemetryStore, _ logger: Logger) async {
        var warnedAt: Int64?
        var writes = 0
        while (try? await Task.sleep(for: interval)) != nil {
            let now = Timestamp.systemNow
            do {
                try await telemetry.keep()
                writes += 1
                if writes % writesBetweenPrunings == 0 { try await store.prune(at: now) }
                warnedAt = nil
            } catch {
                if let last = warnedAt, now.secondsSinceEpoch - last < secondsBetweenWarnings { continue }
                warnedAt = now.secondsSinceEpoch
                logger.warning(
                    "decisions and counts of requests could not be kept",
                    metadata: ["reason": "\(error)"]
                )
            }
        }
    }

    /// Ends, what the event loops handed over last being kept.
    func stop() async {
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
        // The process ends: there is nobody left to try again.
        try? await telemetry.keep()
    }
}

/// Decisions and counts as the admin API reads them: everything up to this moment.
struct TelemetryReader: DecisionLog, TrafficStore {
    let server: GatewayServer
    let keeper: TelemetryKeeper

    /// Has everything written that happened before.
    private func settle() async {
        await server.handOverTelemetry()
        // What cannot be written is told by whoever writes each second; what was kept before can be read all the same.
        try? await keeper.telemetry.keep()
    }

    func decision(requestID: String) async -> DecisionRecord? {
        if let record = await server.decision(requestID: requestID) { return record }
        await settle()
        // While the database cannot be read, only what is remembered is known; who writes tells why.
        return try? await keeper.store.decision(requestID: requestID)
    }

    func decisions(_ query: DecisionQuery) async throws -> DecisionPage {
        await settle()
        do {
            return try await keeper.store.decisions(query)
        } catch {
            guard query.outcome != .admitted, query.before == nil, query.after == nil else { throw error }
            // The latest refusals are remembered also while the database cannot be read.
            let records = await server.recentRefusals(limit: DecisionQuery.maximumLimit, code: query.code)
            return DecisionPage(
                records: Array(records.filter { query.wants($0) }.prefix(query.limit)),
                next: nil,
                newest: nil
            )
        }
    }

    func traffic(
        _ window: TrafficWindow,
        of filter: TrafficFilter,
        at now: Timestamp
    ) async throws -> TrafficSummary {
        try await keeper.store.traffic(window, of: filter, at: now)
    }

    func trafficRows(_ window: TrafficWindow, at now: Timestamp, limit: Int) async throws -> [TrafficRow] {
        try await keeper.store.trafficRows(window, at: now, limit: limit)
    }

    func calls(with ids: [UseID], since minute: Timestamp) async throws -> [UseID: UInt64] {
        await settle()
        return try await keeper.store.calls(with: ids, since: minute)
    }

    /// What there was since the start, to this moment.
    func totals() async -> TelemetryTotals {
        await settle()
        return keeper.telemetry.totals
    }
}
