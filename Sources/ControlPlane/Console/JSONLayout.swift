import JOSE

/// JSON as people read it, each member on a line of its own; names, values and their order stay as they were written.
enum JSONLayout {
    // Indenting what is deep and long makes much of little.
    private static let maximumBytes = 65_536

    /// The text laid out; as it is when it is no strict JSON, or would become too long.
    static func indented(_ text: String) -> String {
        let bytes = Array(text.utf8)
        do throws(JSONError) {
            _ = try JSONDocument(parsing: bytes, limits: JSONLimits(maximumBytes: maximumBytes))
        } catch {
            return text
        }
        var layout = Layout()
        for byte in bytes where layout.result.count <= maximumBytes { layout.add(byte) }
        return layout.result.count > maximumBytes ? text : String(decoding: layout.result, as: UTF8.self)
    }

    private struct Layout {
        var result: [UInt8] = []
        private var depth = 0
        private var isInText = false
        private var isEscaped = false
        private var isFresh = false

        mutating func add(_ byte: UInt8) {
            if isInText { return addText(byte) }
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): return
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                // What is empty stays on its line.
                if !isFresh { breakLine() }
                isFresh = false
                result.append(byte)
                return
            default: break
            }
            if isFresh { breakLine() }
            isFresh = false
            result.append(byte)
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                isFresh = true
            case UInt8(ascii: ","): breakLine()
            case UInt8(ascii: ":"): result.append(UInt8(ascii: " "))
            case UInt8(ascii: "\""): isInText = true
            default: break
            }
        }

        private mutating func addText(_ byte: UInt8) {
            result.append(byte)
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInText = false
            }
        }

        private mutating func breakLine() {
            result.append(UInt8(ascii: "\n"))
            result += repeatElement(UInt8(ascii: " "), count: 2 * depth)
        }
    }
}
