import JOSE

/// Check 3: the token parses, names a profile, and one of that profile's keys verifies it.
///
/// An unknown API token, a wrong algorithm and a wrong signature cost the same work and end in the same
/// answer: where there is no key to try, a decoy of the same size is tried instead.
struct Authenticator {
    /// Without a `kid`, at most this many keys are tried.
    static let maximumKeysTried = 8

    let snapshot: Snapshot
    let limits: TokenLimits
    let now: Timestamp

    func authenticate(
        _ token: Span<UInt8>,
        hash: UInt64,
        _ findings: inout Findings
    ) throws(Rejection) -> RememberedToken {
        let (unverified, claims) = try parse(token)
        findings.algorithm = unverified.algorithm
        guard unverified.isAcceptableJWTType else {
            throw Rejection(
                .invalidToken,
                operatorDetail: "the header's typ is no JWT's, expected JWT, at+jwt or none"
            )
        }
        let identity = identity(in: claims, unverified)
        let caller = identity.digest.flatMap(snapshot.caller)
        findings.caller = caller
        guard let caller else {
            Decoys.spend(on: unverified, token)
            throw Rejection(.invalidToken, operatorDetail: identity.absence)
        }
        guard let (key, verified) = verify(unverified, token, caller.profile) else {
            throw Rejection(.invalidToken, operatorDetail: reason(unverified, caller.profile))
        }
        guard let digest = identity.digest, let apiToken = identity.value else {
            throw Rejection(.invalidToken, operatorDetail: identity.absence)
        }
        return RememberedToken(
            bytes: token.withUnsafeBufferPointer { Array($0) },
            hash: hash,
            token: verified,
            apiToken: digest,
            proof: TokenProof(key: key, hasExpiry: claims.root[member: Array("exp".utf8)] != nil),
            caller: caller,
            identityHeaders: IdentityHeaders.render(caller.profile, claims: claims, hiding: apiToken)
        )
    }

    private func parse(_ token: Span<UInt8>) throws(Rejection) -> (UnverifiedToken, JSONDocument) {
        do throws(TokenError) {
            var unverified = try UnverifiedToken.parse(token, limits: limits)
            let claims = try unverified.readClaims()
            return (unverified, claims)
        } catch {
            throw Rejection(.invalidToken, operatorDetail: "the token does not parse: \(error)")
        }
    }

    // MARK: Whom the token names

    /// The API token that was found, or why there is none.
    private struct Identity: Sendable {
        /// Where it was looked for last, for messages.
        enum Source: Sendable {
            case claim([UInt8])
            case keyID
            case nowhere
        }

        var source = Source.nowhere
        var value: [UInt8]?
        var digest: APITokenDigest?

        /// Why no profile was found.
        var absence: String {
            let place =
                switch source {
                case .claim(let name): "the claim \(String(decoding: name, as: UTF8.self))"
                case .keyID: "the header's kid"
                case .nowhere: ""
                }
            if case .nowhere = source { return "no claim carries an API token, nor does the header's kid" }
            guard let value else { return "\(place) is no text, expected an API token of 64 hex digits" }
            guard let digest else {
                return "\(place) has \(value.count) bytes that are no API token, expected 64 hex digits"
            }
            // The digest's beginning lets a manager find the API token without the record giving it away.
            let hint = "its SHA-256 begins \(digest.hex.prefix(12))"
            return "\(place) names an API token that no profile has (\(hint))"
        }
    }

    /// First non-empty wins: the configured claims, the default ones, last the header's `kid`.
    private func identity(in claims: JSONDocument, _ token: UnverifiedToken) -> Identity {
        for name in snapshot.identityClaims {
            guard let element = claims.root[member: name], element.kind != .null else { continue }
            guard let value = element.stringBytes else { return Identity(source: .claim(name)) }
            if !value.isEmpty {
                return Identity(source: .claim(name), value: value, digest: APITokenDigest(token: value))
            }
        }
        if let keyID = token.keyID, !keyID.isEmpty {
            return Identity(source: .keyID, value: keyID, digest: APITokenDigest(token: keyID))
        }
        return Identity()
    }

    // MARK: The signature

    private func verify(
        _ unverified: UnverifiedToken,
        _ token: Span<UInt8>,
        _ profile: CompiledProfile
    ) -> (ProfileKey, VerifiedToken)? {
        var tried = 0
        for key in candidates(unverified, profile) where tried < Self.maximumKeysTried {
            tried += 1
            if let verified = unverified.verified(by: key.verificationKey) {
                return (key, verified)
            }
        }
        if tried == 0 { Decoys.spend(on: unverified, token) }
        return nil
    }

    private func candidates(_ token: UnverifiedToken, _ profile: CompiledProfile) -> [ProfileKey] {
        let fitting = profile.keys.filter { key in
            guard key.isUsable(at: now), allows(key, token.algorithm) else { return false }
            guard let length = key.verificationKey.signatureLength else { return true }
            return length == token.signature.count
        }
        guard let keyID = token.keyID else { return fitting }
        let named = fitting.filter { key in key.keyID.map { keyID.elementsEqual($0.utf8) } ?? false }
        return named.isEmpty ? fitting : named
    }

    private func allows(_ key: ProfileKey, _ algorithm: SignatureAlgorithm) -> Bool {
        key.verificationKey.algorithms.contains(algorithm)
            && (key.algorithms.isEmpty || key.algorithms.contains(algorithm))
    }

    /// Both sides, for the decision record.
    private func reason(_ token: UnverifiedToken, _ profile: CompiledProfile) -> String {
        let name = "profile \"\(profile.profile.name)\""
        let usable = profile.keys.filter { $0.isUsable(at: now) }
        guard !usable.isEmpty else { return "\(name) has no active key" }
        let fitting = usable.filter { allows($0, token.algorithm) }
        guard !fitting.isEmpty else {
            let expected = usable.flatMap { key in
                key.algorithms.isEmpty ? Array(key.verificationKey.algorithms) : key.algorithms
            }
            let names = Set(expected.map(\.rawValue)).sorted().joined(separator: ", ")
            return "alg is \(token.algorithm.rawValue), \(name) expects \(names)"
        }
        let keys = fitting.prefix(Self.maximumKeysTried).map { "\"\($0.name)\" (\($0.fingerprint))" }
            .joined(separator: ", ")
        return "the \(token.algorithm.rawValue) signature of \(token.signature.count) bytes does not verify"
            + " with the keys of \(name): \(keys)"
    }
}
