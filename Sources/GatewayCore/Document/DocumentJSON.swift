package import JOSE

extension DocumentNode {
    /// The bounds that hold for the JSON of a single entity: 1 MiB and 16 levels.
    package static let entityJSONLimits = JSONLimits(maximumBytes: 1 << 20, maximumDepth: 16)
    /// The bounds that hold for the JSON of a whole catalog: 256 MiB and 16 levels.
    package static let catalogJSONLimits = JSONLimits(maximumBytes: 256 << 20, maximumDepth: 16)

    /// Reads a strict JSON text (RFC 8259): UTF-8, no name twice, size and depth bounded.
    ///
    /// - Parameters:
    ///   - json: the bytes of the text.
    ///   - limits: the bounds on size and depth.
    ///   - hasPositions: whether each value remembers its line and column, for a text that came from a file.
    /// - Throws: ``DocumentError`` with the place of the first fault.
    package init(
        json: [UInt8],
        limits: JSONLimits = DocumentNode.entityJSONLimits,
        hasPositions: Bool = false
    ) throws(DocumentError) {
        let document: JSONDocument
        do {
            document = try JSONDocument(parsing: json, limits: limits)
        } catch {
            let position = hasPositions ? LineTable(json).position(of: error.offset) : nil
            throw DocumentError("not a JSON text: \(error)", field: "", at: position)
        }
        self = Self.node(document.root, json, hasPositions ? LineTable(json) : nil)
    }

    // Recursion is bounded by the depth that the parser let through.
    private static func node(
        _ element: JSONElement,
        _ source: [UInt8],
        _ lines: LineTable?
    ) -> DocumentNode {
        let value: DocumentValue
        switch element.kind {
        case .null: value = .null
        case .bool: value = .bool(element.bool ?? false)
        case .string: value = .string(element.string ?? "")
        case .number:
            if let integer = element.number?.integer {
                value = .integer(integer)
            } else {
                value = .decimal(String(decoding: source[element.byteRange], as: UTF8.self))
            }
        case .array: value = .array(element.elements.map { node($0, source, lines) })
        case .object:
            value = .object(
                element.members.map { member in
                    DocumentMember(
                        String(decoding: member.nameBytes, as: UTF8.self),
                        node(member.value, source, lines)
                    )
                }
            )
        }
        return DocumentNode(value, at: lines?.position(of: element.byteRange.lowerBound))
    }

    /// Writes the value as JSON; pretty means one member a line, indented by two spaces.
    package func json(pretty: Bool = false) -> String {
        String(decoding: jsonBytes(pretty: pretty), as: UTF8.self)
    }

    /// Writes the value as the UTF-8 of JSON.
    package func jsonBytes(pretty: Bool = false) -> [UInt8] {
        var writer = JSONWriter(isPretty: pretty)
        writer.write(self, depth: 0)
        return writer.bytes
    }
}

/// Finds the line and column of a byte.
private struct LineTable {
    /// Behind so many bytes of a line, columns are bytes rather than characters.
    private static let longestCountedLine = 4096

    private let bytes: [UInt8]
    private let starts: [Int]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var starts = [0]
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") { starts.append(index + 1) }
        self.starts = starts
    }

    func position(of offset: Int) -> SourcePosition {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle } else { high = middle }
        }
        let prefix = bytes[starts[low]..<min(max(offset, starts[low]), bytes.count)]
        // A whole catalog in one line: counting from its begin for each value would take minutes.
        guard prefix.count <= Self.longestCountedLine else {
            return SourcePosition(line: low + 1, column: prefix.count + 1)
        }
        // Continuation bytes are no characters of their own (RFC 3629 §3).
        let column = prefix.count { $0 & 0xc0 != 0x80 }
        return SourcePosition(line: low + 1, column: column + 1)
    }
}

/// Writes JSON as RFC 8259 wants it.
private struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    private let isPretty: Bool

    init(isPretty: Bool) {
        self.isPretty = isPretty
    }

    // Recursion is bounded: nodes come from a bounded reading or from the catalog's own few levels.
    mutating func write(_ node: DocumentNode, depth: Int) {
        switch node.value {
        case .null: append("null")
        case .bool(let bool): append(bool ? "true" : "false")
        case .integer(let integer): append(String(integer))
        case .decimal(let text): append(text)
        case .string(let text): write(text)
        case .array(let nodes):
            container("[", "]", nodes, depth) { writer, node in writer.write(node, depth: depth + 1) }
        case .object(let members):
            container("{", "}", members, depth) { writer, member in
                writer.write(member.name)
                writer.append(writer.isPretty ? ": " : ":")
                writer.write(member.node, depth: depth + 1)
            }
        }
    }

    private mutating func container<Element>(
        _ opening: String,
        _ closing: String,
        _ elements: [Element],
        _ depth: Int,
        _ write: (inout JSONWriter, Element) -> Void
    ) {
        append(opening)
        for (index, element) in elements.enumerated() {
            if index > 0 { append(",") }
            newLine(depth + 1)
            write(&self, element)
        }
        if !elements.isEmpty { newLine(depth) }
        append(closing)
    }

    private mutating func newLine(_ depth: Int) {
        guard isPretty else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: depth * 2))
    }

    private mutating func write(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): append("\\n")
            case UInt8(ascii: "\r"): append("\\r")
            case UInt8(ascii: "\t"): append("\\t")
            case 0..<0x20, 0x7f: append("\\u00\(Hex.encode(CollectionOfOne(byte)))")
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }
}
