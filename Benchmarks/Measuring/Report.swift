import Foundation

/// Measurements as a table for people and as JSON for programs.
package struct Report {
    private struct Row: Encodable {
        let name: String
        let summary: String
        let nanoseconds: Double
        let leastNanoseconds: Double
        let operationsPerSecond: Double
        let allocations: Double
        let bytes: Double
        /// The benchmark that this one is held against, and how many times its time this one takes.
        let reference: String?
        let timesReference: Double?
    }

    private let rows: [Row]
    private let referenceName: String

    /// Reports measurements; `referenceName` is what people call the benchmarks that others are held against.
    package init(_ measurements: [OperationCost], against referenceName: String) {
        self.referenceName = referenceName
        let times = Dictionary(
            measurements.map { ($0.benchmark.name, $0.nanoseconds ?? 0) },
            uniquingKeysWith: { first, _ in first }
        )
        rows = measurements.map { measurement in
            let nanoseconds = measurement.nanoseconds ?? 0
            let reference = measurement.benchmark.reference.flatMap { times[$0] }
            return Row(
                name: measurement.benchmark.name,
                summary: measurement.benchmark.summary,
                nanoseconds: nanoseconds,
                leastNanoseconds: measurement.leastNanoseconds ?? 0,
                operationsPerSecond: 1e9 / nanoseconds,
                allocations: measurement.allocations,
                bytes: measurement.bytes,
                reference: measurement.benchmark.reference,
                timesReference: reference.map { nanoseconds / $0 }
            )
        }
    }

    /// All of it as JSON, with names that stay.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return String(decoding: try encoder.encode(["benchmarks": rows]), as: UTF8.self)
    }

    /// The table.
    package func table() -> String {
        let header = ["benchmark", "ns", "least", "per second", "allocations", "bytes", "× \(referenceName)"]
        let body = rows.map { row in
            [
                row.name,
                Self.decimal(row.nanoseconds, 1),
                Self.decimal(row.leastNanoseconds, 1),
                Self.decimal(row.operationsPerSecond, 0),
                Self.count(row.allocations),
                Self.count(row.bytes),
                row.timesReference.map { Self.decimal($0, 2) } ?? "",
            ]
        }
        let widths = header.indices.map { column in
            ([header] + body).map { $0[column].count }.max() ?? 0
        }
        let lines = ([header] + body).map { cells in
            zip(cells, widths).enumerated()
                .map { column, cell in column == 0 ? padded(cell.0, cell.1) : aligned(cell.0, cell.1) }
                .joined(separator: "  ")
        }
        return lines.joined(separator: "\n")
    }

    private static func decimal(_ value: Double, _ digits: Int) -> String {
        String(format: "%.\(digits)f", value)
    }

    /// Without a fraction where there is none.
    package static func count(_ value: Double) -> String {
        value == value.rounded() ? decimal(value, 0) : decimal(value, 2)
    }
}
