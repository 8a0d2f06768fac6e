import GatewayCore

/// A table as RFC 4180 has it, made so that spreadsheets take no cell for a formula.
struct CSV {
    /// The media type.
    static let type = "text/csv"

    /// How many rows are given.
    static let limit = Operation.Parameter(
        name: "limit",
        shape: .integer(1...100_000),
        summary: "At most so many rows.",
        fallback: .integer(10_000)
    )

    // A row can be long: the whole has a bound as well.
    private static let maximumBytes = 64 << 20

    private var bytes: [UInt8] = []

    /// Begins with the names of the columns.
    init(_ columns: [String]) {
        add(columns)
    }

    /// How many rows a call asks for.
    static func limit(of call: Call) -> Int { Int(call.integer("limit") ?? 10_000) }

    /// Whether the table has no room for more rows.
    var isFull: Bool { bytes.count >= Self.maximumBytes }

    /// Adds a row, unless the table is full.
    mutating func add(_ cells: [String]) {
        guard !isFull else { return }
        for (index, cell) in cells.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            add(cell)
        }
        bytes += "\r\n".utf8
    }

    private mutating func add(_ cell: String) {
        // What spreadsheets begin a formula with (OWASP, CSV injection): an apostrophe makes it a text. Their
        // full-width forms are taken for the same by some.
        let begins: Set<Unicode.Scalar> = [
            "=", "+", "-", "@", "\t", "\r", "\n", "\u{ff1d}", "\u{ff0b}", "\u{ff0d}", "\u{ff20}",
        ]
        let isDangerous = cell.unicodeScalars.first.map(begins.contains) ?? false
        let isPlain =
            !isDangerous
            && cell.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: ",") }
        if isPlain {
            bytes += cell.utf8
            return
        }
        bytes.append(UInt8(ascii: "\""))
        if isDangerous { bytes.append(UInt8(ascii: "'")) }
        for byte in cell.utf8 {
            if byte == UInt8(ascii: "\"") { bytes.append(byte) }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// The answer that offers the table as a file.
    func answer(named name: String) -> AdminAnswer {
        AdminAnswer(
            text: bytes,
            type: "\(Self.type); charset=utf-8; header=present",
            headers: [(name: "Content-Disposition", value: "attachment; filename=\"\(name).csv\"")]
        )
    }
}
