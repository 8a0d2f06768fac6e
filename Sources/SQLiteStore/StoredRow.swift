import GRDB

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One row of a table, read without trusting it: the driver's own conversions would end the process.
struct StoredRow {
    private let row: Row
    private let table: String

    init(_ row: Row, of table: String) {
        self.row = row
        self.table = table
    }

    /// Reads a table in one go.
    static func forEach(
        in database: Database,
        table: String,
        columns: String,
        order: String = "",
        _ body: (StoredRow) throws -> Void
    ) throws {
        let sql = "SELECT \(columns) FROM \(table)" + (order.isEmpty ? "" : " ORDER BY \(order)")
        let cursor = try Row.fetchCursor(database, sql: sql)
        while let row = try cursor.next() { try body(StoredRow(row, of: table)) }
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
        switch try storage(index) {
        case .null: nil
        case .string(let text): text
        case .int64, .double, .blob: throw damage("column \(index + 1) is no text")
        }
    }

    /// The number of a column that may be empty.
    func optionalNumber(_ index: Int) throws -> Int64? {
        switch try storage(index) {
        case .null: nil
        case .int64(let number): number
        case .string, .double, .blob: throw damage("column \(index + 1) is no whole number")
        }
    }

    /// The bytes of a column that may be empty.
    func optionalBytes(_ index: Int) throws -> Data? {
        switch try storage(index) {
        case .null: nil
        case .blob(let bytes): bytes
        case .string, .int64, .double: throw damage("column \(index + 1) is no blob")
        }
    }

    /// The texts of a JSON column.
    func list(_ index: Int) throws -> [String] {
        let text = try text(index)
        // Most lists of most rows are empty, and a decoder costs more than the row.
        if text == "[]" { return [] }
        do {
            return try JSONDecoder().decode([String].self, from: Data(text.utf8))
        } catch {
            throw damage("column \(index + 1) is no list of texts")
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

    private func storage(_ index: Int) throws -> DatabaseValue.Storage {
        guard index < row.count else { throw damage("column \(index + 1) is missing") }
        let value: DatabaseValue = row[index]
        return value.storage
    }

    private func needed<Value>(_ value: Value?, _ index: Int) throws -> Value {
        guard let value else { throw damage("column \(index + 1) has no usable value") }
        return value
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
