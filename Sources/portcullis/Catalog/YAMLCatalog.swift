import Foundation
import GatewayCore
import Yams

/// Reads and writes the catalog as a file.
enum YAMLCatalog {
    /// The largest file that is read: 256 MiB.
    static let maximumBytes = 256 << 20

    /// Reads a catalog file, YAML or JSON, and puts the contents of the files and environment variables that
    /// it names (`secret_file`, `token_env`, …) in the place of their names.
    ///
    /// - Parameters:
    ///   - path: the file; `-` is standard input.
    ///   - environment: the variables.
    /// - Returns: the document, where each value knows its line.
    /// - Throws: ``CatalogFileError`` with the place in the file, ``CommandFailure`` when it cannot be read.
    static func read(
        _ path: String,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> DocumentNode {
        let bytes = try Files.read(path, what: "catalog", limit: maximumBytes)
        let directory = path == "-" ? "." : URL(fileURLWithPath: path).deletingLastPathComponent().path
        do throws(DocumentError) {
            let node = try parse(bytes, isJSON: path.lowercased().hasSuffix(".json"))
            let sources = CredentialSources(directory: directory, environment: environment)
            return try sources.resolve(node)
        } catch {
            throw CatalogFileError(path: path, error)
        }
    }

    /// Parses a catalog document, YAML or JSON; files and variables that it names are not looked at.
    ///
    /// - Parameters:
    ///   - bytes: the document.
    ///   - isJSON: whether it must be JSON; otherwise JSON is recognised when it begins with a brace.
    /// - Returns: the document, where each value knows its line.
    /// - Throws: ``DocumentError`` with the place.
    static func parse(_ bytes: [UInt8], isJSON: Bool = false) throws(DocumentError) -> DocumentNode {
        let limits = DocumentNode.catalogJSONLimits
        if isJSON { return try DocumentNode(json: bytes, limits: limits, hasPositions: true) }
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0d).contains($0) }
        if bytes.first(where: { !isSpace($0) }) == UInt8(ascii: "{"),
            // What is no JSON may still be YAML: a flow mapping begins the same way.
            let node = try? DocumentNode(json: bytes, limits: limits, hasPositions: true)
        {
            return node
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            let index = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
            throw DocumentError(
                "the line is not UTF-8 text",
                field: "",
                at: SourcePosition(line: index + 1, column: 1)
            )
        }
        let root: Node?
        do {
            // No resolver: which plain words are booleans or numbers is decided below, not by YAML 1.1.
            root = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
        } catch let error as YamlError {
            throw DocumentError(error)
        } catch {
            throw DocumentError("not a YAML text: \(error)", field: "")
        }
        var converter = YAMLConverter(limit: max(100_000, bytes.count))
        // A file that was cut short must not take the whole catalog with it, by --prune or SIGHUP.
        guard let root else {
            throw DocumentError(
                "the document is empty, expected a catalog; an empty catalog is written {}",
                field: "",
                at: SourcePosition(line: 1, column: 1)
            )
        }
        return try converter.node(root)
    }

    /// Writes a document as YAML in block style, fields in the order that the document has them.
    ///
    /// - Parameters:
    ///   - node: the document.
    ///   - header: lines that begin the file as comments.
    /// - Returns: the text of the file.
    /// - Throws: `YamlError` when the emitter refuses.
    static func write(_ node: DocumentNode, header: [String] = []) throws -> String {
        let comments = header.map { $0.isEmpty ? "#\n" : "# \($0)\n" }.joined()
        return comments + (try Yams.serialize(node: YAMLNodeWriter.node(node), width: -1, allowUnicode: true))
    }
}

/// Why a catalog file was refused.
struct CatalogFileError: Error, CustomStringConvertible {
    /// The file.
    let path: String
    /// Where in the file.
    let position: SourcePosition?
    /// What is wrong and where in the document.
    let message: String

