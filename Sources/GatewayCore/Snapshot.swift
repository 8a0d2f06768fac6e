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
    /// The claims that may carry the API token, in order, as bytes.
    let identityClaims: [[UInt8]]

    private let profiles: TreeDictionary<ProfileID, CompiledProfile>
    private let callers: TreeDictionary<APITokenDigest, Caller>

    /// Compiles a whole catalog.
    package init(_ catalog: Catalog) {
        self.catalog = catalog
        routes = RouteTable(catalog)
        identityClaims = catalog.settings.identityClaimOrder.map { Array($0.utf8) }
        var profiles: TreeDictionary<ProfileID, CompiledProfile> = [:]
        var callers: TreeDictionary<APITokenDigest, Caller> = [:]
        for profile in catalog.profiles.values {
            guard let compiled = CompiledProfile(profile, in: catalog) else { continue }
            profiles[profile.id] = compiled
            for token in profile.apiTokens {
                callers[token.digest] = Caller(profile: compiled, apiToken: token)
            }
        }
        self.profiles = profiles
        self.callers = callers
    }

    /// Compiles what a change touched and shares the rest, so that one change among 100,000 clients is quick.
    package init(_ catalog: Catalog, after previous: Snapshot, _ change: CatalogChange) {
        self.catalog = catalog
        let isSameRouting = change.collections.isEmpty && change.upstreams.isEmpty
        routes = isSameRouting ? previous.routes : RouteTable(catalog)
        identityClaims = catalog.settings.identityClaimOrder.map { Array($0.utf8) }
        var profiles = previous.profiles
        var callers = previous.callers
        let touched: Set<ProfileID>
        if change.settings != nil {
            touched = Set(catalog.profiles.keys).union(change.profiles.keys)
        } else {
            touched = change.clients.keys.reduce(into: Set(change.profiles.keys)) { touched, client in
                touched.formUnion(catalog.profilesByClient[client]?.values.map { $0 } ?? [])
            }
        }
        for id in touched {
            for token in profiles[id]?.profile.apiTokens ?? []
            where callers[token.digest]?.profile.profile.id == id {
                callers[token.digest] = nil
            }
            profiles[id] = catalog.profiles[id].flatMap { CompiledProfile($0, in: catalog) }
        }
        // Only now, since a token may have moved from one touched profile to another.
        for id in touched {
            guard let compiled = profiles[id] else { continue }
            for token in compiled.profile.apiTokens {
                callers[token.digest] = Caller(profile: compiled, apiToken: token)
            }
        }
        self.profiles = profiles
        self.callers = callers
    }

    /// Whom an API token names.
    func caller(_ digest: APITokenDigest) -> Caller? {
        callers[digest]
    }
}

/// A profile and the API token that named it.
final class Caller: Sendable {
    let profile: CompiledProfile
    let apiToken: APIToken

    init(profile: CompiledProfile, apiToken: APIToken) {
        self.profile = profile
        self.apiToken = apiToken
    }
}

/// A profile compiled for the request path; made anew at every change of the profile, its client or the
/// settings, so that identity of the object is the generation that remembered tokens are held against.
package final class CompiledProfile: Sendable {
    /// The profile as managers see it.
    package let profile: AccessProfile
    /// The client that it belongs to.
    package let client: Client
    let keys: [ProfileKey]
    let requiredClaims: [[UInt8]]
    let issuers: [[UInt8]]
    let audiences: [[UInt8]]
    let requiresExpiry: Bool
    let leewaySeconds: Int64
    let hasAddressRules: Bool
    // Where they are few, as with most profiles, they are compared one by one in the profile's own list.
    private let manyGrantedCollections: Set<CollectionID>?

    init?(_ profile: AccessProfile, in catalog: Catalog) {
        guard let client = catalog.clients[profile.clientID] else { return nil }
        self.profile = profile
        self.client = client
        keys = profile.keys.filter(\.isActive)
        requiredClaims = profile.claimRules.requiredClaims.map { Array($0.utf8) }
        issuers = profile.claimRules.issuers.map { Array($0.utf8) }
        audiences = profile.claimRules.audiences.map { Array($0.utf8) }
        requiresExpiry = profile.claimRules.requiresExpiry ?? catalog.settings.requiresExpiry
        leewaySeconds = Int64(profile.claimRules.leewaySeconds ?? catalog.settings.leewaySeconds)
        hasAddressRules = !profile.allowedAddresses.isEmpty || !profile.deniedAddresses.isEmpty
        let granted = profile.grantedCollections
        manyGrantedCollections = granted.count > 8 ? Set(granted) : nil
    }

    /// Whether its calls may go to a collection's endpoints.
    func isGranted(_ collection: CollectionID) -> Bool {
        if let manyGrantedCollections { return manyGrantedCollections.contains(collection) }
        for granted in profile.grantedCollections where granted == collection { return true }
        return false
    }
}
