/// Which requests of a window are counted: those whose labels are all that it asks for.
package struct TrafficFilter: Sendable {
    /// The client's name.
    package var client: String?
    /// The profile's name, which says little without its client's.
    package var profile: String?
    /// The endpoint as `handle/name`, or `handle/` for all of a collection.
    package var endpoint: String?

    /// Takes what is asked for; nothing is asked for unless given.
    package init(client: String? = nil, profile: String? = nil, endpoint: String? = nil) {
        self.client = client
        self.profile = profile
        self.endpoint = endpoint
    }

    /// Whether every request is counted.
    package var wantsAll: Bool { client == nil && profile == nil && endpoint == nil }

    /// Whether requests with these labels are counted.
    package func wants(_ labels: TrafficLabels) -> Bool {
        if let client, labels.client != client { return false }
        if let profile, labels.profile != profile { return false }
        guard let endpoint else { return true }
        return endpoint.hasSuffix("/") ? labels.endpoint.hasPrefix(endpoint) : labels.endpoint == endpoint
    }
}

extension TrafficStore {
    /// The traffic of a window that ends now, of everybody and everything.
    ///
    /// - Throws: ``CatalogStoreError``.
    package func traffic(_ window: TrafficWindow, at now: Timestamp) async throws -> TrafficSummary {
        try await traffic(window, of: TrafficFilter(), at: now)
    }
}
