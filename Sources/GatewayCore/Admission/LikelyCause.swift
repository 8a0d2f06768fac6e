import JOSE

/// What probably went wrong with a token that its profile's keys do not verify: found by trying.
///
/// Only whoever asks for an explanation pays for this, never the request path.
enum LikelyCause {
    /// The rejection with the likely cause behind its operator's detail, where one was found.
    static func added(to rejection: Rejection, _ token: [UInt8]?, _ findings: Findings) -> Rejection {
        guard rejection.code == .invalidToken, findings.check == .signature, let token,
            let profile = findings.caller?.profile, let unverified = parsed(token),
            let cause = find(unverified, profile.profile, now: findings.now)
        else { return rejection }
        return Rejection(
            rejection.code,
            publicDetail: rejection.publicDetail,
            operatorDetail: "\(rejection.operatorDetail); likely cause: \(cause)"
        )
    }

    private static func parsed(_ token: [UInt8]) -> UnverifiedToken? {
        // What does not parse has its reason already.
        try? UnverifiedToken.parse(token.span)
    }

    private static func find(_ token: UnverifiedToken, _ profile: AccessProfile, now: Timestamp) -> String? {
        for key in profile.keys {
            if token.verified(by: key.verificationKey) != nil, let state = unusable(key, token.algorithm, now)
            {
                return "the signature verifies with key \"\(key.name)\", which \(state)"
            }
            if let other = otherReading(key), token.verified(by: other.key) != nil {
                return "with key \"\(key.name)\" the signature verifies \(other.advice)"
            }
        }
        return nil
    }

    private static func unusable(
        _ key: ProfileKey,
        _ algorithm: SignatureAlgorithm,
        _ now: Timestamp
    ) -> String? {
        if !key.isActive { return "is inactive" }
        if let retireAt = key.retireAt, now >= retireAt { return "was retired at \(retireAt)" }
        if let activeFrom = key.activeFrom, now < activeFrom { return "is active from \(activeFrom) on" }
        if !key.algorithms.isEmpty, !key.algorithms.contains(algorithm) {
            return "is not allowed to be used with \(algorithm.rawValue)"
        }
        return nil
    }

    /// A secret read the other way: as text where it is Base64, and the reverse.
    private static func otherReading(_ key: ProfileKey) -> (key: VerificationKey, advice: String)? {
        guard case .secret(let secret, let isBase64) = key.material,
            // Where the text has no other reading there is nothing to try.
            let other = try? VerificationKey.hmac(secret: secret, secretIsBase64: !isBase64)
        else { return nil }
        let advice =
            isBase64
            ? "if the secret is taken as text: switch secret_is_base64 off"
            : "if the secret is Base64-decoded: switch secret_is_base64 on"
        return (other, advice)
    }
}
