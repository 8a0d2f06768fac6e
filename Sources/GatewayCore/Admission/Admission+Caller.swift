import JOSE

/// The checks of a caller who is known: whether the token may still be used, and whether it may do this.
extension Admission {
    /// Checks 4 to 6, which depend on nothing but the token, its profile and the time.
    func checkStanding(
        _ remembered: RememberedToken,
        _ now: Timestamp,
        _ findings: inout Findings
    ) throws(Rejection) {
        findings.check = .time
        try TokenRules.checkTime(remembered.token, of: remembered.profile, now: now)
        findings.check = .claims
        try TokenRules.checkClaims(remembered.token, of: remembered.profile, now: now)
        // After authentication: whether a client is active is nobody else's business.
        findings.check = .active
        try CallerRules.checkActive(findings.caller, now: now)
    }

    /// Checks 7 and 8, whatever the caller was known by.
    @inline(__always)
    func checkGrant(
        _ caller: Caller,
        _ question: AdmissionQuestion,
        to route: Route,
        _ findings: inout Findings
    ) throws(Rejection) {
        findings.check = .address
        try CallerRules.checkAddress(findings.clientAddress, of: caller)
        if let rules = caller.profile.certificateRules {
            try rules.check(question.certificate, at: question.now)
        }
        // Behind who asks, because it concerns what is asked for.
        findings.check = .grant
        try CallerRules.checkGrant(of: route, to: caller.profile)
    }

    /// Check 9, the endpoint's rule: last, because it costs most and looks at everything.
    @inline(never)
    func check(
        _ rule: AuthorizationRule,
        _ claims: JSONDocument?,
        _ caller: Caller,
        _ method: Span<UInt8>,
        _ normalPath: [UInt8]?,
        _ path: Span<UInt8>,
        _ parameters: PathParameters,
        _ fields: some RequestFields,
        _ findings: inout Findings
    ) throws(Rejection) {
        findings.check = .authorization
        let bytes = normalPath ?? path.withUnsafeBufferPointer { Array($0) }
        let (holds, steps) = rule.evaluate(
            claims: claims,
            clientName: caller.profile.client.name,
            profileName: caller.profile.profile.name,
            method: method.withUnsafeBufferPointer { Array($0) },
            parameters: (0..<parameters.count).map { Array(bytes[parameters[$0]]) },
            fields: fields
        )
        guard !holds else { return }
        let isCostly = steps >= AuthorizationRule.budget
        let label = findings.route?.label ?? ""
        throw Rejection(
            .notAuthorized,
            operatorDetail: isCostly
                ? "the rule of \(label) costs too much with this token and request"
                : "the scopes or the rule of \(label) do not hold for this call"
        )
    }
}
