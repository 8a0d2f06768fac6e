import JOSE

/// Check 3: the token parses, names a profile, and one of that profile's keys verifies it.
///
/// An unknown API token, a wrong algorithm and a wrong signature cost the same work and end in the same
/// answer: where there is no key to try, a decoy of the same size is tried instead.
struct Authenticator {
    /// Without a `kid`, at most this many keys are tried.
    static let maximumKeysTried = 8

    let snapshot: Snapshot
    let keySets: KeySets
    let limits: TokenLimits
    let now: Timestamp

    func authenticate(
        _ token: Span<UInt8>,
        hash: UInt64,
        _ headers: inout TokenHeaderMemory,
        _ findings: inout Findings
    ) throws(Rejection) -> RememberedToken {
        let (unverified, claims) = try parse(token, &headers)
        findings.algorithm = unverified.algorithm
        guard unverified.isAcceptableJWTType else {
            throw Rejection(
                .invalidToken,
                operatorDetail: "the header's typ is no JWT's, expected JWT, at+jwt or none"
            )
        }
        if let key = gatewayKey(of: unverified, claims) {
            return try authenticate(unverified, token, hash: hash, issuedBy: key, claims, &findings)
        }
        let identity = identity(in: claims, unverified)
        findings.caller = identity.caller
        guard let caller = identity.caller else {
            Decoys.spend(on: unverified, token)
            throw refusal(identity)
        }
        let profile = caller.profile
        guard profile.profile.method == .jwt || profile.profile.method == .oidc else {
            Decoys.spend(on: unverified, token)
            let (name, method) = (caller.profile.profile.name, caller.profile.profile.method)
            throw Rejection(
                .invalidToken,
                operatorDetail:
                    "a signed token is no credential of profile \"\(name)\", whose method is \(method.rawValue)"
            )
        }
        if let provider = profile.provider {
            let keySet = provider.keySet(keySets, at: now)
            guard let keySet, let (key, verified) = verify(unverified, token, keySet, provider) else {
                findings.neededKey = neededKey(unverified, keySet, provider)
                if keySet == nil { Decoys.spend(on: unverified, token) }
                throw refusal(unverified, profile, keySet, provider)
            }
            return remembered(unverified, hash, verified, claims, identity, caller, key, keySet)
        }
        guard let (key, verified) = verify(unverified, token, profile.keys, []) else {
            throw refusal(unverified, profile)
        }
        return remembered(unverified, hash, verified, claims, identity, caller, key, nil)
    }

    private func remembered(
        _ unverified: UnverifiedToken,
        _ hash: UInt64,
        _ verified: VerifiedToken,
        _ claims: JSONDocument,
        _ identity: Identity,
        _ caller: Caller,
        _ key: ProfileKey,
        _ keySet: ProviderKeySet?
    ) -> RememberedToken {
        let isNamed = caller.apiToken != nil
        return RememberedToken(
            bytes: unverified.token,
            hash: hash,
            token: verified,
            apiToken: isNamed ? identity.digest : nil,
            proof: TokenProof(
                key: key,
                hasExpiry: claims.root[member: Array("exp".utf8)] != nil,
                keySet: keySet
            ),
            caller: caller,
            identityHeaders: IdentityHeaders.render(
                caller.profile,
                claims: claims,
                hiding: isNamed ? identity.value ?? [] : []
            )
        )
    }

    private func parse(
        _ token: Span<UInt8>,
        _ headers: inout TokenHeaderMemory
    ) throws(Rejection) -> (UnverifiedToken, JSONDocument) {
        do throws(TokenError) {
            var unverified = try UnverifiedToken.parse(token, limits: limits, remembering: &headers)
            let claims = try unverified.readClaims()
            return (unverified, claims)
        } catch {
            throw Rejection(.invalidToken, operatorDetail: "the token does not parse: \(error)")
        }
    }

    // MARK: Whom the token names

