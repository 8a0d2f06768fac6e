import JOSE

/// What happens to tokens on their way from signer to call, and how it is undone.
enum TokenCorrection: CaseIterable {
    // In the order in which they are undone: what is outermost first.
    case scheme
    case quotes
    case whiteSpace
    case standardBase64
    case padding

    /// The token with the damage undone; the same bytes when there is none of this kind.
    func corrected(_ token: [UInt8]) -> [UInt8] {
        switch self {
        case .scheme:
            var rest = token[...]
            for prefix in ["authorization:", "bearer "].map({ Array($0.utf8) }) {
                let start = rest.drop { Self.isSpace($0) }
                let head = start.prefix(prefix.count).map { $0 &- UInt8(ascii: "A") < 26 ? $0 | 0x20 : $0 }
                if head == prefix { rest = start.dropFirst(prefix.count) }
            }
            return Array(rest)
        case .quotes:
            let isMark: (UInt8) -> Bool = { Self.marks.contains($0) || Self.isSpace($0) }
            guard token.contains(where: { Self.marks.contains($0) }) else { return token }
            return Array(token.drop(while: isMark).reversed().drop(while: isMark).reversed())
        case .whiteSpace: return token.filter { !Self.isSpace($0) }
        case .standardBase64:
            return token.map { byte in
                byte == UInt8(ascii: "+")
                    ? UInt8(ascii: "-") : byte == UInt8(ascii: "/") ? UInt8(ascii: "_") : byte
            }
        case .padding: return token.filter { $0 != UInt8(ascii: "=") }
        }
    }

    /// The cause that the damage is.
    var cause: (code: LikelyCause.Code, words: String) {
        switch self {
        case .scheme:
            (.tokenSchemeRepeated, "the token begins with \"Bearer \" itself: the word is sent twice")
        case .quotes: (.tokenQuoted, "there are quotation marks or punctuation around the token")
        case .whiteSpace: (.tokenWhiteSpace, "the token holds white space or line breaks")
        case .standardBase64:
            (
                .tokenStandardBase64,
                "the token is written in standard Base64 (+ and /) instead of Base64url (- and _)"
            )
        case .padding:
            (.tokenPadded, "the token's parts are padded with =, which Base64url in tokens leaves out")
        }
    }

    /// Text without the white space and quotation marks around it.
    static func trimmed(_ text: [UInt8]) -> [UInt8] {
        let isMark: (UInt8) -> Bool = { quoteMarks.contains($0) || isSpace($0) }
        return Array(text.drop(while: isMark).reversed().drop(while: isMark).reversed())
    }

    private static let quoteMarks = Array("\"'`".utf8)
    private static let marks = quoteMarks + Array("<>()[]{},;".utf8)

    private static func isSpace(_ byte: UInt8) -> Bool {
        [0x20, 0x09, 0x0a, 0x0d].contains(byte)
    }
}
