import GRDB
import GRDBSQLite
import GatewayCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The row that a statement stands at, read without trusting it: the driver's own conversions would end the
/// process, and make an object for each value.
struct StoredRow {
    private let statement: SQLiteStatement
    private let table: StaticString

    init(at statement: Statement, of table: StaticString) {
        self.statement = statement.sqliteStatement
        self.table = table
    }

    /// Reads a table in one go.
    static func forEach(
        in database: Database,
        table: StaticString,
        columns: String,
        order: String = "",
        _ body: (StoredRow) throws -> Void
    ) throws {
        let clauses = order.isEmpty ? "" : "ORDER BY \(order)"
        let rows = try StoredRows(in: database, table: table, columns: columns, clauses: clauses)
        while let row = try rows.next() { try body(row) }
    }

    /// The text of a column.
    func text(_ index: Int) throws -> String { try needed(optionalText(index), index) }
    /// The number of a column.
    func number(_ index: Int) throws -> Int64 { try needed(optionalNumber(index), index) }
    /// The number of a column as the size of a setting.
    func int(_ index: Int) throws -> Int { try needed(Int(exactly: try number(index)), index) }
    /// The truth value of a column.
    func flag(_ index: Int) throws -> Bool { try number(index) != 0 }

    /// The text of a column that may be empty.
    func optionalText(_ index: Int) throws -> String? {
        try withOptionalText(index) { text in
            text.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// The number of a column that may be empty.
    func optionalNumber(_ index: Int) throws -> Int64? {
        switch try type(index) {
        case SQLITE_NULL: nil
        case SQLITE_INTEGER: sqlite3_column_int64(statement, Int32(index))
        default: throw damage("column \(index + 1) is no whole number")
        }
    }

    /// The bytes of a column that may be empty.
    func optionalBytes(_ index: Int) throws -> Data? {
        try withOptionalBytes(index) { bytes in bytes.withUnsafeBufferPointer { Data($0) } }
    }

    /// The identity of a column.
    func id<Entity>(_ index: Int) throws -> EntityID<Entity> {
        try needed(try withOptionalText(index) { EntityID(digits: $0) } ?? nil, index)
    }

    /// The digest of a column.
    func digest(_ index: Int) throws -> APITokenDigest {
        try needed(try withOptionalText(index) { APITokenDigest(hex: $0) } ?? nil, index)
    }

    /// The texts of a JSON column.
    func list(_ index: Int) throws -> [String] {
        // Most lists of most rows are empty, and a decoder costs more than the row.
        let isEmpty = try withOptionalText(index) {
            $0.count == 2 && $0[0] == UInt8(ascii: "[") && $0[1] == UInt8(ascii: "]")
        }
        if isEmpty == true { return [] }
        do {
            return try JSONDecoder().decode([String].self, from: Data(try text(index).utf8))
        } catch is DecodingError {
            throw damage("column \(index + 1) is no list of texts")
        }
    }

    /// The objects of a JSON column.
    func documents<Value>(
        _ index: Int,
        _ read: (inout DocumentReader) throws(DocumentError) -> Value
    ) throws -> [Value] {
        let isEmpty = try withOptionalText(index) { $0.count == 2 }
        if isEmpty == true { return [] }
        let node: DocumentNode = try value(index) { try DocumentNode(json: Array($0.utf8)) }
        return try node.elements.map { element in
            do {
                var reader = try DocumentReader(element)
                return try read(&reader)
            } catch {
                throw damage("column \(index + 1): \(error)")
            }
        }
    }

    /// The object of a JSON column that may be empty.
    func document<Value>(
        _ index: Int,
        _ read: (inout DocumentReader) throws(DocumentError) -> Value
    ) throws -> Value? {
        guard let text = try optionalText(index) else { return nil }
        do {
            var reader = try DocumentReader(try DocumentNode(json: Array(text.utf8)))
            return try read(&reader)
        } catch {
            throw damage("column \(index + 1): \(error)")
        }
    }

    /// What a column's value is read as.
    func value<Value>(_ index: Int, _ read: (String) throws -> Value?) throws -> Value {
        let text = try text(index)
        let value: Value?
        do { value = try read(text) } catch { throw damage("column \(index + 1): \(error)") }
        return try needed(value, index)
    }

    /// What to throw for this row.
    func damage(_ detail: String) -> DamagedRow { DamagedRow(detail: "table \(table): \(detail)") }

    // The bytes stay where the database has them until the statement moves on.
    private func withOptionalText<Value>(
        _ index: Int,
        _ body: (Span<UInt8>) throws -> Value
    ) throws -> Value? {
        switch try type(index) {
        case SQLITE_NULL: return nil
        case SQLITE_TEXT:
            let text = sqlite3_column_text(statement, Int32(index))
            let count = Int(sqlite3_column_bytes(statement, Int32(index)))
            return try body(UnsafeBufferPointer(start: text, count: text == nil ? 0 : count).span)
        default: throw damage("column \(index + 1) is no text")
        }
    }

    /// The bytes of a column that may be empty, where the database has them.
    func withOptionalBytes<Value>(
        _ index: Int,
        _ body: (Span<UInt8>) throws -> Value
    ) throws -> Value? {
        switch try type(index) {
        case SQLITE_NULL: return nil
        case SQLITE_BLOB:
            let bytes = sqlite3_column_blob(statement, Int32(index))
            let count = Int(sqlite3_column_bytes(statement, Int32(index)))
            let buffer = UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : count)
            return try body(buffer.assumingMemoryBound(to: UInt8.self).span)
        default: throw damage("column \(index + 1) is no blob")
        }
    }

    private func type(_ index: Int) throws -> Int32 {
        guard index < Int(sqlite3_column_count(statement)) else {
            throw damage("column \(index + 1) is missing")
        }
        return sqlite3_column_type(statement, Int32(index))
    }

    private func needed<Value>(_ value: Value?, _ index: Int) throws -> Value {
        guard let value else { throw damage("column \(index + 1) has no usable value") }
        return value
    }
}

/// The rows of a table, one after another.
final class StoredRows {
    private let table: StaticString
    private let statement: Statement
    private let cursor: RowCursor

