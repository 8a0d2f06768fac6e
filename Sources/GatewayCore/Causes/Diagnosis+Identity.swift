import JOSE

/// Check 3, whom the token names.
extension Diagnosis {
    /// How many claims of a payload are looked at for an API token.
    private static let maximumClaims = 200

    /// The API token and its profile, for texts.
    static func name(_ caller: Caller) -> String {
        let token = caller.apiToken.map { "API token \(PrintableText.quoted($0.name)) of " } ?? ""
        return token + name(caller.profile.profile)
    }

    /// An API token that is known once its spelling is corrected, and what was wrong with it in words.
    static func knownSpelling(
        of text: [UInt8],
        _ snapshot: Snapshot
    ) -> (corrected: [UInt8], caller: Caller, words: String)? {
        guard (64...200).contains(text.count) else { return nil }
        let trimmed = TokenCorrection.trimmed(text)
        let lowered = trimmed.map { $0 &- UInt8(ascii: "A") < 26 ? $0 | 0x20 : $0 }
        guard lowered != text, let caller = APITokenDigest(token: lowered).flatMap(snapshot.caller) else {
            return nil
        }
        var faults: [String] = []
        if trimmed != text { faults.append("has white space or quotation marks around it") }
        if lowered != trimmed { faults.append("is written in upper-case letters") }
        return (lowered, caller, faults.joined(separator: " and "))
    }

    /// A token that names no profile.
    mutating func diagnoseUnknown(_ token: UnverifiedToken) {
        guard let claims = try? token.claims() else { return }
        let isTold = tellMisspelt(token, claims) || tellOtherClaim(token, claims)
        if !isTold {
            let (name, value) = lookedAt(in: claims, token)
            if let name, let value, let digest = APITokenDigest(token: value) {
                tell(
                    .apiTokenUnknown,
                    "\(name) carries an API token that no profile has (its SHA-256 begins \(digest.hex.prefix(12))):"
                        + " it was deleted or refreshed, or is another gateway's",
                    .mintAnother,
                    then: .notTried
                )
            } else {
                let order = snapshot.catalog.settings.identityClaimOrder.joined(separator: ", ")
                tell(
                    .apiTokenMissing,
                    "no claim carries an API token of 64 hex digits; it is looked for in \(PrintableText.shortened(order, to: 400))",
                    .mintAnother,
                    then: .notTried
                )
            }
        }
        searchOtherProfiles(token, besides: nil)
    }

    /// The first claim that would carry the API token, by name, and its text.
    private func lookedAt(in claims: JSONDocument, _ token: UnverifiedToken) -> (String?, [UInt8]?) {
        for name in snapshot.identityClaims {
            guard let element = claims.root[member: name], element.kind != .null else { continue }
            if let value = element.stringBytes, value.isEmpty { continue }
            return ("the claim \(Self.shown(name))", element.stringBytes)
        }
        guard let keyID = token.keyID, !keyID.isEmpty else { return (nil, nil) }
        return ("the header's kid", keyID)
    }

    private mutating func tellMisspelt(_ token: UnverifiedToken, _ claims: JSONDocument) -> Bool {
        let (name, value) = lookedAt(in: claims, token)
        guard let name, let value, let (corrected, caller, words) = Self.knownSpelling(of: value, snapshot)
        else { return false }
        tell(
            .apiTokenSpelling,
            "the API token in \(name) \(words), it is \(Self.name(caller)) when corrected",
            .mintAnother,
            then: consequence(for: caller, of: token, claims, replacing: value, with: corrected)
        )
        return true
    }

    /// What the decision would be if a claim had another text.
    private mutating func consequence(
        for caller: Caller,
        of token: UnverifiedToken,
        _ claims: JSONDocument,
        replacing value: [UInt8],
        with corrected: [UInt8]
    ) -> LikelyCause.Consequence {
        // Its signature decides first: a corrected token signed anew would hide that it is wrong as well.
        let keys = caller.profile.profile.keys.filter { $0.isUsable(at: now) }
        let isVerified = keys.contains { verifies($0.verificationKey, token) }
        guard isVerified else { return .refused(.invalidToken, at: .signature) }
        let members = claims.root.members.map(\.value).filter { $0.isString(value) }
        let text = Array("\"".utf8) + corrected + Array("\"".utf8)
        // The kid of the header stays as it is in a trial.
        guard !members.isEmpty else { return .notTried }
        named = caller
        return consequence(ofPayload: Self.replacing(members.map { ($0, text) }, in: token.payload))
    }

    /// Looks through all claims that are texts for an API token of some profile.
    private mutating func tellOtherClaim(_ token: UnverifiedToken, _ claims: JSONDocument) -> Bool {
        var seen = 0
        for member in claims.root.members {
            seen += 1
            guard seen <= Self.maximumClaims else { return false }
            guard let value = member.value.stringBytes,
                let caller = APITokenDigest(token: value).flatMap(snapshot.caller)
            else { continue }
            let claim = Self.shown(member.nameBytes)
            let text =
                "the claim \(claim) carries \(Self.name(caller)), but it is looked for in"
                + " \(PrintableText.shortened(snapshot.catalog.settings.identityClaimOrder.joined(separator: ", "), to: 400)):"
                + " name it in identity_claims, or as the profile's identity_claim"
            guard let name = String(validating: member.nameBytes, as: UTF8.self) else { continue }
            tell(.apiTokenInOtherClaim, text, .setIdentityClaim(caller.profile.profile.id, name))
            return true
        }
        return false
    }

    /// The credential is of another kind than the profile's method.
    mutating func diagnoseMethod(_ profile: AccessProfile, isAPIToken: Bool) {
        let found = isAPIToken ? "an API token by itself" : "a signed token"
        let expected =
            switch profile.method {
            case .jwt: "a JWT that the client signs and that carries the API token"
            case .token: "the API token by itself, in the header API-Token"
            case .oauth2: "an access token from /oauth2/token, which the API token is the secret for"
            case .oidc: "a JWT of the profile's identity provider"
            }
        let method: AuthenticationMethod = isAPIToken ? .token : .jwt
        tell(
            .profileUsesOtherMethod,
            "the call carries \(found), but the method of \(Self.name(profile)) is \(profile.method.rawValue):"
                + " it expects \(expected)",
            .setMethod(profile.id, method)
        )
    }

    /// An API token by itself that no profile has.
    mutating func diagnoseUnknownAPIToken() {
        tell(
            .apiTokenUnknown,
            "no profile has the API token: it was deleted or refreshed, or is another gateway's",
            .mintAnother,
            then: .notTried
        )
    }

    /// A claim's name for texts.
    static func shown(_ name: [UInt8]) -> String {
        PrintableText.quoted(String(decoding: name, as: UTF8.self))
    }
}
