import GatewayCore

/// What the admin API knows of a request, whatever server it came through.
package struct AdminRequest: Sendable {
    /// The method as sent.
    package var method: String
    /// The request target as sent: path and query.
    package var target: String
    /// The host (and port) that the request names.
    package var authority: String?
    /// The value of `Authorization`.
    package var authorization: String?
    /// The value of `Content-Type`.
    package var contentType: String?
    /// The value of `If-Match`.
    package var ifMatch: String?
    /// The value of `If-None-Match`.
    package var ifNoneMatch: String?
    /// The value of `Cookie`.
    package var cookies: String?
    /// The value of `Origin`.
    package var origin: String?
    /// The value of `Sec-Fetch-Site`.
    package var fetchSite: String?
    /// The value of `User-Agent`.
    package var userAgent: String?
    /// Whom it came from.
    package var clientAddress: String

    /// Makes a request without any field.
    package init(method: String, target: String, authority: String? = nil, clientAddress: String = "local") {
        self.method = method
        self.target = target
        self.authority = authority
        self.clientAddress = clientAddress
    }
}

/// The path and query of a request target (RFC 9112 §3.2.1), decoded once and strictly.
struct AdminTarget {
    /// The segments of the path, percent-decoded.
    let segments: [String]
    /// The names and values of the query (application/x-www-form-urlencoded), in order.
    let query: [(name: String, value: String)]

    /// Reads a target in origin form.
    ///
    /// - Throws: ``Problem`` 400 when it is in another form, or an escape in it is broken or gives no UTF-8.
    init(_ target: String) throws(Problem) {
        let bytes = Array(target.utf8)
        guard bytes.first == UInt8(ascii: "/") else {
            throw Problem(.badRequest, "the request target is not a path that begins with /")
        }
        let mark = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.endIndex
        var segments: [String] = []
        for part in bytes[1..<mark].split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard let segment = Self.decode(part, plusIsSpace: false) else {
                throw Problem(.badRequest, "the path has a broken percent escape, or one that gives no UTF-8")
            }
            segments.append(segment)
        }
        self.segments = segments
        var query: [(name: String, value: String)] = []
        for part in bytes[mark...].dropFirst().split(separator: UInt8(ascii: "&")) {
            let equals = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            guard let name = Self.decode(part[..<equals], plusIsSpace: true),
                let value = Self.decode(part[equals...].dropFirst(), plusIsSpace: true)
            else {
                throw Problem(
                    .badRequest,
                    "the query has a broken percent escape, or one that gives no UTF-8"
                )
            }
            query.append((name, value))
        }
        self.query = query
    }

    private static func decode(_ text: ArraySlice<UInt8>, plusIsSpace: Bool) -> String? {
        PercentEncoding.decoded(text, plusIsSpace: plusIsSpace)
            .flatMap { String(validating: $0, as: UTF8.self) }
    }
}

/// What the admin API answers.
package struct AdminAnswer: Sendable {
    /// The HTTP status.
    package var status: Int
    /// The fields in order, without those that frame the body.
    package var headers: [(name: String, value: String)]
    /// The body; empty for 204 and 304.
    package var body: [UInt8]

    /// Answers with a JSON document.
    init(_ status: Int = 200, _ document: DocumentNode, headers: [(name: String, value: String)] = []) {
        self.status = status
        self.headers = [(name: "Content-Type", value: "application/json")] + headers
        body = document.jsonBytes() + [UInt8(ascii: "\n")]
    }

    /// Answers with a text of another media type.
    init(text: [UInt8], type: String, headers: [(name: String, value: String)] = []) {
        status = 200
        self.headers = [(name: "Content-Type", value: type)] + headers
        body = text
    }

    /// Answers without a body.
    init(withoutBody status: Int, headers: [(name: String, value: String)] = []) {
        self.status = status
        self.headers = headers
        body = []
    }

    /// Answers with a problem (RFC 9457).
    init(_ problem: Problem, requestID: String) {
        status = problem.code.status
        headers = [(name: "Content-Type", value: "application/problem+json")] + problem.headers
        body = problem.document(requestID: requestID).jsonBytes() + [UInt8(ascii: "\n")]
    }

    /// The value of the first field of this name, whatever its case.
    package func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}