    init(
        in database: Database,
        table: StaticString,
        columns: String,
        clauses: String = "",
        arguments: StatementArguments = StatementArguments()
    ) throws {
        self.table = table
        statement = try database.makeStatement(sql: "SELECT \(columns) FROM \(table) \(clauses)")
        cursor = try Row.fetchCursor(statement, arguments: arguments)
    }

    /// Moves on; the row before must not be read any more.
    func next() throws -> StoredRow? {
        try cursor.next() == nil ? nil : StoredRow(at: statement, of: table)
    }
}

/// The rows of a table that belong to rows of another, read along with their owners.
///
/// Both are read in the order of the owner's identity, so that nothing is looked up or held back.
final class OwnedRows<Owner> {
    private let rows: StoredRows
    private var next: (row: StoredRow, owner: EntityID<Owner>)?

    // The table has a column for the owner's identity, and one for the row's position among the owner's.
    init(in database: Database, table: StaticString, owner: String, columns: String) throws {
        rows = try StoredRows(
            in: database,
            table: table,
            columns: "\(columns), \(owner)",
            clauses: "ORDER BY \(owner), position"
        )
        ownerIndex = columns.split(separator: ",").count
        try advance()
    }

    private let ownerIndex: Int

    /// Reads the rows of the next owner; owners are asked for in the order of their identities.
    func map<Element>(of owner: EntityID<Owner>, _ read: (StoredRow) throws -> Element) throws -> [Element] {
        var elements: [Element] = []
        while let (row, found) = next, found <= owner {
            guard found == owner else { throw row.damage("a row belongs to nothing") }
            elements.append(try read(row))
            try advance()
        }
        return elements
    }

    /// Makes sure that every row found its owner.
    func finish() throws {
        if let next { throw next.row.damage("a row belongs to nothing") }
    }

    private func advance() throws {
        next = try rows.next().map { ($0, try $0.id(ownerIndex)) }
    }
}

/// A list of texts as a JSON column keeps it.
struct StoredList {
    /// The JSON array.
    let json: String

    init(_ texts: [String]) throws {
        guard !texts.isEmpty else {
            json = "[]"
            return
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        json = String(decoding: try encoder.encode(texts), as: UTF8.self)
    }
}
