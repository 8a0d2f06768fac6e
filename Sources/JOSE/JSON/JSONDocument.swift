/// A strict JSON text, parsed once into a flat tape of offsets into its source (RFC 8259).
///
/// Strict means: UTF-8 throughout, no byte order mark, no duplicate member name in any object (compared as
/// bytes after decoding escapes), no lone surrogate, nothing after the value, size and depth within
/// ``JSONLimits``.
/// Parsing does not recurse and makes no `String`.
public struct JSONDocument: Sendable {
    /// The text, as given.
    public let source: [UInt8]
    let nodes: [JSONNode]

    /// Parses a text.
    ///
    /// - Parameters:
    ///   - text: the bytes of the text.
    ///   - limits: bounds on size and depth; 64 KiB and 16 levels by default.
    /// - Throws: ``JSONError`` with the offset of the first fault.
    public init(parsing text: [UInt8], limits: JSONLimits = .default) throws(JSONError) {
        var parser = JSONParser(limits: limits)
        try parser.parse(text.span)
        source = text
        nodes = parser.nodes
    }

    /// The value that the text consists of.
    public var root: JSONElement {
        JSONElement(document: self, index: 0)
    }
}

/// The six kinds of JSON value.
public enum JSONKind: UInt8, Hashable, Sendable {
    case object, array, string, number, bool, null

    /// The kind with its article, for messages.
    public var words: String {
        switch self {
        case .object: "an object"
        case .array: "an array"
        case .string: "a string"
        case .number: "a number"
        case .bool: "a boolean"
        case .null: "null"
        }
    }
}

/// One value on the tape; a container's children follow it directly, a member's name precedes its value.
struct JSONNode: Sendable {
    let kind: JSONKind
    /// For a string: whether it holds escapes.
    var isEscaped = false
    /// How many elements or members a container has.
    var count: UInt32 = 0
    /// Where the value begins in the source; for a string, behind the quotation mark.
    let start: UInt32
    /// Where it ends; for a string, before the quotation mark.
    var end: UInt32
    /// The index of the node after this value and all its children; while a container is open, of its parent.
    var next: UInt32
}

/// One value of a ``JSONDocument``.
public struct JSONElement: Sendable {
    let document: JSONDocument
    let index: Int

    var node: JSONNode { document.nodes[index] }

    /// What kind of value this is.
    public var kind: JSONKind { node.kind }

    /// Where the value stands in the source, quotation marks and brackets included.
    public var byteRange: Range<Int> {
        let node = node
        let quotes = node.kind == .string ? 1 : 0
        return Int(node.start) - quotes..<Int(node.end) + quotes
    }

    /// How many elements an array or members an object has; 0 for other kinds.
    public var count: Int { Int(node.count) }

    /// A string's bytes with escapes decoded, always valid UTF-8; nil for other kinds.
    public var stringBytes: [UInt8]? {
        let node = node
        guard node.kind == .string else { return nil }
        return JSONParser.decoded(node, in: document.source.span)
    }

    /// The text of a string; nil for other kinds.
    ///
    /// Compare untrusted strings as bytes instead: `String` takes different bytes for equal.
    public var string: String? {
        stringBytes.map { String(decoding: $0, as: UTF8.self) }
    }

    /// A number, read exactly; nil for other kinds.
    public var number: JSONNumber? {
        let node = node
        guard node.kind == .number else { return nil }
        return JSONNumber(checked: document.source.span.extracting(Int(node.start)..<Int(node.end)))
    }

    /// A boolean's value; nil for other kinds.
    public var bool: Bool? {
        let node = node
        return node.kind == .bool ? document.source[Int(node.start)] == UInt8(ascii: "t") : nil
    }

    /// Whether this is a string of exactly these bytes.
    public func isString(_ bytes: Span<UInt8>) -> Bool {
        let node = node
        return node.kind == .string && JSONParser.isEqual(node, to: bytes, in: document.source.span)
    }

    /// Whether this is a string of exactly these bytes.
    public func isString(_ bytes: [UInt8]) -> Bool {
        isString(bytes.span)
    }

    /// An object's member of this name, or nil if there is none or this is not an object.
    public subscript(member name: Span<UInt8>) -> JSONElement? {
        guard kind == .object else { return nil }
        let source = document.source.span
        var nameIndex = index + 1
        for _ in 0..<count {
            if JSONParser.isEqual(document.nodes[nameIndex], to: name, in: source) {
                return JSONElement(document: document, index: nameIndex + 1)
            }
            nameIndex = Int(document.nodes[nameIndex + 1].next)
        }
        return nil
    }

    /// An object's member of this name, or nil if there is none or this is not an object.
    public subscript(member name: [UInt8]) -> JSONElement? {
        self[member: name.span]
    }

    /// An object's member of this name, or nil if there is none or this is not an object.
    public subscript(member name: StaticString) -> JSONElement? {
        name.withUTF8Buffer { unsafe self[member: Span(_unsafeElements: $0)] }
    }

    /// An array's elements in order; empty for other kinds.
    public var elements: JSONElements {
        JSONElements(container: self, isArray: true)
    }

    /// An object's members in order; empty for other kinds.
    public var members: JSONMembers {
        JSONMembers(values: JSONElements(container: self, isArray: false))
    }
}

/// The elements of an array, in order.
public struct JSONElements: Sequence, IteratorProtocol, Sendable {
    private let document: JSONDocument
    private var nextIndex: Int
    private var remaining: Int

    init(container: JSONElement, isArray: Bool) {
        document = container.document
        nextIndex = container.index + 1
        remaining = container.kind == (isArray ? .array : .object) ? container.count : 0
    }

    /// The next element.
    public mutating func next() -> JSONElement? {
        guard remaining > 0 else { return nil }
        remaining -= 1
        let element = JSONElement(document: document, index: nextIndex)
        nextIndex = Int(element.node.next)
        return element
    }

    fileprivate mutating func nextMember() -> JSONMember? {
        guard remaining > 0 else { return nil }
        let name = JSONElement(document: document, index: nextIndex)
        nextIndex += 1
        return next().map { JSONMember(name: name, value: $0) }
    }
}

/// One member of an object.
public struct JSONMember: Sendable {
    /// The name, always a string.
    public let name: JSONElement
    /// The value.
    public let value: JSONElement

    /// The name's bytes with escapes decoded.
    public var nameBytes: [UInt8] { name.stringBytes ?? [] }
}

/// The members of an object, in order.
public struct JSONMembers: Sequence, IteratorProtocol, Sendable {
    fileprivate var values: JSONElements

    /// The next member.
    public mutating func next() -> JSONMember? {
        values.nextMember()
    }
}
