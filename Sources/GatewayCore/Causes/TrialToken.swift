import JOSE

/// The call's token with other claims, and a catalog in which it is signed rightly.
///
/// What the signature was made with is not known here, so a changed token needs another one; the checks behind
/// the signature are then made on the changed claims.
extension Diagnosis {
    /// A key of this process alone; a snapshot that knows it decides trials, and never a request.
    private static let trialKey: SigningKey? = {
        // Where no random numbers can be had, nothing is tried.
        try? SigningKey.generate(.ed25519)
    }()

    /// Decides the call as if its token had another payload.
    ///
    /// - Parameters:
    ///   - payload: the payload.
    ///   - change: what the profile would be besides.
    /// - Returns: `notTried` for tokens that the gateway itself signs.
    mutating func consequence(
        ofPayload payload: [UInt8],
        _ change: (inout AccessProfile) -> Void = { _ in }
    ) -> LikelyCause.Consequence {
        guard let (token, snapshot) = reissued(payload, change) else { return .notTried }
        return consequence(of: carrying(token), snapshot)
    }

    private func reissued(
        _ payload: [UInt8],
        _ change: (inout AccessProfile) -> Void
    ) -> (token: [UInt8], snapshot: Snapshot)? {
        guard let key = Self.trialKey, var profile, let original = unverified else { return nil }
        switch profile.method {
        case .jwt:
            guard let line = key.openSSHPublicLine(),
                // The line was written by the module that reads it.
                let trial = try? ProfileKey(
                    id: KeyID(high: 0, low: 0),
                    name: "trial",
                    material: .publicKey(line),
                    createdAt: now
                )
            else { return nil }
            profile.keys = [trial]
        case .oidc:
            guard let members = key.verificationKey.jwkMembers else { return nil }
            let jwk = DocumentNode(object: members.map { ($0.name, .string($0.value)) })
            profile.identityProvider?.keys = .inline(
                DocumentNode(object: [("keys", .array([jwk]))]).json()
            )
            profile.identityProvider?.algorithms = []
        case .token, .oauth2: return nil
        }
        change(&profile)
        let changed = profile
        let keyID = original.keyID.flatMap { String(validating: $0, as: UTF8.self) }
        guard
            let snapshot = varied({ draft throws(CatalogError) in
                try draft.put(changed)
                return true
            }),
            // A key that cannot sign tries nothing.
            let token = try? key.sign(payload: payload, keyID: keyID)
        else { return nil }
        return (Array(token.utf8), snapshot)
    }

    /// A payload in which values are replaced, all else as written.
    static func replacing(
        _ values: [(element: JSONElement, with: [UInt8])],
        in payload: [UInt8]
    ) -> [UInt8] {
        var changed = payload
        // From the end on, so that what is in front stays where it is.
        for (element, bytes) in values.sorted(by: {
            $0.element.byteRange.lowerBound > $1.element.byteRange.lowerBound
        }) {
            changed.replaceSubrange(element.byteRange, with: bytes)
        }
        return changed
    }

    /// A payload with a member more.
    static func adding(
        _ name: String,
        _ value: DocumentValue,
        to payload: [UInt8],
        _ claims: JSONDocument
    ) -> [UInt8] {
        let range = claims.root.byteRange
        let member =
            DocumentNode(.string(name)).jsonBytes() + Array(":".utf8) + DocumentNode(value).jsonBytes()
        let separator = claims.root.count == 0 ? [] : Array(",".utf8)
        var changed = payload
        changed.insert(contentsOf: separator + member, at: range.upperBound - 1)
        return changed
    }
}