    init(path: String, position: SourcePosition?, message: String) {
        self.path = path == "-" ? "standard input" : path
        self.position = position
        self.message = message
    }

    init(path: String, _ error: DocumentError) {
        let message = error.field.isEmpty ? error.message : "\(error.field): \(error.message)"
        self.init(path: path, position: error.position, message: message)
    }

    /// `catalog.yaml:12:9: clients[0].name: …`, as compilers write it.
    var description: String {
        let place = position.map { ":\($0.line):\($0.column)" } ?? ""
        return "\(path)\(place): \(message)"
    }
}

extension DocumentError {
    /// The words and the place of the parser's error; never its excerpt of the file, which may be a secret.
    fileprivate init(_ error: YamlError) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let words = [context?.text, problem].compactMap(\.self).joined(separator: ": ")
            self.init("not a YAML text: \(words)", field: "", at: SourcePosition(mark))
        case .duplicatedKeysInMapping(let duplicates, let context):
            let name = duplicates.first ?? ""
            self.init("the field is there twice", field: name, at: SourcePosition(context.mark))
        case .reader(let problem, let offset, _, _):
            let place = offset.map { " at character \($0)" } ?? ""
            self.init("not a YAML text: \(problem)\(place)", field: "")
        case .memory: self.init("there is not enough memory to read the YAML text", field: "")
        case .no, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            self.init("not a YAML text", field: "")
        }
    }
}

extension SourcePosition {
    fileprivate init(_ mark: Mark) {
        self.init(line: mark.line, column: mark.column)
    }
}

/// Turns the parser's nodes into document nodes.
private struct YAMLConverter {
    /// A catalog has fewer levels; recursion ends here.
    private static let maximumDepth = 32
    /// The fields that are numbers; elsewhere a plain number is the text that was written (`version: 1.10`).
    private static let numbers: Set<String> = [
        "leeway_seconds", "connect_timeout_seconds", "timeout_seconds", "max_body_bytes",
        "max_lifetime_seconds", "lifetime_seconds", "token_lifetime_seconds", "signing_key_days",
    ]

    /// How many nodes may still be made: aliases repeat nodes, so a small file could name billions.
    private var remaining: Int

    init(limit: Int) {
        remaining = limit
    }

    mutating func node(_ node: Node, field: String = "", depth: Int = 0) throws(DocumentError) -> DocumentNode
    {
        let position = node.mark.map { SourcePosition($0) }
        remaining -= 1
        guard remaining >= 0 else {
            throw DocumentError(
                "aliases (*name) repeat more than the file could hold",
                field: "",
                at: position
            )
        }
        guard depth < Self.maximumDepth else {
            throw DocumentError("nested deeper than \(Self.maximumDepth) levels", field: "", at: position)
        }
        switch node {
        case .scalar(let scalar):
            return DocumentNode(try value(scalar, field, position), at: position)
        case .sequence(let sequence):
            var nodes: [DocumentNode] = []
            nodes.reserveCapacity(sequence.count)
            for element in sequence { nodes.append(try self.node(element, field: field, depth: depth + 1)) }
            return DocumentNode(.array(nodes), at: position)
        case .mapping(let mapping):
            return DocumentNode(.object(try members(mapping, depth)), at: position)
        case .alias:
            throw DocumentError("an alias stands for nothing", field: "", at: position)
        }
    }

    private mutating func members(
        _ mapping: Node.Mapping,
        _ depth: Int
    ) throws(DocumentError) -> [DocumentMember] {
        var members: [DocumentMember] = []
        members.reserveCapacity(mapping.count)
        for (key, value) in mapping {
            let position = key.mark.map { SourcePosition($0) }
            guard case .scalar(let scalar) = key else {
                throw DocumentError(
                    "a field's name is a list or an object, expected a text",
                    field: "",
                    at: position
                )
            }
            guard scalar.string != "<<" else {
                throw DocumentError(
                    "merging (<<) is not part of YAML 1.2; repeat the fields",
                    field: "",
                    at: position
                )
            }
            members.append(
                DocumentMember(scalar.string, try node(value, field: scalar.string, depth: depth + 1))
            )
        }
        return members
    }

