/// Why no access token was issued: what the client is told (RFC 6749 §5.2), and what is recorded.
package struct OAuth2Refusal: Error, Sendable {
    /// The error codes of RFC 6749 §5.2 that occur with client credentials, and one for a gateway without keys.
    package enum Code: String, Sendable, CaseIterable {
        case invalidRequest = "invalid_request"
        case invalidClient = "invalid_client"
        case unauthorizedClient = "unauthorized_client"
        case unsupportedGrantType = "unsupported_grant_type"
        case invalidScope = "invalid_scope"
        /// RFC 6749 §4.1.2.1, borrowed: §5.2 has no word for it.
        case temporarilyUnavailable = "temporarily_unavailable"
    }

    /// What the client is told.
    package let code: Code
    /// The refusal as it is recorded; its public sentence is `error_description`.
    package let rejection: Rejection
    /// After how many seconds it may try again, when it tried too often.
    package let retryAfter: Int64?

    init(
        _ code: Code,
        _ recorded: Rejection.Code,
        _ description: String,
        detail: @escaping @autoclosure @Sendable () -> String,
        retryAfter: Int64? = nil
    ) {
        self.code = code
        self.retryAfter = retryAfter
        rejection = Rejection(recorded, publicDetail: description, operatorDetail: detail())
    }

    /// The request is not one that the endpoint reads, with a sentence that says so to both sides.
    package static func malformed(_ description: String, detail: String? = nil) -> OAuth2Refusal {
        OAuth2Refusal(.invalidRequest, .badRequest, description, detail: detail ?? description)
    }

    /// The client did not prove who it is; the answer is the same whatever the reason.
    static func unknownClient(_ detail: @escaping @autoclosure @Sendable () -> String) -> OAuth2Refusal {
        OAuth2Refusal(
            .invalidClient,
            .invalidToken,
            "Client authentication failed.",
            detail: detail()
        )
    }

    /// The HTTP status that goes with it.
    package var status: Int {
        if retryAfter != nil { return rejection.code.status }
        return switch code {
        case .invalidRequest, .unauthorizedClient, .unsupportedGrantType, .invalidScope: 400
        case .invalidClient: 401
        case .temporarilyUnavailable: 503
        }
    }

    /// The body of the answer.
    package var document: DocumentNode {
        DocumentNode(
            object: [
                ("error", .string(code.rawValue)), ("error_description", .string(rejection.publicDetail)),
            ]
        )
    }
}
