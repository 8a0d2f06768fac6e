import HashTreeCollections
import JOSE

/// A catalog compiled for the request path: everything that a decision needs, nothing to look up elsewhere.
///
/// It never changes. Requests in flight keep the one that they began with.
package final class Snapshot: Sendable {
    /// The catalog that it was compiled from.
    package let catalog: Catalog
    /// Host, path and method → endpoint.
    package let routes: RouteTable
    /// Which proxies are believed; `nil` when none is.
    package let trustedProxies: TrustedProxies?
    /// The claims that may carry the API token, in order, as bytes.
    let identityClaims: [[UInt8]]
    /// The claims that some profile names for itself.
    let profilesIdentityClaims: [[UInt8]]

    /// How many profiles demand a client certificate.
    package let certificateDemands: Int
    /// The sources that keys of identity providers are fetched from, and how many profiles each is for.
    package let keySetSources: [KeySetSource: Int]

    private let callers: TreeDictionary<APITokenDigest, Caller>
    /// The profiles that may ask for access tokens, each with its API tokens.
    let oauth2Clients: TreeDictionary<ProfileID, [Caller]>
    /// What the gateway itself signs with.
    package let gatewayKeys: GatewayKeys
    /// Whether some upstream gets assertions.
    let hasAssertions: Bool
    // The profiles that recognise tokens without an API token.
    private let matches: TokenMatchTable

    /// Compiles a whole catalog.
    package init(_ catalog: Catalog) {
        self.catalog = catalog
        routes = RouteTable(catalog)
        identityClaims = catalog.settings.identityClaimOrder.map { Array($0.utf8) }
        profilesIdentityClaims = catalog.profilesByIdentityClaim.keys.sorted().map { Array($0.utf8) }
        trustedProxies = catalog.settings.trustedProxies.isEmpty ? nil : TrustedProxies(catalog.settings)
        gatewayKeys = GatewayKeys(catalog.signingKeys, issuer: catalog.settings.issuer)
        hasAssertions = catalog.upstreams.values.contains { $0.assertion != nil }
        var callers: TreeDictionary<APITokenDigest, Caller> = [:]
        var clients: TreeDictionary<ProfileID, [Caller]> = [:]
        var matches = TokenMatchTable()
        for profile in catalog.profiles.sharedValues {
            Self.add(profile, in: catalog, to: &callers, &clients, &matches)
        }
        self.callers = callers
        oauth2Clients = clients
        self.matches = matches
        keySetSources = catalog.profiles.sharedValues.reduce(into: [:]) { sources, profile in
            if let source = profile.value.keySetSource { sources[source, default: 0] += 1 }
        }
        certificateDemands = catalog.profiles.sharedValues.count { $0.value.clientCertificate != nil }
    }

    /// Compiles what a change touched and shares the rest, so that one change among 100,000 clients is quick.
    package init(_ catalog: Catalog, after previous: Snapshot, _ change: CatalogChange) {
        self.catalog = catalog
        let isSameRouting = change.collections.isEmpty && change.upstreams.isEmpty
        routes = isSameRouting ? previous.routes : RouteTable(catalog)
        identityClaims = catalog.settings.identityClaimOrder.map { Array($0.utf8) }
        profilesIdentityClaims = catalog.profilesByIdentityClaim.keys.sorted().map { Array($0.utf8) }
        trustedProxies = catalog.settings.trustedProxies.isEmpty ? nil : TrustedProxies(catalog.settings)
        let isSameSigner = change.signingKeys == nil && change.settings == nil
        gatewayKeys =
            isSameSigner
            ? previous.gatewayKeys : GatewayKeys(catalog.signingKeys, issuer: catalog.settings.issuer)
        hasAssertions =
            change.upstreams.isEmpty
            ? previous.hasAssertions : catalog.upstreams.values.contains { $0.assertion != nil }
        var callers = previous.callers
        var clients = previous.oauth2Clients
        var matches = previous.matches
        let touched: Set<ProfileID>
        if change.settings != nil {
            touched = Set(catalog.profiles.keys).union(change.profiles.keys)
        } else {
            touched = change.clients.keys.reduce(into: Set(change.profiles.keys)) { touched, client in
                touched.formUnion(catalog.profilesByClient[client]?.ids ?? [])
            }
        }
        for id in touched {
            guard let old = previous.catalog.profiles[id] else { continue }
            for token in old.apiTokens { callers[token.digest] = nil }
            if old.method == .oauth2 { clients[id] = nil }
            if !old.tokenMatches.isEmpty { matches.remove(id) }
        }
        // Only now, since a token may have moved from one touched profile to another.
        for id in touched {
            if let profile = catalog.profiles.shared(id) {
                Self.add(profile, in: catalog, to: &callers, &clients, &matches)
            }
        }
        self.callers = callers
        oauth2Clients = clients
        self.matches = matches
        keySetSources = touched.reduce(into: previous.keySetSources) { sources, id in
            if let source = previous.catalog.profiles[id]?.keySetSource {
                sources[source] = (sources[source] ?? 1) > 1 ? (sources[source] ?? 1) - 1 : nil
            }
            if let source = catalog.profiles[id]?.keySetSource { sources[source, default: 0] += 1 }
        }
        certificateDemands = touched.reduce(previous.certificateDemands) { count, id in
            count - (previous.catalog.profiles[id]?.clientCertificate == nil ? 0 : 1)
                + (catalog.profiles[id]?.clientCertificate == nil ? 0 : 1)
        }
    }

    private static func add(
        _ profile: SharedEntity<AccessProfile>,
        in catalog: Catalog,
        to callers: inout TreeDictionary<APITokenDigest, Caller>,
        _ clients: inout TreeDictionary<ProfileID, [Caller]>,
        _ matches: inout TokenMatchTable
    ) {
        let apiTokens = profile.value.apiTokens
        let isOAuth2 = profile.value.method == .oauth2
        if isOAuth2 { clients[profile.value.id] = [] }
        // A profile that no token names never decides anything.
        guard !apiTokens.isEmpty || !profile.value.tokenMatches.isEmpty,
            let compiled = CompiledProfile(profile, in: catalog)
        else { return }
        if !profile.value.tokenMatches.isEmpty { matches.add(Caller(profile: compiled, apiTokenAt: nil)) }
        for index in apiTokens.indices {
            let caller = Caller(profile: compiled, apiTokenAt: index)
            callers[apiTokens[index].digest] = caller
            if isOAuth2 { clients[profile.value.id, default: []].append(caller) }
        }
    }

    /// Whom an API token names.
    func caller(_ digest: APITokenDigest) -> Caller? {
        callers[digest]
    }

    /// Whether a claim that is meant for it carries an API token, be it one that no profile has any more.
    ///
    /// `sub` is not looked at: an identity provider's subjects may look like API tokens.
    func carriesAPIToken(_ claims: JSONDocument) -> Bool {
        for names in [identityClaims, profilesIdentityClaims] {
            for name in names where !name.elementsEqual("sub".utf8) {
                if let value = claims.root[member: name]?.stringBytes, APITokenDigest(token: value) != nil {
                    return true
                }
            }
        }
        return false
    }

    /// Who recognises a token by its claims alone.
    func caller(matching claims: JSONDocument) -> TokenMatchTable.Found {
        matches.find(claims)
    }
}

