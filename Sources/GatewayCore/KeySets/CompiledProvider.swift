import JOSE

/// An identity provider compiled for the request path.
final class CompiledProvider: Sendable {
    /// What `iss` must be.
    let issuer: [UInt8]
    /// Where its keys are fetched from; `nil` when they are given in place.
    let source: KeySetSource?
    /// The algorithms that its tokens may be signed with; empty means all that fit its keys.
    let algorithms: [SignatureAlgorithm]
    private let inline: ProviderKeySet?

    init(_ provider: IdentityProvider) {
        issuer = Array(provider.issuer.utf8)
        source = KeySetSource(provider)
        algorithms = provider.algorithms
        guard case .inline(let text) = provider.keys else {
            inline = nil
            return
        }
        let never = Timestamp(secondsSinceEpoch: .max)
        // The catalog's rules have read it before; keys that cannot be read verify nothing.
        inline = try? ProviderKeySet(
            reading: Array(text.utf8),
            fetchedAt: Timestamp(secondsSinceEpoch: 0),
            freshUntil: never,
            staleUntil: never
        )
    }

    /// The keys that may verify now.
    func keySet(_ sets: KeySets, at now: Timestamp) -> ProviderKeySet? {
        guard let source else { return inline }
        guard let set = sets[source], now < set.staleUntil else { return nil }
        return set
    }
}

extension AccessProfile {
    /// Where the keys of its identity provider are fetched from, if they are.
    package var keySetSource: KeySetSource? { identityProvider.flatMap(KeySetSource.init) }
}
