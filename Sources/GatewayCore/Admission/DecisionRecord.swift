import JOSE

/// The recorded outcome of one request: every check in order, what was found, the outcome.
package struct DecisionRecord: Sendable {
    /// How much of a path is kept of a call, in bytes.
    package static let maximumPathBytes = 256

    /// The id that the caller got in `X-Request-Id`.
    package let requestID: String
    /// When the request's head had been read.
    package let at: Timestamp
    /// The method as sent; at most 32 bytes.
    package let method: String
    /// The path as sent, without the query; cut at 256 bytes, and without what could be an API token.
    package let path: String
    /// Whom the call came from.
    package let clientAddress: String
    /// The endpoint that was matched, as `handle/name`.
    package let endpoint: String?
    /// The client whose token it was; only once the signature was verified, or as what the token claimed.
    package let client: String?
    /// The profile that the token named.
    package let profile: String?
    /// The status that the caller got; 0 while the upstream has not answered.
    package let status: Int
    /// Why the call was turned away; `nil` when it was forwarded and answered.
    package let code: Rejection.Code?
    /// The checks in the order of PRODUCT.md's table, up to the one that failed.
    package let checks: [CheckOutcome]
    /// How long it took from the request's head to the answer's end, in microseconds; `nil` while it goes on.
    package let microseconds: UInt64?
    /// The trace that the caller said it belongs to.
    package let traceID: String?

    /// Takes the parts.
    package init(
        requestID: String,
        at: Timestamp,
        method: String,
        path: String,
        clientAddress: String,
        endpoint: String?,
        client: String?,
        profile: String?,
        status: Int,
        code: Rejection.Code?,
        checks: [CheckOutcome],
        microseconds: UInt64? = nil,
        traceID: String? = nil
    ) {
        self.requestID = requestID
        self.at = at
        self.method = method
        self.path = TokenMask.masked(path, isCut: path.utf8.count >= Self.maximumPathBytes)
        self.clientAddress = clientAddress
        self.endpoint = endpoint
        self.client = client
        self.profile = profile
        self.status = status
        self.code = code
        self.checks = checks
        self.microseconds = microseconds
        self.traceID = traceID
    }
}

/// One check of the decision and what it found.
package struct CheckOutcome: Sendable, Equatable {
    /// How a check ended.
    package enum Result: String, Sendable, CaseIterable {
        /// The check was made and held.
        case passed
        /// The check was made and turned the call away.
        case failed
        /// The check had nothing to look at.
        case skipped
    }

    /// Which check it is.
    package let check: Check
    /// How it ended.
    package let result: Result
    /// What was found and expected; never a secret.
    package let detail: String

    /// Takes the parts.
    package init(_ check: Check, _ result: Result, _ detail: String) {
        self.check = check
        self.result = result
        self.detail = TokenMask.masked(detail)
    }
}

/// The checks, in the order in which they are made.
package enum Check: String, Sendable, CaseIterable, Comparable {
    /// 0: the request is well-formed HTTP within limits.
    case wellFormed = "well_formed"
    /// 1: host, path and method match an active endpoint.
    case route
    /// 2: exactly one credential is present.
    case credential
    /// 3: the token parses, names a profile, and its signature verifies.
    case signature
    /// 4: the time window.
    case time
    /// 5: required claims, issuers, audiences.
    case claims
    /// 6: client, profile and API token are active.
    case active
    /// 7: the IP lists, and the client certificate where one is demanded.
    case address
    /// 8: the profile is granted the collection.
    case grant
    /// 9: the endpoint's scopes and rule.
    case authorization
    /// 11: the upstream answers.
    case upstream

    package static func < (left: Check, right: Check) -> Bool {
        (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
    }
}

/// The port through which decisions are read.
package protocol DecisionLog: Sendable {
    /// The decision under this request id, while it is remembered or kept.
    func decision(requestID: String) async -> DecisionRecord?

    /// The decisions that are asked for.
    ///
    /// - Throws: ``CatalogStoreError`` when they cannot be read.
    func decisions(_ query: DecisionQuery) async throws -> DecisionPage
}
