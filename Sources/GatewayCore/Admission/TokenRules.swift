import JOSE

/// Checks 4 and 5: what a verified token's claims must fulfil.
enum TokenRules {
    /// Check 4: `exp`, `nbf`, `iat` and the longest lifetime (RFC 7519 §4.1.4 to §4.1.6).
    static func checkTime(
        _ token: VerifiedToken,
        of profile: CompiledProfile,
        now: Timestamp
    ) throws(Rejection) {
        guard let claims = token.claims else {
            throw Rejection(.invalidToken, operatorDetail: "the payload is no JSON object")
        }
        do throws(TimeWindowRefusal) {
            try TimeWindow.check(
                claims,
                now: NumericDate(seconds: now.secondsSinceEpoch),
                leeway: .seconds(profile.leewaySeconds),
                maximumLifetime: profile.profile.claimRules.maximumLifetimeSeconds.map { .seconds($0) },
                requireExpiry: profile.requiresExpiry
            )
        } catch {
            throw rejection(error)
        }
    }

    private static func rejection(_ refusal: TimeWindowRefusal) -> Rejection {
        let detail = "\(refusal)"
        return switch refusal {
        case .expired: Rejection(.tokenExpired, operatorDetail: detail)
        case .notYetValid: Rejection(.tokenNotYetValid, operatorDetail: detail)
        case .lifetimeTooLong: Rejection(.tokenLifetimeTooLong, operatorDetail: detail)
        case .missingExpiry:
            Rejection(
                .claimMissing,
                publicDetail: "The token lacks the claim exp, which is required here.",
                operatorDetail: detail
            )
        case .malformed:
            Rejection(
                .invalidToken,
                publicDetail: "A time in the token (exp, nbf or iat) is not a number of seconds.",
                operatorDetail: detail
            )
        }
    }

    /// Check 5: required claims, issuers, audiences, revocation.
    ///
    /// - Parameters:
    ///   - token: the token.
    ///   - profile: its profile.
    ///   - now: the time at which revocations must still count; `nil` takes all of them, ended or not.
    /// - Throws: ``Rejection``.
    static func checkClaims(
        _ token: VerifiedToken,
        of profile: CompiledProfile,
        now: Timestamp?
    ) throws(Rejection) {
        guard let claims = token.claims else {
            throw Rejection(.invalidToken, operatorDetail: "the payload is no JSON object")
        }
        let root = claims.root
        if let revocation = profile.revoked?.find(claims, at: now) {
            throw Rejection(.tokenRevoked, operatorDetail: reason(revocation))
        }
        for name in profile.requiredClaims {
            guard let element = root[member: name], element.kind != .null else {
                throw missing(name)
            }
        }
        if let provider = profile.provider {
            guard let issuer = root[member: "iss"] else { throw missing(Array("iss".utf8)) }
            guard issuer.isString(provider.issuer) else {
                throw notAccepted("iss", found: issuer, accepted: [provider.issuer])
            }
        }
        if !profile.issuers.isEmpty {
            guard let issuer = root[member: Array("iss".utf8)] else { throw missing(Array("iss".utf8)) }
            guard let value = issuer.stringBytes, profile.issuers.contains(value) else {
                throw notAccepted("iss", found: issuer, accepted: profile.issuers)
            }
        }
        if !profile.audiences.isEmpty {
            guard let audience = root[member: Array("aud".utf8)] else { throw missing(Array("aud".utf8)) }
            guard isAccepted(audience, profile.audiences) else {
                throw notAccepted("aud", found: audience, accepted: profile.audiences)
            }
        }
    }

