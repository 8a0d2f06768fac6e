/// What holds for the whole gateway.
package struct GatewaySettings: Sendable, Hashable {
    /// The claims that may carry the API token when nothing is said, in order; `kid` is the header's.
    package static let defaultIdentityClaims = ["urn:portcullis:sub", "portcullis_sub", "sub", "kid"]
    /// What `identity_claims: workato` stands for.
    package static let workatoIdentityClaims = ["https://www.workato.com/sub", "workato_sub"]

    /// The names that the operator configured, looked at before the default ones.
    package var identityClaims = GatewaySettings.defaultIdentityClaims
    /// Whether tokens without `exp` are refused, unless the profile says otherwise.
    package var requiresExpiry = false
    /// The largest difference of clocks that can be allowed, in seconds.
    package static let maximumLeewaySeconds = 300
    /// The allowed difference of clocks in seconds, 0 to 300, unless the profile says otherwise.
    package var leewaySeconds = 30

    /// The proxies that are believed when they say whom a call comes from; empty means none.
    package var trustedProxies: [AddressRange] = []
    /// The header in which they say it.
    package var clientAddressHeader = ClientAddressHeader.xForwardedFor

    /// What the gateway calls itself: `iss` of the access tokens and assertions that it signs.
    package var issuer = GatewaySettings.defaultIssuer
    /// How old the gateway's signing key may become before another takes its place, in days, 1 to 3650.
    package var signingKeyDays = 90

    /// The issuer when nothing is said.
    package static let defaultIssuer = "urn:portcullis:gateway"

    /// Makes the default settings.
    package init() {}

    /// The claims in the order that they are looked at: the configured ones, then the default ones.
    package var identityClaimOrder: [String] {
        var order: [String] = []
        for name in identityClaims + Self.defaultIdentityClaims where name != "kid" && !order.contains(name) {
            order.append(name)
        }
        return order
    }
}

/// The header in which a trusted proxy says whom a call comes from.
///
/// Only one is read: a proxy that writes the one passes on what its caller wrote into the other.
package enum ClientAddressHeader: String, Sendable, CaseIterable {
    /// `X-Forwarded-For`, a list of addresses.
    case xForwardedFor = "x-forwarded-for"
    /// `Forwarded` (RFC 7239 §4), its `for` parameters.
    case forwarded
    /// No header: the PROXY protocol, version 1 or 2, before the first request of each connection.
    case proxyProtocol = "proxy-protocol"
}
