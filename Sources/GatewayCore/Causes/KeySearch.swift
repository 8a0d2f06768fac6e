import JOSE

/// The search for the key that signed among the keys of all other profiles.
extension Diagnosis {
    /// At most this many keys are tried; fewer where each costs more, as ``Effort`` counts.
    static let maximumKeysSearched = 2_000
    /// At most this many profiles are looked at.
    private static let maximumProfilesSearched = 20_000
    /// What is kept for the decisions that follow, in microseconds.
    private static let reserve = 6_000

    /// Tells whose key signed a token, or that the search was not finished.
    ///
    /// - Returns: whether a key was found.
    @discardableResult
    mutating func searchOtherProfiles(_ token: UnverifiedToken, besides own: ProfileID?) -> Bool {
        var (profiles, tried, isComplete) = (0, 0, true)
        for shared in snapshot.catalog.profiles.sharedValues where shared.value.id != own {
            profiles += 1
            guard profiles <= Self.maximumProfilesSearched else {
                isComplete = false
                break
            }
            for key in shared.value.keys where Self.canHaveSigned(key, token) {
                let cost = Effort.cost(of: key.verificationKey.kind, signedBytes: token.signedLength)
                guard tried < Self.maximumKeysSearched, effort.remaining - cost > Self.reserve else {
                    isComplete = false
                    break
                }
                tried += 1
                guard verifies(key.verificationKey, token) else { continue }
                tell(
                    .keyOfOtherProfile,
                    text(key, shared.value, own),
                    .mintAnother,
                    then: .notTried
                )
                return true
            }
            if !isComplete { break }
        }
        if !isComplete {
            tell(
                .signatureFitsNoKey,
                "the signature fits none of the \(tried) keys of other profiles that were tried; there are more",
                .none,
                then: .notTried
            )
        }
        return false
    }

    private func text(_ key: ProfileKey, _ profile: AccessProfile, _ own: ProfileID?) -> String {
        let client = snapshot.catalog.clients[profile.clientID].map {
            " of client \(PrintableText.quoted($0.name))"
        }
        let signed = "the token is signed with \(Self.name(key)) of \(Self.name(profile))\(client ?? "")"
        guard own != nil else { return "\(signed): it lacks an API token of that profile" }
        return "\(signed), but it carries the API token of another profile"
    }

    private static func canHaveSigned(_ key: ProfileKey, _ token: UnverifiedToken) -> Bool {
        key.verificationKey.algorithms.contains(token.algorithm)
            && (key.verificationKey.signatureLength.map { $0 == token.signature.count } ?? true)
    }
}
