import GatewayCore

/// What a text of the API may be: written into the OpenAPI document, and checked at every body and parameter.
struct TextRule: Sendable {
    /// How many Unicode scalars it may have, as JSON Schema counts them.
    let lengths: ClosedRange<Int>
    /// The same as a regular expression of ECMA-262; `nil` when the rule is only in the words.
    var pattern: String?
    /// The format of JSON Schema, when there is one.
    var format: String?
    /// What was expected, in words.
    let expected: String
    /// Whether the text is acceptable, its length apart.
    let accepts: @Sendable (String) -> Bool

    /// Why a text is not acceptable, without showing it.
    ///
    /// - Returns: `nil` when it is acceptable.
    func fault(_ text: String) -> String? {
        let count = text.unicodeScalars.count
        guard lengths.contains(count) else {
            return "length is \(count) characters, expected \(lengths.lowerBound) to \(lengths.upperBound)"
        }
        return accepts(text) ? nil : "expected \(expected)"
    }
}

extension TextRule {
    private static let noControl = #"[^\u0000-\u001f\u007f-\u009f]"#
    private static let noControlNorSpace = #"[^\s\u0000-\u001f\u007f-\u009f]"#

    /// Text of any content, which something else judges.
    static func any(_ lengths: ClosedRange<Int>) -> TextRule {
        TextRule(lengths: lengths, expected: "a text") { _ in true }
    }

    /// One line without control characters, and without white space at its ends.
    static func line(_ lengths: ClosedRange<Int>) -> TextRule {
        let words = "\(noControlNorSpace)(\(noControl)*\(noControlNorSpace))?"
        return TextRule(
            lengths: lengths,
            pattern: lengths.lowerBound == 0 ? "^(\(words))?$" : "^\(words)$",
            expected: "plain text without control characters, and no white space at its ends"
        ) { text in
            !text.unicodeScalars.contains(where: isControl) && hasPlainEnds(text)
        }
    }

    /// Several lines; tabs are accepted too.
    static func lines(upTo limit: Int) -> TextRule {
        let inner = #"[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]"#
        return TextRule(
            lengths: 0...limit,
            pattern: "^(\(noControlNorSpace)(\(inner)*\(noControlNorSpace))?)?$",
            expected: "plain text without control characters, and no white space at its ends"
        ) { text in
            let hasControl = text.unicodeScalars.contains {
                isControl($0) && !["\n", "\r", "\t"].contains($0)
            }
            return !hasControl && hasPlainEnds(text)
        }
    }

    /// Empty, or an e-mail address.
    static let email = TextRule(
        lengths: 0...320,
        pattern: #"^([^\s@,\u0000-\u001f\u007f-\u009f]+@[^\s@,\u0000-\u001f\u007f-\u009f]+)?$"#,
        expected: "an e-mail address name@host, or nothing"
    ) { text in
        let parts = text.unicodeScalars.split(separator: "@", omittingEmptySubsequences: false)
        guard !text.isEmpty else { return true }
        return parts.count == 2
            && parts.allSatisfy { part in
                !part.isEmpty && !part.contains { isControl($0) || $0.properties.isWhitespace || $0 == "," }
            }
    }

    /// The URL segment of a collection.
    static let handle = TextRule(
        lengths: 1...100,
        pattern: #"^([A-Za-z0-9_~-]|[A-Za-z0-9._~-]*[A-Za-z0-9_~-][A-Za-z0-9._~-]*|\.{3,})$"#,
        expected: "letters, digits, - _ . ~ and not . or .."
    ) { text in
        text != "." && text != ".." && text.utf8.allSatisfy { isAlphanumeric($0) || "-_.~".utf8.contains($0) }
    }

    /// A host name or address without a port.
    static let host = TextRule(
        lengths: 1...253,
        pattern: #"^[A-Za-z0-9._:\[\]-]+$"#,
        expected: "a host name without port"
    ) { text in
        text.utf8.allSatisfy { isAlphanumeric($0) || "-._:[]".utf8.contains($0) }
    }

