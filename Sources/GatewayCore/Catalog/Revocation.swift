/// Tokens of a profile that are refused although their signature and times are right.
package struct Revocation: Sendable, Hashable {
    /// Which tokens.
    package enum Tokens: Sendable, Hashable {
        /// The one with this `jti` (RFC 7519 §4.1.7).
        case tokenID(String)
        /// All with this `sub` (RFC 7519 §4.1.2).
        case subject(String)
        /// All whose `iat` is earlier, or that have none (RFC 7519 §4.1.6).
        case issuedBefore(Timestamp)
    }

    /// The identity, given once.
    package let id: RevocationID
    /// Which tokens.
    package let tokens: Tokens
    /// Why, for people; at most 200 characters.
    package var reason = ""
    /// When it was made.
    package let createdAt: Timestamp
    /// From when on it no longer counts, because the last of its tokens has expired; `nil` means never.
    package var expiresAt: Timestamp?

    /// Makes a revocation that never ends.
    package init(id: RevocationID, tokens: Tokens, createdAt: Timestamp) {
        self.id = id
        self.tokens = tokens
        self.createdAt = createdAt
    }

    /// The tokens in words: `jti 4711`.
    package var name: String {
        switch tokens {
        case .tokenID(let id): "jti \(id)"
        case .subject(let subject): "subject \(subject)"
        case .issuedBefore(let time): "issued before \(time)"
        }
    }

    /// Whether it still counts.
    package func counts(at now: Timestamp) -> Bool {
        guard let expiresAt else { return true }
        return now < expiresAt
    }
}