    /// Whom the token names, or why nobody.
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
        var caller: Caller?
        /// The names of two profiles that both recognise the token.
        var rivals: (String, String)?
    }

    /// Why no profile was found.
    ///
    /// Decisions are kept, so their details hold what is short, and nothing of the token itself.
    private func refusal(_ identity: Identity) -> Rejection {
        if let (first, second) = identity.rivals {
            return Rejection(
                .invalidToken,
                operatorDetail:
                    "the token_matches of profiles \"\(first)\" and \"\(second)\" both fit, expected one profile's"
            )
        }
        let (source, length, digest) = (identity.source, identity.value?.count, identity.digest)
        return Rejection(.invalidToken, operatorDetail: Self.absence(source, length, digest))
    }

    private static func absence(
        _ source: Identity.Source,
        _ length: Int?,
        _ digest: APITokenDigest?
    ) -> String {
        let place: String
        switch source {
        case .claim(let name): place = "the claim \(String(decoding: name, as: UTF8.self))"
        case .keyID: place = "the header's kid"
        case .nowhere:
            return "no claim carries an API token, nor does the header's kid, and no token_matches fit"
        }
        guard let length else { return "\(place) is no text, expected an API token of 64 hex digits" }
        guard let digest else {
            return "\(place) has \(length) bytes that are no API token, expected 64 hex digits"
        }
        // The digest's beginning lets a manager find the API token without the record giving it away.
        let hint = "its SHA-256 begins \(digest.hex.prefix(12))"
        return "\(place) names an API token that no profile has (\(hint))"
    }

    /// Whom the token names by an API token; or else, where it carries none, the one profile whose rules recognise
    /// its claims.
    private func identity(in claims: JSONDocument, _ token: UnverifiedToken) -> Identity {
        var identity = apiTokenIdentity(in: claims, token)
        identity.caller = identity.digest.flatMap(snapshot.caller)
        // An API token that was deleted ends the tokens that carry it, whatever else they claim.
        guard identity.caller == nil, !snapshot.carriesAPIToken(claims) else { return identity }
        switch snapshot.caller(matching: claims) {
        case .nobody: break
        case .one(let caller): identity.caller = caller
        case .several(let first, let second):
            identity.rivals = (first.profile.profile.name, second.profile.profile.name)
        }
        return identity
    }

    /// The claim that a profile named for itself, with an API token of that very profile; otherwise the first
    /// non-empty wins: the configured claims, the default ones, last the header's `kid`.
    private func apiTokenIdentity(in claims: JSONDocument, _ token: UnverifiedToken) -> Identity {
        for name in snapshot.profilesIdentityClaims {
            guard let value = claims.root[member: name]?.stringBytes,
                let digest = APITokenDigest(token: value),
                snapshot.caller(digest)?.profile.profile.identityClaim?.utf8.elementsEqual(name) == true
            else { continue }
            return Identity(source: .claim(name), value: value, digest: digest)
        }
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

    /// Tries the keys of an identity provider: those that the token's `kid` names, or else those without a name.
    private func verify(
        _ unverified: UnverifiedToken,
        _ token: Span<UInt8>,
        _ keySet: ProviderKeySet,
        _ provider: CompiledProvider
    ) -> (ProfileKey, VerifiedToken)? {
        var keys = keySet.keys
        if let keyID = unverified.keyID {
            let isNamed = keySet.has(keyID)
            keys = keys.filter { isNamed ? self.isNamed(by: unverified, $0) : $0.keyID == nil }
        }
        return verify(unverified, token, keys, provider.algorithms)
    }

    /// The key that is to be fetched before the token can be judged; `nil` when the key set has it.
    private func neededKey(
        _ token: UnverifiedToken,
        _ keySet: ProviderKeySet?,
        _ provider: CompiledProvider
    ) -> NeededKey? {
        guard let source = provider.source, !token.algorithm.isHMAC,
            provider.algorithms.isEmpty || provider.algorithms.contains(token.algorithm)
        else { return nil }
        if let keySet, let keyID = token.keyID, keySet.has(keyID) { return nil }
        return NeededKey(source: source, keyID: token.keyID)
    }

    private func verify(
        _ unverified: UnverifiedToken,
        _ token: Span<UInt8>,
        _ keys: [ProfileKey],
        _ algorithms: [SignatureAlgorithm]
    ) -> (ProfileKey, VerifiedToken)? {
        let isOneNamed = isAnyNamed(unverified, keys)
        var tried = 0
        let isAllowed = algorithms.isEmpty || algorithms.contains(unverified.algorithm)
        for key in keys where isAllowed && tried < Self.maximumKeysTried && fits(key, unverified) {
            if isOneNamed, !isNamed(by: unverified, key) { continue }
            tried += 1
            if let verified = unverified.verified(by: key.verificationKey) {
                return (key, verified)
            }
        }
        if tried == 0 { Decoys.spend(on: unverified, token) }
        return nil
    }

    /// Whether a key may be used now, for the algorithm, and can have made a signature of this length.
    private func fits(_ key: ProfileKey, _ token: UnverifiedToken) -> Bool {
        guard key.isUsable(at: now), Self.allows(key, token.algorithm) else { return false }
        guard let length = key.verificationKey.signatureLength else { return true }
        return length == token.signature.count
    }

    /// Whether the token's `kid` names one of the keys that fit: then the others are not tried.
    private func isAnyNamed(_ token: UnverifiedToken, _ keys: [ProfileKey]) -> Bool {
        guard token.keyID != nil else { return false }
        return keys.contains { fits($0, token) && isNamed(by: token, $0) }
    }

    private func isNamed(by token: UnverifiedToken, _ key: ProfileKey) -> Bool {
        guard let keyID = token.keyID, let name = key.keyID else { return false }
        return keyID.elementsEqual(name.utf8)
    }

    private static func allows(_ key: ProfileKey, _ algorithm: SignatureAlgorithm) -> Bool {
        key.verificationKey.algorithms.contains(algorithm)
            && (key.algorithms.isEmpty || key.algorithms.contains(algorithm))
    }

    /// Both sides, for the decision record; written when it is read.
    private func refusal(_ token: UnverifiedToken, _ profile: CompiledProfile) -> Rejection {
        let (algorithm, length, now) = (token.algorithm, token.signature.count, now)
        return Rejection(.invalidToken, operatorDetail: Self.reason(algorithm, length, profile, now))
    }

    /// Both sides, where the keys are an identity provider's.
    private func refusal(
        _ token: UnverifiedToken,
        _ profile: CompiledProfile,
        _ keySet: ProviderKeySet?,
        _ provider: CompiledProvider
    ) -> Rejection {
        let name = profile.profile.name
        guard let keySet else {
            return Rejection(
                .invalidToken,
                operatorDetail:
                    "the keys of profile \"\(name)\" could not be fetched from its identity provider"
            )
        }
        let (algorithm, keyID) = (token.algorithm, token.keyID.map { Array($0.prefix(64)) })
        let isAllowed = provider.algorithms.isEmpty || provider.algorithms.contains(algorithm)
        let expected = provider.algorithms.map(\.rawValue).joined(separator: ", ")
        let (isKnown, count) = (keyID.map(keySet.has) ?? true, keySet.keys.count)
        // Keys that are given in place were never fetched.
        let fetchedAt = provider.source == nil ? nil : keySet.fetchedAt
        return Rejection(
            .invalidToken,
            operatorDetail: !isAllowed
                ? "alg is \(algorithm.rawValue), the identity provider of profile \"\(name)\" signs with \(expected)"
                : isKnown
                    ? "the \(algorithm.rawValue) signature does not verify with the \(count) keys of the identity"
                        + " provider of profile \"\(name)\"" + (fetchedAt.map { ", fetched at \($0)" } ?? "")
                    : "kid is \(PrintableText.quoted(String(decoding: keyID ?? [], as: UTF8.self))), the identity"
                        + " provider of profile \"\(name)\" has no such key"
                        + (fetchedAt.map { " as of \($0)" } ?? "")
        )
    }

    private static func reason(
        _ algorithm: SignatureAlgorithm,
        _ signatureLength: Int,
        _ profile: CompiledProfile,
        _ now: Timestamp
    ) -> String {
        let name = "profile \"\(profile.profile.name)\""
        let usable = profile.keys.filter { $0.isUsable(at: now) }
        guard !usable.isEmpty else { return "\(name) has no active key" }
        let fitting = usable.filter { allows($0, algorithm) }
        guard !fitting.isEmpty else {
            let expected = usable.flatMap { key in
                key.algorithms.isEmpty ? Array(key.verificationKey.algorithms) : key.algorithms
            }
            let names = Set(expected.map(\.rawValue)).sorted().joined(separator: ", ")
            return "alg is \(algorithm.rawValue), \(name) expects \(names)"
        }
        let keys = fitting.prefix(maximumKeysTried).map { "\"\($0.name)\" (\($0.fingerprint))" }
            .joined(separator: ", ")
        return "the \(algorithm.rawValue) signature of \(signatureLength) bytes does not verify"
            + " with the keys of \(name): \(keys)"
    }
}
