extension Findings {
    /// The checks of a call of one of the gateway's own endpoints, in the order of all others'.
    func checks(at endpoint: OwnEndpoint, _ rejection: Rejection?) -> [CheckOutcome] {
        let failed = rejection.map { $0.code.concernsForm ? .wellFormed : self.check }
        return Check.allCases.map { check in
            if let rejection, check == failed {
                return CheckOutcome(check, .failed, rejection.operatorDetail)
            }
            if rejection != nil, check > self.check { return CheckOutcome(check, .skipped, "not reached") }
            return outcome(of: check, at: endpoint)
        }
    }

    private func outcome(of check: Check, at endpoint: OwnEndpoint) -> CheckOutcome {
        let isToken = endpoint == .token
        switch check {
        case .wellFormed: return CheckOutcome(check, .passed, "as written")
        case .route:
            return CheckOutcome(check, .passed, "the gateway's own endpoint \(endpoint.rawValue)")
        case .upstream: return CheckOutcome(check, .skipped, "the gateway answers itself")
        case _ where !isToken: return CheckOutcome(check, .skipped, "the endpoint is open to all")
        case .credential: return CheckOutcome(check, .passed, "one client_id and one client_secret")
        case .signature:
            let name = caller?.apiToken?.name ?? ""
            return CheckOutcome(check, .passed, "client_secret is API token \"\(name)\" of the profile")
        case .time, .claims: return CheckOutcome(check, .skipped, "a client secret has no claims")
        case .active:
            return CheckOutcome(check, .passed, "client, profile and API token are active")
        case .address: return addressOutcome
        case .grant: return CheckOutcome(check, .skipped, "no collection is called")
        case .authorization:
            return CheckOutcome(check, .passed, "the scopes are among the profile's")
        }
    }
}
