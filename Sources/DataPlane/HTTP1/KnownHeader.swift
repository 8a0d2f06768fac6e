/// A field name that the gateway acts on, recognised once while the head is scanned.
///
/// Names compare without regard to ASCII case (RFC 9110 §5.1).
package enum KnownHeader: UInt8, Sendable, CaseIterable {
    case other
    case host
    case contentLength
    case transferEncoding
    case connection
    case keepAlive
    case proxyConnection
    case te
    case trailer
    case upgrade
    case expect
    case authorization
    case proxyAuthorization
    case proxyAuthenticate
    case apiToken
    case forwarded
    case xForwardedFor
    case xForwardedProto
    case xForwardedHost
    case xForwardedPort
    case xRequestID
    case via
    case date
    case server
    case contentType
    case traceparent
    case tracestate
    /// Any name that begins with `portcullis-`, in any case and with `_` for `-`.
    case portcullisIdentity
    /// Any other name that holds a `_`, which some servers read as the same name with `-`.
    case underscore
}

/// A set of ``KnownHeader``.
package struct KnownHeaderSet: OptionSet, Sendable, Hashable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Makes the set of one header.
    package init(_ header: KnownHeader) {
        rawValue = 1 &<< UInt64(header.rawValue)
    }

    /// Makes the set of the headers given.
    package init(_ headers: KnownHeader...) {
        rawValue = headers.reduce(0) { $0 | (1 &<< UInt64($1.rawValue)) }
    }

    /// True when the set holds the header.
    package func contains(_ header: KnownHeader) -> Bool {
        rawValue & (1 &<< UInt64(header.rawValue)) != 0
    }

    /// What concerns one connection alone and never passes a proxy (RFC 9110 §7.6.1).
    package static let hopByHop = KnownHeaderSet(
        .connection,
        .keepAlive,
        .proxyConnection,
        .proxyAuthenticate,
        .proxyAuthorization,
        .te,
        .trailer,
        .transferEncoding,
        .upgrade
    )

    /// What says where the body ends; ``HeadWriter`` writes it afresh from the ``BodyFraming``.
    package static let framing = KnownHeaderSet(.contentLength, .transferEncoding)

    /// The gateway's own identity headers, and every name that a server could take for one.
    package static let identity = KnownHeaderSet(.portcullisIdentity, .underscore)
}

extension KnownHeader {
    /// Finds the header that the name means.
    ///
    /// Whether the name holds a `_` is something that the caller's scan has already seen.
    static func named(_ bytes: Span<UInt8>, _ name: ByteRange, hasUnderscore: Bool) -> KnownHeader {
        guard name.count > 1, name.end <= bytes.count else { return hasUnderscore ? .underscore : .other }
        let first = bytes[name.offset] | 0x20
        if first == UInt8(ascii: "p"), isIdentity(bytes, name) { return .portcullisIdentity }
        if hasUnderscore { return .underscore }
        guard let candidate = candidate(first: first, count: name.count) else {
            return ambiguous(bytes, name)
        }
        return equal(bytes, name, candidate.name) ? candidate.header : .other
    }

    /// The one header of that first letter and length, where only one is known.
    private static func candidate(first: UInt8, count: Int) -> (header: KnownHeader, name: StaticString)? {
        switch (first, count) {
        case (UInt8(ascii: "h"), 4): (.host, "host")
        case (UInt8(ascii: "c"), 14): (.contentLength, "content-length")
        case (UInt8(ascii: "t"), 17): (.transferEncoding, "transfer-encoding")
        case (UInt8(ascii: "c"), 10): (.connection, "connection")
        case (UInt8(ascii: "k"), 10): (.keepAlive, "keep-alive")
        case (UInt8(ascii: "p"), 16): (.proxyConnection, "proxy-connection")
        case (UInt8(ascii: "t"), 2): (.te, "te")
        case (UInt8(ascii: "t"), 7): (.trailer, "trailer")
        case (UInt8(ascii: "t"), 11): (.traceparent, "traceparent")
        case (UInt8(ascii: "t"), 10): (.tracestate, "tracestate")
        case (UInt8(ascii: "u"), 7): (.upgrade, "upgrade")
        case (UInt8(ascii: "e"), 6): (.expect, "expect")
        case (UInt8(ascii: "a"), 13): (.authorization, "authorization")
        case (UInt8(ascii: "p"), 19): (.proxyAuthorization, "proxy-authorization")
        case (UInt8(ascii: "p"), 18): (.proxyAuthenticate, "proxy-authenticate")
        case (UInt8(ascii: "a"), 9): (.apiToken, "api-token")
        case (UInt8(ascii: "f"), 9): (.forwarded, "forwarded")
        case (UInt8(ascii: "x"), 15): (.xForwardedFor, "x-forwarded-for")
        case (UInt8(ascii: "x"), 17): (.xForwardedProto, "x-forwarded-proto")
        case (UInt8(ascii: "x"), 12): (.xRequestID, "x-request-id")
        case (UInt8(ascii: "v"), 3): (.via, "via")
        case (UInt8(ascii: "d"), 4): (.date, "date")
        case (UInt8(ascii: "s"), 6): (.server, "server")
        case (UInt8(ascii: "c"), 12): (.contentType, "content-type")
        default: nil
        }
    }

    /// Tells apart the two names that share a first letter and a length.
    private static func ambiguous(_ bytes: Span<UInt8>, _ name: ByteRange) -> KnownHeader {
        guard name.count == 16 else { return .other }
        if equal(bytes, name, "x-forwarded-host") { return .xForwardedHost }
        return equal(bytes, name, "x-forwarded-port") ? .xForwardedPort : .other
    }

    private static func isIdentity(_ bytes: Span<UInt8>, _ name: ByteRange) -> Bool {
        let prefix = "portcullis" as StaticString
        guard name.count > prefix.utf8CodeUnitCount else { return false }
        let separator = bytes[name.offset + prefix.utf8CodeUnitCount]
        guard separator == UInt8(ascii: "-") || separator == UInt8(ascii: "_") else { return false }
        return equal(
            bytes,
            ByteRange(offset: name.offset, end: name.offset + prefix.utf8CodeUnitCount),
            prefix
        )
    }
}

/// Compares bytes with a lower-case ASCII text, without regard to the bytes' ASCII case.
@inline(__always)
func equal(_ bytes: Span<UInt8>, _ range: ByteRange, _ lowercased: StaticString) -> Bool {
    guard range.count == lowercased.utf8CodeUnitCount, range.end <= bytes.count else { return false }
    return lowercased.withUTF8Buffer { text in
        for index in 0..<range.count
        where unsafe ASCII.lowercased(bytes[range.offset + index]) != text[index] {
            return false
        }
        return true
    }
}

/// Compares two runs of the same bytes without regard to ASCII case.
func equalIgnoringCase(_ bytes: Span<UInt8>, _ first: ByteRange, _ second: ByteRange) -> Bool {
    guard first.count == second.count, max(first.end, second.end) <= bytes.count else { return false }
    for index in 0..<first.count
    where ASCII.lowercased(bytes[first.offset + index]) != ASCII.lowercased(bytes[second.offset + index]) {
        return false
    }
    return true
}
