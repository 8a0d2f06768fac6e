/// Where the keys of `oidc` profiles are fetched from; profiles with the same issuer and URL share one.
package struct KeySetSource: Hashable, Sendable {
    /// What `iss` of the tokens must be, and the `issuer` of the discovery document.
    package let issuer: String
    /// The URL that is asked first.
    package let url: KeyURL
    /// Whether that is a discovery document, which names the URL of the key set.
    package let isDiscovery: Bool

    /// Takes what an identity provider's keys are fetched by.
    ///
    /// - Returns: `nil` when they are given in place.
    package init?(_ provider: IdentityProvider) {
        issuer = provider.issuer
        switch provider.keys {
        case .discovery(let url): (self.url, isDiscovery) = (url, true)
        case .keySet(let url): (self.url, isDiscovery) = (url, false)
        case .inline: return nil
        }
    }

    /// The source as one text, by which it is kept.
    package var text: String { "\(isDiscovery ? "discovery" : "jwks") \(url) \(issuer)" }
}
