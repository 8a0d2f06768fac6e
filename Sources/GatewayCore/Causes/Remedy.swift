/// What mends a likely cause: what a manager's console offers as a button, or what the caller has to do.
///
/// What is tried for an explanation and what the button does are the same function: ``apply(to:now:)``.
package enum Remedy: Sendable, Equatable {
    /// How long a key or API token that ended is given when its end is moved, in seconds: a week to act.
    package static let extensionSeconds: Int64 = 7 * 86_400

    /// Nothing that could be offered.
    case none
    /// The caller signs another token.
    case mintAnother
    /// The caller sends what it has in its proper form.
    case sendCorrected
    /// The caller calls this path.
    case usePath(String)
    /// The switch of an HMAC secret.
    case setSecretIsBase64(ProfileID, KeyID, Bool)
    /// The secret is kept as the signer reads it.
    case rewriteSecret(ProfileID, KeyID, SecretReading)
    /// An inactive key becomes active.
    case reactivateKey(ProfileID, KeyID)
    /// A retired key stays for ``extensionSeconds`` from now.
    case extendKeyRetirement(ProfileID, KeyID)
    /// A key that begins later begins at once.
    case startKey(ProfileID, KeyID)
    /// A key may be used with an algorithm besides.
    case setAlgorithm(ProfileID, KeyID, String)
    /// A profile authenticates its callers in another way.
    case setMethod(ProfileID, AuthenticationMethod)
    /// An inactive profile becomes active.
    case activateProfile(ProfileID)
    /// An inactive client becomes active.
    case activateClient(ClientID)
    /// An inactive API token becomes active.
    case activateAPIToken(ProfileID, APITokenID)
    /// An expired API token stays for ``extensionSeconds`` from now.
    case extendAPIToken(ProfileID, APITokenID)
    /// The API token is looked for in this claim.
    case setIdentityClaim(ProfileID, String)
    /// The profile may reach a collection.
    case grantCollection(ProfileID, CollectionID)
    /// The profile accepts a value of `aud` besides.
    case addAudience(ProfileID, String)
    /// The profile accepts a value of `iss` besides.
    case addIssuer(ProfileID, String)
    /// The profile allows clocks to differ by so many seconds.
    case raiseLeeway(ProfileID, seconds: Int)
    /// The profile accepts tokens that live so many seconds.
    case raiseMaximumLifetime(ProfileID, seconds: Int)
    /// The profile may be used from an address besides.
    case allowAddress(ProfileID, IPAddress)
    /// The address is a proxy's, which says whom calls come from: advice alone, since only people know that.
    case trustProxy(IPAddress)
    /// An inactive endpoint answers.
    case activateEndpoint(CollectionID, EndpointID)
    /// The endpoints of an inactive collection answer.
    case activateCollection(CollectionID)
    /// A collection answers under a host name besides.
    case addHost(CollectionID, String)
    /// An endpoint answers a method besides.
    case addMethod(CollectionID, EndpointID, String)

    /// The stable name, as the API has it.
    package var action: String {
        switch self {
        case .none: "none"
        case .mintAnother: "mint_another"
        case .sendCorrected: "send_corrected"
        case .usePath: "use_path"
        case .setSecretIsBase64: "set_secret_is_base64"
        case .rewriteSecret: "rewrite_secret"
        case .reactivateKey: "reactivate_key"
        case .extendKeyRetirement: "extend_key_retirement"
        case .startKey: "start_key"
        case .setAlgorithm: "set_algorithm"
        case .setMethod: "set_method"
        case .activateProfile: "activate_profile"
        case .activateClient: "activate_client"
        case .activateAPIToken: "activate_api_token"
        case .extendAPIToken: "extend_api_token"
        case .setIdentityClaim: "set_identity_claim"
        case .grantCollection: "grant_collection"
        case .addAudience: "add_audience"
        case .addIssuer: "add_issuer"
        case .raiseLeeway: "raise_leeway"
        case .raiseMaximumLifetime: "raise_max_lifetime"
        case .allowAddress: "allow_address"
        case .trustProxy: "trust_proxy"
        case .activateEndpoint: "activate_endpoint"
        case .activateCollection: "activate_collection"
        case .addHost: "add_host"
        case .addMethod: "add_method"
        }
    }

    /// Every stable name, for schemas and documents.
    package static let actions = [
        "none", "mint_another", "send_corrected", "use_path", "set_secret_is_base64", "rewrite_secret",
        "reactivate_key", "extend_key_retirement", "start_key", "set_algorithm", "set_method",
        "activate_profile", "activate_client", "activate_api_token", "extend_api_token",
        "set_identity_claim", "grant_collection", "add_audience", "add_issuer", "raise_leeway",
        "raise_max_lifetime", "allow_address", "trust_proxy", "activate_endpoint", "activate_collection",
        "add_host", "add_method",
    ]
}

extension Remedy {
    /// What the remedy is about, by the names that the API has: identities, and at most one value.
    package var arguments: [(String, DocumentValue)] {
        switch self {
        case .none, .mintAnother, .sendCorrected: []
        case .usePath(let path): [("value", .string(path))]
        case .setSecretIsBase64(let profile, let key, let isBase64):
            Self.key(profile, key) + [("secret_is_base64", .bool(isBase64))]
        case .rewriteSecret(let profile, let key, let reading):
            Self.key(profile, key) + [("value", .string(reading.rawValue))]
        case .reactivateKey(let profile, let key), .extendKeyRetirement(let profile, let key),
            .startKey(let profile, let key):
            Self.key(profile, key)
        case .setAlgorithm(let profile, let key, let algorithm):
            Self.key(profile, key) + [("value", .string(algorithm))]
        case .setMethod(let profile, let method):
            Self.profile(profile) + [("value", .string(method.rawValue))]
        case .activateProfile(let profile): Self.profile(profile)
        case .activateClient(let client): [("client_id", .string(client.text))]
        case .activateAPIToken(let profile, let token), .extendAPIToken(let profile, let token):
            Self.profile(profile) + [("api_token_id", .string(token.text))]
        case .setIdentityClaim(let profile, let text), .addAudience(let profile, let text),
            .addIssuer(let profile, let text):
            Self.profile(profile) + [("value", .string(text))]
        case .grantCollection(let profile, let collection):
            Self.profile(profile) + [("collection_id", .string(collection.text))]
        case .raiseLeeway(let profile, let seconds), .raiseMaximumLifetime(let profile, let seconds):
            Self.profile(profile) + [("seconds", .integer(Int64(seconds)))]
        case .allowAddress(let profile, let address):
            Self.profile(profile) + [("value", .string(address.description))]
        case .trustProxy(let address): [("value", .string(address.description))]
        case .activateEndpoint(let collection, let endpoint): Self.endpoint(collection, endpoint)
        case .activateCollection(let collection): [("collection_id", .string(collection.text))]
        case .addHost(let collection, let host):
            [("collection_id", .string(collection.text)), ("value", .string(host))]
        case .addMethod(let collection, let endpoint, let method):
            Self.endpoint(collection, endpoint) + [("value", .string(method))]
        }
    }

    private static func profile(_ id: ProfileID) -> [(String, DocumentValue)] {
        [("profile_id", .string(id.text))]
    }

    private static func key(_ profile: ProfileID, _ key: KeyID) -> [(String, DocumentValue)] {
        Self.profile(profile) + [("key_id", .string(key.text))]
    }

    private static func endpoint(
        _ collection: CollectionID,
        _ endpoint: EndpointID
    ) -> [(String, DocumentValue)] {
        [("collection_id", .string(collection.text)), ("endpoint_id", .string(endpoint.text))]
    }
}
