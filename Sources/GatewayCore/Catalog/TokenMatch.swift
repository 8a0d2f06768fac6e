/// A rule that recognises tokens of a profile that carry no API token, as an identity provider issues them.
///
/// All of its parts must hold.
package struct TokenMatch: Sendable, Hashable {
    /// A claim and the text that it must be, or have among its elements when it is a list.
    package struct Claim: Sendable, Hashable {
        /// The name of the claim, a member of the payload's top level.
        package let name: String
        /// The text, compared as bytes.
        package let value: String

        /// Takes name and value.
        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// At most this many rules belong to one profile.
    package static let maximumCount = 10
    /// At most this many claims belong to one rule.
    package static let maximumClaims = 10

    /// What `iss` must be (RFC 7519 §4.1.1).
    package var issuer: String
    /// What `aud` must be or contain (RFC 7519 §4.1.3); `nil` for anything.
    package var audience: String?
    /// What other claims must be; names are unique.
    package var claims: [Claim] = []

    /// Makes a rule that asks for the issuer alone.
    package init(issuer: String) {
        self.issuer = issuer
    }
}
