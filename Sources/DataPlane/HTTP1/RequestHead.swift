package import NIOCore

/// A method of RFC 9110 §9 and RFC 5789, recognised once while the head is scanned.
package enum KnownMethod: Sendable, Hashable, CaseIterable {
    case get, head, post, put, delete, patch, options, trace, connect
    /// A method that is none of these; its bytes say which.
    case other
}

/// The form in which the request target came (RFC 9112 §3.2).
package enum TargetForm: Sendable, Hashable {
    /// `/path?query`.
    case origin
    /// `http://host/path?query`; path and query are those of the URL.
    case absolute
    /// `*`, which only `OPTIONS` takes; the path is that one byte.
    case asterisk
}

/// A request head that has been checked against RFC 9112 and 9110.
///
/// Only ``RequestHeadParser`` makes one, so holding it is the proof. It owns a slice of the received bytes
/// and a table of offsets into it; no text is made unless ``string(_:)`` is called.
package struct RequestHead: Sendable, Hashable {
    /// The head's bytes, from the first of the method to the last of the empty line.
    package let bytes: ByteBuffer

    /// The method as written.
    package let method: ByteRange

    /// The method, when it is a common one.
    package let knownMethod: KnownMethod

    /// The request target as written.
    package let target: ByteRange

    /// The form of the target.
    package let targetForm: TargetForm

    /// The path, which is never empty and begins with `/` unless ``targetForm`` is asterisk.
    package let path: ByteRange

    /// The query without its `?`; nil when there is no `?`.
    package let query: ByteRange?

    /// The minor version of HTTP/1: 0 or 1.
    package let versionMinor: Int

    /// The fields in the order in which they came.
    package let headers: [HeaderField]

    /// The kinds of field that occur.
    package let present: KnownHeaderSet

    /// Where the body ends; never ``BodyFraming/untilClose``.
    package let framing: BodyFraming

    /// The host with its port, if any; nil only in HTTP/1.0 without `Host`.
    ///
    /// It comes from `Host`, or from an absolute target, which says the same where both are given.
    package let host: ByteRange?

    /// The host without its port; an IPv6 address keeps its brackets.
    package let hostName: ByteRange?

    /// True when another request may follow on the connection: HTTP/1.1 without `Connection: close`.
    package let keepAlive: Bool

    /// True when the caller waits for `100 Continue` before it sends the body.
    package let expectsContinue: Bool

    /// True when the caller asks to change the protocol: `Upgrade`, and `upgrade` in `Connection`.
    package let wantsUpgrade: Bool

    /// The names that `Connection` lists but for `close`, `keep-alive` and `upgrade`.
    package let connectionOptions: [ByteRange]
}

/// What reading a range of a message head needs; request and answer heads share it.
package protocol MessageHead: Sendable {
    /// The head's bytes.
    var bytes: ByteBuffer { get }

    /// The fields in the order in which they came.
    var headers: [HeaderField] { get }

    /// The kinds of field that occur.
    var present: KnownHeaderSet { get }
}

extension RequestHead: MessageHead {}

extension ByteBuffer {
    /// Gives the readable bytes, compiled into the caller: a request passes here a dozen times.
    @inline(__always)
    func withBytes<R>(_ body: (Span<UInt8>) throws -> R) rethrows -> R {
        try withUnsafeReadableBytes { bytes in
            try unsafe body(Span(_unsafeBytes: bytes))
        }
    }
}

extension MessageHead {
    /// Gives the bytes of a range; a range that is not of this head gives what of it lies inside.
    @inline(__always)
    package func bytes<R>(_ range: ByteRange, _ body: (Span<UInt8>) throws -> R) rethrows -> R {
        try bytes.withBytes { all in
            let end = min(range.end, all.count)
            return try body(all.extracting(min(range.offset, end)..<end))
        }
    }

    /// The bytes of a range as text, for rare paths; bytes that are not UTF-8 are replaced.
    package func string(_ range: ByteRange) -> String {
        bytes(range) { span in
            unsafe span.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
        }
    }

    /// The first field of a kind.
    package func first(_ kind: KnownHeader) -> HeaderField? {
        guard present.contains(kind) else { return nil }
        return headers.first { $0.kind == kind }
    }

    /// True when a range's bytes equal a lower-case ASCII text, without regard to case.
    package func equals(_ range: ByteRange, lowercased text: StaticString) -> Bool {
        bytes(range) { span in equal(span, ByteRange(offset: 0, end: span.count), text) }
    }

    /// True when `Connection` names the field, so that it must not be passed on (RFC 9110 §7.6.1).
    package func isNamedInConnection(_ field: HeaderField) -> Bool {
        field.isConnectionOption
    }
}