    private func value(
        _ scalar: Node.Scalar,
        _ field: String,
        _ position: SourcePosition?
    ) throws(DocumentError) -> DocumentValue {
        let tag = Tag.Name(rawValue: scalar.tag.rawValue)
        guard tag == .implicit || tag == .str || tag == .nonSpecific else {
            throw DocumentError("tag \(tag.rawValue) is not accepted, expected none", field: "", at: position)
        }
        guard scalar.style == .plain, tag == .implicit else { return .string(scalar.string) }
        switch PlainScalar(scalar.string) {
        case .null: return .null
        case .bool(let bool): return .bool(bool)
        case .number where !Self.numbers.contains(field): return .string(scalar.string)
        case .number: return Int64(scalar.string).map { .integer($0) } ?? .decimal(scalar.string)
        case .text: return .string(scalar.string)
        }
    }
}

/// What an unquoted word means by the core schema of YAML 1.2 (§10.3.2), numbers as JSON writes them.
enum PlainScalar {
    case null, bool(Bool), number, text

    init(_ text: String) {
        switch text {
        case "", "~", "null", "Null", "NULL": self = .null
        case "true", "True", "TRUE": self = .bool(true)
        case "false", "False", "FALSE": self = .bool(false)
        default: self = Self.isNumber(Array(text.utf8)) ? .number : .text
        }
    }

    /// The grammar of RFC 8259 §6; by hand, since a large catalog has half a million plain words.
    private static func isNumber(_ text: [UInt8]) -> Bool {
        var rest = text[...]
        func digits() -> Int {
            let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.count
            rest = rest.dropFirst(digits)
            return digits
        }
        if rest.first == UInt8(ascii: "-") { rest.removeFirst() }
        let hasLeadingZero = rest.first == UInt8(ascii: "0")
        let whole = digits()
        guard whole == 1 || (whole > 1 && !hasLeadingZero) else { return false }
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            guard digits() > 0 else { return false }
        }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest.removeFirst()
            if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest.removeFirst() }
            guard digits() > 0 else { return false }
        }
        return rest.isEmpty
    }
}

/// Turns document nodes into the emitter's nodes.
private enum YAMLNodeWriter {
    /// Words that some reader of YAML 1.1 takes for something else than text.
    private static let words: Set<String> = [
        "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "", "=", "<<", ".inf", "-.inf",
        "+.inf", ".nan",
    ]

    // Recursion is bounded: nodes come from a bounded reading or from the catalog's own few levels.
    static func node(_ node: DocumentNode) -> Node {
        switch node.value {
        case .null: Node("null", .implicit, .plain)
        case .bool(let bool): Node(bool ? "true" : "false", .implicit, .plain)
        case .integer(let integer): Node(String(integer), .implicit, .plain)
        case .decimal(let text): Node(text, .implicit, .plain)
        case .string(let text): Node(text, Tag(.str), style(text))
        case .array(let nodes): Node(nodes.map { Self.node($0) }, Tag(.seq), nodes.isEmpty ? .flow : .block)
        case .object(let members):
            Node(
                members.map { (Node($0.name, Tag(.str), style($0.name)), Self.node($0.node)) },
                Tag(.map),
                members.isEmpty ? .flow : .block
            )
        }
    }

    private static func style(_ text: String) -> Node.Scalar.Style {
        if text.contains("\n") { return .literal }
        // Whatever begins like a number, a date or a sign is quoted, whether a reader would mistake it or not.
        let isSure = text.utf8.first.map {
            $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ".")
        }
        let isDigit = text.utf8.first.map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false
        return isSure == true && !isDigit && !words.contains(text.lowercased()) ? .any : .doubleQuoted
    }
}
