import JOSE

/// A request that somebody asks about, whether it would be let in, and if not, why not.
package struct ExplainedRequest: Sendable {
    /// The method.
    package var method: String
    /// The authority, with or without port; empty when it does not matter.
    package var host: String
    /// The path without the query.
    package var path: String
    /// The query without its `?`; empty when there is none.
    package var query = ""
    /// The signed token, or an API token by itself; `nil` for a request without either.
    package var token: [UInt8]?
    /// The address that the call would come from.
    package var clientAddress: IPAddress

    /// Takes the parts.
    package init(method: String, host: String, path: String, token: [UInt8]?, clientAddress: IPAddress) {
        self.method = method
        self.host = host
        self.path = path
        self.token = token
        self.clientAddress = clientAddress
    }
}

/// Explains by deciding: the very function that the request path performs, with nothing remembered.
package enum Explanation {
    /// Decides the request and tells every check, and which key is missing when one may be fetched.
    package static func explain(
        _ request: ExplainedRequest,
        _ snapshot: Snapshot,
        _ keySets: KeySets = KeySets(),
        usedTokens: UsedTokens? = nil,
        requestID: String,
        now: Timestamp
    ) -> (record: DecisionRecord, neededKey: NeededKey?) {
        var admission = Admission(
            cache: VerifiedTokenCache(capacity: 1, maximumBytes: 1 << 20, seed: 0),
            usedTokens: usedTokens,
            isAsking: true
        )
        // An API token by itself has no dots; what is meant is the header API-Token.
        let isAPIToken = request.token.map { APITokenDigest(token: $0) != nil } ?? false
        let token = request.token ?? []
        let authorization = request.token == nil || isAPIToken ? [] : Array("Bearer ".utf8) + token
        let apiToken = isAPIToken ? token : []
        let decision = admission.decide(
            snapshot,
            keySets,
            host: request.host.utf8.span,
            method: request.method.utf8.span,
            path: request.path.utf8.span,
            authorization: authorization.span,
            apiToken: apiToken.span,
            fields: ExplainedFields(queryBytes: Array(request.query.utf8)),
            AdmissionQuestion(
                clientAddress: request.clientAddress,
                authorizationFields: authorization.isEmpty ? 0 : 1,
                apiTokenFields: isAPIToken ? 1 : 0,
                now: now
            )
        )
        let rejection: Rejection? =
            switch decision.outcome {
            case .admitted: nil
            case .rejected(let rejection):
                LikelyCause.added(
                    to: rejection,
                    isAPIToken ? nil : request.token,
                    decision.findings
                )
            }
        let record = DecisionRecord(
            requestID: requestID,
            method: request.method,
            path: request.path,
            clientAddress: request.clientAddress.description,
            status: rejection?.code.status ?? 0,
            findings: decision.findings,
            rejection: rejection
        )
        return (record, decision.findings.neededKey)
    }
}

/// What a rule may look at of a request that was only asked about: it has no headers but its credential.
private struct ExplainedFields: RequestFields {
    let queryBytes: [UInt8]
    var fieldCount: Int { 0 }
    func values(ofField name: [UInt8]) -> [[UInt8]] { [] }
}
