import JOSE

/// The keys that the gateway itself signs with, compiled for the request path.
///
/// It is made anew when the keys or the issuer change, so that identity of the object is the generation that
/// remembered access tokens and assertions are held against.
package final class GatewayKeys: Sendable {
    /// What the gateway calls itself: `iss` of what it signs.
    package let issuer: String
    let issuerBytes: [UInt8]
    private let keys: [GatewaySigningKey]
    // The same keys as those of profiles are, so that one function verifies with both.
    private let verifying: [ProfileKey]

    /// Compiles the keys of a catalog.
    package init(_ keys: [GatewaySigningKey], issuer: String) {
        self.issuer = issuer
        issuerBytes = Array(issuer.utf8)
        self.keys = keys
        verifying = keys.compactMap { key in
            guard let text = key.key.verificationKey.subjectPublicKeyInfoPEM,
                // A key that was made here is read again here.
                var verifying = try? ProfileKey(
                    id: KeyID(high: key.id.high, low: key.id.low),
                    name: "the gateway's signing key \(key.id)",
                    material: .publicKey(text),
                    createdAt: key.createdAt
                )
            else { return nil }
            verifying.keyID = key.id.text
            verifying.algorithms = [.es256]
            verifying.retireAt = key.retireAt
            return verifying
        }
    }

    /// The key that signs now: the newest whose time has come, or else the oldest that is still accepted.
    ///
    /// The second is for a clock that was set back, where the alternative would be to sign nothing.
    package func signer(at now: Timestamp) -> GatewaySigningKey? {
        let accepted = keys.filter { !$0.isRetired(at: now) }
        return accepted.last { $0.activeFrom <= now } ?? accepted.first
    }

    /// The key that a token's `kid` names, retired or not.
    func key(named keyID: [UInt8]) -> ProfileKey? {
        verifying.first { $0.keyID?.utf8.elementsEqual(keyID) == true }
    }

    /// The public halves of those that are not retired, as a JWK set (RFC 7517 §5).
    package func keySet(at now: Timestamp) -> DocumentNode {
        let shown = keys.filter { !$0.isRetired(at: now) }.compactMap(\.publicJWK)
        return DocumentNode(object: [("keys", .array(shown))])
    }
}

extension GatewayKeys {
    /// Where in its life a key is.
    package enum State: String, Sendable, CaseIterable {
        /// It is published, and does not sign yet.
        case upcoming
        /// It is the one that signs.
        case signing
        /// It verifies what it signed, and signs no more.
        case verifying
        /// What it signed is not accepted any more.
        case retired
    }

    /// Every key with where in its life it is, the newest last.
    package func states(at now: Timestamp) -> [(key: GatewaySigningKey, state: State)] {
        let signer = signer(at: now)
        return keys.map { key in
            if key.isRetired(at: now) { return (key, .retired) }
            if key.id == signer?.id { return (key, .signing) }
            return (key, key.activeFrom > now ? .upcoming : .verifying)
        }
    }
}

extension GatewaySigningKey {
    /// Whether what it signed is not accepted any more.
    package func isRetired(at now: Timestamp) -> Bool {
        retireAt.map { now >= $0 } ?? false
    }

    /// The public half as a JWK that says what it is for (RFC 7517 §4).
    package var publicJWK: DocumentNode? {
        guard let members = key.verificationKey.jwkMembers else { return nil }
        let own: [(String, DocumentValue)] = [
            ("kid", .string(id.text)), ("alg", .string(SignatureAlgorithm.es256.rawValue)),
            ("use", .string("sig")),
        ]
        return DocumentNode(object: members.map { ($0.name, .string($0.value)) } + own)
    }
}
