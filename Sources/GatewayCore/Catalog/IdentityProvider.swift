package import JOSE

/// Who issues the tokens of an `oidc` profile, and where its public keys are.
package struct IdentityProvider: Sendable, Hashable {
    /// Where the public keys come from.
    package enum Keys: Sendable, Hashable {
        /// The `jwks_uri` of this document (OpenID Connect Discovery 1.0 §3), whose `issuer` must be ours.
        case discovery(KeyURL)
        /// The JWK set (RFC 7517 §5) at this URL.
        case keySet(KeyURL)
        /// This JWK set.
        case inline(String)
    }

    /// What follows the issuer in the URL of its discovery document (OpenID Connect Discovery 1.0 §4).
    package static let discoveryPath = "/.well-known/openid-configuration"

    /// What `iss` of its tokens must be, compared as bytes.
    package var issuer: String
    /// Where the public keys come from.
    package var keys: Keys
    /// The algorithms that its tokens may be signed with; empty means all that fit its keys.
    package var algorithms: [SignatureAlgorithm] = []

    /// Takes issuer and keys.
    package init(issuer: String, keys: Keys) {
        self.issuer = issuer
        self.keys = keys
    }
}
