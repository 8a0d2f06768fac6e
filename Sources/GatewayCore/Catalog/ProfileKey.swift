package import JOSE

/// A key of a profile: what the signatures of its tokens are checked with.
package struct ProfileKey: Sendable {
    /// What was pasted, in the form that is stored.
    package enum Material: Sendable {
        /// An HMAC secret as pasted, and whether its bytes are the Base64 decoding of that text.
        case secret(Secret<[UInt8]>, isBase64: Bool)
        /// A public key in any form that ``VerificationKey`` reads.
        case publicKey(String)
    }

    /// The identity, given once.
    package let id: KeyID
    /// The name, unique within the profile.
    package var name: String
    /// Whether it may verify; `true` unless said otherwise.
    package var isActive = true
    /// The `kid` that tokens may name it by; `nil` lets every active key that fits be tried.
    package var keyID: String?
    /// The algorithms that it may be used with; empty means all that fit its kind.
    package var algorithms: [SignatureAlgorithm] = []
    /// From when on it verifies; `nil` means at once.
    package var activeFrom: Timestamp?
    /// From when on it no longer verifies; `nil` means never.
    package var retireAt: Timestamp?
    /// When it was added.
    package let createdAt: Timestamp
    /// What was pasted.
    package let material: Material
    /// The key as read from ``material``.
    package let verificationKey: VerificationKey

    /// Reads the material into a key.
    ///
    /// Material that was accepted earlier comes from the store: a secret that has become well known since then
    /// does not keep a gateway from starting.
    ///
    /// - Throws: ``KeyReadingError`` that says what was found and what to do.
    package init(
        id: KeyID,
        name: String,
        material: Material,
        createdAt: Timestamp,
        wasAccepted: Bool = false
    ) throws(KeyReadingError) {
        self.id = id
        self.name = name
        self.createdAt = createdAt
        self.material = material
        switch material {
        case .secret(let secret, let isBase64):
            verificationKey = try VerificationKey.hmac(
                secret: secret,
                secretIsBase64: isBase64,
                wasAccepted: wasAccepted
            )
        case .publicKey(let text):
            verificationKey = try VerificationKey.publicKey(reading: Array(text.utf8))
        }
    }

    /// What people compare keys by; tells nothing of a secret.
    package var fingerprint: String { verificationKey.fingerprint }

    /// Whether it verifies at this moment.
    package func isUsable(at now: Timestamp) -> Bool {
        guard isActive else { return false }
        if let activeFrom, now < activeFrom { return false }
        if let retireAt, now >= retireAt { return false }
        return true
    }
}
