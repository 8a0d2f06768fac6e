import GRDB
import GatewayCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Writes decisions and counts within one transaction.
struct TelemetryWriter {
    // A detail can quote what somebody sent.
    private static let maximumDetailBytes = 2000

    private let database: Database
    private var names: [String: Int64] = [:]

    init(_ database: Database) {
        self.database = database
    }

    // MARK: Decisions

    /// Writes a decision.
    mutating func insert(_ record: DecisionRecord) throws {
        let statement = try database.cachedStatement(
            sql: """
                INSERT INTO decisions (at, is_refused, code, client, profile, endpoint, address, request_id, method, path, \
                status, microseconds, trace_id, checks) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        )
        let values: [(any DatabaseValueConvertible)?] = [
            record.at.secondsSinceEpoch,
            record.code == nil ? 0 : 1,
            try record.code.map { try name($0.rawValue) },
            try record.client.map { try name($0) },
            try record.profile.map { try name($0) },
            try record.endpoint.map { try name($0) },
            StoredAddress.bytes(IPAddress(record.clientAddress) ?? .unknown),
            Data(Hex.decode(record.requestID.utf8) ?? Array(record.requestID.utf8)),
            record.method,
            record.path,
            record.status,
            record.microseconds.map { Int64(clamping: $0) },
            record.traceID,
            StoredChecks.json(record.checks, maximumDetailBytes: Self.maximumDetailBytes),
        ]
        try statement.execute(arguments: StatementArguments(values))
    }

    // MARK: Counts

    /// Adds a row to what its slot of a period has.
    mutating func merge(
        _ row: TrafficRow,
        _ period: TrafficPeriod,
        _ slotRows: inout [SQLiteTelemetryStore.SlotKey: Int]
    ) throws {
        let start = period.slot(of: row.at).secondsSinceEpoch
        if try add(row.count, to: key(period, start, row.labels)) { return }
        let slot = SQLiteTelemetryStore.SlotKey(period: period.rawValue, start: start)
        let count = try slotRows[slot] ?? rowCount(of: slot)
        guard count < TrafficPeriod.rowsPerSlot || row.labels == .other else {
            slotRows[slot] = count
            return try mergeOther(row.count, period, start)
        }
        try insert(row.count, at: key(period, start, row.labels))
        slotRows[slot] = count + 1
    }

    private mutating func mergeOther(_ count: TrafficCount, _ period: TrafficPeriod, _ start: Int64) throws {
        let key = try key(period, start, .other)
        if try !add(count, to: key) { try insert(count, at: key) }
    }

    private func add(_ count: TrafficCount, to key: [Int64]) throws -> Bool {
        let find = try database.cachedStatement(
            sql: """
                SELECT requests, microseconds, latency FROM traffic
                WHERE period = ? AND start = ? AND endpoint = ? AND client = ? AND profile = ? AND code = ?
                """
        )
        guard let found = try Row.fetchOne(find, arguments: StatementArguments(key)) else { return false }
        var sum = count
        sum.requests &+= UInt64(clamping: Int64.fromDatabaseValue(found[0]) ?? 0)
        sum.microseconds &+= UInt64(clamping: Int64.fromDatabaseValue(found[1]) ?? 0)
        // What is damaged counts no more than it can be read.
        _ = sum.latency.merge(encoded: Data.fromDatabaseValue(found[2]) ?? Data())
        try insert(sum, at: key)
        return true
    }

    private func insert(_ count: TrafficCount, at key: [Int64]) throws {
        let statement = try database.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO traffic (period, start, endpoint, client, profile, code, requests, microseconds, \
                latency) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        )
        let values: [any DatabaseValueConvertible] =
            key + [
                Int64(clamping: count.requests), Int64(clamping: count.microseconds),
                Data(count.latency.encoded),
            ]
        try statement.execute(arguments: StatementArguments(values))
    }

    private mutating func key(
        _ period: TrafficPeriod,
        _ start: Int64,
        _ labels: TrafficLabels
    ) throws -> [Int64] {
        [
            period.rawValue, start, try name(labels.endpoint), try name(labels.client),
            try name(labels.profile),
            try name(labels.code),
        ]
    }

    private func rowCount(of slot: SQLiteTelemetryStore.SlotKey) throws -> Int {
        try Int.fetchOne(
            database,
            sql: "SELECT COUNT(*) FROM traffic WHERE period = ? AND start = ?",
            arguments: [slot.period, slot.start]
        ) ?? 0
    }

    // MARK: Names

    private mutating func name(_ text: String) throws -> Int64 {
        if let known = names[text] { return known }
        let find = try database.cachedStatement(sql: "SELECT id FROM names WHERE text = ?")
        let id: Int64
        if let found = try Int64.fetchOne(find, arguments: [text]) {
            id = found
        } else {
            try database.cachedStatement(sql: "INSERT INTO names (text) VALUES (?)").execute(arguments: [text]
            )
            id = database.lastInsertedRowID
        }
        names[text] = id
        return id
    }
}

/// An address as a column keeps it: 16 bytes.
enum StoredAddress {
    static func bytes(_ address: IPAddress) -> Data {
        Data(
            [address.high, address.low].flatMap { word in
                (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) }
            }
        )
    }

    static func address(_ bytes: Data) -> IPAddress? {
        guard bytes.count == 16 else { return nil }
        let words = [bytes.prefix(8), bytes.suffix(8)].map { $0.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
        return IPAddress(high: words[0], low: words[1])
    }
}

/// The checks of a decision as a column keeps them; those that were not reached follow from the one that failed.
enum StoredChecks {
    private static let notReached = "not reached"

    static func json(_ checks: [CheckOutcome], maximumDetailBytes: Int) -> String {
        let parts = checks.filter { $0.result != .skipped || $0.detail != notReached }.map { outcome in
            DocumentNode(
                .texts([
                    outcome.check.rawValue, outcome.result.rawValue, cut(outcome.detail, maximumDetailBytes),
                ])
            )
        }
        return DocumentNode(.array(parts)).json()
    }

    private static func cut(_ text: String, _ limit: Int) -> String {
        guard text.utf8.count > limit else { return text }
        return String(decoding: text.utf8.prefix(limit), as: UTF8.self)
    }

    /// The checks; empty when the column holds something else.
    static func outcomes(_ json: String) -> [CheckOutcome] {
        guard let node = try? DocumentNode(json: Array(json.utf8)) else { return [] }
        var outcomes = node.elements.compactMap { part -> CheckOutcome? in
            let texts = part.elements.compactMap { $0.value.text }
            guard texts.count == 3, let check = Check(rawValue: texts[0]),
                let result = CheckOutcome.Result(rawValue: texts[1])
            else { return nil }
            return CheckOutcome(check, result, texts[2])
        }
        guard let failed = outcomes.first(where: { $0.result == .failed })?.check else { return outcomes }
        let told = outcomes.map(\.check)
        for check in Check.allCases where check > failed && !told.contains(check) {
            outcomes.append(CheckOutcome(check, .skipped, notReached))
        }
        return outcomes
    }
}

/// Forgets what is beyond the bounds, a little at a time: nobody who reads or writes has to wait long.
enum TelemetryPruning {
    static func prune(_ database: Database, _ bounds: TelemetryBounds, piece: Int, at now: Timestamp) throws {
        try pruneDecisions(database, bounds, piece, now.secondsSinceEpoch - bounds.decisionSeconds)
        for period in TrafficPeriod.allCases {
            let oldest = now.secondsSinceEpoch - period.keptSeconds
            let sql = "SELECT start FROM traffic WHERE period = ? ORDER BY start LIMIT 1"
            // After a long stop there is much to forget: one slot each time.
            guard let start = try Int64.fetchOne(database, sql: sql, arguments: [period.rawValue]),
                start < oldest
            else { continue }
            try database.execute(
                sql: "DELETE FROM traffic WHERE period = ? AND start = ?",
                arguments: [period.rawValue, start]
            )
        }
    }

    private static func pruneDecisions(
        _ database: Database,
        _ bounds: TelemetryBounds,
        _ piece: Int,
        _ oldest: Int64
    ) throws {
        guard let first = try Int64.fetchOne(database, sql: "SELECT MIN(sequence) FROM decisions"),
            let last = try Int64.fetchOne(database, sql: "SELECT MAX(sequence) FROM decisions")
        else { return }
        let end = first + Int64(piece)
        let excess = last - Int64(bounds.decisions)
        if excess >= first {
            try database.execute(
                sql: "DELETE FROM decisions WHERE sequence <= ?",
                arguments: [min(excess, end)]
            )
        }
        try database.execute(
            sql: "DELETE FROM decisions WHERE sequence <= ? AND at < ?",
            arguments: [end, oldest]
        )
    }
}
