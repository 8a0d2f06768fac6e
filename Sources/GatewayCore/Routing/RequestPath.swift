/// The one normal form of a request's path (RFC 3986 §6.2.2), made once before routing.
///
/// Routing and forwarding both work on the normal form, so they can never disagree. What upstreams are known
/// to read in different ways (dot segments, an encoded slash or backslash, control characters, an encoded
/// byte that is no UTF-8 text) is refused rather than rewritten.
package enum RequestPath {
    /// Why a path is refused.
    package enum Refusal: String, Sendable, Error, Equatable {
        case noLeadingSlash = "the path does not begin with /"
        case tooLong = "the path is longer than 65,535 bytes"
        case badCharacter = "the path has a character that RFC 3986 §3.3 does not allow"
        case badEscape = "the path has a % that two hexadecimal digits do not follow"
        case encodedSlash = "the path has an encoded slash or backslash (%2F, %5C)"
        case encodedControl = "the path has an encoded control character"
        case encodedNonText = "the path has escapes that are no UTF-8 text"
        case dotSegment = "the path has a segment . or .. (plain, encoded, or before a ;)"
    }

    /// How a path or a segment stands.
    package enum Normalization: Equatable {
        /// Its normal form.
        case normal([UInt8])
        /// It has none that is safe.
        case refused(Refusal)
    }

    /// Checks a path as it was written; what is normal already (nearly every path) costs one pass and no memory.
    ///
    /// - Returns: whether the path is in normal form as it is written.
    package static func isNormal(_ path: Span<UInt8>) throws(Refusal) -> Bool {
        guard path.count > 0, path[0] == UInt8(ascii: "/") else { throw .noLeadingSlash }
        guard path.count <= 65_535 else { throw .tooLong }
        var segmentStart = 1
        var isNormal = true
        for index in 1..<max(1, path.count) {
            let byte = path[index]
            if byte == UInt8(ascii: "/") {
                if segmentStart < index, path[segmentStart] == UInt8(ascii: ".") {
                    try refuseDots(path, segmentStart, index)
                }
                segmentStart = index + 1
            } else if byte == UInt8(ascii: "%") {
                isNormal = false
            } else if !isPathCharacter(byte) {
                throw .badCharacter
            }
        }
        if segmentStart < path.count, path[segmentStart] == UInt8(ascii: ".") {
            try refuseDots(path, segmentStart, path.count)
        }
        return isNormal
    }

    // Upstreams that strip parameters (Tomcat: `..;x`) see the dots alone.
    private static func refuseDots(_ path: Span<UInt8>, _ start: Int, _ end: Int) throws(Refusal) {
        var index = start
        while index < end, path[index] == UInt8(ascii: ".") { index += 1 }
        let dots = index - start
        if dots <= 2, index == end || path[index] == UInt8(ascii: ";") { throw .dotSegment }
    }

    /// The normal form of a whole path.
    package static func normalize(_ path: Span<UInt8>) throws(Refusal) -> [UInt8] {
        var normal: [UInt8] = []
        normal.reserveCapacity(path.count)
        guard path.count > 0, path[0] == UInt8(ascii: "/") else { throw .noLeadingSlash }
        var segment: [UInt8] = []
        for index in 1...path.count {
            if index == path.count || path[index] == UInt8(ascii: "/") {
                normal.append(UInt8(ascii: "/"))
                switch normalize(segment: segment[...]) {
                case .normal(let bytes): normal += bytes
                case .refused(let refusal): throw refusal
                }
                segment.removeAll(keepingCapacity: true)
            } else {
                segment.append(path[index])
            }
        }
        return normal
    }

    /// The normal form of one segment: unreserved characters plain, other escapes in upper case.
    package static func normalize(segment: ArraySlice<UInt8>) -> Normalization {
        var normal: [UInt8] = []
        normal.reserveCapacity(segment.count)
        // Overlong forms are no UTF-8, and some servers read them as the slash or dot that they stand for.
        var text: [UInt8] = []
        var index = segment.startIndex
        while index < segment.endIndex {
            let byte = segment[index]
            guard byte == UInt8(ascii: "%") else {
                guard isPathCharacter(byte) else { return .refused(.badCharacter) }
                normal.append(byte)
                text.append(byte)
                index += 1
                continue
            }
            guard segment.endIndex - index >= 3, let high = hexValue(segment[index + 1]),
                let low = hexValue(segment[index + 2])
            else { return .refused(.badEscape) }
            let decoded = high << 4 | low
            text.append(decoded)
            index += 3
            switch decoded {
            case 0x00...0x1f, 0x7f: return .refused(.encodedControl)
            case UInt8(ascii: "/"), UInt8(ascii: "\\"): return .refused(.encodedSlash)
            case _ where isUnreserved(decoded): normal.append(decoded)
            default: normal += [UInt8(ascii: "%"), upperHex(high), upperHex(low)]
            }
        }
        guard String(validating: text, as: UTF8.self) != nil else { return .refused(.encodedNonText) }
        let dots = normal.prefix { $0 == UInt8(ascii: ".") }.count
        let rest = normal.dropFirst(dots)
        let endsThere =
            rest.isEmpty || rest.first == UInt8(ascii: ";") || rest.starts(with: Array("%3B".utf8))
        if (1...2).contains(dots), endsThere { return .refused(.dotSegment) }
        return .normal(normal)
    }

    /// Whether the byte stands for itself everywhere in a URI (RFC 3986 §2.3).
    package static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }

    /// Whether the byte may stand in a path segment as it is: `pchar` of RFC 3986 §3.3 without escapes.
    private static func isPathCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("),
            UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"),
            UInt8(ascii: "="), UInt8(ascii: ":"), UInt8(ascii: "@"):
            true
        default: isUnreserved(byte)
        }
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: Hex.value(of: byte)
        }
    }

    private static func upperHex(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }
}
