import JOSE

/// Why a call was turned away, with three faces: the stable code, the public sentence, and the detail that
/// never leaves the operator's side.
package struct Rejection: Error, Sendable {
    /// What the caller is told, by a name that never changes.
    package let code: Code
    /// The sentence that the caller gets.
    package let publicDetail: String
    // Written when somebody reads it: the caller's answer waits for no text that it does not carry, and how
    // long the text takes tells it nothing. Decisions are kept, so it is written from little: never from a
    // token or a snapshot.
    private let makeOperatorDetail: @Sendable () -> String

    /// What was found and expected, for the decision record alone; never a secret, nor what could be an API token.
    package var operatorDetail: String { TokenMask.masked(makeOperatorDetail()) }

    /// Refuses with the code's own sentence.
    package init(_ code: Code, operatorDetail: @escaping @autoclosure @Sendable () -> String) {
        self.init(code, publicDetail: code.publicDetail, operatorDetail: operatorDetail())
    }

    /// Refuses with a sentence of its own, for callers whose signature was verified.
    package init(
        _ code: Code,
        publicDetail: String,
        operatorDetail: @escaping @autoclosure @Sendable () -> String
    ) {
        self.code = code
        self.publicDetail = publicDetail
        makeOperatorDetail = operatorDetail
    }

    /// The stable names of refusals: they are API, never renamed (docs/errors.md).
    package enum Code: String, Sendable, CaseIterable {
        case badRequest = "bad_request"
        case bodyTooLarge = "body_too_large"
        case uriTooLong = "uri_too_long"
        case headersTooLarge = "headers_too_large"
        case endpointNotFound = "endpoint_not_found"
        case methodNotAllowed = "method_not_allowed"
        case credentialMissing = "credential_missing"
        case credentialAmbiguous = "credential_ambiguous"
        case invalidToken = "invalid_token"
        case tokenExpired = "token_expired"
        case tokenNotYetValid = "token_not_yet_valid"
        case tokenLifetimeTooLong = "token_lifetime_too_long"
        case claimMissing = "claim_missing"
        case claimNotAccepted = "claim_not_accepted"
        case tokenRevoked = "token_revoked"
        case clientInactive = "client_inactive"
        case addressNotAllowed = "address_not_allowed"
        case certificateRequired = "certificate_required"
        case collectionNotGranted = "collection_not_granted"
        case notAuthorized = "not_authorized"
        case rateLimited = "rate_limited"
        case upstreamUnreachable = "upstream_unreachable"
        case upstreamUnavailable = "upstream_unavailable"
        case upstreamTimeout = "upstream_timeout"
    }
}

extension Rejection.Code {
    /// The HTTP status that goes with the code (RFC 9110 §15).
    package var status: Int {
        switch self {
        case .badRequest, .credentialAmbiguous: 400
        case .credentialMissing, .invalidToken, .tokenExpired, .tokenNotYetValid, .tokenLifetimeTooLong,
            .claimMissing, .claimNotAccepted, .tokenRevoked:
            401
        case .clientInactive, .addressNotAllowed, .certificateRequired, .collectionNotGranted, .notAuthorized:
            403
        case .endpointNotFound: 404
        case .methodNotAllowed: 405
        case .bodyTooLarge: 413
        case .uriTooLong: 414
        case .rateLimited: 429
        case .headersTooLarge: 431
        case .upstreamUnreachable: 502
        case .upstreamUnavailable: 503
        case .upstreamTimeout: 504
        }
    }

    /// The short title of the problem (RFC 9457 §3.1.4).
    package var title: String {
        switch self {
        case .badRequest: "Bad request"
        case .bodyTooLarge: "Body too large"
        case .uriTooLong: "URI too long"
        case .headersTooLarge: "Headers too large"
        case .endpointNotFound: "Endpoint not found"
        case .methodNotAllowed: "Method not allowed"
        case .credentialMissing: "Credential missing"
        case .credentialAmbiguous: "More than one credential"
        case .invalidToken: "Invalid token"
        case .tokenExpired: "Token expired"
        case .tokenNotYetValid: "Token not yet valid"
        case .tokenLifetimeTooLong: "Token lifetime too long"
        case .claimMissing: "Claim missing"
        case .claimNotAccepted: "Claim not accepted"
        case .tokenRevoked: "Token revoked"
        case .clientInactive: "Client inactive"
        case .addressNotAllowed: "Address not allowed"
        case .certificateRequired: "Certificate required"
        case .collectionNotGranted: "Collection not granted"
        case .notAuthorized: "Not authorized"
        case .rateLimited: "Too many requests"
        case .upstreamUnreachable: "Upstream unreachable"
        case .upstreamUnavailable: "Upstream unavailable"
        case .upstreamTimeout: "Upstream timeout"
        }
    }

    /// What the caller is told when nothing more may be said.
    package var publicDetail: String {
        switch self {
        case .badRequest:
            "The request is not well-formed HTTP/1.1, or its path is not in a form that is accepted."
        case .bodyTooLarge: "The request body is larger than this endpoint accepts."
        case .uriTooLong: "The request target is longer than is accepted."
        case .headersTooLarge: "The request headers are larger than is accepted."
        case .endpointNotFound: "No endpoint answers at this host and path."
        case .methodNotAllowed: "The endpoint does not answer this method; see the Allow header."
        case .credentialMissing: "This endpoint needs a credential: send Authorization: Bearer <token>."
        case .credentialAmbiguous: "The request carries more than one credential; send exactly one."
        case .invalidToken: "The token is not valid here."
        case .tokenExpired: "The token has expired."
        case .tokenNotYetValid: "The token is not valid yet."
        case .tokenLifetimeTooLong: "The token is valid for longer than is accepted."
        case .claimMissing: "The token lacks a claim that is required."
        case .claimNotAccepted: "A claim of the token has a value that is not accepted."
        case .tokenRevoked: "The token has been revoked."
        case .clientInactive: "The client, its access profile or its API token is not active."
        case .addressNotAllowed: "Calls from this address are not allowed."
        case .certificateRequired: "The access profile asks for a client certificate that it accepts."
        case .collectionNotGranted: "The access profile is not granted this collection."
        case .notAuthorized: "The endpoint asks for more than this token or request has."
        case .rateLimited: "There were too many requests; try again later."
        case .upstreamUnreachable: "The upstream could not be reached or gave no valid answer."
        case .upstreamUnavailable: "The upstream is not available."
        case .upstreamTimeout: "The upstream did not answer in time."
        }
    }

    /// The `error` parameter of `WWW-Authenticate` (RFC 6750 §3.1); `nil` where none belongs.
    package var bearerError: String? {
        switch self {
        case .invalidToken, .tokenExpired, .tokenNotYetValid, .tokenLifetimeTooLong, .claimMissing,
            .claimNotAccepted, .tokenRevoked:
            "invalid_token"
        case .credentialAmbiguous: "invalid_request"
        case .notAuthorized: "insufficient_scope"
        case .badRequest, .bodyTooLarge, .uriTooLong, .headersTooLarge, .endpointNotFound, .methodNotAllowed,
            .credentialMissing, .clientInactive, .addressNotAllowed, .certificateRequired,
            .collectionNotGranted, .rateLimited, .upstreamUnreachable,
            .upstreamUnavailable, .upstreamTimeout:
            nil
        }
    }
}
