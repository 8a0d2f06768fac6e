import GatewayCore

/// What a value of the API may be.
///
/// It is the one description that the OpenAPI document is written from and that every body and parameter is
/// checked against, so that the two cannot disagree.
indirect enum Shape: Sendable {
    case boolean
    /// A whole number within bounds.
    case integer(ClosedRange<Int64>)
    case text(TextRule)
    /// One of these texts.
    case choice([String])
    /// A list of so many elements, each only once if so said.
    case list(Shape, count: ClosedRange<Int>, isUnique: Bool)
    case object(ObjectShape)
    /// Any value at all.
    case anything
    /// Any one of these.
    case anyOf([Shape])
    /// This, or null.
    case optional(Shape)

    /// Any value of 64 bits.
    static let anyInteger = Shape.integer(.min ... .max)
    /// A count or number from 0 on.
    static let natural = Shape.integer(0 ... .max)
    /// A list of at most so many different elements.
    static func set(_ element: Shape, upTo limit: Int) -> Shape {
        .list(element, count: 0...limit, isUnique: true)
    }
}

/// The fields of an object.
struct ObjectShape: Sendable {
    /// Its name among the schemas of the OpenAPI document.
    let name: String
    /// What it is, in one sentence.
    let summary: String
    /// Its fields in order.
    var fields: [Field]
    /// Whether it may have members that are not named here.
    var isOpen = false

    /// One field.
    struct Field: Sendable {
        /// When a field is accepted, and when it is shown.
        enum Access: Sendable {
            case readWrite
            /// Shown; in a request accepted only as it is.
            case readOnly
            /// Accepted, and never shown.
            case writeOnly
        }

        let name: String
        var shape: Shape
        let summary: String
        var isRequired: Bool
        let access: Access
        let fallback: DocumentValue?
        let isAlwaysShown: Bool

        init(
            _ name: String,
            _ shape: Shape,
            _ summary: String,
            isRequired: Bool = false,
            access: Access = .readWrite,
            default fallback: DocumentValue? = nil,
            isAlwaysShown: Bool = true
        ) {
            self.name = name
            self.shape = shape
            self.summary = summary
            self.isRequired = isRequired
            self.access = access
            self.fallback = fallback
            self.isAlwaysShown = isAlwaysShown
        }
    }
}

// MARK: - The faces of one description

extension ObjectShape {
    /// As it is answered: without what is only written.
    var output: ObjectShape {
        let shown = fields.compactMap { field -> Field? in
            guard field.access != .writeOnly else { return nil }
            var shown = field
            shown.shape = field.shape.output
            shown.isRequired = field.isAlwaysShown
            return shown
        }
        return ObjectShape(name: name, summary: summary, fields: shown, isOpen: isOpen)
    }

    /// As it is written whole: a field that may be left out may be null too, and is then at its default.
    var input: ObjectShape {
        written("\(name)Input", "\(summary) As written.") { $0.isRequired }
    }

    /// As it is changed in part (RFC 7396).
    var patch: ObjectShape {
        written("\(name)Patch", "\(summary) The fields to change; null sets one back to its default.") { _ in
            false
        }
    }

    private func written(_ name: String, _ summary: String, isRequired: (Field) -> Bool) -> ObjectShape {
        let written = fields.map { field -> Field in
            var written = field
            written.isRequired = isRequired(field)
            written.shape = field.shape.input
            if !field.isRequired, field.access != .readOnly { written.shape = written.shape.orNull }
            return written
        }
        return ObjectShape(name: name, summary: summary, fields: written, isOpen: isOpen)
    }
}

extension Shape {
    fileprivate var output: Shape { mapObjects { $0.output } }
    fileprivate var input: Shape { mapObjects { $0.input } }

    fileprivate var orNull: Shape {
        switch self {
        case .optional: self
        case .boolean, .integer, .text, .choice, .list, .object, .anything, .anyOf: .optional(self)
        }
    }

    // Recursion follows the descriptions in this module, which are a few levels deep.
    private func mapObjects(_ transform: (ObjectShape) -> ObjectShape) -> Shape {
        switch self {
        case .object(let object): .object(transform(object))
        case .list(let element, let count, let isUnique):
            .list(element.mapObjects(transform), count: count, isUnique: isUnique)
        case .anyOf(let shapes): .anyOf(shapes.map { $0.mapObjects(transform) })
        case .optional(let shape): .optional(shape.mapObjects(transform))
        case .boolean, .integer, .text, .choice, .anything: self
        }
    }
}

