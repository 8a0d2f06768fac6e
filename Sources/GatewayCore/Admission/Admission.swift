package import JOSE

/// The decision: one synchronous function over a snapshot, performed by the proxy and by `explain` alike.
///
/// It knows no clock and does no I/O. The only thing that it keeps is the cache of verified tokens.
package struct Admission: Sendable {
    private var cache: VerifiedTokenCache
    private var headers = TokenHeaderMemory()
    private var callerFields = CallerFieldsMemory()
    private var uses = Uses()
    private var hits: UInt64 = 0
    private var misses: UInt64 = 0
    private let usedTokens: UsedTokens?
    private let isAsking: Bool
    private let limits: TokenLimits

    /// Makes a decider with a cache of its own; one for each event loop.
    ///
    /// - Parameters:
    ///   - cache: where verified tokens are remembered.
    ///   - usedTokens: which one-time tokens were used; without it none is accepted.
    ///   - isAsking: whether a decision leaves no trace of use, as when somebody only asks.
    ///   - limits: the bounds on tokens.
    package init(
        cache: VerifiedTokenCache,
        usedTokens: UsedTokens? = nil,
        isAsking: Bool = false,
        limits: TokenLimits = .default
    ) {
        self.cache = cache
        self.usedTokens = usedTokens
        self.isAsking = isAsking
        self.limits = limits
    }

    /// How many verified tokens are remembered, how often one was found since the start, and how often none.
    package var tokenMemory: (count: Int, hits: UInt64, misses: UInt64) { (cache.count, hits, misses) }

    /// Gives when keys and API tokens were last used since the last time, or `nil` when none was.
    package mutating func takeUses() -> [UseID: Timestamp]? {
        uses.isEmpty ? nil : uses.take()
    }

    /// Notes that an API token was presented as a client secret, and was right.
    package mutating func noteUse(_ issued: TokenEndpoint.Decision) {
        uses.note(issued.findings.caller?.apiToken, at: issued.findings.now)
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
    ///   - keySets: the keys of identity providers.
    ///   - host: the authority that the request names, with or without port.
    ///   - method: the method as sent.
    ///   - path: the path as sent, without the query.
    ///   - authorization: the value of the first `Authorization` field; empty when there is none.
    ///   - apiToken: the value of the first `API-Token` field; empty when there is none.
    ///   - fields: what an endpoint's rule may look at besides.
    ///   - question: the rest.
    /// - Returns: the permit or the rejection, with what was found.
    package mutating func decide(
        _ snapshot: Snapshot,
        _ keySets: KeySets = KeySets(),
        host: Span<UInt8>,
        method: Span<UInt8>,
        path: Span<UInt8>,
        authorization: Span<UInt8>,
        apiToken: Span<UInt8>,
        fields: some RequestFields,
        _ question: AdmissionQuestion
    ) -> Decision {
        var findings = Findings(now: question.now)
        do throws(Rejection) {
            guard let address = question.clientAddress else {
                throw Rejection(
                    .badRequest,
                    operatorDetail: "the trusted proxy names no address that the call comes from"
                )
            }
            findings.clientAddress = address
            // The order of checks is PRODUCT.md's table; each line has its place for a reason.

            // Before authentication: the endpoint says which credentials it accepts.
            let (route, parameters) = try matchRoute(snapshot, host, method, path, &findings)
            if route.isOpen {
                let admitted = Admitted(findings, route: route, parameters: parameters)
                return Decision(outcome: .admitted(admitted), findings: findings)
            }
            // Exactly one: two credentials could be read as one caller here and as another at the upstream.
            let credential = try findCredential(authorization, apiToken, question, &findings)
            let token: Range<Int>
            switch credential {
            case .bearer(let range): token = range
            case .apiToken(let digest, let place):
                let caller = try authenticate(snapshot, digest, place, &findings)
                uses.note(caller.apiToken, at: question.now)
                findings.check = .active
                try CallerRules.checkActive(caller, now: question.now)
                try checkGrant(caller, question, to: route, &findings)
                if let rule = route.rule {
                    try check(
                        rule,
                        nil,
                        caller,
                        method,
                        findings.normalPath,
                        path,
                        parameters,
                        fields,
                        &findings
                    )
                }
                var identityHeaders = caller.profile.identityHeaders
                if let fields = route.callerFields {
                    identityHeaders = callerFields.headers(caller, fields, snapshot, question.now)
                }
                return admit(to: route, parameters, identityHeaders, findings)
            }
            // Before anything else of the token is believed.
            let remembered = try authenticate(
                snapshot,
                keySets,
                authorization.extracting(token),
                &findings
            )
            // Its signature alone does not make a bound token its holder's.
            if let binding = remembered.binding { try binding.check(question.certificate) }
            // From here on the caller is genuine, and is told what is wrong.
            if !remembered.standing.holds(at: question.now) {
                try checkStanding(remembered, question.now, &findings)
            }
            let isOnce = remembered.profile.profile.acceptsTokensOnce
            if isOnce { try useOnce(remembered, snapshot, question.now, isAsking: true, &findings) }
            try checkGrant(remembered.caller, question, to: route, &findings)
            if let rule = route.rule {
                let claims = remembered.token.claims
                let normal = findings.normalPath
                try check(
                    rule,
                    claims,
                    remembered.caller,
                    method,
                    normal,
                    path,
                    parameters,
                    fields,
                    &findings
                )
            }
            // Last, so that a call that is turned away leaves the token usable.
            if isOnce { try useOnce(remembered, snapshot, question.now, isAsking: isAsking, &findings) }
            var identityHeaders = remembered.identityHeaders
            if let fields = route.callerFields {
                identityHeaders = callerFields.headers(remembered, fields, snapshot, question.now)
            }
            return admit(to: route, parameters, identityHeaders, findings)
        } catch {
            return Decision(outcome: .rejected(error), findings: findings)
        }
    }

    @inline(__always)
    private func admit(
        to route: Route,
        _ parameters: PathParameters,
        _ identityHeaders: [UInt8],
        _ findings: Findings
    ) -> Decision {
        let admitted = Admitted(
            findings,
            route: route,
            parameters: parameters,
            identityHeaders: identityHeaders
        )
        return Decision(outcome: .admitted(admitted), findings: findings)
    }

    /// The part of check 5 that holds for tokens that are accepted once.
    @inline(never)
    private func useOnce(
        _ remembered: RememberedToken,
        _ snapshot: Snapshot,
        _ now: Timestamp,
        isAsking: Bool,
        _ findings: inout Findings
    ) throws(Rejection) {
        let check = findings.check
        findings.check = .claims
        try TokenRules.checkUse(
            of: remembered.token,
            of: remembered.profile,
            usedTokens,
            now: now,
            isAsking: isAsking,
            isKnown: { snapshot.catalog.profiles[$0] != nil }
        )
        findings.check = check
    }

    // MARK: Check 3: the token

    /// Whom an API token names that is presented by itself.
    private func authenticate(
        _ snapshot: Snapshot,
        _ digest: APITokenDigest?,
        _ place: PresentedCredential.Place,
        _ findings: inout Findings
    ) throws(Rejection) -> Caller {
        findings.check = .signature
        guard let digest else {
            throw Rejection(
                .invalidToken,
                operatorDetail: "\(place.words) holds no API token, expected 64 hex digits"
            )
        }
        guard let caller = snapshot.caller(digest) else {
            throw Rejection(
                .invalidToken,
                operatorDetail:
                    "\(place.words) is an API token that no profile has (its SHA-256 begins \(digest.hex.prefix(12)))"
            )
        }
        findings.caller = caller
        let profile = caller.profile.profile
        guard profile.method == .token else {
            let (name, method) = (profile.name, profile.method)
            throw Rejection(
                .invalidToken,
                operatorDetail:
                    "an API token alone is no credential of profile \"\(name)\", whose method is \(method.rawValue)"
            )
        }
        return caller
    }

    private mutating func authenticate(
        _ snapshot: Snapshot,
        _ keySets: KeySets,
        _ token: Span<UInt8>,
        _ findings: inout Findings
    ) throws(Rejection) -> RememberedToken {
        findings.check = .signature
        let hash = cache.hash(token)
        if let place = cache.find(token, hash: hash) {
            let entry = cache.entry(at: place)
            if isCurrent(entry, at: place, snapshot, keySets, findings.now) {
                if cache.isFirstUse(at: place, findings.now) { uses.note(entry, at: findings.now) }
                findings.caller = entry.caller
                findings.proof = entry.proof
                findings.algorithm = entry.token.algorithm
                findings.wasRemembered = true
                hits &+= 1
                return entry
            }
            cache.remove(at: place)
        }
        misses &+= 1
        let entry = try Authenticator(snapshot: snapshot, keySets: keySets, limits: limits, now: findings.now)
            .authenticate(token, hash: hash, &headers, &findings)
        cache.insert(entry, for: snapshot)
        uses.note(entry, at: findings.now)
        findings.proof = entry.proof
        return entry
    }

    /// Whether what was verified may still be believed: the profile, its keys and its API token are as then.
    private mutating func isCurrent(
        _ entry: RememberedToken,
        at place: Int,
        _ snapshot: Snapshot,
        _ keySets: KeySets,
        _ now: Timestamp
    ) -> Bool {
        guard entry.standing.holds(at: now) || entry.proof.key.isUsable(at: now) else { return false }
        if entry.proof.keySet != nil, !isStillProvided(entry, keySets, now) { return false }
        if cache.isConfirmed(at: place, for: snapshot) { return true }
        // The same object is the same generation: any change of the profile made another one.
        guard let caller = caller(of: entry, snapshot), caller.profile === entry.profile else { return false }
        if let keys = entry.proof.gatewayKeys, keys !== snapshot.gatewayKeys { return false }
        cache.confirm(at: place)
        return true
    }

    /// Whether the identity provider still has the key with which a token was verified.
    private func isStillProvided(_ entry: RememberedToken, _ keySets: KeySets, _ now: Timestamp) -> Bool {
        guard let current = entry.profile.provider?.keySet(keySets, at: now) else { return false }
        return current.isSame(as: entry.proof.keySet) || current.has(entry.proof.key)
    }

    /// Whom a remembered token names in this snapshot.
    private func caller(of entry: RememberedToken, _ snapshot: Snapshot) -> Caller? {
        if let apiToken = entry.apiToken { return snapshot.caller(apiToken) }
        guard let claims = entry.token.claims, !snapshot.carriesAPIToken(claims),
            case .one(let caller) = snapshot.caller(matching: claims)
        else {
            return nil
        }
        return caller
    }
}