/// A profile, and the API token that named it.
final class Caller: Sendable {
    let profile: CompiledProfile
    private let index: Int?
    /// The API token in the record of uses.
    let use: UseID?
    /// Whether the API token by itself is the credential.
    let isProvenByAPIToken: Bool

    /// Takes which of the profile's API tokens it is; `nil` when the profile knows its tokens by their claims.
    init(profile: CompiledProfile, apiTokenAt index: Int?) {
        self.profile = profile
        self.index = index
        use = index.map { UseID(profile.profile.apiTokens[$0].id) }
        isProvenByAPIToken = profile.profile.method == .token
    }

    var apiToken: APIToken? { index.map { profile.profile.apiTokens[$0] } }
}

/// A profile compiled for the request path; made anew at every change of the profile, its client or the
/// settings, so that identity of the object is the generation that remembered tokens are held against.
package final class CompiledProfile: Sendable {
    /// The profile as managers see it.
    package var profile: AccessProfile { sharedProfile.value }
    /// The client that it belongs to.
    package var client: Client { sharedClient.value }
    /// Those that may verify.
    let keys: [ProfileKey]
    let requiredClaims: [[UInt8]]
    let issuers: [[UInt8]]
    let audiences: [[UInt8]]
    let requiresExpiry: Bool
    let leewaySeconds: Int64
    let hasAddressRules: Bool
    /// Which client certificate its callers must present; `nil` for none.
    let certificateRules: CompiledCertificateRules?
    /// Who issues the tokens of an `oidc` profile; `nil` for every other one.
    let provider: CompiledProvider?
    /// `nil` when nothing is revoked.
    let revoked: RevokedTokens?
    /// What the upstream is told of a caller without a token's claims; empty where there always are some.
    let identityHeaders: [UInt8]
    // Where they are few, as with most profiles, they are compared one by one in the profile's own list.
    private let manyGrantedCollections: Set<CollectionID>?
    // What the catalog holds anyway, and no copies: there may be 100,000 of each.
    private let sharedProfile: SharedEntity<AccessProfile>
    private let sharedClient: SharedEntity<Client>

    init?(_ shared: SharedEntity<AccessProfile>, in catalog: Catalog) {
        guard let client = catalog.clients.shared(shared.value.clientID) else { return nil }
        sharedProfile = shared
        sharedClient = client
        let all = shared.value.keys
        keys = all.allSatisfy(\.isActive) ? all : all.filter(\.isActive)
        requiredClaims = shared.value.claimRules.requiredClaims.map { Array($0.utf8) }
        issuers = shared.value.claimRules.issuers.map { Array($0.utf8) }
        audiences = shared.value.claimRules.audiences.map { Array($0.utf8) }
        requiresExpiry = shared.value.claimRules.requiresExpiry ?? catalog.settings.requiresExpiry
        leewaySeconds = Int64(shared.value.claimRules.leewaySeconds ?? catalog.settings.leewaySeconds)
        hasAddressRules =
            !shared.value.allowedAddresses.isEmpty || !shared.value.deniedAddresses.isEmpty
            || shared.value.apiTokens.contains { !$0.allowedAddresses.isEmpty || !$0.deniedAddresses.isEmpty }
        certificateRules = shared.value.clientCertificate.map(CompiledCertificateRules.init)
        provider = shared.value.identityProvider.map(CompiledProvider.init)
        revoked = RevokedTokens(shared.value.revocations)
        identityHeaders =
            shared.value.method == .token
            ? IdentityHeaders.render(client: client.value.name, profile: shared.value.name) : []
        let granted = shared.value.grantedCollections
        manyGrantedCollections = granted.count > 8 ? Set(granted) : nil
    }

    /// Whether its calls may go to a collection's endpoints.
    func isGranted(_ collection: CollectionID) -> Bool {
        if let manyGrantedCollections { return manyGrantedCollections.contains(collection) }
        for granted in profile.grantedCollections where granted == collection { return true }
        return false
    }
}
