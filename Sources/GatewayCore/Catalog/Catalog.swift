import HashTreeCollections

/// The number of a catalog: each change makes the next one.
package struct CatalogRevision: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number, from 0 (an empty catalog) on.
    package let number: Int64

    /// Takes the number.
    package init(_ number: Int64) {
        self.number = number
    }

    /// The revision after this one.
    package var next: CatalogRevision { CatalogRevision(number + 1) }

    package var description: String { String(number) }

    package static func < (left: Self, right: Self) -> Bool {
        left.number < right.number
    }
}

/// Everything that managers set up, as one consistent, numbered revision.
///
/// The dictionaries share their structure with the revision before: one change among 100,000 clients
/// copies a few nodes. Only ``CatalogDraft`` changes a catalog, so every one in existence is valid.
package struct Catalog: Sendable {
    /// Which revision it is.
    package internal(set) var revision = CatalogRevision(0)
    /// What holds for the whole gateway.
    package internal(set) var settings = GatewaySettings()
    /// The keys that the gateway signs with, the newest last; empty before the first start is over.
    package internal(set) var signingKeys: [GatewaySigningKey] = []
    /// The clients by identity.
    package internal(set) var clients = EntityTable<Client>()
    /// The access profiles by identity.
    package internal(set) var profiles = EntityTable<AccessProfile>()
    /// The collections by identity.
    package internal(set) var collections = EntityTable<Collection>()
    /// The upstreams by identity.
    package internal(set) var upstreams = EntityTable<Upstream>()

    // What the rules of uniqueness and the look-ups by name need; kept in step by CatalogDraft alone.
    var clientsByName: TreeDictionary<String, ClientID> = [:]
    var profilesByClient: TreeDictionary<ClientID, ProfileNames> = [:]
    var profilesByToken: TreeDictionary<APITokenDigest, ProfileID> = [:]
    // How many profiles name a claim for themselves.
    var profilesByIdentityClaim: [String: Int] = [:]
    var collectionsByHandle: TreeDictionary<String, CollectionID> = [:]
    var collectionsByEndpoint: TreeDictionary<EndpointID, CollectionID> = [:]
    var upstreamsByName: TreeDictionary<String, UpstreamID> = [:]

    /// Makes an empty catalog, revision 0.
    package init() {}

    /// The client of this name.
    package func client(named name: String) -> Client? {
        clientsByName[name].flatMap { clients[$0] }
    }

    /// The profile of this name at the client.
    package func profile(named name: String, of clientID: ClientID) -> AccessProfile? {
        profilesByClient[clientID]?[name].flatMap { profiles[$0] }
    }

    /// The profiles of a client, by name.
    package func profiles(of clientID: ClientID) -> [AccessProfile] {
        (profilesByClient[clientID]?.ids.compactMap { profiles[$0] } ?? []).sorted { $0.name < $1.name }
    }

    /// The profile that an API token names.
    package func profile(token: APITokenDigest) -> AccessProfile? {
        profilesByToken[token].flatMap { profiles[$0] }
    }

    /// The collection with this handle.
    package func collection(handle: String) -> Collection? {
        collectionsByHandle[handle].flatMap { collections[$0] }
    }

    /// The collection that an endpoint belongs to.
    package func collection(of endpointID: EndpointID) -> Collection? {
        collectionsByEndpoint[endpointID].flatMap { collections[$0] }
    }

    /// The upstream of this name.
    package func upstream(named name: String) -> Upstream? {
        upstreamsByName[name].flatMap { upstreams[$0] }
    }
}

/// The names of one client's profiles.
enum ProfileNames: Sendable {
    // Most clients have one profile, and a table of its own for each would be the larger part of its index.
    case none
    case one(String, ProfileID)
    case several(TreeDictionary<String, ProfileID>)

    subscript(name: String) -> ProfileID? {
        switch self {
        case .none: nil
        case .one(let only, let id): only == name ? id : nil
        case .several(let ids): ids[name]
        }
    }

    var ids: [ProfileID] {
        switch self {
        case .none: []
        case .one(_, let id): [id]
        case .several(let ids): Array(ids.values)
        }
    }

    /// Gives a name to a profile.
    ///
    /// - Returns: `false`, and nothing has changed, when it is another one's.
    mutating func claim(_ name: String, for id: ProfileID) -> Bool {
        switch self {
        case .none: self = .one(name, id)
        case .one(name, let other): return other == id
        case .one(let first, let other): self = .several([first: other, name: id])
        case .several(var ids):
            self = .none
            defer { self = .several(ids) }
            if let other = ids[name] { return other == id }
            ids[name] = id
        }
        return true
    }

    mutating func release(_ name: String) {
        switch self {
        case .none: break
        case .one(let only, _): if only == name { self = .none }
        case .several(var ids):
            self = .none
            ids[name] = nil
            self = .several(ids)
        }
    }
}
