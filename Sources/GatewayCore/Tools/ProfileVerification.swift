package import JOSE

/// Checking a token's signature with the keys of a profile, those too that may not verify now.
package enum ProfileVerification {
    /// What was found.
    package struct Found: Sendable {
        /// The key whose signature it is; `nil` when none fits.
        package let key: ProfileKey?
        /// Why the token is not accepted with it; `nil` when it is.
        package let reason: String?
    }

    /// Tries every key of a profile; at most ``AccessProfile/maximumKeys``.
    ///
    /// - Throws: ``TokenError`` when the token does not parse.
    package static func check(
        _ token: [UInt8],
        _ profile: AccessProfile,
        now: Timestamp
    ) throws(TokenError) -> Found {
        let unverified = try UnverifiedToken.parse(token.span)
        let algorithm = unverified.algorithm
        for key in profile.keys where unverified.verified(by: key.verificationKey) != nil {
            return Found(key: key, reason: state(key, algorithm, now))
        }
        guard !profile.keys.isEmpty else { return Found(key: nil, reason: "the profile has no key") }
        let fitting = profile.keys.count { $0.verificationKey.algorithms.contains(algorithm) }
        return Found(
            key: nil,
            reason: fitting == 0
                ? "alg is \(algorithm), and none of the profile's \(profile.keys.count) keys allows it"
                : "the signature is wrong for \(algorithm) with each of the profile's keys that fit (\(fitting))"
        )
    }

    private static func state(_ key: ProfileKey, _ algorithm: SignatureAlgorithm, _ now: Timestamp) -> String?
    {
        if !key.isActive { return "the key is inactive" }
        if let retireAt = key.retireAt, now >= retireAt {
            return "the key was retired \(TimeWords.ago(retireAt, now: now)) (\(retireAt))"
        }
        if let activeFrom = key.activeFrom, now < activeFrom {
            return "the key is active from \(activeFrom) on"
        }
        if !key.algorithms.isEmpty, !key.algorithms.contains(algorithm) {
            return "the key may not be used with \(algorithm)"
        }
        return nil
    }
}
