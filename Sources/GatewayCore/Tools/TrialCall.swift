/// A call through the gateway's own listener, made for a manager who wants to see what a caller would get.
package struct TrialCall: Sendable {
    /// The method.
    package let method: String
    /// The `Host`, with or without port; empty for the listener's own.
    package let host: String
    /// The path with its query.
    package let target: String
    /// Further fields, in order.
    package let fields: [(name: String, value: String)]
    /// The body; `nil` for none.
    package let body: [UInt8]?

    /// Takes a path, a path with query or an absolute URL apart as ``ExplainedRequest`` does.
    ///
    /// - Throws: ``TrialFailure`` when the call cannot be sent as it is asked for.
    package init(
        method: String,
        url: String,
        fields: [(name: String, value: String)] = [],
        body: [UInt8]? = nil
    ) throws(TrialFailure) {
        let request = ExplainedRequest(method: method, url: url, token: nil, clientAddress: nil)
        self.method = method
        host = request.host
        target = request.target
        self.fields = fields
        self.body = body
        if let fault { throw TrialFailure(fault) }
    }

    private var fault: String? {
        // Whatever else there is, the gateway itself is to refuse it.
        let isSendable = { (byte: UInt8) in byte > 0x20 && byte != 0x7f }
        if method == "CONNECT" { return "CONNECT opens a tunnel, and makes no call" }
        if !ExplainedRequest.isMethod(method) { return "the method is no token, expected for instance GET" }
        if ["HEAD", "TRACE"].contains(method), body != nil { return "\(method) carries no body" }
        if !target.utf8.allSatisfy(isSendable) || !host.utf8.allSatisfy(isSendable) {
            return "the URL has white space or a control character, which must be written with %"
        }
        // Named by the field alone: what is in it may be a secret.
        let isCarried = { (byte: UInt8) in byte >= 0x20 && byte != 0x7f }
        for field in fields where !field.value.utf8.allSatisfy(isCarried) {
            return "\(field.name) has a line break or another control character, which no field carries"
        }
        return nil
    }
}

/// What a trial call was answered.
package struct TrialAnswer: Sendable {
    /// The longest part of a body that is kept, in bytes.
    package static let maximumBody = 16_384

    /// The status.
    package let status: Int
    /// The fields, in order.
    package let fields: [(name: String, value: String)]
    /// The beginning of the body.
    package let body: [UInt8]
    /// Whether the body goes on.
    package let isCut: Bool

    /// Takes the parts.
    package init(status: Int, fields: [(name: String, value: String)], body: [UInt8], isCut: Bool) {
        self.status = status
        self.fields = fields
        self.body = body
        self.isCut = isCut
    }

    /// The id under which the gateway decided it.
    package var requestID: String? {
        fields.first { $0.name.lowercased() == "x-request-id" }?.value
    }
}

/// Why a trial call has no answer; lower case, no full stop.
package struct TrialFailure: Error, Sendable, CustomStringConvertible {
    package let description: String

    /// Takes the words.
    package init(_ description: String) {
        self.description = description
    }
}

/// Makes a trial call.
package typealias CallGateway = @Sendable (TrialCall) async throws(TrialFailure) -> TrialAnswer
