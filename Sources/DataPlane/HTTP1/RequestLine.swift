import GatewayCore

/// The parts of a request line (RFC 9112 §3).
struct RequestLine: Sendable {
    /// The longest method accepted, in bytes; the longest registered one has 17.
    static let maximumMethod = 32

    /// The bytes of a request line beside its target: method, two spaces, version.
    static let overhead = maximumMethod + 2 + 8

    let method: ByteRange
    let knownMethod: KnownMethod
    let target: ByteRange
    let form: TargetForm
    let path: ByteRange
    let query: ByteRange?
    /// What an absolute target names; nil in the other forms.
    let authority: ByteRange?
    let authorityName: ByteRange?
    let versionMinor: Int

    /// Reads a whole request line: `method SP target SP HTTP/1.x`, with single spaces.
    ///
    /// - Throws: ``HTTPRefusal`` for anything else.
    init(_ line: ByteRange, in bytes: Span<UInt8>) throws(HTTPRefusal) {
        method = try Self.method(line, in: bytes)
        knownMethod = Self.known(method, in: bytes)
        let start = method.end + 1
        var end = start
        var mark: Int?
        while end < line.end, ByteClass.target.contains(bytes[end]) {
            if bytes[end] == UInt8(ascii: "?"), mark == nil { mark = end }
            end += 1
        }
        guard end > start else { throw .badRequest(.emptyTarget, offset: start) }
        guard end < line.end else { throw .badRequest(.missingVersion, offset: end) }
        guard bytes[end] == ASCII.space else { throw .badRequest(.targetByte, offset: end) }
        target = ByteRange(offset: start, end: end)
        versionMinor = try Self.versionMinor(ByteRange(offset: end + 1, end: line.end), in: bytes)

        let isConnect = knownMethod == .connect
        if bytes[start] == ASCII.slash, !isConnect {
            form = .origin
            path = ByteRange(offset: start, end: mark ?? end)
            query = mark.map { ByteRange(offset: $0 + 1, end: end) }
            authority = nil
            authorityName = nil
        } else if bytes[start] == UInt8(ascii: "*"), target.count == 1, knownMethod == .options {
            form = .asterisk
            path = target
            query = nil
            authority = nil
            authorityName = nil
        } else if let absolute = AbsoluteTarget(target, mark: mark, in: bytes), !isConnect {
            form = .absolute
            path = absolute.path
            query = absolute.query
            authority = absolute.authority
            authorityName = absolute.authorityName
        } else {
            throw .badRequest(.targetForm, offset: start)
        }
    }

    /// True when the first `limit` bytes begin with a method and a space, so that what follows is a target.
    static func hasMethod(within limit: Int, of bytes: Span<UInt8>) -> Bool {
        let line = ByteRange(offset: 0, end: min(limit, bytes.count))
        do throws(HTTPRefusal) {
            return try !method(line, in: bytes).isEmpty
        } catch {
            return false
        }
    }

    private static func method(_ line: ByteRange, in bytes: Span<UInt8>) throws(HTTPRefusal) -> ByteRange {
        let limit = min(line.end, line.offset + maximumMethod + 1)
        var index = line.offset
        while index < limit, ByteClass.token.contains(bytes[index]) { index += 1 }
        let count = index - line.offset
        guard index < limit, bytes[index] == ASCII.space, count > 0 else {
            throw .badRequest(.method, offset: index)
        }
        return ByteRange(offset: line.offset, end: index)
    }

    /// Methods compare with regard to case (RFC 9110 §9.1).
    private static func known(_ method: ByteRange, in bytes: Span<UInt8>) -> KnownMethod {
        guard method.count <= 7 else { return .other }
        var word = UInt64(0)
        for index in method.offset..<method.end { word = word &<< 8 | UInt64(bytes[index]) }
        return switch word {
        case 0x47_4554: .get
        case 0x4845_4144: .head
        case 0x504F_5354: .post
        case 0x50_5554: .put
        case 0x4445_4C45_5445: .delete
        case 0x50_4154_4348: .patch
        case 0x4F_5054_494F_4E53: .options
        case 0x54_5241_4345: .trace
        case 0x43_4F4E_4E45_4354: .connect
        default: .other
        }
    }

    private static func versionMinor(_ range: ByteRange, in bytes: Span<UInt8>) throws(HTTPRefusal) -> Int {
        guard let version = HTTPVersion(range, in: bytes) else {
            throw .badRequest(.version, offset: range.offset)
        }
        guard version.major == 1, version.minor <= 1 else {
            throw .versionNotSupported(offset: range.offset)
        }
        return version.minor
    }
}

/// A version as both start lines write it: `HTTP/`, a digit, a dot, a digit (RFC 9112 §2.3).
struct HTTPVersion: Sendable {
    static let length = 8
    let major: Int
    let minor: Int

    /// Nil when the range is not exactly a version.
    init?(_ range: ByteRange, in bytes: Span<UInt8>) {
        guard range.count == Self.length, range.end <= bytes.count else { return nil }
        // Compared with regard to case: the name is `HTTP` in capitals.
        var word = UInt64(0)
        for index in range.offset..<(range.offset + 5) { word = word &<< 8 | UInt64(bytes[index]) }
        guard word == 0x48_5454_502F, bytes[range.offset + 6] == UInt8(ascii: ".") else { return nil }
        guard let major = ASCII.decimalValue(bytes[range.offset + 5]) else { return nil }
        guard let minor = ASCII.decimalValue(bytes[range.offset + 7]) else { return nil }
        self.major = Int(major)
        self.minor = Int(minor)
    }
}

/// A target in absolute form: an `http` or `https` URL (RFC 9112 §3.2.2).
struct AbsoluteTarget: Sendable {
    let authority: ByteRange
    let authorityName: ByteRange
    let path: ByteRange
    let query: ByteRange?

    /// Nil when the target is not such a URL with a sound authority; `mark` is where its first `?` stands.
    init?(_ target: ByteRange, mark: Int?, in bytes: Span<UInt8>) {
        let plain = "http://" as StaticString
        let secure = "https://" as StaticString
        let start: Int
        if equal(bytes, target.prefix(plain.utf8CodeUnitCount), plain) {
            start = target.offset + plain.utf8CodeUnitCount
        } else if equal(bytes, target.prefix(secure.utf8CodeUnitCount), secure) {
            start = target.offset + secure.utf8CodeUnitCount
        } else {
            return nil
        }
        let hierarchyEnd = mark ?? target.end
        var end = start
        while end < hierarchyEnd, bytes[end] != ASCII.slash { end += 1 }
        authority = ByteRange(offset: start, end: end)
        guard let parsed = Authority(bytes, start..<end) else { return nil }
        authorityName = ByteRange(offset: parsed.name.lowerBound, end: parsed.name.upperBound)
        if end < hierarchyEnd {
            path = ByteRange(offset: end, end: hierarchyEnd)
        } else {
            // An empty path means "/" (RFC 9112 §3.2.1): the last slash of "://" serves as its byte.
            path = ByteRange(offset: start - 1, end: start)
        }
        query = mark.map { ByteRange(offset: $0 + 1, end: target.end) }
    }
}

extension ByteRange {
    /// The first `count` bytes, or all when there are fewer.
    fileprivate func prefix(_ count: Int) -> ByteRange {
        ByteRange(offset: offset, end: min(end, offset + count))
    }
}
