import JOSE

extension Findings {
    /// The checks in order, those behind the one that turned the call away as not reached: written from what was found, when
    /// somebody asks, so that it costs the request path nothing.
    ///
    /// - Parameter rejection: why the call was turned away, if it was.
    /// - Returns: one outcome for each check that has something to say.
    package func checks(_ rejection: Rejection?) -> [CheckOutcome] {
        if let ownEndpoint { return checks(at: ownEndpoint, rejection) }
        var outcomes: [CheckOutcome] = []
        // A body turns out wrong only after the other checks: what fails is the form all the same.
        let failed = rejection.map { $0.code.concernsForm ? .wellFormed : self.check }
        for check in Check.allCases {
            if let rejection, check == failed {
                outcomes.append(CheckOutcome(check, .failed, rejection.operatorDetail))
            } else if check > self.check {
                let isOnlyAskedAbout = check == .upstream && rejection == nil
                let reason = isOnlyAskedAbout ? "not called" : "not reached"
                outcomes.append(CheckOutcome(check, .skipped, reason))
            } else if let outcome = outcome(of: check) {
                outcomes.append(outcome)
            }
        }
        return outcomes
    }

    private func outcome(of check: Check) -> CheckOutcome? {
        let profile = caller?.profile
        let needsNone = route?.endpoint.authentication == Endpoint.Authentication.none
        switch check {
        case .wellFormed:
            return CheckOutcome(
                check,
                .passed,
                normalPath == nil ? "as written" : "the path was put in normal form"
            )
        case .route:
            return CheckOutcome(check, .passed, "endpoint \(route?.label ?? "")")
        case .credential where needsNone:
            return CheckOutcome(check, .skipped, "the endpoint asks for none")
        case _ where needsNone && check != .upstream:
            return nil
        case .credential:
            return CheckOutcome(check, .passed, algorithm == nil ? "one API token" : "one Bearer token")
        case .signature where algorithm == nil:
            return CheckOutcome(
                check,
                .passed,
                "API token \"\(caller?.apiToken?.name ?? "")\" is the profile's"
            )
        case .time where algorithm == nil, .claims where algorithm == nil:
            return CheckOutcome(check, .skipped, "an API token has no claims")
        case .signature:
            let algorithm = algorithm?.rawValue ?? ""
            var key = proof.map { "\"\($0.key.name)\" (\($0.key.fingerprint))" } ?? ""
            if let keySet = proof?.keySet, profile?.provider?.source != nil {
                key += " of its identity provider, fetched at \(keySet.fetchedAt)"
            }
            let memory = wasRemembered ? ", verified before" : ""
            let identity = caller?.apiToken == nil ? ", known by its token_matches" : ""
            return CheckOutcome(check, .passed, "\(algorithm) verifies with key \(key)\(memory)\(identity)")
        case .time:
            let expiry = proof?.hasExpiry == true ? "within exp" : "the token never expires"
            return CheckOutcome(check, .passed, "\(expiry), leeway \(profile?.leewaySeconds ?? 0) s")
        case .claims:
            let count =
                (profile?.requiredClaims.count ?? 0) + (profile?.issuers.count ?? 0)
                + (profile?.provider == nil ? 0 : 1)
                + (profile?.audiences.count ?? 0)
            if count == 0, profile?.revoked == nil, profile?.profile.acceptsTokensOnce != true {
                return CheckOutcome(check, .skipped, "the profile asks for no claims")
            }
            return CheckOutcome(
                check,
                .passed,
                "required claims, issuers and audiences hold, nothing is revoked or used up"
            )
        case .active:
            return CheckOutcome(check, .passed, "client, profile and API token are active")
        case .address: return addressOutcome
        case .grant:
            return CheckOutcome(
                check,
                .passed,
                "profile \"\(profile?.profile.name ?? "")\" is granted the collection"
            )
        case .authorization:
            if route?.rule == nil { return CheckOutcome(check, .skipped, "the endpoint has no rule") }
            return CheckOutcome(check, .passed, "the endpoint's scopes and rule hold")
        case .upstream:
            return CheckOutcome(check, .passed, "upstream \"\(route?.upstream.name ?? "")\" answered")
        }
    }

    /// Check 7 passed: addresses and client certificate, at the gateway's own endpoints too.
    var addressOutcome: CheckOutcome {
        let hasLists = caller?.profile.hasAddressRules == true
        let hasCertificate = caller?.profile.certificateRules != nil
        let facts =
            (hasLists ? ["the address is allowed"] : [])
            + (hasCertificate ? ["the client certificate is accepted"] : [])
        guard !facts.isEmpty else {
            return CheckOutcome(
                .address,
                .skipped,
                "the profile has no address lists and asks for no certificate"
            )
        }
        return CheckOutcome(.address, .passed, facts.joined(separator: ", "))
    }
}

extension Rejection.Code {
    /// Whether the code is one of check 0, which goes on while the body is read.
    var concernsForm: Bool {
        switch self {
        case .badRequest, .bodyTooLarge, .uriTooLong, .headersTooLarge: true
        case .endpointNotFound, .methodNotAllowed, .credentialMissing, .credentialAmbiguous, .invalidToken,
            .tokenExpired, .tokenNotYetValid, .tokenLifetimeTooLong, .claimMissing, .claimNotAccepted,
            .tokenRevoked, .clientInactive, .addressNotAllowed, .certificateRequired, .collectionNotGranted,
            .notAuthorized, .rateLimited, .upstreamUnreachable,
            .upstreamUnavailable, .upstreamTimeout:
            false
        }
    }
}

extension Findings {
    /// Notes that the request went on to the upstream.
    package mutating func noteUpstream() {
        check = .upstream
    }
}

extension DecisionRecord {
    /// Writes the record from what was found.
    package init(
        requestID: String,
        method: String,
        path: String,
        clientAddress: String,
        status: Int,
        findings: Findings,
        rejection: Rejection?,
        microseconds: UInt64? = nil,
        traceID: TraceID? = nil
    ) {
        self.init(
            requestID: requestID,
            at: findings.now,
            method: method,
            path: path,
            clientAddress: clientAddress,
            endpoint: findings.route?.label,
            client: findings.namedProfile?.client.name,
            profile: findings.namedProfile?.profile.name,
            status: status,
            code: rejection?.code,
            checks: findings.checks(rejection),
            microseconds: microseconds,
            traceID: traceID?.text
        )
    }
}
