/// Reads the fields of one object with their types, and refuses what nobody asked for.
///
/// A field that is absent leaves its target as it is, `null` sets it back to its default, and a value sets
/// it: so the same reading serves a new entity, a replacement (from fresh defaults) and a merge patch (RFC
/// 7396).
package struct DocumentReader: Sendable {
    /// Where the object stands, as a path: `clients[0].profiles[1]`; empty for the whole document.
    package let path: String
    /// Where the object stands in the file, when it came from one.
    package let position: SourcePosition?

    private let members: [DocumentMember]
    private var isRead: [Bool]
    private var asked: [String] = []

    /// Begins reading an object.
    ///
    /// - Throws: ``DocumentError`` when the node is no object, or names a field twice.
    package init(_ node: DocumentNode, path: String = "") throws(DocumentError) {
        guard case .object(let members) = node.value else {
            throw DocumentError(
                "expected an object, found \(node.value.kind)",
                field: path,
                at: node.position
            )
        }
        self.path = path
        position = node.position
        self.members = members
        isRead = Array(repeating: false, count: members.count)
        try refuseDuplicates()
    }

    private func refuseDuplicates() throws(DocumentError) {
        // Most objects have few fields, and comparing those is quicker than hashing them.
        guard members.count > 16 else {
            for (index, member) in members.enumerated()
            where members[..<index].contains(where: { $0.name == member.name }) {
                throw duplicate(member)
            }
            return
        }
        var seen: Set<String> = []
        for member in members where !seen.insert(member.name).inserted { throw duplicate(member) }
    }

    private func duplicate(_ member: DocumentMember) -> DocumentError {
        let field = pathOf(PrintableText.shortened(member.name))
        return DocumentError("the field is there twice", field: field, at: member.node.position ?? position)
    }

    /// The path of a field of this object.
    package func pathOf(_ name: String) -> String {
        path.isEmpty ? name : "\(path).\(name)"
    }

    /// An error about a field of this object, at the field's place or else at the object's.
    package func error(
        _ name: String,
        _ message: String,
        kind: CatalogError.Kind = .invalid
    ) -> DocumentError {
        let place = members.first { $0.name == name }?.node.position ?? position
        return DocumentError(message, field: pathOf(name), at: place, kind: kind)
    }

    /// The value of a field, which counts as read from now on; `nil` when it is absent.
    package mutating func take(_ name: String) -> DocumentNode? {
        asked.append(name)
        // Byte count too: Swift compares texts by canonical equivalence.
        let index = members.firstIndex { $0.name == name && $0.name.utf8.count == name.utf8.count }
        guard let index else { return nil }
        isRead[index] = true
        return members[index].node
    }

    /// Refuses fields that were not read.
    ///
    /// - Throws: ``DocumentError`` with the name that was probably meant, when there is one.
    package func finish() throws(DocumentError) {
        guard let index = isRead.firstIndex(of: false) else { return }
        let member = members[index]
        let advice = Spelling.nearest(to: member.name, among: asked).map { ", did you mean \"\($0)\"?" } ?? ""
        throw DocumentError(
            "unknown field\(advice)",
            field: pathOf(PrintableText.shortened(member.name)),
            at: member.node.position ?? position
        )
    }

    // MARK: Single values

    /// Reads a value of any type.
    ///
    /// - Parameters:
    ///   - name: the field.
    ///   - target: what it sets.
    ///   - fallback: what `null` sets it to; `nil` refuses `null`.
    ///   - expected: the type in words: `a text`.
    ///   - convert: gives `nil` when the node is of another type, and throws a sentence when its value is not
    ///     acceptable.
    /// - Throws: ``DocumentError``.
    package mutating func value<Value>(
        _ name: String,
        _ target: inout Value,
        default fallback: Value?,
        expected: String,
        convert: (DocumentNode) throws(InvalidValue) -> Value?
    ) throws(DocumentError) {
        guard let node = take(name) else { return }
        if case .null = node.value, let fallback {
            target = fallback
            return
        }
        do {
            guard let value = try convert(node) else {
                throw DocumentError(
                    "expected \(expected), found \(node.value.kind)",
                    field: pathOf(name),
                    at: node.position
                )
            }
            target = value
        } catch let error as InvalidValue {
            throw DocumentError(error.description, field: pathOf(name), at: node.position)
        } catch let error as DocumentError {
            throw error
        } catch {
            throw DocumentError("\(error)", field: pathOf(name), at: node.position)
        }
    }

    /// Reads a text.
    package mutating func text(
        _ name: String,
        _ target: inout String,
        default fallback: String? = nil
    ) throws(DocumentError) {
        try value(name, &target, default: fallback, expected: "a text") { $0.value.text }
    }

    /// Reads a text that may be missing.
    package mutating func optionalText(_ name: String, _ target: inout String?) throws(DocumentError) {
        try value(name, &target, default: .some(nil), expected: "a text") { $0.value.text.map { .some($0) } }
    }

    /// Reads a text that a new entity cannot do without; reading the field again later is harmless.
    package mutating func requiredText(_ name: String) throws(DocumentError) -> String {
        guard let node = take(name) else { throw error(name, "the field is missing, expected a text") }
        guard let text = node.value.text else {
            throw error(name, "expected a text, found \(node.value.kind)")
        }
        return text
    }

    /// Reads a boolean.
    package mutating func bool(
        _ name: String,
        _ target: inout Bool,
        default fallback: Bool?
    ) throws(DocumentError) {
        try value(name, &target, default: fallback, expected: "true or false") { node throws(InvalidValue) in
            try node.value.boolean()
        }
    }

    /// Reads a boolean that may be missing.
    package mutating func optionalBool(_ name: String, _ target: inout Bool?) throws(DocumentError) {
        try value(name, &target, default: .some(nil), expected: "true or false") {
            node throws(InvalidValue) in
            try node.value.boolean().map { .some($0) }
        }
    }

    /// Reads a whole number.
    package mutating func integer<Number: FixedWidthInteger>(
        _ name: String,
        _ target: inout Number,
        default fallback: Number?
    ) throws(DocumentError) {
        try value(name, &target, default: fallback, expected: "a whole number") { node throws(InvalidValue) in
            try node.value.integer()
        }
    }

    /// Reads a whole number that may be missing.
    package mutating func optionalInteger(_ name: String, _ target: inout Int?) throws(DocumentError) {
        try value(name, &target, default: .some(nil), expected: "a whole number") {
            node throws(InvalidValue) in
            let number: Int? = try node.value.integer()
            return number.map { .some($0) }
        }
    }

    /// Reads a moment in the form of RFC 3339 that may be missing.
    package mutating func optionalTime(_ name: String, _ target: inout Timestamp?) throws(DocumentError) {
        try value(name, &target, default: .some(nil), expected: "a time as text") {
            node throws(InvalidValue) in
            guard let text = node.value.text else { return nil }
            guard let time = Timestamp(rfc3339: text) else {
                let found = PrintableText.quoted(text)
                throw InvalidValue("time is \(found), expected the form 2026-11-24T18:00:00Z (RFC 3339)")
            }
            return .some(time)
        }
    }

    /// Reads one of the names of a closed set.
    package mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String,
        _ target: inout Choice,
        default fallback: Choice?
    ) throws(DocumentError) where Choice.RawValue == String {
        try value(name, &target, default: fallback, expected: "a text") { node throws(InvalidValue) in
            guard let text = node.value.text else { return nil }
            guard let choice = Choice(rawValue: text) else {
                let names = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
                throw InvalidValue("value is \(PrintableText.quoted(text)), expected \(names)")
            }
            return choice
        }
    }

    /// Reads a field that answers show and nobody may change: it may be given back as it was.
    package mutating func readOnly(_ name: String, _ current: String) throws(DocumentError) {
        guard let node = take(name) else { return }
        guard let text = node.value.text, text.utf8.elementsEqual(current.utf8) else {
            throw error(name, "the field cannot be set or changed, expected \"\(current)\" or nothing")
        }
    }
}
