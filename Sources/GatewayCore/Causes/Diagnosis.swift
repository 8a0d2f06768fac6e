import JOSE

/// Finds the likely causes of a refusal by trying what would have to be otherwise for the call to get through.
///
/// Every variant, of the token or of the catalog, is decided with ``Admission`` from the first check to the last,
/// so that what a cause says would happen then is a fact. All of it together is bounded by ``Effort``.
struct Diagnosis {
    let request: ExplainedRequest
    let snapshot: Snapshot
    let keySets: KeySets
    let usedTokens: UsedTokens?
    let now: Timestamp
    let rejection: Rejection
    let findings: Findings

    var effort = Effort()
    /// Whom the token names once it is corrected, where it names nobody as it is.
    var named: Caller?
    private(set) var causes: [LikelyCause] = []

    /// The likely causes, the likeliest first; none for a refusal that says everything itself.
    static func causes(
        of rejection: Rejection,
        _ findings: Findings,
        _ request: ExplainedRequest,
        _ snapshot: Snapshot,
        _ keySets: KeySets,
        _ usedTokens: UsedTokens?,
        now: Timestamp
    ) -> [LikelyCause] {
        var diagnosis = Diagnosis(
            request: request,
            snapshot: snapshot,
            keySets: keySets,
            usedTokens: usedTokens,
            now: now,
            rejection: rejection,
            findings: findings
        )
        diagnosis.diagnose()
        return diagnosis.causes
    }

    private mutating func diagnose() {
        switch findings.check {
        case .wellFormed: diagnoseForm()
        case .route: diagnoseRoute()
        case .credential: diagnoseCredential()
        case .signature: diagnoseToken()
        case .time: diagnoseTime()
        case .claims: diagnoseClaims()
        case .active: diagnoseStanding()
        case .address: diagnoseAddress()
        case .grant: diagnoseGrant()
        case .authorization: diagnoseRule()
        case .upstream: break
        }
    }

    // MARK: Telling

    /// Tells a cause whose remedy changes the catalog, and decides the call with the catalog so changed.
    mutating func tell(_ code: LikelyCause.Code, _ text: String, _ remedy: Remedy) {
        let remedy = Self.withoutToken(remedy)
        let then = consequence(of: request, snapshotAfter(remedy))
        tell(code, text, remedy, then: then)
    }

    /// Tells a cause with what was found out about the time after it.
    mutating func tell(
        _ code: LikelyCause.Code,
        _ text: String,
        _ remedy: Remedy,
        then: LikelyCause.Consequence
    ) {
        let text = TokenMask.masked(text)
        causes.append(LikelyCause(code: code, text: text, remedy: Self.withoutToken(remedy), then: then))
    }

    /// The remedy, unless its value holds what could be an API token: that would be told, or get into the catalog.
    private static func withoutToken(_ remedy: Remedy) -> Remedy {
        let hasToken = remedy.arguments.contains { name, value in
            name == "value" && value.text.map { TokenMask.hasRun($0.utf8) } == true
        }
        return hasToken ? .none : remedy
    }

    // MARK: Trying

    /// What the catalog would be after a remedy, compiled.
    ///
    /// - Returns: `nil` when the remedy changes nothing, may not be applied, or would cost too much to try.
    mutating func snapshotAfter(_ remedy: Remedy) -> Snapshot? {
        switch remedy {
        case .activateEndpoint, .activateCollection, .addHost, .addMethod:
            // All routes are compiled anew.
            let endpoints = snapshot.catalog.collections.sharedValues.reduce(0) {
                $0 + $1.value.endpoints.count
            }
            guard effort.spend(endpoints * 2) else { return nil }
        default: break
        }
        return varied { draft throws(CatalogError) in try remedy.apply(to: &draft, now: now) }
    }

    /// The snapshot of another catalog; `nil` when nothing was changed, or the catalog's rules forbid it.
    func varied(_ change: (inout CatalogDraft) throws(CatalogError) -> Bool) -> Snapshot? {
        var draft = CatalogDraft(snapshot.catalog)
        do throws(CatalogError) {
            guard try change(&draft), !draft.change.isEmpty else { return nil }
        } catch {
            return nil
        }
        return Snapshot(draft.finished(), after: snapshot, draft.change)
    }

    /// Decides a variant of the call; `notTried` where there is no variant, or nothing is left to spend.
    mutating func consequence(
        of request: ExplainedRequest,
        _ snapshot: Snapshot?,
        now: Timestamp? = nil
    ) -> LikelyCause.Consequence {
        guard let snapshot, let decision = decision(on: request, snapshot, now: now) else { return .notTried }
        return Self.consequence(decision)
    }

    /// Decides a variant of the call with the function of the request path.
    mutating func decision(
        on request: ExplainedRequest,
        _ snapshot: Snapshot,
        now: Timestamp? = nil
    ) -> Decision? {
        guard effort.spendDecision(costOfVerification(request.token)) else { return nil }
        return Explanation.decide(request, snapshot, keySets, usedTokens, now: now ?? self.now)
    }

    static func consequence(_ decision: Decision) -> LikelyCause.Consequence {
        switch decision.outcome {
        case .admitted: .admitted
        case .rejected(let rejection): .refused(rejection.code, at: decision.findings.check)
        }
    }

    private func costOfVerification(_ token: [UInt8]?) -> Int {
        guard let token, let algorithm = findings.algorithm else { return 50 }
        let kind: KeyKind =
            switch algorithm {
            case .hs256, .hs384, .hs512: .hmac(bytes: 32)
            case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: .rsa(bits: 4_096)
            case .es256: .ec(.p256)
            case .es384: .ec(.p384)
            case .es512: .ec(.p521)
            case .edDSA: .ed25519
            case .mlDSA65: .mlDSA65
            case .mlDSA87: .mlDSA87
            }
        return Effort.cost(of: kind, signedBytes: token.count)
    }

    /// Whether a key verifies a token, as far as that may still be tried.
    mutating func verifies(_ key: VerificationKey, _ token: UnverifiedToken) -> Bool {
        verifies(key, token, token.algorithm, token.signature)
    }

    /// Whether a key verifies a signature of a token with an algorithm, as far as that may still be tried.
    mutating func verifies(
        _ key: VerificationKey,
        _ token: UnverifiedToken,
        _ algorithm: SignatureAlgorithm,
        _ signature: [UInt8]
    ) -> Bool {
        guard key.algorithms.contains(algorithm),
            key.signatureLength.map({ $0 == signature.count }) ?? true,
            effort.spend(Effort.cost(of: key.kind, signedBytes: token.signedLength))
        else { return false }
        return key.isValidSignature(
            signature.span,
            for: token.token.span.extracting(0..<token.signedLength),
            algorithm: algorithm
        )
    }

    // MARK: The parts of the call

    /// The request with another token.
    func carrying(_ token: [UInt8]) -> ExplainedRequest {
        var changed = request
        changed.token = token
        return changed
    }

    /// The token's parts; `nil` where there is no signed token, or it does not parse.
    var unverified: UnverifiedToken? {
        // What does not parse has its reason already.
        request.token.flatMap { try? UnverifiedToken.parse($0.span) }
    }

    /// The profile that the token names, with those keys too that may not verify.
    var profile: AccessProfile? { (findings.caller ?? named)?.profile.profile }

    /// The profile's name, for texts.
    static func name(_ profile: AccessProfile) -> String { "profile \(PrintableText.quoted(profile.name))" }

    /// The key's name, for texts.
    static func name(_ key: ProfileKey) -> String { "key \(PrintableText.quoted(key.name))" }
}
