/// Bounds on a JSON text; exceeding one is an error, never a truncation.
public struct JSONLimits: Hashable, Sendable {
    /// The largest text accepted, in bytes.
    public var maximumBytes: Int
    /// How many arrays and objects may be open at once.
    public var maximumDepth: Int

    /// Makes limits; the defaults are 64 KiB and a depth of 16.
    public init(maximumBytes: Int = 65_536, maximumDepth: Int = 16) {
        self.maximumBytes = maximumBytes
        self.maximumDepth = maximumDepth
    }

    /// 64 KiB, 16 levels.
    public static let `default` = JSONLimits()
}

/// Why bytes are not a strict JSON text (RFC 8259, and RFC 8725 §3.11 on duplicate members).
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The rule that was broken.
    public enum Problem: Hashable, Sendable {
        /// Another byte was required here.
        case unexpectedByte(found: UInt8, expected: Expectation)
        /// The text stops too early.
        case unexpectedEnd(expected: Expectation)
        /// The text is larger than the limit, both in bytes.
        case tooLarge(found: Int, limit: Int)
        /// More arrays and objects are open than the limit allows.
        case tooDeep(limit: Int)
        /// An object names a member twice; the name is given up to its first 40 bytes.
        case duplicateMember(name: [UInt8])
        /// A string is not UTF-8 (overlong forms, surrogates and values over U+10FFFF included).
        case invalidUTF8
        /// A control character stands unescaped in a string.
        case controlCharacter(UInt8)
        /// A backslash is followed by something that JSON does not define.
        case invalidEscape(found: UInt8)
        /// A `\u` escape is half of a surrogate pair.
        case loneSurrogate
        /// The text begins with a byte order mark (RFC 8259 §8.1).
        case byteOrderMark
        /// Something follows the value.
        case trailingBytes(found: UInt8)
    }

    /// What would have been right.
    public enum Expectation: String, Hashable, Sendable {
        case value = "a value"
        case memberName = "a member name"
        case memberNameOrEnd = "a member name or \"}\""
        case colon = "\":\""
        case commaOrObjectEnd = "\",\" or \"}\""
        case commaOrArrayEnd = "\",\" or \"]\""
        case stringEnd = "the end of the string"
        case escape = "an escape"
        case hexadecimalDigit = "a hexadecimal digit"
        case digit = "a digit"
        case literal = "true, false or null"
    }

    /// The rule that was broken.
    public let problem: Problem
    /// Where, in bytes from the start of the text.
    public let offset: Int

    /// Makes an error.
    public init(problem: Problem, offset: Int) {
        self.problem = problem
        self.offset = offset
    }

    /// The problem in words, with its offset.
    public var description: String {
        let words =
            switch problem {
            case .unexpectedByte(let found, let expected):
                "expected \(expected.rawValue), found \(PrintableBytes.describe(found))"
            case .unexpectedEnd(let expected): "expected \(expected.rawValue), found the end"
            case .tooLarge(let found, let limit): "\(found) bytes, at most \(limit) are accepted"
            case .tooDeep(let limit): "nested deeper than \(limit) levels"
            case .duplicateMember(let name): "member \(PrintableBytes.quote(name)) appears twice"
            case .invalidUTF8: "not UTF-8"
            case .controlCharacter(let found): "unescaped control character \(PrintableBytes.describe(found))"
            case .invalidEscape(let found): "unknown escape \\\(PrintableBytes.describe(found))"
            case .loneSurrogate: "half of a surrogate pair"
            case .byteOrderMark: "begins with a byte order mark"
            case .trailingBytes(let found): "\(PrintableBytes.describe(found)) after the end of the value"
            }
        return "\(words) at offset \(offset)"
    }
}