    /// Check 5 for profiles whose tokens are accepted once: `jti`, `iat` and `exp` are there, and the token was
    /// not used before; then it counts as used unless somebody only asks.
    static func checkUse(
        of token: VerifiedToken,
        of profile: CompiledProfile,
        _ usedTokens: UsedTokens?,
        now: Timestamp,
        isAsking: Bool,
        isKnown: (ProfileID) -> Bool
    ) throws(Rejection) {
        guard let root = token.claims?.root else {
            throw Rejection(.invalidToken, operatorDetail: "the payload is no JSON object")
        }
        guard let usedTokens else {
            throw Rejection(.tokenRevoked, operatorDetail: "nothing remembers which tokens were used here")
        }
        guard let id = root[member: "jti"]?.stringBytes, !id.isEmpty else { throw missing(Array("jti".utf8)) }
        guard let issuedAt = root[member: "iat"]?.number?.numericDate?.seconds else {
            throw missing(Array("iat".utf8))
        }
        guard let expiry = root[member: "exp"]?.number?.numericDate?.seconds else {
            throw missing(Array("exp".utf8))
        }
        // The largest leeway, since it may be raised while the token is remembered; one more for the fraction of a
        // second that the date may have.
        let end = expiry.addingReportingOverflow(Int64(GatewaySettings.maximumLeewaySeconds) + 1)
        do throws(UsedTokens.Refusal) {
            try usedTokens.use(
                id,
                issuedAt: issuedAt,
                leewaySeconds: profile.leewaySeconds,
                until: end.overflow ? .max : end.partialValue,
                by: profile.profile.id,
                at: now,
                isAsking: isAsking,
                isKnown: isKnown
            )
        } catch {
            throw rejection(error, issuedAt, profile.leewaySeconds, usedTokens.startedAt)
        }
    }

    private static func rejection(
        _ refusal: UsedTokens.Refusal,
        _ issuedAt: Int64,
        _ leewaySeconds: Int64,
        _ startedAt: Timestamp
    ) -> Rejection {
        let limit = UsedTokens.capacity
        return switch refusal {
        case .used:
            Rejection(
                .tokenRevoked,
                publicDetail: "The token has been used already; it is accepted once.",
                operatorDetail: "a token with this jti was used before, the profile accepts each once"
            )
        case .full:
            Rejection(
                .tokenRevoked,
                publicDetail: "The token cannot be accepted now; try again with a new one later.",
                operatorDetail:
                    "\(limit) used tokens of the profile are remembered, and none of them has expired; shorten"
                    + " their life with max_lifetime_seconds"
            )
        case .issuedBeforeStart:
            Rejection(
                .tokenRevoked,
                publicDetail:
                    "The token was issued too early to be accepted here; send a new one in a while.",
                operatorDetail:
                    "iat is \(issuedAt), expected one more than the leeway of \(leewaySeconds) s after"
                    + " the gateway began to remember uses, at \(startedAt) or when the profile came back"
            )
        }
    }

    private static func reason(_ revocation: Revocation) -> String {
        let reason = revocation.reason.isEmpty ? "" : " (\(revocation.reason))"
        return
            "revoked at \(revocation.createdAt): \(PrintableText.shortened(revocation.name, to: 200))\(reason)"
    }

    /// RFC 7519 §4.1.3: one text or a list of texts; one of them has to be ours.
    private static func isAccepted(_ audience: JSONElement, _ accepted: [[UInt8]]) -> Bool {
        if let value = audience.stringBytes { return accepted.contains(value) }
        guard audience.kind == .array else { return false }
        for element in audience.elements {
            if let value = element.stringBytes, accepted.contains(value) { return true }
        }
        return false
    }

    private static func missing(_ name: [UInt8]) -> Rejection {
        let label = String(decoding: name, as: UTF8.self)
        return Rejection(
            .claimMissing,
            publicDetail: "The token lacks the claim \(label), which is required here.",
            operatorDetail: "the claim \(label) is missing, the profile requires it"
        )
    }

    private static func notAccepted(_ claim: String, found: JSONElement, accepted: [[UInt8]]) -> Rejection {
        let expected = accepted.prefix(10).map { "\"\(String(decoding: $0, as: UTF8.self))\"" }
        let texts = found.kind == .array ? found.elements.prefix(10).map { text($0) } : [text(found)]
        return Rejection(
            .claimNotAccepted,
            publicDetail: "The token's claim \(claim) has a value that is not accepted here.",
            operatorDetail: "\(claim) is \(texts.joined(separator: ", ")),"
                + " the profile accepts \(expected.joined(separator: ", "))"
        )
    }

    private static func text(_ element: JSONElement) -> String {
        // A caller may have put its API token here: that is not told.
        element.stringBytes.map {
            "\"\(PrintableText.shortened(String(decoding: $0.prefix(1000), as: UTF8.self), to: 200))\""
        } ?? "\(element.kind)"
    }
}
