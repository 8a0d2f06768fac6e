import JOSE

/// Check 3, the signature.
extension Diagnosis {
    mutating func diagnoseToken() {
        guard let bytes = request.token else { return }
        if APITokenDigest(token: bytes) != nil {
            guard let profile else { return diagnoseUnknownAPIToken() }
            return diagnoseMethod(profile, isAPIToken: true)
        }
        let token: UnverifiedToken
        do throws(TokenError) {
            token = try UnverifiedToken.parse(bytes.span)
            _ = try token.claims()
        } catch {
            return diagnoseUnparsable(bytes, error)
        }
        diagnose(token)
    }

    private mutating func diagnose(_ token: UnverifiedToken) {
        guard token.isAcceptableJWTType else {
            return tell(
                .tokenTypeNotAccepted,
                "the header's typ says that the token is for another use, expected JWT, at+jwt or none",
                .mintAnother,
                then: .notTried
            )
        }
        // Its signature was right: what is wrong is whom the call came from.
        if findings.proof != nil {
            return tell(
                .certificateNotShown,
                "the token is bound to a client certificate, and none is presented where somebody only asks",
                .none,
                then: .notTried
            )
        }
        if let keyID = token.keyID, snapshot.gatewayKeys.key(named: keyID) != nil {
            return tell(
                .accessTokenStale,
                "the token names a signing key of the gateway itself, and is no access token that it still accepts",
                .mintAnother,
                then: .notTried
            )
        }
        guard let profile else { return diagnoseUnknown(token) }
        switch profile.method {
        case .token, .oauth2: diagnoseMethod(profile, isAPIToken: false)
        case .oidc: diagnoseProvider(token, profile)
        case .jwt: diagnoseSignature(token, profile)
        }
    }

    private mutating func diagnoseSignature(_ token: UnverifiedToken, _ profile: AccessProfile) {
        let isFound =
            tellUnusableKey(token, profile) || tellReading(token, profile) || tellConfusion(token, profile)
            || tellOtherAlgorithm(token, profile) || tellDERSignature(token, profile)
        guard !isFound else { return }
        if profile.keys.isEmpty {
            tell(.profileWithoutKey, "\(Self.name(profile)) has no key at all", .none, then: .notTried)
        } else if tellLength(token, profile) {
            return
        } else if !profile.keys.contains(where: { $0.verificationKey.algorithms.contains(token.algorithm) }) {
            tellMismatch(token, profile)
        }
        if searchOtherProfiles(token, besides: profile.id) { return }
        guard causes.isEmpty else { return }
        tell(
            .signatureFitsNoKey,
            "the signature fits none of the keys of \(Self.name(profile)): another key signed, or the token was"
                + " changed after it was signed",
            .mintAnother,
            then: .notTried
        )
    }

    // MARK: A key that may not be used as it is

    private mutating func tellUnusableKey(_ token: UnverifiedToken, _ profile: AccessProfile) -> Bool {
        for key in profile.keys where verifies(key.verificationKey, token) {
            let found = "the token is signed with \(Self.name(key))"
            if !key.isActive {
                tell(.keyInactive, "\(found), which is inactive", .reactivateKey(profile.id, key.id))
            } else if let retireAt = key.retireAt, now >= retireAt {
                tell(
                    .keyRetired,
                    "\(found), retired \(TimeWords.ago(retireAt, now: now)) (\(retireAt))",
                    .extendKeyRetirement(profile.id, key.id)
                )
            } else if let activeFrom = key.activeFrom, now < activeFrom {
                let distance = TimeWords.distance(
                    to: activeFrom.secondsSinceEpoch,
                    from: now.secondsSinceEpoch
                )
                tell(
                    .keyNotYetActive,
                    "\(found), which is active from \(activeFrom) on (\(distance))",
                    .startKey(profile.id, key.id)
                )
            } else if !key.algorithms.isEmpty, !key.algorithms.contains(token.algorithm) {
                let allowed = key.algorithms.map(\.rawValue).joined(separator: ", ")
                tell(
                    .keyNotForAlgorithm,
                    "\(found) and \(token.algorithm.rawValue), the key may be used with \(allowed)",
                    .setAlgorithm(profile.id, key.id, token.algorithm.rawValue)
                )
            } else {
                tell(
                    .keyNotTried,
                    token.keyID == nil
                        ? "\(found), but more keys fit than are tried: name the key in the header's kid"
                        : "\(found), but the header's kid names another key or more keys fit than are tried",
                    .mintAnother,
                    then: .notTried
                )
            }
            return true
        }
        return false
    }

    // MARK: A secret read in another way

