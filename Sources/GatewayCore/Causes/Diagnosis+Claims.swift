import JOSE

/// Check 5: required claims, issuers, audiences, revocation.
extension Diagnosis {
    mutating func diagnoseClaims() {
        guard let token = unverified, let claims = try? token.claims(), let profile else { return }
        switch rejection.code {
        case .tokenRevoked: tellRevoked(profile)
        case .claimMissing: tellMissing(token, claims, profile)
        case .claimNotAccepted: tellNotAccepted(token, claims, profile)
        default: break
        }
    }

    // MARK: Revocation

    private mutating func tellRevoked(_ profile: AccessProfile) {
        var pardoned = profile
        pardoned.revocations = []
        let snapshot = varied { draft throws(CatalogError) in
            try draft.put(pardoned)
            return !profile.revocations.isEmpty
        }
        let then = consequence(of: request, snapshot)
        guard then == .notTried || then == .refused(.tokenRevoked, at: .claims) else {
            return tell(
                .tokenRevoked,
                "the token is \(PrintableText.shortened(rejection.operatorDetail, to: 300))",
                .mintAnother,
                then: .notTried
            )
        }
        var lenient = profile
        lenient.acceptsTokensOnce = false
        let again = varied { draft throws(CatalogError) in
            try draft.put(lenient)
            return profile.acceptsTokensOnce
        }
        tell(
            .tokenUsedBefore,
            "\(Self.name(profile)) accepts each token once: \(rejection.operatorDetail)",
            .mintAnother,
            then: consequence(of: request, again)
        )
    }

    // MARK: Required claims

    /// The claims that must be there, in the order in which they are looked at.
    private func required(_ profile: AccessProfile) -> [String] {
        var names = profile.claimRules.requiredClaims
        if profile.method == .oidc || !profile.claimRules.issuers.isEmpty { names.append("iss") }
        if !profile.claimRules.audiences.isEmpty { names.append("aud") }
        if profile.acceptsTokensOnce { names += ["jti", "iat", "exp"] }
        return names
    }

    private mutating func tellMissing(
        _ token: UnverifiedToken,
        _ claims: JSONDocument,
        _ profile: AccessProfile
    ) {
        for name in required(profile) {
            let element = claims.root[member: Array(name.utf8)]
            if let element {
                guard let expected = Self.expected(name, element, profile) else { continue }
                return tell(
                    .claimOfOtherType,
                    "the claim \(PrintableText.quoted(name)) is \(element.kind.words), expected \(expected)",
                    .mintAnother,
                    then: repaired(name, element, token)
                )
            }
            let folded = name.lowercased()
            if let other = claims.root.members.first(where: {
                String(decoding: $0.nameBytes, as: UTF8.self).lowercased() == folded
            }) {
                let text = DocumentNode(.string(name)).jsonBytes()
                return tell(
                    .claimNameCase,
                    "the claim is called \(Self.shown(other.nameBytes)), expected \(PrintableText.quoted(name)): names differ by case",
                    .mintAnother,
                    then: consequence(ofPayload: Self.replacing([(other.name, text)], in: token.payload))
                )
            }
            return tell(
                .claimMissing,
                "the token lacks the claim \(PrintableText.quoted(name)), which \(Self.name(profile)) requires",
                .mintAnother,
                then: completed(name, token, claims, profile)
            )
        }
    }

    /// What a claim should be that is of a type which counts as missing.
    private static func expected(
        _ name: String,
        _ element: JSONElement,
        _ profile: AccessProfile
    ) -> String? {
        if element.kind == .null { return "a value" }
        guard profile.acceptsTokensOnce else { return nil }
        switch name {
        case "jti" where element.stringBytes?.isEmpty ?? true: return "a text that is not empty"
        case "iat" where element.kind != .number, "exp" where element.kind != .number: return "a number"
        default: return nil
        }
    }

    /// The decision with a claim's number in quotation marks.
    private mutating func repaired(
        _ name: String,
        _ element: JSONElement,
        _ token: UnverifiedToken
    ) -> LikelyCause.Consequence {
        guard name == "jti", element.kind == .number else { return .notTried }
        let text = Array("\"".utf8) + Array(token.payload[element.byteRange]) + Array("\"".utf8)
        return consequence(ofPayload: Self.replacing([(element, text)], in: token.payload))
    }

    /// The decision with the claim that is missing; where several values are accepted, the first.
    private mutating func completed(
        _ name: String,
        _ token: UnverifiedToken,
        _ claims: JSONDocument,
        _ profile: AccessProfile
    ) -> LikelyCause.Consequence {
        let value: DocumentValue
        switch name {
        case "iss":
            guard let issuer = profile.identityProvider?.issuer ?? profile.claimRules.issuers.first else {
                return .notTried
            }
            value = .string(issuer)
        case "aud":
            guard let audience = profile.claimRules.audiences.first else { return .notTried }
            value = .string(audience)
        case "iat": value = .integer(now.secondsSinceEpoch)
        case "exp": value = .integer(now.secondsSinceEpoch + 60)
        default: value = .string("x")
        }
        return consequence(ofPayload: Self.adding(name, value, to: token.payload, claims))
    }

    // MARK: Issuers and audiences

    private mutating func tellNotAccepted(
        _ token: UnverifiedToken,
        _ claims: JSONDocument,
        _ profile: AccessProfile
    ) {
        let issuers = profile.identityProvider.map { [$0.issuer] } ?? profile.claimRules.issuers
        if let issuer = claims.root[member: "iss"], !issuers.isEmpty,
            !issuers.contains(where: { issuer.isString(Array($0.utf8)) })
        {
            return tellIssuer(issuer, issuers, token, profile)
        }
        // An identity provider's tokens may have to fulfil the profile's own list as well.
        if let issuer = claims.root[member: "iss"], !profile.claimRules.issuers.isEmpty,
            !profile.claimRules.issuers.contains(where: { issuer.isString(Array($0.utf8)) })
        {
            return tellIssuer(issuer, profile.claimRules.issuers, token, profile)
        }
        guard let audience = claims.root[member: "aud"] else { return }
        tellAudience(audience, token, profile)
    }

