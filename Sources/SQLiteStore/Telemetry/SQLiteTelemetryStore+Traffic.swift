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
            var names = Names(database)
            let none = try names.number(of: TrafficLabels.none)
            try Self.forEachRow(database, window, from: builder.start, limit: .max) { row in
                if !filter.wantsAll, try !filter.wants(row.labels(&names)) { return }
                builder.add(
                    row.start,
                    client: row.client,
                    endpoint: row.endpoint,
                    code: row.code == none ? nil : row.code,
                    try row.count()
                )
            }
            return try builder.summary { try names.text($0) }
        }
    }

    package func trafficRows(
        _ window: TrafficWindow,
        at now: Timestamp,
        limit: Int
    ) async throws -> [TrafficRow] {
        try await read { database in
            var rows: [TrafficRow] = []
            var names = Names(database)
            let start = window.slots(at: now)[0]
            try Self.forEachRow(database, window, from: start, limit: Int64(max(0, limit))) { row in
                rows.append(TrafficRow(at: row.start, labels: try row.labels(&names), count: try row.count()))
            }
            return rows
        }
    }

    package func calls(with ids: [UseID], since minute: Timestamp) async throws -> [UseID: UInt64] {
        try await read { database in
            let sum = try database.cachedStatement(
                sql: "SELECT SUM(requests) FROM uses WHERE high = ? AND low = ? AND minute >= ?"
            )
            return try ids.reduce(into: [:]) { calls, id in
                let (high, low) = id.halves
                let found = try Int64.fetchOne(sum, arguments: [high, low, minute.secondsSinceEpoch])
                if let found, found > 0 { calls[id] = UInt64(found) }
            }
        }
    }

    private static func forEachRow(
        _ database: Database,
        _ window: TrafficWindow,
        from start: Timestamp,
        limit: Int64,
        _ body: (StoredTraffic) throws -> Void
    ) throws {
        let rows = try StoredRows(
            in: database,
            table: "traffic",
            columns: StoredTraffic.columns,
            clauses: "WHERE period = ? AND start >= ? ORDER BY start LIMIT ?",
            arguments: [window.period.rawValue, start.secondsSinceEpoch, limit]
        )
        while let row = try rows.next() { try body(try StoredTraffic(row)) }
    }

    /// A row, with numbers for names; its histogram is read when it is asked for.
    private struct StoredTraffic {
        static let columns = "start, endpoint, client, profile, code, requests, microseconds, latency"

        let start: Timestamp
        let endpoint: Int64
        let client: Int64
        let profile: Int64
        let code: Int64
        private let row: StoredRow

        init(_ row: StoredRow) throws {
            start = Timestamp(secondsSinceEpoch: try row.number(0))
            endpoint = try row.number(1)
            client = try row.number(2)
            profile = try row.number(3)
            code = try row.number(4)
            self.row = row
        }

        func labels(_ names: inout Names) throws -> TrafficLabels {
            TrafficLabels(
                endpoint: try names.text(endpoint),
                client: try names.text(client),
                profile: try names.text(profile),
                code: try names.text(code)
            )
        }

        func count() throws -> TrafficCount {
            var count = TrafficCount()
            count.requests = UInt64(clamping: try row.number(5))
            count.microseconds = UInt64(clamping: try row.number(6))
            let isWhole = try row.withOptionalBytes(7) { count.latency.merge(encoded: $0) }
            guard isWhole ?? true else { throw row.damage("column 8 is no histogram") }
            return count
        }
    }

    /// The names that rows refer to, each looked up once.
    private struct Names {
        private let database: Database
        private var known: [Int64: String] = [:]

        init(_ database: Database) {
            self.database = database
        }

        func number(of text: String) throws -> Int64? {
            try Int64.fetchOne(database, sql: "SELECT id FROM names WHERE text = ?", arguments: [text])
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
