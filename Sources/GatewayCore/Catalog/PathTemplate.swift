/// A path with named segments: `/orders/{id}/lines`.
package struct PathTemplate: Hashable, Sendable, CustomStringConvertible {
    /// One segment between slashes.
    package enum Segment: Hashable, Sendable {
        /// Exactly these characters, in the normal form of ``RequestPath``.
        case literal(String)
        /// Any one non-empty segment.
        case parameter(String)
    }

    /// The longest path template, in bytes.
    package static let maximumBytes = 1024

    /// The text as written.
    package let description: String
    /// The segments in order; `/` alone is one empty literal.
    package let segments: [Segment]

    /// Reads a template.
    ///
    /// - Throws: a sentence that says what was expected and found.
    package init(_ text: String) throws(InvalidValue) {
        guard text.utf8.first == UInt8(ascii: "/"), text.utf8.count <= Self.maximumBytes else {
            throw InvalidValue(
                "path is \"\(text.prefix(80))\", expected a path that begins with / of at most \(Self.maximumBytes) bytes"
            )
        }
        var segments: [Segment] = []
        var names: Set<String> = []
        let parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            guard !part.isEmpty || isLast else {
                throw InvalidValue(
                    "path \"\(text)\" has an empty segment, expected one slash between segments"
                )
            }
            if part.hasPrefix("{"), part.hasSuffix("}") {
                let name = String(part.dropFirst().dropLast())
                guard Self.isParameterName(name), names.insert(name).inserted else {
                    throw InvalidValue(
                        "path \"\(text)\" has parameter {\(name)}, expected a name of letters, digits and _ used once"
                    )
                }
                segments.append(.parameter(name))
            } else {
                guard case .normal(let bytes) = RequestPath.normalize(segment: Array(part.utf8)[...]),
                    bytes == Array(part.utf8)
                else {
                    throw InvalidValue(
                        "path \"\(text)\" has segment \"\(part)\", expected characters of RFC 3986 §3.3 in normal form"
                    )
                }
                segments.append(.literal(String(part)))
            }
        }
        description = text
        self.segments = segments
    }

    /// The names of the parameters in order.
    package var parameterNames: [String] {
        segments.compactMap { segment in
            switch segment {
            case .literal: nil
            case .parameter(let name): name
            }
        }
    }

    private static func isParameterName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 64
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}
