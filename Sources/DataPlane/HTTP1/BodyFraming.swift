/// How the end of a message's body is found (RFC 9112 §6.3).
package enum BodyFraming: Sendable, Hashable {
    /// There is no body, and no field announces one.
    case none

    /// The body is exactly that many bytes, which may be none.
    case length(Int64)

    /// The body comes in chunks.
    case chunked

    /// The body ends when the connection does; only an answer can be so.
    case untilClose
}
