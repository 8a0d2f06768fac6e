/// The port through which decisions are kept.
package protocol DecisionStore: Sendable {
    /// The decisions that are asked for.
    ///
    /// - Throws: ``CatalogStoreError``.
    func decisions(_ query: DecisionQuery) async throws -> DecisionPage

    /// The decision under a request id.
    ///
    /// - Throws: ``CatalogStoreError``.
    func decision(requestID: String) async throws -> DecisionRecord?
}

/// The port through which counts of requests are kept.
package protocol TrafficStore: Sendable {
    /// The traffic of a window that ends now, of those requests that a filter wants.
    ///
    /// - Throws: ``CatalogStoreError``.
    func traffic(
        _ window: TrafficWindow,
        of filter: TrafficFilter,
        at now: Timestamp
    ) async throws -> TrafficSummary

    /// What was counted slot by slot in a window, in the order of slots and labels; at most so many rows.
    ///
    /// - Throws: ``CatalogStoreError``.
    func trafficRows(_ window: TrafficWindow, at now: Timestamp, limit: Int) async throws -> [TrafficRow]

    /// How many calls there were with each of some keys and API tokens since a minute began; none where it is left
    /// out.
    ///
    /// - Throws: ``CatalogStoreError``.
    func calls(with ids: [UseID], since minute: Timestamp) async throws -> [UseID: UInt64]
}

/// Where telemetry is kept.
///
/// It is bounded, and may lose its latest second; nothing of the catalog is in it.
package protocol TelemetryStore: DecisionStore, TrafficStore {
    /// Keeps decisions and adds counts, all or nothing.
    ///
    /// - Throws: ``CatalogStoreError``; nothing was kept then.
    func add(_ decisions: [DecisionRecord], _ traffic: [TrafficRow], _ uses: [UseCount]) async throws

    /// Forgets a little of what is beyond the bounds; to be called about once a second.
    ///
    /// - Throws: ``CatalogStoreError``.
    func prune(at now: Timestamp) async throws
}

extension TelemetryStore {
    /// Keeps decisions and adds counts, all or nothing.
    ///
    /// - Throws: ``CatalogStoreError``; nothing was kept then.
    package func add(_ decisions: [DecisionRecord], _ traffic: [TrafficRow]) async throws {
        try await add(decisions, traffic, [])
    }
}

/// How much telemetry is kept.
package struct TelemetryBounds: Sendable {
    /// How many decisions.
    package var decisions = 1_000_000
    /// For how long decisions are kept, in seconds.
    package var decisionSeconds: Int64 = 30 * 86_400

    /// Takes the default bounds.
    package init() {}
}
