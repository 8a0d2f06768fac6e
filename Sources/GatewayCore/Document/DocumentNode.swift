/// One value of a catalog document, whether it was written in YAML or JSON, with the place it came from.
package struct DocumentNode: Sendable {
    /// The value itself.
    package var value: DocumentValue
    /// Where it stands in the file; `nil` for one that was made here or came as JSON.
    package var position: SourcePosition?

    /// Takes a value and its place.
    package init(_ value: DocumentValue, at position: SourcePosition? = nil) {
        self.value = value
        self.position = position
    }

    /// Makes an object of named values.
    package init(object members: [(String, DocumentValue)]) {
        self.init(.object(members.map { DocumentMember($0.0, DocumentNode($0.1)) }))
    }
}

/// What YAML and JSON have in common.
package indirect enum DocumentValue: Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// A number that is no 64-bit integer, as written.
    case decimal(String)
    case string(String)
    case array([DocumentNode])
    case object([DocumentMember])

    /// The kind in words, for messages; never the value.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer, .decimal: "a number"
        case .string: "a text"
        case .array: "a list"
        case .object: "an object"
        }
    }
}

/// One named value of an object; names are unique within it.
package struct DocumentMember: Sendable {
    /// The name.
    package let name: String
    /// The value.
    package var node: DocumentNode

    /// Names a value.
    package init(_ name: String, _ node: DocumentNode) {
        self.name = name
        self.node = node
    }
}

/// A line and column in a file, both from 1 on.
package struct SourcePosition: Hashable, Sendable, CustomStringConvertible {
    /// The line, from 1 on.
    package let line: Int
    /// The column, from 1 on.
    package let column: Int

    /// Takes a line and a column.
    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    package var description: String { "line \(line), column \(column)" }
}

/// Why a document was refused: the field, its place, and both sides.
package struct DocumentError: Error, Sendable, CustomStringConvertible {
    /// What kind of refusal it is, as the catalog sees it.
    package let kind: CatalogError.Kind
    /// The field, as a path: `clients[0].profiles[1].keys[0].public_key`.
    package let field: String
    /// Where the field stands in the file, when it came from one.
    package let position: SourcePosition?
    /// What was expected and found; lower case, no full stop; never a secret.
    package let message: String

    /// Takes the parts.
    package init(
        _ message: String,
        field: String,
        at position: SourcePosition? = nil,
        kind: CatalogError.Kind = .invalid
    ) {
        self.message = message
        self.field = field
        self.position = position
        self.kind = kind
    }

    package var description: String {
        let place = position.map { "\($0): " } ?? ""
        return field.isEmpty ? "\(place)\(message)" : "\(place)\(field): \(message)"
    }
}
