import GRDB
package import GatewayCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension SQLiteTelemetryStore {
    package func traffic(
        _ window: TrafficWindow,
        of filter: TrafficFilter,
        at now: Timestamp
    ) async throws -> TrafficSummary {
        try await read { database in
            var builder = TrafficSummary.Builder(window, at: now)
            try Self.forEachRow(database, window, of: filter, from: builder.start, limit: .max) {
                start,
                labels,
                count in
                builder.add(start, labels, count)
            }
            return builder.summary()
        }
    }

    package func trafficRows(
        _ window: TrafficWindow,
        at now: Timestamp,
        limit: Int
    ) async throws -> [TrafficRow] {
        try await read { database in
            var rows: [TrafficRow] = []
            let start = window.slots(at: now)[0]
            try Self.forEachRow(database, window, from: start, limit: Int64(max(0, limit))) {
                start,
                labels,
                count in
                rows.append(TrafficRow(at: start, labels: labels, count: count))
            }
            return rows
        }
    }

    private static func forEachRow(
        _ database: Database,
        _ window: TrafficWindow,
        of filter: TrafficFilter = TrafficFilter(),
        from start: Timestamp,
        limit: Int64,
        _ body: (Timestamp, TrafficLabels, TrafficCount) -> Void
    ) throws {
        var names = Names(database)
        let rows = try StoredRows(
            in: database,
            table: "traffic",
            columns: "start, endpoint, client, profile, code, requests, microseconds, latency",
            clauses: "WHERE period = ? AND start >= ? ORDER BY start LIMIT ?",
            arguments: [window.period.rawValue, start.secondsSinceEpoch, limit]
        )
        while let row = try rows.next() {
            let labels = TrafficLabels(
                endpoint: try names.text(try row.number(1)),
                client: try names.text(try row.number(2)),
                profile: try names.text(try row.number(3)),
                code: try names.text(try row.number(4))
            )
            guard filter.wants(labels) else { continue }
            var count = TrafficCount()
            count.requests = UInt64(clamping: try row.number(5))
            count.microseconds = UInt64(clamping: try row.number(6))
            guard count.latency.merge(encoded: try row.optionalBytes(7) ?? Data()) else {
                throw row.damage("column 8 is no histogram")
            }
            body(Timestamp(secondsSinceEpoch: try row.number(0)), labels, count)
        }
    }

    /// The names that rows refer to, each looked up once.
    private struct Names {
        private let database: Database
        private var known: [Int64: String] = [:]

        init(_ database: Database) {
            self.database = database
        }

        mutating func text(_ id: Int64) throws -> String {
            if let text = known[id] { return text }
            let find = try database.cachedStatement(sql: "SELECT text FROM names WHERE id = ?")
            let text = try String.fetchOne(find, arguments: [id]) ?? TrafficLabels.none
            known[id] = text
            return text
        }
    }
}
