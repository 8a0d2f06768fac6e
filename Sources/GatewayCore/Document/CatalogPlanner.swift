/// Works out a ``CatalogPlan``, on a draft of its own so that every step is judged in its place.
struct CatalogPlanner {
    private(set) var draft: CatalogDraft
    private(set) var steps: [CatalogPlan.Step] = []
    private(set) var operations: [CatalogPlan.Operation] = []
    private let before: Catalog
    private let document: DocumentNode
    private let prunes: Bool
    private var context: DocumentContext

    init(catalog: Catalog, document: DocumentNode, prunes: Bool, context: DocumentContext) {
        draft = CatalogDraft(catalog)
        before = catalog
        self.document = document
        self.prunes = prunes
        self.context = context
        self.context.nested = prunes ? .prunesUnmentioned : .keepsUnmentioned
    }

    mutating func plan() throws(DocumentError) {
        var reader = try DocumentReader(document)
        let settings = reader.take("settings")
        let upstreams = try reader.objects("upstreams") ?? []
        let collections = try reader.objects("collections") ?? []
        let clients = try reader.objects("clients") ?? []
        try reader.finish()
        if let settings { try plan(settings: settings) }
        let keptUpstreams = try plan(upstreams: upstreams)
        let keptCollections = try plan(collections: collections)
        // Deletions come before the clients, so that a profile is not granted what is about to go, and an API
        // token may move to another profile; upstreams come last, when no endpoint uses them any more.
        if prunes { try prune(collections: keptCollections) }
        try plan(clients: clients)
        if prunes { try prune(upstreams: keptUpstreams) }
    }

    // MARK: Settings, upstreams, collections

    private mutating func plan(settings node: DocumentNode) throws(DocumentError) {
        var settings = GatewaySettings()
        if case .null = node.value {
        } else {
            var reader = try DocumentReader(node, path: "settings")
            try settings.update(from: &reader)
        }
        guard settings != before.settings else { return }
        try perform(.settings(settings), at: "settings")
        let changes = CatalogPlan.Change.between(
            before.settings.document(form: .export),
            settings.document(form: .export)
        )
        step(.update, .settings, "", "", changes)
    }

    private mutating func plan(upstreams readers: [DocumentReader]) throws(DocumentError) -> Set<UpstreamID> {
        var names = Names("name")
        var kept: Set<UpstreamID> = []
        for var reader in readers {
            let name = try names.next(&reader)
            let old = before.upstream(named: name)
            let id: UpstreamID = old?.id ?? context.makeID("upstream", [name])
            let upstream = try Upstream(id: id, from: &reader)
            kept.insert(id)
            guard upstream != old else { continue }
            try perform(.putUpstream(upstream), at: reader.path)
            let changes = old.map {
                CatalogPlan.Change.between($0.document(form: .export), upstream.document(form: .export))
            }
            step(changes == nil ? .create : .update, .upstream, name, id.text, changes ?? [])
        }
        return kept
    }

    private mutating func prune(upstreams kept: Set<UpstreamID>) throws(DocumentError) {
        let gone = before.upstreams.values.filter { !kept.contains($0.id) }
        for upstream in gone.sorted(by: { $0.name < $1.name }) {
            try perform(.deleteUpstream(upstream.id), at: "upstreams")
            step(.delete, .upstream, upstream.name, upstream.id.text)
        }
    }

    private mutating func plan(
        collections readers: [DocumentReader]
    ) throws(DocumentError) -> Set<CollectionID> {
        var handles = Names("handle")
        var kept: Set<CollectionID> = []
        for var reader in readers {
            let handle = try handles.next(&reader)
            let old = before.collection(handle: handle)
            let id: CollectionID = old?.id ?? context.makeID("collection", [handle])
            var collection: Collection
            if let old {
                collection = old
                try collection.replace(from: &reader, catalog: draft.catalog, context: &context)
            } else {
                collection = try Collection(id: id, from: &reader, catalog: draft.catalog, context: &context)
            }
            kept.insert(id)
            guard collection != old else { continue }
            try perform(.putCollection(collection), at: reader.path)
            step(collection, old)
        }
        return kept
    }

    private mutating func prune(collections kept: Set<CollectionID>) throws(DocumentError) {
        let gone = before.collections.values.filter { !kept.contains($0.id) }
        for collection in gone.sorted(by: { $0.handle < $1.handle }) {
            try perform(.deleteCollection(collection.id), at: "collections")
            step(.delete, .collection, collection.handle, collection.id.text)
        }
    }

