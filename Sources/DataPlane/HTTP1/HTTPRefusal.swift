/// Why a message head was turned away.
///
/// The connection it came on must be closed: where the next message begins is not known.
package enum HTTPRefusal: Error, Sendable, Hashable {
    /// The bytes are not the HTTP/1.1 that is accepted here; `offset` counts from the head's first byte.
    case badRequest(MalformedHead, offset: Int)

    /// The request line is longer than the limit, in bytes.
    case uriTooLong(limit: Int)

    /// The fields go beyond a limit: bytes, or a number of fields.
    case headersTooLarge(HeadBound, limit: Int)

    /// The start line asks for a version of HTTP other than 1.0 and 1.1.
    case versionNotSupported(offset: Int)

    /// The status of the answer to a request so refused (an upstream's answer so refused is always a 502).
    package var status: Int {
        switch self {
        case .badRequest: 400
        case .uriTooLong: 414
        case .headersTooLarge: 431
        case .versionNotSupported: 505
        }
    }

    /// What was found and where, for the operator; never holds a byte of the message.
    package var operatorDetail: String {
        switch self {
        case .badRequest(let reason, let offset): "\(reason.rawValue), at byte \(offset) of the head"
        case .uriTooLong(let limit): "the request line goes beyond the limit of \(limit) bytes"
        case .headersTooLarge(let bound, let limit):
            "\(bound.rawValue) goes beyond the limit of \(limit) \(bound.unit)"
        case .versionNotSupported(let offset):
            "version is neither HTTP/1.1 nor HTTP/1.0, at byte \(offset) of the head"
        }
    }
}

/// Which limit on the head was met.
package enum HeadBound: String, Sendable, Hashable, CaseIterable {
    case startLine = "the start line"
    case field = "a header field"
    case head = "the head"
    case fieldCount = "the number of header fields"

    var unit: String {
        switch self {
        case .startLine, .field, .head: "bytes"
        case .fieldCount: "fields"
        }
    }
}

/// What is wrong with a head that is refused as malformed.
package enum MalformedHead: String, Sendable, Hashable, CaseIterable {
    // Lines
    case bareCarriageReturn = "a carriage return without a line feed after it"
    case bareLineFeed = "a line feed without a carriage return before it"
    case controlByte = "a control byte"
    case emptyLine = "an empty line where the start line was expected"

    // The request line
    case method = "the method is not a token of 1 to 32 bytes followed by one space"
    case emptyTarget = "the request target is empty, or two spaces precede it"
    case targetByte = "the request target holds a byte that is not visible ASCII, or a fragment"
    case targetForm = "the request target is in no form that this method takes"
    case missingVersion = "the request line has no version"
    case version = "the version is not written as HTTP/1.1"
    case authorityMismatch = "the authority of the request target is not that of the Host field"

    // The status line
    case statusLine = "the status line does not begin with HTTP/1.x, one space and a status of three digits"

    // Fields
    case foldedField = "a header field line begins with white space"
    case fieldName = "a header field name is empty or holds a byte that is not of a token"
    case missingColon = "a header field line has no colon"
    case contentLength = "Content-Length is not one decimal number within 63 bits"
    case duplicateContentLength = "Content-Length is given twice"
    case transferEncoding = "Transfer-Encoding is not exactly chunked"
    case duplicateTransferEncoding = "Transfer-Encoding is given twice"
    case transferEncodingWithLength = "Transfer-Encoding and Content-Length are both given"
    case transferEncodingBeforeOneOne = "Transfer-Encoding is given in HTTP/1.0"
    case framingForbidden = "an interim answer announces a body"
    case missingHost = "Host is missing"
    case duplicateHost = "Host is given twice"
    case host = "Host is not a name or address with an optional port"
    case expectation = "Expect is not exactly one 100-continue"
    case connectionOption = "Connection is not a list of at most 32 tokens"
}