    /// An HTTP method.
    static let method = TextRule(
        lengths: 1...32,
        pattern: "^[A-Z-]+$",
        expected: "upper-case letters and -"
    ) { text in
        text.utf8.allSatisfy {
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) || $0 == UInt8(ascii: "-")
        }
    }

    /// A path template; its details are judged where it is read.
    static let path = TextRule(
        lengths: 1...PathTemplate.maximumBytes,
        pattern: "^/[!-~]*$",
        expected: "a path that begins with /, of printable ASCII"
    ) { $0.utf8.first == UInt8(ascii: "/") && $0.utf8.allSatisfy(isPrintable) }

    /// The URL of an upstream's target; its details are judged where it is read.
    static let targetURL = TextRule(
        lengths: 8...2048,
        pattern: "^http://[!-~]+$",
        expected: "http://host[:port][/prefix]"
    ) { $0.utf8.starts(with: "http://".utf8) && $0.utf8.allSatisfy(isPrintable) }

    /// An address or a CIDR block; its details are judged where it is read.
    static let addressRange = TextRule(
        lengths: 2...49,
        pattern: "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$",
        expected: "an IPv4 or IPv6 address or CIDR block"
    ) { text in
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard let address = parts.first, parts.count <= 2, !address.isEmpty else { return false }
        let isPrefix = parts.count == 1 || (1...3).contains(parts[1].count) && parts[1].allSatisfy(isDigit)
        return isPrefix
            && address.allSatisfy { byte in
                isDigit(byte) || ".:".utf8.contains(byte) || Hex.value(of: byte | 0x20) != nil
            }
    }

    /// A single address.
    static let address = TextRule(lengths: 2...45, expected: "an IPv4 or IPv6 address") {
        IPAddress($0) != nil
    }

    /// A moment, in the years 0 to 9999.
    static let time = TextRule(
        lengths: 20...40,
        format: "date-time",
        expected: "a time in the form 2026-11-24T18:00:00Z (RFC 3339)"
    ) { text in
        Timestamp(rfc3339: text).map { $0.description.utf8.count == 20 } ?? false
    }

    /// An identity.
    static let identity = hexadecimal(32, expected: "32 lower-case hexadecimal digits")
    /// An API token, or the digest of one.
    static let hexadecimal64 = hexadecimal(64, expected: "64 lower-case hexadecimal digits")

    private static func hexadecimal(_ count: Int, expected: String) -> TextRule {
        TextRule(lengths: count...count, pattern: "^[0-9a-f]{\(count)}$", expected: expected) { text in
            text.utf8.allSatisfy { Hex.value(of: $0) != nil }
        }
    }

    /// A place in a list; opaque to callers.
    static let cursor = TextRule(
        lengths: 2...4096,
        pattern: "^([0-9a-f]{2})+$",
        expected: "a cursor that an earlier answer gave"
    ) { Hex.decode($0.utf8) != nil }

    /// What a request line names.
    static let requestURL = TextRule(
        lengths: 1...131_072,
        pattern: "^(/|[Hh][Tt][Tt][Pp][Ss]?://[^/?#])",
        expected: "a path that begins with /, or an absolute http or https URL with a host"
    ) { text in
        if text.utf8.first == UInt8(ascii: "/") { return true }
        guard let length = ExplainedRequest.schemeLength(text) else { return false }
        return text.utf8.dropFirst(length).first.map { !"/?#".utf8.contains($0) } ?? false
    }

    /// The method of a request line, known or not (RFC 9110 §5.6.2: a token).
    static let requestMethod = TextRule(
        lengths: 1...1000,
        pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        expected: "a method, for instance GET"
    ) { text in
        ExplainedRequest.isMethod(text)
    }

    // MARK: Characters

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
    }

    private static func hasPlainEnds(_ text: String) -> Bool {
        let scalars = text.unicodeScalars
        return [scalars.first, scalars.last].allSatisfy { $0.map { !$0.properties.isWhitespace } ?? true }
    }

    private static func isPrintable(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "!")...UInt8(ascii: "~")).contains(byte)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
