/// Why text is not strict Base64 or Base64url.
public enum Base64Error: Error, Hashable, Sendable, CustomStringConvertible {
    /// A byte outside the alphabet (padding, white space and line breaks included).
    case byteOutsideAlphabet(found: UInt8, position: Int)
    /// A length that no number of whole bytes encodes to.
    case impossibleLength(Int)
    /// The spare bits of the last character are not zero, so that two texts would decode alike.
    case spareBitsSet(position: Int)
    /// Padding is absent or in the wrong place (RFC 4648 §4 form only).
    case paddingWrong(position: Int)

    /// Where in the text the problem lies, in bytes from its start.
    public var position: Int {
        switch self {
        case .byteOutsideAlphabet(_, let position), .spareBitsSet(let position), .paddingWrong(let position):
            position
        case .impossibleLength(let length):
            length
        }
    }

    /// The problem in words; the text, which may be a secret, does not show in it.
    public var description: String {
        switch self {
        case .byteOutsideAlphabet(let found, let position):
            "\(Self.words(found)) at position \(position) is not in the alphabet"
        case .impossibleLength(let length):
            "\(length) characters are not a whole number of bytes"
        case .spareBitsSet(let position):
            "the spare bits of the last character, at position \(position), are not zero"
        case .paddingWrong(let position):
            "padding at position \(position) is missing or out of place"
        }
    }
}

extension Base64Error {
    /// The mistakes that people make have names; anything else stays untold.
    private static func words(_ found: UInt8) -> String {
        switch found {
        case UInt8(ascii: "="): "padding"
        case 0x20, 0x09, 0x0A, 0x0D: "white space"
        case UInt8(ascii: "+"), UInt8(ascii: "/"): "a character of standard Base64"
        case UInt8(ascii: "-"), UInt8(ascii: "_"): "a character of Base64url"
        default: "a character"
        }
    }
}

/// Why text is not strict Base64url.
public typealias Base64URLError = Base64Error

