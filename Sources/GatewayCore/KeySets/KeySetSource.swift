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

    // Bytes, since Swift compares texts by canonical equivalence.
    package static func == (left: Self, right: Self) -> Bool {
        left.url == right.url && left.isDiscovery == right.isDiscovery
            && left.issuer.utf8.elementsEqual(right.issuer.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(url)
        hasher.combine(isDiscovery)
    }

    /// The source as one text, by which it is kept.
    package var text: String { "\(isDiscovery ? "discovery" : "jwks") \(url) \(issuer)" }
}
