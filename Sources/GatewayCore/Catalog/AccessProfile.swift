/// How one client authenticates and what it may reach.
///
/// The profile owns its keys and API tokens: they are written, checked and stored with it.
package struct AccessProfile: Sendable {
    /// At most this many API tokens belong to one profile.
    package static let maximumAPITokens = 20
    /// At most this many revocations belong to one profile.
    package static let maximumRevocations = 10_000
    /// At most this many keys belong to one profile.
    package static let maximumKeys = 32

    /// The identity, given once.
    package let id: ProfileID
    /// The client that it belongs to; never changes.
    package let clientID: ClientID
    /// The name, unique within the client; 1 to 200 characters.
    package var name: String
    /// Whether its tokens are let in; `true` unless said otherwise.
    package var isActive = true
    /// How callers prove who they are.
    package var method = AuthenticationMethod.jwt
    /// The collections that it may reach.
    package var grantedCollections: [CollectionID] = []
    /// The claim that carries the API token in this profile's tokens, besides those of the settings, for an
    /// identity provider that reserves them; `nil` for none.
    package var identityClaim: String?
    /// What its tokens' claims must fulfil.
    package var claimRules = ClaimRules()
    /// The addresses that may call; empty means all.
    package var allowedAddresses: [AddressRange] = []
    /// The addresses that may not call, even when allowed above.
    package var deniedAddresses: [AddressRange] = []
    /// What its tokens' signatures are checked with.
    package var keys: [ProfileKey] = []
    /// What names it in a token.
    package var apiTokens: [APIToken] = []
    /// Which of its tokens are refused all the same.
    package var revocations: [Revocation] = []
    /// Rules by which tokens without an API token are recognised as its own; empty for none.
    package var tokenMatches: [TokenMatch] = []
    /// Who issues its tokens; given for the method `oidc`, and for no other.
    @OutOfLine package var identityProvider: IdentityProvider? = nil
    /// What its access tokens are like; `nil` for the default, and for every method but `oauth2`.
    @OutOfLine package var oauth2: OAuth2Rules? = nil
    /// Which client certificate its callers must present; `nil` for none.
    @OutOfLine package var clientCertificate: CertificateRules? = nil
    /// Whether each of its tokens is accepted once only, by its `jti`.
    package var acceptsTokensOnce = false

    /// Makes an active profile that has no key, no API token and no grant yet.
    package init(id: ProfileID, clientID: ClientID, name: String) {
        self.id = id
        self.clientID = clientID
        self.name = name
    }
}

/// How callers of a profile prove who they are.
package enum AuthenticationMethod: String, Sendable, CaseIterable {
    /// A JSON Web Token signed with one of the profile's keys.
    case jwt
    /// One of the profile's API tokens alone, in the header `API-Token` or as the password of HTTP Basic.
    case token
    /// An access token that the gateway itself issues for one of the profile's API tokens (RFC 6749 §4.4).
    case oauth2
    /// A JSON Web Token that an identity provider issues (OpenID Connect Core 1.0).
    case oidc

    /// Whether its credential is a signed token, with claims that rules can look at.
    package var hasClaims: Bool {
        switch self {
        case .jwt, .oauth2, .oidc: true
        case .token: false
        }
    }
}

/// What the claims of a profile's tokens must fulfil, after the signature.
package struct ClaimRules: Sendable, Hashable {
    /// Claims that must be present and not null.
    package var requiredClaims: [String] = []
    /// Values of `iss` that are accepted; empty means any, and none at all.
    package var issuers: [String] = []
    /// Values of `aud` of which one must be there; empty means any, and none at all.
    package var audiences: [String] = []
    /// Whether `exp` must be present; `nil` leaves it to the gateway's setting.
    package var requiresExpiry: Bool?
    /// Allowed difference of clocks in seconds, 0 to 300; `nil` leaves it to the gateway's setting.
    package var leewaySeconds: Int?
    /// The longest accepted time from `iat` (or `nbf`, or now) to `exp`, in seconds; `nil` means any.
    package var maximumLifetimeSeconds: Int?

    /// Makes rules that ask for nothing.
    package init() {}
}
