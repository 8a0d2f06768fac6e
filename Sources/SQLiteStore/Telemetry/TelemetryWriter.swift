import GRDB
import GatewayCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What the writer remembers of what is in the database, which nobody else writes.
struct TelemetryMemory {
    /// A length of time that is counted.
    struct Slot: Hashable {
        let period: Int64
        let start: Int64
    }

    // The slots under way and those just before; the names of some thousand labels.
    private static let maximumSlots = 2 * TrafficPeriod.allCases.count
    private static let maximumNames = 10_000

    /// The numbers of names.
    var names: [String: Int64] = [:]
    /// How many rows slots have.
    var rows: [Slot: Int] = [:]
    /// What was counted in slots.
    var sums: [Slot: [TrafficLabels: TrafficCount]] = [:]

    /// The same; nothing where it has become large.
    var bounded: TelemetryMemory {
        rows.count > Self.maximumSlots || sums.count > Self.maximumSlots || names.count > Self.maximumNames
            ? TelemetryMemory() : self
    }
}

/// Writes decisions and counts within one transaction.
struct TelemetryWriter {
    // A detail can quote what somebody sent.
    private static let maximumDetailBytes = 2000

    private let database: Database
    private(set) var memory: TelemetryMemory

    init(_ database: Database, _ memory: TelemetryMemory) {
        self.database = database
        self.memory = memory
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

    /// Adds calls with a key or an API token.
    func add(_ use: UseCount) throws {
        let statement = try database.cachedStatement(
            sql: """
                INSERT INTO uses (high, low, minute, requests) VALUES (?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET requests = requests + excluded.requests
                """
        )
        let (high, low) = use.id.halves
        let requests = Int64(clamping: use.requests)
        try statement.execute(arguments: [high, low, use.minute.secondsSinceEpoch, requests])
    }

    /// Adds a row to what its slot of a period has.
    mutating func merge(_ row: TrafficRow, _ period: TrafficPeriod) throws {
        let slot = TelemetryMemory.Slot(
            period: period.rawValue,
            start: period.slot(of: row.at).secondsSinceEpoch
        )
        if let sum = try sum(of: row.labels, in: slot) { return try put(sum, row, row.labels, slot) }
        let count = try memory.rows[slot] ?? rowCount(of: slot)
        memory.rows[slot] = count
        guard count < TrafficPeriod.rowsPerSlot || row.labels == .other else {
            return try put(try sum(of: .other, in: slot) ?? TrafficCount(), row, .other, slot)
        }
        try put(TrafficCount(), row, row.labels, slot)
        memory.rows[slot] = count + 1
    }

    private mutating func put(
        _ sum: TrafficCount,
        _ row: TrafficRow,
        _ labels: TrafficLabels,
        _ slot: TelemetryMemory.Slot
    ) throws {
        var sum = sum
        sum.merge(row.count)
        try insert(sum, at: key(slot, labels))
        memory.sums[slot, default: [:]][labels] = sum
    }

    /// What was counted before, remembered or read.
    private mutating func sum(
        of labels: TrafficLabels,
        in slot: TelemetryMemory.Slot
    ) throws -> TrafficCount? {
        if let known = memory.sums[slot]?[labels] { return known }
        let find = try database.cachedStatement(
            sql: """
                SELECT requests, microseconds, latency FROM traffic
                WHERE period = ? AND start = ? AND endpoint = ? AND client = ? AND profile = ? AND code = ?
                """
        )
        let key = try key(slot, labels)
        guard let found = try Row.fetchOne(find, arguments: StatementArguments(key)) else { return nil }
        var sum = TrafficCount()
        sum.requests = UInt64(clamping: Int64.fromDatabaseValue(found[0]) ?? 0)
        sum.microseconds = UInt64(clamping: Int64.fromDatabaseValue(found[1]) ?? 0)
        // What is damaged counts no more than it can be read.
        _ = sum.latency.merge(encoded: (Data.fromDatabaseValue(found[2]) ?? Data()).span)
        return sum
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
        _ slot: TelemetryMemory.Slot,
        _ labels: TrafficLabels
    ) throws -> [Int64] {
        [
            slot.period, slot.start, try name(labels.endpoint), try name(labels.client),
            try name(labels.profile),
            try name(labels.code),
        ]
    }

    private func rowCount(of slot: TelemetryMemory.Slot) throws -> Int {
        try Int.fetchOne(
            database,
            sql: "SELECT COUNT(*) FROM traffic WHERE period = ? AND start = ?",
            arguments: [slot.period, slot.start]
        ) ?? 0
    }

    // MARK: Names

    private mutating func name(_ text: String) throws -> Int64 {
        if let known = memory.names[text] { return known }
        let find = try database.cachedStatement(sql: "SELECT id FROM names WHERE text = ?")
        let id: Int64
        if let found = try Int64.fetchOne(find, arguments: [text]) {
            id = found
        } else {
            try database.cachedStatement(sql: "INSERT INTO names (text) VALUES (?)").execute(arguments: [text]
            )
            id = database.lastInsertedRowID
        }
        memory.names[text] = id
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
        // A decision without its checks is still one.
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
        try pruneUses(database, now.secondsSinceEpoch - UseCount.keptSeconds)
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

    private static func pruneUses(_ database: Database, _ oldest: Int64) throws {
        guard let minute = try Int64.fetchOne(database, sql: "SELECT MIN(minute) FROM uses"), minute < oldest
        else { return }
        try database.execute(sql: "DELETE FROM uses WHERE minute = ?", arguments: [minute])
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
