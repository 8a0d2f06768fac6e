/// A named, versioned group of endpoints with a handle, its URL path segment.
///
/// The collection owns its endpoints: they are written, checked and stored with it.
package struct Collection: Sendable, Hashable {
    /// The identity, given once.
    package let id: CollectionID
    /// The name, for people; 1 to 200 characters.
    package var name: String
    /// The first segment of its paths, unique among collections; letters, digits, `-`, `_`, `.`, `~`.
    package var handle: String
    /// The version, for people; at most 50 characters.
    package var version = ""
    /// Whether its endpoints answer; `true` unless said otherwise.
    package var isActive = true
    /// The host names that it answers under, without a port; empty means all.
    package var hosts: [String] = []
    /// What it offers.
    package var endpoints: [Endpoint] = []

    /// Makes an active collection without endpoints.
    package init(id: CollectionID, name: String, handle: String) {
        self.id = id
        self.name = name
        self.handle = handle
    }
}

/// One method and path template of a collection, and where its calls go.
package struct Endpoint: Sendable, Hashable {
    /// The longest timeout, in seconds.
    package static let maximumTimeoutSeconds = 240
    /// The body size that is accepted when nothing is said: 5 MB.
    package static let defaultMaximumBodyBytes: Int64 = 5_000_000

    /// The identity, given once.
    package let id: EndpointID
    /// The name, unique within the collection.
    package var name: String
    /// The methods that it answers; `GET` answers `HEAD` too (RFC 9110 §9.3.2).
    package var methods: [String] = ["GET"]
    /// The path below the collection's handle.
    package var path: PathTemplate
    /// Where its calls go.
    package var upstreamID: UpstreamID
    /// The path at the upstream; `nil` means the same as ``path``.
    package var upstreamPath: PathTemplate?
    /// Whether it answers; `true` unless said otherwise.
    package var isActive = true
    /// How long the upstream may take to begin its answer, in seconds, 1 to 240.
    package var timeoutSeconds = 30
    /// Which proof of the caller it asks for.
    package var authentication = Authentication.required
    /// The largest accepted request body in bytes.
    package var maximumBodyBytes = Endpoint.defaultMaximumBodyBytes
    /// The scopes that a token must have, all of them; empty asks for none.
    package var scopes: [String] = []
    /// What a call must fulfil besides, compiled; `nil` for nothing.
    package var rule: AuthorizationRule?
    /// Whether the upstream gets the credential too.
    package var forwardsCredential = false

    /// Makes an active endpoint for `GET`.
    package init(id: EndpointID, name: String, path: PathTemplate, upstreamID: UpstreamID) {
        self.id = id
        self.name = name
        self.path = path
        self.upstreamID = upstreamID
    }

    /// Which proof of the caller an endpoint asks for.
    package enum Authentication: String, Sendable, CaseIterable {
        /// A credential of a profile that is granted the collection.
        case required
        /// None: anybody may call.
        case none
    }
}
