import GatewayCore

/// A field of a form that stands for a field of one of the API's documents: shown from it, and sent as it.
struct CatalogField: Sendable {
    /// What the field of the document is.
    enum Kind: Sendable {
        /// A text; an empty one is sent as it is, or as null.
        case text(emptyIsNull: Bool)
        /// A whole number; an empty one is sent as null.
        case number
        /// A time, entered in UTC to the minute; an empty one is sent as null.
        case time
        /// A boolean.
        case flag
        /// Yes, no, or null.
        case threeWay
        /// A list of texts.
        case list
        /// A list of objects, each written in a line.
        case lines(LineForm)
    }

    /// How objects are written in lines.
    struct LineForm: Sendable {
        /// The line of an object.
        let line: @Sendable (DocumentNode) -> String
        /// The object of a line.
        let object: @Sendable (String) -> DocumentValue
    }

    /// The path in the document, which is the name in the form too: `identity_provider.issuer`.
    var name: String { field.name }
    /// What is shown.
    var field: FormField
    let kind: Kind

    init(_ kind: Kind, _ field: FormField) {
        self.kind = kind
        self.field = field
    }

    // MARK: Showing

    /// The field as it stands in a document.
    func shown(in document: DocumentNode) -> FormField {
        var shown = field
        let value = Self.value(at: name, in: document)
        switch (kind, value) {
        case (_, nil), (_, .null): shown.values = value == nil ? field.values : []
        case (.flag, let value?): shown.values = value.isTrue ? ["on"] : []
        case (.threeWay, let value?): shown.values = [value.isTrue ? "true" : "false"]
        case (.time, let value?): shown.values = [Self.localTime(value.text ?? "")]
        case (.number, let value?): shown.values = value.number.map { ["\($0)"] } ?? []
        case (.list, .array(let nodes)):
            let texts = nodes.compactMap(\.value.text)
            if case .area = field.kind {
                shown.values = texts.isEmpty ? [] : [texts.joined(separator: "\n")]
            } else {
                shown.values = texts
            }
        case (.lines(let form), .array(let nodes)):
            shown.values = nodes.isEmpty ? [] : [nodes.map(form.line).joined(separator: "\n")]
        case (_, let value?): shown.values = value.text.map { $0.isEmpty ? [] : [$0] } ?? []
        }
        return shown
    }

    /// Whether what the document has can be written in this field at all.
    func canShow(_ document: DocumentNode) -> Bool {
        guard case .lines(let form) = kind, case .array(let nodes) = Self.value(at: name, in: document) else {
            return true
        }
        return nodes.allSatisfy { node in
            let again = DocumentNode(form.object(form.line(node)))
            // What is at its default may be left out of a line.
            return again.value.members.allSatisfy { $0.node.value == node[$0.name]?.value }
                && form.line(again) == form.line(node)
        }
    }

    // MARK: Sending

    /// The value that was entered; `nil` when it is not to be sent.
    ///
    /// What is no number or time is sent as the text that it is: the API says what is wrong with it.
    func value(in form: Form, changing document: DocumentNode?) -> DocumentValue? {
        let text = form.text(name)
        switch kind {
        case .text(let emptyIsNull):
            // Secrets are not trimmed: what was pasted is what counts.
            let exact = field.isSecret ? form[name] ?? "" : text
            return exact.isEmpty && emptyIsNull ? .null : .string(exact)
        case .number: return text.isEmpty ? .null : Int64(text).map { .integer($0) } ?? .string(text)
        case .time:
            guard !text.isEmpty else { return .null }
            let old = document.flatMap { Self.value(at: name, in: $0)?.text }
            // Unchanged to the minute is unchanged: the seconds are not on the page.
            if let old, Self.localTime(old) == text { return nil }
            return .string(Self.time(text))
        case .flag: return .bool(form.isOn(name))
        case .threeWay: return text.isEmpty ? .null : .bool(text == "true")
        case .list:
            if case .area = field.kind { return .list(form.lines(name)) }
            return .list(form.all(name))
        case .lines(let lines): return .array(form.lines(name).map { DocumentNode(lines.object($0)) })
        }
    }

    /// The time of the API as `datetime-local` has it, in UTC: `2026-11-24T18:00`.
    static func localTime(_ text: String) -> String {
        String(text.prefix(16))
    }

    /// A `datetime-local` as the API has it.
    static func time(_ text: String) -> String {
        switch text.utf8.count {
        case 16: text + ":00Z"
        case 19: text + "Z"
        default: text
        }
    }

    private static func value(at path: String, in document: DocumentNode) -> DocumentValue? {
        var node: DocumentNode? = document
        for part in path.split(separator: ".") { node = node?[String(part)] }
        return node?.value
    }
}

extension [CatalogField] {
    /// The document that was entered.
    ///
    /// An object within it whose fields are all empty is null: the whole part is not wanted.
    func document(in form: Form, changing old: DocumentNode? = nil) -> DocumentValue {
        var members: [(String, DocumentValue)] = []
        var objects: [(name: String, members: [(String, DocumentValue)])] = []
        for field in self {
            guard let value = field.value(in: form, changing: old) else { continue }
            let parts = field.name.split(separator: ".", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                members.append((field.name, value))
                continue
            }
            if let index = objects.firstIndex(where: { $0.name == parts[0] }) {
                objects[index].members.append((parts[1], value))
            } else {
                objects.append((parts[0], [(parts[1], value)]))
            }
        }
        for object in objects {
            let filled = object.members.filter { !Self.isEmpty($0.1) }
            members.append((object.name, filled.isEmpty ? .null : .fields(filled)))
        }
        return .fields(members)
    }

    private static func isEmpty(_ value: DocumentValue) -> Bool {
        switch value {
        case .null: true
        case .string(let text): text.isEmpty
        case .array(let nodes): nodes.isEmpty
        case .bool, .integer, .decimal, .object: false
        }
    }
}