    private mutating func tellIssuer(
        _ issuer: JSONElement,
        _ accepted: [String],
        _ token: UnverifiedToken,
        _ profile: AccessProfile
    ) {
        if issuer.kind == .array {
            let listed =
                issuer.elements.compactMap(\.string).first { accepted.contains($0) } ?? accepted.first
            return tell(
                .issuerIsList,
                "iss is a list of \(issuer.count), expected one text",
                .mintAnother,
                then: consequence(ofIssuer: listed, issuer, token)
            )
        }
        guard let found = issuer.string else {
            return tell(
                .claimOfOtherType,
                "iss is \(issuer.kind.words), expected a text",
                .mintAnother,
                then: consequence(ofIssuer: accepted.first, issuer, token)
            )
        }
        if let near = Self.near(found, accepted) {
            return tell(
                .issuerSpelling,
                "iss is \(PrintableText.quoted(found)), \(Self.name(profile)) accepts \(PrintableText.quoted(near.value)):"
                    + " they differ only in \(near.words)",
                profile.method == .oidc
                    ? .mintAnother : Self.addition(of: found) { .addIssuer(profile.id, $0) },
                then: consequence(ofIssuer: near.value, issuer, token)
            )
        }
        let names = accepted.prefix(5).map { PrintableText.quoted($0) }.joined(separator: ", ")
        let text = "iss is \(Self.value(found)), \(Self.name(profile)) accepts \(names)"
        guard profile.method != .oidc else {
            return tell(
                .issuerUnknown,
                text,
                .mintAnother,
                then: consequence(ofIssuer: accepted.first, issuer, token)
            )
        }
        tell(.issuerUnknown, text, Self.addition(of: found) { .addIssuer(profile.id, $0) })
    }

    private mutating func consequence(
        ofIssuer value: String?,
        _ element: JSONElement,
        _ token: UnverifiedToken
    ) -> LikelyCause.Consequence {
        guard let value else { return .notTried }
        let text = DocumentNode(.string(value)).jsonBytes()
        return consequence(ofPayload: Self.replacing([(element, text)], in: token.payload))
    }

    private mutating func tellAudience(
        _ audience: JSONElement,
        _ token: UnverifiedToken,
        _ profile: AccessProfile
    ) {
        let accepted = profile.claimRules.audiences
        let values =
            audience.kind == .array
            ? audience.elements.prefix(20).compactMap(\.string) : [audience.string].compactMap(\.self)
        guard let first = values.first else {
            return tell(
                .claimOfOtherType,
                "aud is \(audience.kind == .array ? "a list without a text" : audience.kind.words), expected a text or a list of texts",
                .mintAnother,
                then: consequence(ofIssuer: accepted.first, audience, token)
            )
        }
        for value in values {
            guard let near = Self.near(value, accepted) else { continue }
            return tell(
                .audienceSpelling,
                "aud is \(PrintableText.quoted(value)), \(Self.name(profile)) accepts \(PrintableText.quoted(near.value)):"
                    + " they differ only in \(near.words)",
                Self.addition(of: value) { .addAudience(profile.id, $0) }
            )
        }
        let pieces = first.split { $0 == " " || $0 == "," }.map(String.init)
        if audience.kind == .string, pieces.count > 1, let one = pieces.first(where: accepted.contains) {
            return tell(
                .audienceJoined,
                "aud is one text with \(pieces.count) values in it, expected a list; one of them is \(PrintableText.quoted(one))",
                .mintAnother,
                then: consequence(ofIssuer: one, audience, token)
            )
        }
        let found = values.prefix(5).map { Self.value($0) }.joined(separator: ", ")
        let names = accepted.prefix(5).map { PrintableText.quoted($0) }.joined(separator: ", ")
        let kind = audience.kind == .array ? "a list of \(audience.count): \(found)" : found
        tell(
            .audienceUnknown,
            "aud is \(kind), \(Self.name(profile)) accepts \(names)",
            Self.addition(of: first) { .addAudience(profile.id, $0) }
        )
    }

    /// An accepted value that differs from another in nothing but case or a slash at its end.
    private static func near(_ found: String, _ accepted: [String]) -> (value: String, words: String)? {
        func bare(_ text: String) -> String { text.hasSuffix("/") ? String(text.dropLast()) : text }
        for value in accepted where !value.utf8.elementsEqual(found.utf8) {
            let isSlash = bare(value).utf8.elementsEqual(bare(found).utf8)
            if isSlash { return (value, "a slash at the end") }
            guard bare(value).lowercased().utf8.elementsEqual(bare(found).lowercased().utf8) else { continue }
            return (
                value, value.hasSuffix("/") == found.hasSuffix("/") ? "case" : "case and a slash at the end"
            )
        }
        return nil
    }

    /// The remedy that accepts a value, unless it could be an API token, which is never told.
    private static func addition(of value: String, _ remedy: (String) -> Remedy) -> Remedy {
        TokenMask.hasRun(value.utf8) ? .mintAnother : remedy(value)
    }

    /// A claim's value for texts, unless it could be an API token.
    private static func value(_ text: String) -> String {
        APITokenDigest(token: text.utf8) == nil ? PrintableText.quoted(text) : "64 hex digits"
    }
}