    private mutating func step(_ collection: Collection, _ old: Collection?) {
        let handle = collection.handle
        if let old {
            let changes = CatalogPlan.Change.between(
                old.document(in: before, form: .export),
                collection.document(in: draft.catalog, form: .export),
                except: ["endpoints"]
            )
            if !changes.isEmpty { step(.update, .collection, handle, collection.id.text, changes) }
        } else {
            step(.create, .collection, handle, collection.id.text)
        }
        let olds = Dictionary(
            (old?.endpoints ?? []).map { ($0.id, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        for endpoint in collection.endpoints {
            let name = "\(handle)/\(endpoint.name)"
            guard let was = olds[endpoint.id] else {
                step(.create, .endpoint, name, endpoint.id.text)
                continue
            }
            let changes = CatalogPlan.Change.between(
                was.document(in: before, of: old, form: .export),
                endpoint.document(in: draft.catalog, of: collection, form: .export)
            )
            if !changes.isEmpty { step(.update, .endpoint, name, endpoint.id.text, changes) }
        }
        let kept = Set(collection.endpoints.map(\.id))
        for endpoint in old?.endpoints ?? [] where !kept.contains(endpoint.id) {
            step(.delete, .endpoint, "\(handle)/\(endpoint.name)", endpoint.id.text)
        }
    }

    // MARK: Clients and profiles

    private mutating func plan(clients readers: [DocumentReader]) throws(DocumentError) {
        var names = Names("name")
        var planned: [PlannedClient] = []
        var kept: Set<ClientID> = []
        for var reader in readers {
            let name = try names.next(&reader)
            let profiles = try reader.objects("profiles") ?? []
            let old = before.client(named: name)
            let id: ClientID = old?.id ?? context.makeID("client", [name])
            let client = try Client(id: id, from: &reader)
            kept.insert(id)
            planned.append(
                PlannedClient(
                    client: client,
                    old: old,
                    path: reader.path,
                    profiles: try self.profiles(profiles, of: client)
                )
            )
        }
        if prunes { try prune(clients: kept, planned) }
        try release(planned)
        for plan in planned { try take(plan) }
    }

    private mutating func profiles(
        _ readers: [DocumentReader],
        of client: Client
    ) throws(DocumentError) -> [PlannedProfile] {
        var names = Names("name")
        var planned: [PlannedProfile] = []
        planned.reserveCapacity(readers.count)
        for var reader in readers {
            let name = try names.next(&reader)
            let old = before.profile(named: name, of: client.id)
            var profile: AccessProfile
            if let old {
                profile = old
                try profile.replace(from: &reader, catalog: draft.catalog, context: &context)
            } else {
                profile = try AccessProfile(
                    id: context.makeID("profile", [client.id.text, name]),
                    clientID: client.id,
                    from: &reader,
                    catalog: draft.catalog,
                    context: &context
                )
            }
            planned.append(PlannedProfile(profile: profile, old: old, path: reader.path))
        }
        return planned
    }

    private mutating func prune(clients kept: Set<ClientID>, _ planned: [PlannedClient]) throws(DocumentError)
    {
        for client in before.clients.values.filter({ !kept.contains($0.id) }).sorted(by: { $0.name < $1.name }
        ) {
            try perform(.deleteClient(client.id), at: "clients")
            step(.delete, .client, client.name, client.id.text)
        }
        for plan in planned {
            let kept = Set(plan.profiles.map(\.profile.id))
            for profile in before.profiles(of: plan.client.id) where !kept.contains(profile.id) {
                try perform(.deleteProfile(profile.id), at: plan.path)
                step(.delete, .profile, "\(plan.client.name)/\(profile.name)", profile.id.text)
            }
        }
    }

    /// Takes away first the API tokens that profiles lose: another profile may be about to get them.
    private mutating func release(_ planned: [PlannedClient]) throws(DocumentError) {
        for plan in planned.lazy.flatMap(\.profiles) {
            guard var old = plan.old, old.apiTokens != plan.profile.apiTokens else { continue }
            let kept = Set(plan.profile.apiTokens.map(\.digest))
            guard !old.apiTokens.allSatisfy({ kept.contains($0.digest) }) else { continue }
            old.apiTokens.removeAll { !kept.contains($0.digest) }
            old.grantedCollections.removeAll { draft.catalog.collections[$0] == nil }
            try perform(.putProfile(old), at: plan.path)
        }
    }

    private mutating func take(_ plan: PlannedClient) throws(DocumentError) {
        if plan.client != plan.old {
            try perform(.putClient(plan.client), at: plan.path)
            let changes = plan.old.map { old in
                CatalogPlan.Change.between(old.document(form: .export), plan.client.document(form: .export))
            }
            let action = changes == nil ? CatalogPlan.Step.Action.create : .update
            step(action, .client, plan.client.name, plan.client.id.text, changes ?? [])
        }
        for profile in plan.profiles {
            if let old = profile.old, old.isSame(as: profile.profile) { continue }
            try perform(.putProfile(profile.profile), at: profile.path)
            step(profile, in: plan.client)
        }
    }

    private mutating func step(_ plan: PlannedProfile, in client: Client) {
        let profile = plan.profile
        let name = "\(client.name)/\(profile.name)"
        if let old = plan.old {
            let changes = CatalogPlan.Change.between(
                old.document(in: before, form: .export),
                profile.document(in: draft.catalog, form: .export),
                except: ["keys", "api_tokens"]
            )
            if !changes.isEmpty { step(.update, .profile, name, profile.id.text, changes) }
        } else {
            step(.create, .profile, name, profile.id.text)
        }
        stepKeys(profile, plan.old, name)
        stepAPITokens(profile, plan.old, name)
    }

    private mutating func stepKeys(_ profile: AccessProfile, _ old: AccessProfile?, _ owner: String) {
        for key in profile.keys {
            guard let was = old?.keys.first(where: { $0.name == key.name }) else {
                step(.create, .key, "\(owner)/\(key.name)", key.id.text)
                continue
            }
            let isSecret = if case .secret = key.material { true } else { false }
            var changes = CatalogPlan.Change.between(was.document(form: .export), key.document(form: .export))
            if isSecret, was.fingerprint != key.fingerprint {
                changes.removeAll { $0.field == "fingerprint" }
                changes.insert(secretChange("secret"), at: 0)
            }
            if !changes.isEmpty { step(.update, .key, "\(owner)/\(key.name)", key.id.text, changes) }
        }
        for key in old?.keys ?? [] where !profile.keys.contains(where: { $0.name == key.name }) {
            step(.delete, .key, "\(owner)/\(key.name)", key.id.text)
        }
    }

    private mutating func stepAPITokens(_ profile: AccessProfile, _ old: AccessProfile?, _ owner: String) {
        for token in profile.apiTokens {
            guard let was = old?.apiTokens.first(where: { $0.name == token.name }) else {
                step(.create, .apiToken, "\(owner)/\(token.name)", token.id.text)
                continue
            }
            var changes = CatalogPlan.Change.between(
                was.document(form: .export),
                token.document(form: .export),
                except: ["sha256"]
            )
            if was.digest != token.digest { changes.insert(secretChange("token"), at: 0) }
            if !changes.isEmpty {
                step(.update, .apiToken, "\(owner)/\(token.name)", token.id.text, changes)
            }
        }
        for token in old?.apiTokens ?? [] where !profile.apiTokens.contains(where: { $0.name == token.name })
        {
            step(.delete, .apiToken, "\(owner)/\(token.name)", token.id.text)
        }
    }

    private func secretChange(_ field: String) -> CatalogPlan.Change {
        CatalogPlan.Change(field: field, before: CatalogPlan.Change.secret, after: CatalogPlan.Change.secret)
    }

    // MARK: Taking steps

    private mutating func step(
        _ action: CatalogPlan.Step.Action,
        _ kind: CatalogPlan.Step.Kind,
        _ name: String,
        _ id: String,
        _ changes: [CatalogPlan.Change] = []
    ) {
        steps.append(CatalogPlan.Step(action: action, kind: kind, name: name, id: id, changes: changes))
    }

    private mutating func perform(_ operation: CatalogPlan.Operation, at path: String) throws(DocumentError) {
        do {
            try operation.perform(on: &draft)
        } catch {
            let field = error.field.isEmpty || path.isEmpty ? path + error.field : "\(path).\(error.field)"
            throw DocumentError(
                error.message,
                field: field,
                at: document.position(ofField: field),
                kind: error.kind
            )
        }
        operations.append(operation)
    }
}

/// A client as the document wants it.
private struct PlannedClient {
    let client: Client
    let old: Client?
    let path: String
    let profiles: [PlannedProfile]
}

/// A profile as the document wants it.
private struct PlannedProfile {
    let profile: AccessProfile
    let old: AccessProfile?
    let path: String
}

/// The names that a list of the document has used so far.
private struct Names {
    private let field: String
    private var seen: Set<String> = []

    init(_ field: String) {
        self.field = field
    }

    mutating func next(_ reader: inout DocumentReader) throws(DocumentError) -> String {
        let name = try reader.requiredText(field)
        guard seen.insert(name).inserted else {
            throw reader.error(field, "\(PrintableText.quoted(name)) is there twice", kind: .conflict)
        }
        return name
    }
}
