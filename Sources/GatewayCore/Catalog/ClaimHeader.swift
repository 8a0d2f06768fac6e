/// A claim of the caller's token that an upstream gets as a header of its own.
package struct ClaimHeader: Sendable, Hashable {
    /// At most this many belong to one upstream.
    package static let maximumCount = 32

    /// The name of the claim, a member of the payload's top level.
    package var claim: String
    /// The name of the header; what the caller sent under it is removed.
    package var header: String
    /// What stands between the elements of a list; 1 to 8 visible characters or spaces.
    package var separator = ","

    /// Takes claim and header.
    package init(claim: String, header: String) {
        self.claim = claim
        self.header = header
    }
}

/// A short-lived token by which an upstream can tell that a call came through the gateway.
package struct AssertionRules: Sendable, Hashable {
    /// The header that carries it when nothing is said.
    package static let defaultHeader = "Portcullis-Assertion"
    /// How long it lives when nothing is said, in seconds.
    package static let defaultLifetimeSeconds = 60

    /// The header that carries it.
    package var header = AssertionRules.defaultHeader
    /// Its `aud`: whom it is for.
    package var audience: String
    /// How long it lives, in seconds; 10 to 600.
    package var lifetimeSeconds = AssertionRules.defaultLifetimeSeconds

    /// Makes rules for an audience.
    package init(audience: String) {
        self.audience = audience
    }
}