/// Base64url without padding, as JOSE uses it (RFC 7515 §2, RFC 4648 §5).
///
/// Decoding is strict: no padding, no white space, and the spare bits of the last character must be zero, so
/// that each byte sequence has exactly one text.
public enum Base64URL {
    /// Encodes bytes.
    public static func encode(_ bytes: [UInt8]) -> String {
        var output: [UInt8] = []
        append(bytes.span, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// Appends the encoding of bytes to a buffer.
    public static func append(_ bytes: Span<UInt8>, to output: inout [UInt8]) {
        Base64Coder.append(bytes, alphabet: Base64Coder.urlAlphabet, padded: false, to: &output)
    }

    /// Decodes text.
    ///
    /// - Parameter text: ASCII bytes of the URL-safe alphabet, without padding.
    /// - Returns: the decoded bytes.
    /// - Throws: ``Base64Error`` with the position of the first fault.
    public static func decode(_ text: Span<UInt8>) throws(Base64URLError) -> [UInt8] {
        try Base64Coder.decode(text, values: Base64Coder.urlValues)
    }

    /// Decodes text given as an array.
    public static func decode(_ text: [UInt8]) throws(Base64URLError) -> [UInt8] {
        try decode(text.span)
    }
}

/// Base64 with the standard alphabet and padding (RFC 4648 §4), as PEM, OpenSSH and pasted secrets use it.
///
/// Decoding is strict: padding is required, white space is refused, spare bits must be zero.
public enum Base64 {
    /// Encodes bytes.
    public static func encode(_ bytes: [UInt8], padded: Bool = true) -> String {
        var output: [UInt8] = []
        Base64Coder.append(
            bytes.span,
            alphabet: Base64Coder.standardAlphabet,
            padded: padded,
            to: &output
        )
        return String(decoding: output, as: UTF8.self)
    }

    /// Decodes text.
    ///
    /// - Parameter text: ASCII bytes of the standard alphabet, padded to a multiple of four.
    /// - Returns: the decoded bytes.
    /// - Throws: ``Base64Error`` with the position of the first fault.
    public static func decode(_ text: Span<UInt8>) throws(Base64Error) -> [UInt8] {
        var end = text.count
        while end > 0, text.count - end < 2, text[end - 1] == UInt8(ascii: "=") {
            end -= 1
        }
        let bytes = try Base64Coder.decode(text.extracting(0..<end), values: Base64Coder.standardValues)
        guard text.count % 4 == 0 else { throw .paddingWrong(position: text.count) }
        guard end == text.count || end % 4 != 0 else { throw .paddingWrong(position: end) }
        return bytes
    }

    /// Decodes text given as an array.
    public static func decode(_ text: [UInt8]) throws(Base64Error) -> [UInt8] {
        try decode(text.span)
    }
}

/// The one coder behind both alphabets.
enum Base64Coder {
    static let standardAlphabet = alphabet(UInt8(ascii: "+"), UInt8(ascii: "/"))
    static let urlAlphabet = alphabet(UInt8(ascii: "-"), UInt8(ascii: "_"))
    static let standardValues = values(of: standardAlphabet)
    static let urlValues = values(of: urlAlphabet)

    /// No value of an alphabet has this bit, so one test after OR-ing four finds a foreign byte.
    private static let foreign: UInt8 = 0x80

    static func append(_ bytes: Span<UInt8>, alphabet: [UInt8], padded: Bool, to output: inout [UInt8]) {
        output.reserveCapacity(output.count + (bytes.count + 2) / 3 * 4)
        var index = 0
        while index + 3 <= bytes.count {
            let group = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
            output.append(alphabet[Int(group >> 18)])
            output.append(alphabet[Int(group >> 12 & 63)])
            output.append(alphabet[Int(group >> 6 & 63)])
            output.append(alphabet[Int(group & 63)])
            index += 3
        }
        let rest = bytes.count - index
        guard rest > 0 else { return }
        let group = UInt32(bytes[index]) << 16 | (rest == 2 ? UInt32(bytes[index + 1]) << 8 : 0)
        output.append(alphabet[Int(group >> 18)])
        output.append(alphabet[Int(group >> 12 & 63)])
        if rest == 2 { output.append(alphabet[Int(group >> 6 & 63)]) }
        if padded { output.append(contentsOf: repeatElement(UInt8(ascii: "="), count: 3 - rest)) }
    }

    static func decode(_ text: Span<UInt8>, values: [UInt8]) throws(Base64Error) -> [UInt8] {
        let rest = text.count % 4
        guard rest != 1 else { throw fault(in: text, values.span) ?? .impossibleLength(text.count) }
        var state = Decoding()
        let size = text.count / 4 * 3 + max(0, rest - 1)
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { output, count in
            unsafe text.withUnsafeBufferPointer { text in
                unsafe values.withUnsafeBufferPointer { table in
                    unsafe state = decode(text, table, into: output)
                }
            }
            count = size
        }
        if state.seen & foreign != 0, let fault = fault(in: text, values.span) { throw fault }
        guard state.spare == 0 else { throw .spareBitsSet(position: text.count - 1) }
        return bytes
    }

    private struct Decoding {
        /// All values that were met, OR-ed.
        var seen: UInt8 = 0
        /// The bits of the last character that are of no byte.
        var spare: UInt8 = 0
    }

    /// Decodes a length that is possible into exactly as many bytes as it encodes.
    ///
    /// `table` has 256 values, so any byte is an index into it; each round reads four characters of those
    /// that are left and writes the three bytes that belong to them, and the rest one or two.
    private static func decode(
        _ text: UnsafeBufferPointer<UInt8>,
        _ table: UnsafeBufferPointer<UInt8>,
        into output: UnsafeMutableBufferPointer<UInt8>
    ) -> Decoding {
        guard let first = text.baseAddress, let table = table.baseAddress,
            let start = output.baseAddress
        else { return Decoding() }
        var source = unsafe first
        var target = unsafe start
        var left = text.count
        var state = Decoding()
        while left >= 4 {
            let a = unsafe table[Int(source[0])]
            let b = unsafe table[Int(source[1])]
            let c = unsafe table[Int(source[2])]
            let d = unsafe table[Int(source[3])]
            state.seen |= a | b | c | d
            unsafe target[0] = a << 2 | b >> 4
            unsafe target[1] = b << 4 | c >> 2
            unsafe target[2] = c << 6 | d
            unsafe source += 4
            unsafe target += 3
            left -= 4
        }
        guard left >= 2 else { return state }
        let a = unsafe table[Int(source[0])]
        let b = unsafe table[Int(source[1])]
        unsafe target[0] = a << 2 | b >> 4
        state.seen |= a | b
        state.spare = b << 4
        guard left == 3 else { return state }
        let c = unsafe table[Int(source[2])]
        unsafe target[1] = b << 4 | c >> 2
        state.seen |= c
        state.spare = c << 6
        return state
    }

    private static func fault(in text: Span<UInt8>, _ table: Span<UInt8>) -> Base64Error? {
        for index in text.indices where table[Int(text[index])] == foreign {
            return .byteOutsideAlphabet(found: text[index], position: index)
        }
        return nil
    }

    private static func alphabet(_ last: UInt8...) -> [UInt8] {
        Array(UInt8(ascii: "A")...UInt8(ascii: "Z")) + Array(UInt8(ascii: "a")...UInt8(ascii: "z"))
            + Array(UInt8(ascii: "0")...UInt8(ascii: "9")) + last
    }

    private static func values(of alphabet: [UInt8]) -> [UInt8] {
        var table = [UInt8](repeating: foreign, count: 256)
        for (value, character) in alphabet.enumerated() {
            table[Int(character)] = UInt8(value)
        }
        return table
    }
}