    private mutating func tellReading(_ token: UnverifiedToken, _ profile: AccessProfile) -> Bool {
        guard token.algorithm.isHMAC else { return false }
        for key in profile.keys {
            for reading in SecretReading.allCases {
                // What has no such reading, or one that is too short, is nothing to try.
                guard let material = reading.material(of: key.material),
                    let other = try? key.remade(of: material),
                    verifies(other.verificationKey, token)
                else { continue }
                tell(reading, key, profile)
                return true
            }
        }
        return false
    }

    private mutating func tell(_ reading: SecretReading, _ key: ProfileKey, _ profile: AccessProfile) {
        let key = (name: Self.name(key), id: key.id)
        switch reading {
        case .base64:
            tell(
                .secretBase64Decoded,
                "the signer Base64-decodes the secret of \(key.name): switch secret_is_base64 on",
                .setSecretIsBase64(profile.id, key.id, true)
            )
        case .text:
            tell(
                .secretNotBase64Decoded,
                "the signer takes the secret of \(key.name) as text: switch secret_is_base64 off",
                .setSecretIsBase64(profile.id, key.id, false)
            )
        case .base64url:
            tell(
                .secretBase64URLDecoded,
                "the signer decodes the secret of \(key.name) as Base64url",
                .rewriteSecret(profile.id, key.id, reading)
            )
        case .hex:
            tell(
                .secretHexDecoded,
                "the signer decodes the secret of \(key.name) as hexadecimal digits",
                .rewriteSecret(profile.id, key.id, reading)
            )
        case .withLineBreak:
            tell(
                .secretWithLineBreak,
                "the signer's secret ends with a line break that that of \(key.name) does not have",
                .rewriteSecret(profile.id, key.id, reading)
            )
        case .trimmed:
            tell(
                .secretTrimmed,
                "the secret of \(key.name) has white space or quotation marks around it that the signer's has not",
                .rewriteSecret(profile.id, key.id, reading)
            )
        }
    }

    // MARK: A public key as a secret

    private mutating func tellConfusion(_ token: UnverifiedToken, _ profile: AccessProfile) -> Bool {
        guard token.algorithm.isHMAC else { return false }
        for key in profile.keys {
            for text in Self.publicForms(of: key) {
                // A form that is too short is no secret.
                guard let secret = try? VerificationKey.hmac(secret: Secret(text), wasAccepted: true),
                    verifies(secret, token)
                else { continue }
                tell(
                    .keyConfusionAttack,
                    "the token is signed with \(token.algorithm.rawValue) and the text of the public \(Self.name(key)) as"
                        + " secret: that is the key-confusion attack (RFC 8725 §2.1), which never succeeds here",
                    .none,
                    then: .notTried
                )
                return true
            }
        }
        return false
    }

