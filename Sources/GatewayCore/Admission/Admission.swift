package import JOSE

/// The decision: one synchronous function over a snapshot, performed by the proxy and by `explain` alike.
///
/// It knows no clock and does no I/O. The only thing that it keeps is the cache of verified tokens.
package struct Admission: Sendable {
    private var cache: VerifiedTokenCache
    private let limits: TokenLimits

    /// Makes a decider with a cache of its own; one for each event loop.
    package init(cache: VerifiedTokenCache, limits: TokenLimits = .default) {
        self.cache = cache
        self.limits = limits
    }

    /// Makes what the first decision would otherwise have to wait for.
    package static func prepare() {
        Decoys.prepare()
    }

    /// Whether exactly this token is remembered as verified; what is still checked of it is another question.
    package func remembers(_ token: Span<UInt8>) -> Bool {
        cache.find(token, hash: cache.hash(token)) != nil
    }

    /// Decides one request.
    ///
    /// - Parameters:
    ///   - snapshot: what is in force.
    ///   - host: the authority that the request names, with or without port.
    ///   - method: the method as sent.
    ///   - path: the path as sent, without the query.
    ///   - authorization: the value of the first `Authorization` field; empty when there is none.
    ///   - question: the rest.
    /// - Returns: the permit or the rejection, with what was found.
    package mutating func decide(
        _ snapshot: Snapshot,
        host: Span<UInt8>,
        method: Span<UInt8>,
        path: Span<UInt8>,
        authorization: Span<UInt8>,
        _ question: AdmissionQuestion
    ) -> Decision {
        var findings = Findings(now: question.now)
        findings.clientAddress = question.clientAddress
        do throws(Rejection) {
            // The order of checks is PRODUCT.md's table; each line has its place for a reason.

            // Before authentication: the endpoint says which credentials it accepts.
            let route = try matchRoute(snapshot, host, method, path, &findings)
            if route.endpoint.authentication == .none {
                return Decision(outcome: .admitted(Admitted(findings, route: route)), findings: findings)
            }
            // Exactly one: two credentials could be read as one caller here and as another at the upstream.
            let token = try findCredential(authorization, question, &findings)
            // Before anything else of the token is believed.
            let remembered = try authenticate(snapshot, authorization.extracting(token), &findings)
            // From here on the caller is genuine, and is told what is wrong.
            findings.check = .time
            try TokenRules.checkTime(remembered.token, of: remembered.profile, now: question.now)
            findings.check = .claims
            try TokenRules.checkClaims(remembered.token, of: remembered.profile)
            // After authentication: whether a client is active is nobody else's business.
            findings.check = .active
            try CallerRules.checkActive(findings.caller, now: question.now)
            findings.check = .address
            try CallerRules.checkAddress(question.clientAddress, of: remembered.profile)
            // Last, because it concerns what is asked for, not who asks.
            findings.check = .grant
            try CallerRules.checkGrant(of: route, to: remembered.profile)
            let admitted = Admitted(findings, route: route, identityHeaders: remembered.identityHeaders)
            return Decision(outcome: .admitted(admitted), findings: findings)
        } catch {
            return Decision(outcome: .rejected(error), findings: findings)
        }
    }

    // MARK: Check 1: the route

    private func matchRoute(
        _ snapshot: Snapshot,
        _ host: Span<UInt8>,
        _ method: Span<UInt8>,
        _ path: Span<UInt8>,
        _ findings: inout Findings
    ) throws(Rejection) -> Route {
        let match: RouteTable.Match
        do throws(RequestPath.Refusal) {
            if try RequestPath.isNormal(path) {
                match = snapshot.routes.match(host: host, method: method, path: path)
            } else {
                let normal = try RequestPath.normalize(path)
                match = snapshot.routes.match(host: host, method: method, path: normal.span)
                findings.normalPath = normal
            }
        } catch {
            throw Rejection(.badRequest, operatorDetail: error.rawValue)
        }
        findings.check = .route
        switch match {
        case .found(let route, let parameters):
            findings.route = route
            findings.parameters = parameters
            return route
        case .otherMethods(let methods):
            findings.allowedMethods = methods
            throw Rejection(
                .methodNotAllowed,
                operatorDetail:
                    "the path's endpoints answer \(methods.joined(separator: ", ")), not this method"
            )
        case .notFound:
            throw Rejection(
                .endpointNotFound,
                operatorDetail: "no active endpoint matches this host and path"
            )
        }
    }

    // MARK: Check 2: the credential

    private func findCredential(
        _ authorization: Span<UInt8>,
        _ question: AdmissionQuestion,
        _ findings: inout Findings
    ) throws(Rejection) -> Range<Int> {
        findings.check = .credential
        let count = question.authorizationFields + question.otherCredentials
        guard count <= 1 else {
            throw Rejection(
                .credentialAmbiguous,
                operatorDetail: "\(count) credentials are present, expected 1"
            )
        }
        guard question.authorizationFields == 1 else {
            let found =
                question.otherCredentials == 1 ? "an API-Token header, which no profile accepts" : "none"
            throw Rejection(
                .credentialMissing,
                operatorDetail: "expected Authorization: Bearer, found \(found)"
            )
        }
        switch BearerCredential.find(in: authorization) {
        case .token(let range): return range
        case .several:
            throw Rejection(
                .credentialAmbiguous,
                operatorDetail: "one Authorization field lists several credentials"
            )
        case .otherScheme:
            throw Rejection(
                .credentialMissing,
                operatorDetail: "expected Authorization: Bearer, found another scheme"
            )
        }
    }

    // MARK: Check 3: the token

    private mutating func authenticate(
        _ snapshot: Snapshot,
        _ token: Span<UInt8>,
        _ findings: inout Findings
    ) throws(Rejection) -> RememberedToken {
        findings.check = .signature
        let hash = cache.hash(token)
        if let entry = cache.find(token, hash: hash) {
            // The same object is the same generation: any change of the profile made another one.
            if let caller = snapshot.caller(entry.apiToken), caller.profile === entry.profile,
                entry.proof.key.isUsable(at: findings.now)
            {
                findings.caller = caller
                findings.proof = entry.proof
                findings.algorithm = entry.token.algorithm
                findings.wasRemembered = true
                return entry
            }
            cache.remove(entry)
        }
        let entry = try Authenticator(snapshot: snapshot, limits: limits, now: findings.now)
            .authenticate(token, hash: hash, &findings)
        cache.insert(entry)
        findings.proof = entry.proof
        return entry
    }
}
