import JOSE

/// JSON laid out for reading; numbers and strings stay as they were written.
struct PrettyJSON {
    private var output = ""
    private let source: [UInt8]

    /// Lays out a value of a document, two spaces per level.
    ///
    /// - Parameters:
    ///   - element: the value; its nesting is bounded by the limits that it was parsed with.
    ///   - document: the document that it belongs to.
    /// - Returns: the text, without a line break at its end.
    static func text(_ element: JSONElement, of document: JSONDocument) -> String {
        var writer = PrettyJSON(source: document.source)
        writer.append(element, indentation: "")
        return writer.output
    }

    private init(source: [UInt8]) {
        self.source = source
    }

    private mutating func append(_ element: JSONElement, indentation: String) {
        let inner = indentation + "  "
        switch element.kind {
        case .object where element.count > 0:
            var separator = "{\n"
            for member in element.members {
                output += separator + inner + slice(member.name) + ": "
                append(member.value, indentation: inner)
                separator = ",\n"
            }
            output += "\n" + indentation + "}"
        case .array where element.count > 0:
            var separator = "[\n"
            for child in element.elements {
                output += separator + inner
                append(child, indentation: inner)
                separator = ",\n"
            }
            output += "\n" + indentation + "]"
        case .object: output += "{}"
        case .array: output += "[]"
        case .string, .number, .bool, .null: output += slice(element)
        }
    }

    /// The value as written, with what a terminal would obey as JSON escapes.
    private func slice(_ element: JSONElement) -> String {
        // The parser has checked that this is UTF-8.
        let text = String(decoding: source[element.byteRange], as: UTF8.self)
        guard !text.unicodeScalars.allSatisfy(Printable.isHarmless) else { return text }
        var escaped = ""
        for scalar in text.unicodeScalars {
            if Printable.isHarmless(scalar) {
                escaped.unicodeScalars.append(scalar)
            } else {
                for unit in Character(scalar).utf16 {
                    let digits = String(unit, radix: 16, uppercase: true)
                    escaped += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
                }
            }
        }
        return escaped
    }
}

/// The little JSON that commands write.
enum JSONText {
    /// A string with its quotation marks (RFC 8259 §7).
    static func string(_ text: String) -> String {
        var output = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\r": output += "\\r"
            case "\t": output += "\\t"
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                output += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: output.unicodeScalars.append(scalar)
            }
        }
        return output + "\""
    }
}
