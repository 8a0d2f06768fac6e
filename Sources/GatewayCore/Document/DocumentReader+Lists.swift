import JOSE

extension DocumentReader {
    /// Reads a list, each element by a function of the element; an element's error names its index.
    package mutating func list<Element>(
        _ name: String,
        _ target: inout [Element],
        default fallback: [Element]?,
        of expected: String,
        convert: (DocumentNode) throws(InvalidValue) -> Element?
    ) throws(DocumentError) {
        guard let nodes = try elements(name, hasDefault: fallback != nil) else { return }
        guard let nodes = nodes.list else {
            target = fallback ?? []
            return
        }
        var values: [Element] = []
        values.reserveCapacity(nodes.count)
        for (index, node) in nodes.enumerated() {
            let field = "\(pathOf(name))[\(index)]"
            let value: Element?
            do {
                value = try convert(node)
            } catch {
                throw DocumentError(error.description, field: field, at: node.position)
            }
            guard let value else {
                throw DocumentError(
                    "expected \(expected), found \(node.value.kind)",
                    field: field,
                    at: node.position
                )
            }
            values.append(value)
        }
        target = values
    }

    /// Reads a list of texts.
    package mutating func texts(
        _ name: String,
        _ target: inout [String],
        default fallback: [String]? = []
    ) throws(DocumentError) {
        try list(name, &target, default: fallback, of: "a text") { $0.value.text }
    }

    /// Reads a list of addresses and CIDR blocks.
    package mutating func addresses(
        _ name: String,
        _ target: inout [AddressRange]
    ) throws(DocumentError) {
        try list(name, &target, default: [], of: "a text") { node throws(InvalidValue) in
            guard let text = node.value.text else { return nil }
            return try AddressRange(text)
        }
    }

    /// Begins reading a list of objects; `nil` when the field is absent, empty when it is `null`.
    package mutating func objects(
        _ name: String,
        limit: Int = .max
    ) throws(DocumentError) -> [DocumentReader]? {
        guard let found = try elements(name, hasDefault: true) else { return nil }
        guard let nodes = found.list else { return [] }
        guard nodes.count <= limit else {
            throw error(name, "there are \(nodes.count), expected at most \(limit)")
        }
        var readers: [DocumentReader] = []
        readers.reserveCapacity(nodes.count)
        for (index, node) in nodes.enumerated() {
            readers.append(try DocumentReader(node, path: "\(pathOf(name))[\(index)]"))
        }
        return readers
    }

    private enum Elements {
        case null
        case list([DocumentNode])

        var list: [DocumentNode]? {
            switch self {
            case .null: nil
            case .list(let nodes): nodes
            }
        }
    }

    private mutating func elements(_ name: String, hasDefault: Bool) throws(DocumentError) -> Elements? {
        guard let node = take(name) else { return nil }
        switch node.value {
        case .array(let nodes): return .list(nodes)
        case .null where hasDefault: return .null
        case .null, .bool, .integer, .decimal, .string, .object:
            throw error(name, "expected a list, found \(node.value.kind)")
        }
    }
}

extension DocumentValue {
    /// The text, when it is one.
    package var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The boolean, when it is one.
    ///
    /// - Throws: a sentence when it is one of the words that YAML 1.1 had for booleans.
    func boolean() throws(InvalidValue) -> Bool? {
        switch self {
        case .bool(let bool): return bool
        case .string(let text) where ["yes", "no", "on", "off", "true", "false"].contains(text.lowercased()):
            throw InvalidValue(
                "value is the text \"\(text)\", expected true or false without quotation marks"
            )
        case .null, .integer, .decimal, .string, .array, .object: return nil
        }
    }

    /// The whole number, when it is one.
    ///
    /// - Throws: a sentence when it is a number, but not a whole one of 64 bits.
    func integer<Number: FixedWidthInteger>() throws(InvalidValue) -> Number? {
        switch self {
        case .integer(let integer):
            guard let number = Number(exactly: integer) else {
                throw InvalidValue("number is \(integer), expected a smaller one")
            }
            return number
        case .decimal(let text):
            throw InvalidValue("number is \(PrintableText.shortened(text)), expected a whole number")
        case .null, .bool, .string, .array, .object: return nil
        }
    }
}

extension DocumentNode {
    /// The value of an object's field; `nil` when there is none or this is no object.
    package subscript(_ name: String) -> DocumentNode? {
        guard case .object(let members) = value else { return nil }
        return members.first { $0.name == name && $0.name.utf8.count == name.utf8.count }?.node
    }

    /// The elements of a list; empty for anything else.
    package var elements: [DocumentNode] {
        guard case .array(let nodes) = value else { return [] }
        return nodes
    }

    /// Where the field of a path such as `clients[0].profiles[1].name` stands in the file, or else the last
    /// thing on the way to it that is there.
    package func position(ofField path: String) -> SourcePosition? {
        var node = self
        var place = position
        for step in path.utf8.split(whereSeparator: { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "[") }) {
            let next: DocumentNode?
            if step.last == UInt8(ascii: "]") {
                let index = Int(Substring(step.dropLast()))
                let elements = node.elements
                next = index.flatMap { elements.indices.contains($0) ? elements[$0] : nil }
            } else {
                next = node[String(Substring(step))]
            }
            guard let next else { return place }
            node = next
            place = node.position ?? place
        }
        return place
    }
}

/// Untrusted text in messages: short, without control characters, and without what could be an API token.
package enum PrintableText {
    static func shortened(_ text: String, to limit: Int = 60) -> String {
        var result = ""
        // Hidden before it is cut: of a token that stands across the limit nothing is shown either.
        let near = text.unicodeScalars.prefix(limit + TokenMask.runLength)
        let text = TokenMask.masked(String(String.UnicodeScalarView(near)))
        for scalar in text.unicodeScalars.prefix(limit) {
            let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
            result.unicodeScalars.append(isControl ? "\u{fffd}" : scalar)
        }
        return text.unicodeScalars.count > limit ? result + "…" : result
    }

    static func quoted(_ text: String) -> String {
        "\"\(shortened(text))\""
    }
}

/// Finds what was probably meant by a misspelt name.
package enum Spelling {
    /// The candidate that is at most two edits away (one for short names), nearest first.
    package static func nearest(to name: String, among candidates: [String]) -> String? {
        let bytes = Array(name.utf8)
        guard (2...40).contains(bytes.count) else { return nil }
        var best: (distance: Int, name: String)?
        for candidate in candidates {
            let distance = distance(bytes, Array(candidate.utf8))
            guard distance <= (min(bytes.count, candidate.utf8.count) > 3 ? 2 : 1) else { continue }
            if best.map({ distance < $0.distance }) ?? true { best = (distance, candidate) }
        }
        return best?.name
    }

    /// The number of bytes to insert, delete or replace (Levenshtein).
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let cost = min(diagonal + (a == b ? 0 : 1), row[j] + 1, row[j + 1] + 1)
                diagonal = row[j + 1]
                row[j + 1] = cost
            }
        }
        return row[right.count]
    }
}