// MARK: - Checking

extension Shape {
    /// At most this many faults are reported at once.
    private static let maximumFaults = 50

    /// Everything in the value that is not as described; values are never shown.
    func faults(_ node: DocumentNode, _ path: String = "") -> [Problem.FieldError] {
        var faults: [Problem.FieldError] = []
        check(node, path, &faults)
        return faults
    }

    fileprivate func check(_ node: DocumentNode, _ path: String, _ faults: inout [Problem.FieldError]) {
        guard faults.count < Self.maximumFaults else { return }
        func fault(_ detail: String) {
            faults.append(Problem.FieldError(field: path, detail: detail))
        }
        switch (self, node.value) {
        case (.optional, .null), (.boolean, .bool), (.anything, _): break
        case (.optional(let shape), _): shape.check(node, path, &faults)
        case (.integer(let range), .integer(let number)):
            guard !range.contains(number) else { return }
            fault("value is \(number), expected \(range.lowerBound) to \(range.upperBound)")
        case (.integer, .decimal): fault("expected a whole number of 64 bits")
        case (.text(let rule), .string(let text)): rule.fault(text).map(fault)
        case (.choice(let choices), .string(let text)):
            // Bytes, since Swift compares texts by canonical equivalence.
            guard !choices.contains(where: { $0.utf8.elementsEqual(text.utf8) }) else { return }
            fault("expected \(choices.map { "\"\($0)\"" }.joined(separator: ", "))")
        case (.list(let element, let count, let isUnique), .array(let nodes)):
            Self.checkList(nodes, element, count, isUnique, path, &faults)
        case (.object(let object), .object(let members)): object.check(members, path, &faults)
        case (.anyOf(let shapes), _):
            guard !shapes.contains(where: { $0.faults(node).isEmpty }) else { return }
            fault("expected \(shapes.map(\.words).joined(separator: ", or "))")
        case (.boolean, _), (.integer, _), (.text, _), (.choice, _), (.list, _), (.object, _):
            fault("expected \(words), found \(node.value.kind)")
        }
    }

    private static func checkList(
        _ nodes: [DocumentNode],
        _ element: Shape,
        _ count: ClosedRange<Int>,
        _ isUnique: Bool,
        _ path: String,
        _ faults: inout [Problem.FieldError]
    ) {
        guard count.contains(nodes.count) else {
            let detail =
                "there are \(nodes.count) elements, expected \(count.lowerBound) to \(count.upperBound)"
            faults.append(Problem.FieldError(field: path, detail: detail))
            return
        }
        var seen: Set<[UInt8]> = []
        for (index, node) in nodes.enumerated() {
            let place = "\(path)[\(index)]"
            element.check(node, place, &faults)
            if isUnique, !seen.insert(node.jsonBytes()).inserted {
                faults.append(Problem.FieldError(field: place, detail: "the element is there twice"))
            }
        }
    }

    /// The kind in words, for messages.
    private var words: String {
        switch self {
        case .boolean: "true or false"
        case .integer: "a whole number"
        case .text: "a text"
        case .choice(let choices): choices.map { "\"\($0)\"" }.joined(separator: " or ")
        case .list: "a list"
        case .object: "an object"
        case .anything: "anything"
        case .anyOf(let shapes): shapes.map(\.words).joined(separator: " or ")
        case .optional(let shape): "\(shape.words) or null"
        }
    }
}

extension ObjectShape {
    fileprivate func check(_ members: [DocumentMember], _ path: String, _ faults: inout [Problem.FieldError])
    {
        func place(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
        for field in fields {
            if let member = members.first(where: { $0.name.utf8.elementsEqual(field.name.utf8) }) {
                field.shape.check(member.node, place(field.name), &faults)
            } else if field.isRequired {
                faults.append(Problem.FieldError(field: place(field.name), detail: "the field is missing"))
            }
        }
        guard !isOpen else { return }
        for member in members where !fields.contains(where: { $0.name.utf8.elementsEqual(member.name.utf8) })
        {
            // A name is not echoed whole: it may be anything.
            let name = String(String.UnicodeScalarView(member.name.unicodeScalars.prefix(60)))
            faults.append(Problem.FieldError(field: place(name), detail: "unknown field"))
        }
    }
}
