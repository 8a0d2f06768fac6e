import GRDB
package import GatewayCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension SQLiteTelemetryStore {
    // Following along looks at so many new decisions at once; what is not wanted of them is passed over.
    private static let followedAtOnce: Int64 = 20_000

    package func decision(requestID: String) async throws -> DecisionRecord? {
        var query = DecisionQuery()
        query.outcome = .all
        query.requestID = requestID
        query.limit = 1
        return try await decisions(query).records.first
    }

    package func decisions(_ query: DecisionQuery) async throws -> DecisionPage {
        try await read { database in
            let newest = try Self.newest(database)
            guard let selection = try DecisionSelection(query, in: database) else {
                return DecisionPage(records: [], next: nil, newest: query.after ?? newest)
            }
            if let after = query.after { return try Self.follow(database, query, selection, after, newest) }
            let limit = min(max(1, query.limit), DecisionQuery.maximumLimit)
            let rows = try Self.rows(database, selection, limit: limit + 1)
            return DecisionPage(
                records: rows.prefix(limit).map(\.record),
                next: rows.count > limit ? rows[limit - 1].place : nil,
                newest: newest
            )
        }
    }

    private static func newest(_ database: Database) throws -> DecisionCursor {
        let row = try Row.fetchOne(
            database,
            sql: "SELECT at, sequence FROM decisions ORDER BY sequence DESC LIMIT 1"
        )
        guard let row, let at = Int64.fromDatabaseValue(row[0]),
            let sequence = Int64.fromDatabaseValue(row[1])
        else {
            return DecisionCursor(at: 0, sequence: 0)
        }
        return DecisionCursor(at: at, sequence: sequence)
    }

    private static func follow(
        _ database: Database,
        _ query: DecisionQuery,
        _ selection: DecisionSelection,
        _ after: DecisionCursor,
        _ newest: DecisionCursor
    ) throws -> DecisionPage {
        let limit = min(max(1, query.limit), DecisionQuery.maximumLimit)
        // Who was away for long goes on with the latest.
        let first = max(after.sequence, newest.sequence - followedAtOnce)
        var following = selection
        following.follow(after: first)
        let rows = try rows(database, following, limit: limit)
        let end = rows.count == limit ? rows.last?.place : newest
        return DecisionPage(records: rows.map(\.record), next: nil, newest: end ?? after)
    }

    private static let columns = """
        at, sequence, (SELECT text FROM names WHERE id = code), (SELECT text FROM names WHERE id = client), \
        (SELECT text FROM names WHERE id = profile), (SELECT text FROM names WHERE id = endpoint), address, \
        request_id, method, path, status, microseconds, trace_id, checks
        """

    private static func rows(
        _ database: Database,
        _ selection: DecisionSelection,
        limit: Int
    ) throws -> [(place: DecisionCursor, record: DecisionRecord)] {
        var found: [(place: DecisionCursor, record: DecisionRecord)] = []
        let rows = try StoredRows(
            in: database,
            table: "decisions",
            columns: columns,
            clauses: "WHERE sequence IN (\(selection.sql)) \(selection.order)",
            arguments: selection.arguments + [limit]
        )
        while let row = try rows.next() { found.append(try record(row)) }
        return found
    }

    private static func record(_ row: StoredRow) throws -> (place: DecisionCursor, record: DecisionRecord) {
        let at = try row.number(0)
        let record = DecisionRecord(
            requestID: Hex.encode(try row.optionalBytes(7) ?? Data()),
            at: Timestamp(secondsSinceEpoch: at),
            method: try row.text(8),
            path: try row.text(9),
            clientAddress: "\(StoredAddress.address(try row.optionalBytes(6) ?? Data()) ?? .unknown)",
            endpoint: try row.optionalText(5),
            client: try row.optionalText(3),
            profile: try row.optionalText(4),
            status: try row.int(10),
            code: try row.optionalText(2).flatMap { Rejection.Code(rawValue: $0) },
            checks: StoredChecks.outcomes(try row.text(13)),
            microseconds: try row.optionalNumber(11).map { UInt64(clamping: $0) },
            traceID: try row.optionalText(12)
        )
        return (DecisionCursor(at: at, sequence: try row.number(1)), record)
    }
}

/// A statement that finds the numbers of the decisions that are asked for, by an index alone.
struct DecisionSelection {
    private var index = ""
    private var conditions: [String] = []
    private(set) var arguments = StatementArguments()
    /// The order of the page.
    private(set) var order = "ORDER BY at DESC, sequence DESC"

    /// The statement, which takes the ``arguments`` and a limit.
    var sql: String {
        let condition = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
        return "SELECT sequence FROM decisions \(index) \(condition) \(order) LIMIT ?"
    }

    /// Reads a query; `nil` when it names something that no decision has.
    init?(_ query: DecisionQuery, in database: Database) throws {
        var index = "decisions_by_time"
        if query.outcome != .all {
            index = "decisions_by_outcome"
            add("is_refused = ?", query.outcome == .refused ? 1 : 0)
        }
        let names: [(column: String, text: String?)] = [
            ("endpoint", query.endpoint), ("profile", query.profile), ("client", query.client),
            ("code", query.code?.rawValue),
        ]
        for (column, text) in names {
            guard let text else { continue }
            let sql = "SELECT id FROM names WHERE text = ?"
            guard let id = try Int64.fetchOne(database, sql: sql, arguments: [text]) else { return nil }
            index = "decisions_by_\(column)"
            add("\(column) = ?", id)
        }
        if let address = query.address {
            index = "decisions_by_address"
            add("address = ?", StoredAddress.bytes(address))
        }
        if let requestID = query.requestID {
            guard let bytes = Hex.decode(requestID.utf8) else { return nil }
            index = "decisions_by_request_id"
            add("request_id = ?", Data(bytes))
        }
        if let from = query.from { add("at >= ?", from.secondsSinceEpoch) }
        if let to = query.to { add("at <= ?", to.secondsSinceEpoch) }
        if query.after == nil, let before = query.before {
            conditions.append("(at, sequence) < (?, ?)")
            arguments += [before.at, before.sequence]
        }
        self.index = "INDEXED BY \(index)"
    }

    private mutating func add(_ condition: String, _ value: some DatabaseValueConvertible) {
        conditions.append(condition)
        arguments += [value]
    }

    /// Asks for what was kept later, oldest first, in the order in which it was kept.
    mutating func follow(after sequence: Int64) {
        index = "NOT INDEXED"
        add("sequence > ?", sequence)
        order = "ORDER BY sequence"
    }
}
