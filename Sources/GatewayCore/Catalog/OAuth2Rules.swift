/// What the access tokens of an `oauth2` profile are like.
package struct OAuth2Rules: Sendable, Hashable {
    /// How long an access token lives when nothing is said, in seconds.
    package static let defaultLifetimeSeconds = 3600
    /// The shortest and longest life of an access token, in seconds.
    package static let lifetimes = 60...86_400

    /// The scopes that may be asked for (RFC 6749 §3.3); all of them are given when none is asked for.
    package var scopes: [String] = []
    /// How long an access token lives, in seconds; 60 to 86,400.
    package var lifetimeSeconds = OAuth2Rules.defaultLifetimeSeconds

    /// Makes the default rules: no scopes, one hour.
    package init() {}
}