    /// The texts of a public key that a verifier that confuses keys would take as a secret.
    private static func publicForms(of key: ProfileKey) -> [[UInt8]] {
        guard case .publicKey(let pasted) = key.material else { return [] }
        let line = key.verificationKey.openSSHPublicLine()
        let bare = key.verificationKey.openSSHPublicLine(comment: "").map {
            String($0.reversed().drop { $0 == " " }.reversed())
        }
        let texts = [pasted, key.verificationKey.subjectPublicKeyInfoPEM, line, bare].compactMap(\.self)
        var forms: [[UInt8]] = []
        for text in texts {
            var trimmed = Array(text.utf8)
            while let last = trimmed.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") {
                trimmed.removeLast()
            }
            for form in [trimmed, trimmed + [UInt8(ascii: "\n")]] where !forms.contains(form) {
                forms.append(form)
            }
        }
        return forms
    }

    // MARK: Another algorithm than the header's

    private mutating func tellOtherAlgorithm(_ token: UnverifiedToken, _ profile: AccessProfile) -> Bool {
        for key in profile.keys {
            // A JWK's own alg narrows a key that could be used with more.
            let names = key.verificationKey.kind.algorithms
            if !key.verificationKey.algorithms.contains(token.algorithm), names.contains(token.algorithm),
                let wide = try? key.widened(to: token.algorithm.rawValue),
                verifies(wide.verificationKey, token)
            {
                let allowed = key.verificationKey.algorithms.map(\.rawValue).joined(separator: ", ")
                tell(
                    .keyNotForAlgorithm,
                    "the token is signed with \(Self.name(key)) and \(token.algorithm.rawValue), the key may be used with"
                        + " \(allowed)",
                    .setAlgorithm(profile.id, key.id, token.algorithm.rawValue)
                )
                return true
            }
            for algorithm in names where algorithm != token.algorithm {
                guard verifies(key.verificationKey, token, algorithm, token.signature) else { continue }
                tell(
                    .signedWithOtherAlgorithm,
                    "the header's alg is \(token.algorithm.rawValue), but the signature is made with"
                        + " \(algorithm.rawValue) and \(Self.name(key)): the signer's header and algorithm disagree",
                    .mintAnother,
                    then: .notTried
                )
                return true
            }
        }
        return false
    }

    private mutating func tellDERSignature(_ token: UnverifiedToken, _ profile: AccessProfile) -> Bool {
        for key in profile.keys {
            guard case .ec(let curve) = key.verificationKey.kind,
                let raw = DERSignature.raw(token.signature, coordinateBytes: curve.coordinateBytes),
                verifies(key.verificationKey, token, token.algorithm, raw)
            else { continue }
            var corrected = Array(token.token[..<(token.signedLength + 1)])
            Base64URL.append(raw.span, to: &corrected)
            tell(
                .signatureDEREncoded,
                "the signature is right, but written as ASN.1 DER, as openssl does; expected the two numbers one after"
                    + " the other, \(raw.count) bytes (RFC 7518 §3.4)",
                .sendCorrected,
                then: consequence(of: carrying(corrected), snapshot)
            )
            return true
        }
        return false
    }

    private mutating func tellMismatch(_ token: UnverifiedToken, _ profile: AccessProfile) {
        let usable = profile.keys.filter { $0.isUsable(at: now) }
        let allowed = Set(usable.flatMap { $0.verificationKey.algorithms.map(\.rawValue) }).sorted()
        let names = allowed.isEmpty ? "no algorithm at all" : allowed.joined(separator: ", ")
        tell(
            .algorithmMismatch,
            "the token is signed with \(token.algorithm.rawValue), the keys of \(Self.name(profile)) are for \(names)",
            .mintAnother,
            then: .notTried
        )
    }

    /// A signature that is too short for its algorithm or for every key: its end is missing.
    private mutating func tellLength(_ token: UnverifiedToken, _ profile: AccessProfile) -> Bool {
        let fitting = profile.keys.filter { $0.verificationKey.algorithms.contains(token.algorithm) }
        let lengths = Set(
            fitting.map { key in key.verificationKey.signatureLength ?? Self.length(of: token.algorithm) }
        )
        guard let shortest = lengths.min(), token.signature.count < shortest,
            // As long as that of a smaller key: then another key signed.
            !Self.isWhole(token.signature.count, token.algorithm)
        else { return false }
        tell(
            .tokenTruncated,
            "the signature has \(token.signature.count) bytes, \(token.algorithm.rawValue) has"
                + " \(lengths.sorted().map(String.init).joined(separator: " or ")) with the profile's keys: the token's end is missing",
            .mintAnother,
            then: .notTried
        )
        return true
    }

    /// Whether an RSA key of some size makes signatures of this length.
    private static func isWhole(_ length: Int, _ algorithm: SignatureAlgorithm) -> Bool {
        let names: [SignatureAlgorithm] = [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]
        return names.contains(algorithm) && length >= 256 && length % 32 == 0
    }

    private static func length(of algorithm: SignatureAlgorithm) -> Int {
        switch algorithm {
        case .hs384: 48
        case .hs512: 64
        default: 32
        }
    }

    // MARK: Keys of an identity provider

    private mutating func diagnoseProvider(_ token: UnverifiedToken, _ profile: AccessProfile) {
        let provider = findings.caller?.profile.provider
        guard let keySet = provider?.keySet(keySets, at: now) else {
            return tell(
                .providerKeysNotFetched,
                "the keys of the identity provider of \(Self.name(profile)) could not be fetched, so nothing can be"
                    + " verified with them",
                .none,
                then: .notTried
            )
        }
        if searchOtherProfiles(token, besides: profile.id) { return }
        let isFitting = keySet.keys.contains { $0.verificationKey.algorithms.contains(token.algorithm) }
        guard isFitting else { return tellMismatch(token, keySet, profile) }
        tell(
            .signatureFitsNoKey,
            "the signature fits none of the \(keySet.keys.count) keys of the identity provider of \(Self.name(profile)):"
                + " another issuer's key signed, or the token was changed after it was signed",
            .mintAnother,
            then: .notTried
        )
    }

    private mutating func tellMismatch(
        _ token: UnverifiedToken,
        _ keySet: ProviderKeySet,
        _ profile: AccessProfile
    ) {
        let names = Set(keySet.keys.flatMap { $0.verificationKey.algorithms.map(\.rawValue) }).sorted()
        tell(
            .algorithmMismatch,
            "the token is signed with \(token.algorithm.rawValue), the keys of the identity provider of"
                + " \(Self.name(profile)) are for \(names.joined(separator: ", "))",
            .mintAnother,
            then: .notTried
        )
    }
}
