import HashTreeCollections
import JOSE

/// The token endpoint's decision: one synchronous function over a snapshot, like ``Admission``.
package struct TokenEndpoint: Sendable {
    /// How a request was decided, with what was found.
    package struct Decision: Sendable {
        /// The token, or why there is none.
        package let outcome: Result<AccessToken, OAuth2Refusal>
        /// What was found.
        package let findings: Findings
    }

    private let snapshot: Snapshot
    private let guesses: GuessLimiter
    private let now: Timestamp
    private let monotonicSeconds: Int64

    /// Takes what is in force.
    ///
    /// - Parameters:
    ///   - snapshot: the snapshot.
    ///   - guesses: what counts failed attempts.
    ///   - now: the time.
    ///   - monotonicSeconds: the seconds of a clock that never goes back.
    package init(
        _ snapshot: Snapshot,
        guesses: GuessLimiter,
        now: Timestamp,
        monotonicSeconds: Int64
    ) {
        self.snapshot = snapshot
        self.guesses = guesses
        self.now = now
        self.monotonicSeconds = monotonicSeconds
    }

    /// Decides a request.
    ///
    /// - Parameters:
    ///   - parts: the request as it came.
    ///   - address: whom it came from; `nil` when a trusted proxy names none.
    ///   - certificate: the certificate that the caller proved to have in TLS.
    ///   - generator: where the token's identity comes from.
    /// - Returns: the token or the refusal.
    package func decide(
        _ parts: TokenRequestParts,
        from address: IPAddress?,
        _ certificate: (any PresentedCertificate)? = nil,
        using generator: inout some RandomNumberGenerator
    ) -> Decision {
        var findings = Findings(now: now, at: .token)
        do throws(OAuth2Refusal) {
            let token = try issue(parts, address, certificate, &findings, using: &generator)
            return Decision(outcome: .success(token), findings: findings)
        } catch {
            return Decision(outcome: .failure(error), findings: findings)
        }
    }

    private func issue(
        _ parts: TokenRequestParts,
        _ address: IPAddress?,
        _ certificate: (any PresentedCertificate)?,
        _ findings: inout Findings,
        using generator: inout some RandomNumberGenerator
    ) throws(OAuth2Refusal) -> AccessToken {
        guard let address else {
            throw .malformed(
                "The request names no address that it comes from.",
                detail: "the trusted proxy names no address that the call comes from"
            )
        }
        findings.clientAddress = address
        // Before anything that could be guessed at, so that what is malformed costs no attempt.
        findings.check = .credential
        let request = try TokenRequest(parts)
        findings.check = .signature
        let caller = try authenticate(request, from: address)
        findings.caller = caller
        // From here on the client is genuine, and is told what is wrong.
        findings.check = .active
        try rule { () throws(Rejection) in try CallerRules.checkActive(caller, now: now) }
        findings.check = .address
        try rule { () throws(Rejection) in
            try CallerRules.checkAddress(address, of: caller)
            if let rules = caller.profile.certificateRules { try rules.check(certificate, at: now) }
        }
        findings.check = .authorization
        let scopes = try scopes(request.scopes, caller.profile.profile)
        guard let signer = snapshot.gatewayKeys.signer(at: now),
            // Signing fails only where the cryptographic library does.
            let token = try? AccessToken(
                for: caller,
                scopes: scopes,
                keys: snapshot.gatewayKeys,
                signer: signer,
                now: now,
                using: &generator
            )
        else {
            throw OAuth2Refusal(
                .temporarilyUnavailable,
                .upstreamUnavailable,
                "No access token can be issued now.",
                detail: "the gateway has no key to sign with"
            )
        }
        return token
    }

    // MARK: Who asks

    /// Whom the secret belongs to; an unknown client and a wrong secret cost the same work and end in the same
    /// answer.
    private func authenticate(
        _ request: TokenRequest,
        from address: IPAddress
    ) throws(OAuth2Refusal) -> Caller {
        if let seconds = guesses.begin(address, at: monotonicSeconds) {
            throw OAuth2Refusal(
                .invalidClient,
                .rateLimited,
                "Client authentication failed too often from this address; try again later.",
                detail: "\(GuessLimit.attempts) attempts failed within \(GuessLimit.window) s",
                retryAfter: seconds
            )
        }
        let digest = APITokenDigest(token: request.secret.reveal())
        let id = ProfileID(digits: request.unverifiedClientID.span)
        let callers = id.flatMap { snapshot.oauth2Clients[$0] } ?? []
        guard let digest, let caller = Self.find(digest, among: callers) else {
            // Kept by the decision, which must not hold the snapshot.
            let named = id.flatMap { snapshot.catalog.profiles.shared($0) }
            throw .unknownClient(Self.reason(id, digest, named))
        }
        guesses.succeeded(address)
        return caller
    }

    /// Compares with as many digests as a profile may have, so that time tells neither which one it was nor how
    /// many there are.
    private static func find(_ digest: APITokenDigest, among callers: [Caller]) -> Caller? {
        var found: Caller?
        for index in 0..<AccessProfile.maximumAPITokens {
            let known = index < callers.count ? callers[index].apiToken?.digest : decoy
            guard let known else { continue }
            if digest.isEqualInConstantTime(known), index < callers.count { found = callers[index] }
        }
        return found
    }

    private static let decoy = APITokenDigest(hex: String(repeating: "0", count: 64))

    private static func reason(
        _ id: ProfileID?,
        _ digest: APITokenDigest?,
        _ named: SharedEntity<AccessProfile>?
    ) -> String {
        guard id != nil else { return "client_id is no identity of 32 hex digits" }
        guard let profile = named?.value else { return "client_id names no profile" }
        let name = "profile \"\(profile.name)\""
        guard profile.method == .oauth2 else {
            return "client_id names \(name), whose method is \(profile.method.rawValue)"
        }
        guard let digest else { return "client_secret has not the form of an API token of \(name)" }
        return "client_secret is no API token of \(name) (its SHA-256 begins \(digest.hex.prefix(12)))"
    }

    // MARK: What it may have

    private func rule(_ check: () throws(Rejection) -> Void) throws(OAuth2Refusal) {
        do throws(Rejection) {
            try check()
        } catch {
            throw OAuth2Refusal(
                .unauthorizedClient,
                error.code,
                error.publicDetail,
                detail: error.operatorDetail
            )
        }
    }

    /// What is asked for, if the profile may have it; all that it may have when nothing is named.
    private func scopes(_ requested: [String], _ profile: AccessProfile) throws(OAuth2Refusal) -> [String] {
        let granted = profile.oauth2?.scopes ?? []
        guard !requested.isEmpty else { return granted }
        if let excess = requested.first(where: { scope in
            !granted.contains { $0.utf8.elementsEqual(scope.utf8) }
        }) {
            let name = profile.name
            throw OAuth2Refusal(
                .invalidScope,
                .notAuthorized,
                "The client may not have one of the scopes.",
                detail: "scope \(PrintableText.quoted(excess)) is not one of profile \"\(name)\""
            )
        }
        return requested
    }
}
