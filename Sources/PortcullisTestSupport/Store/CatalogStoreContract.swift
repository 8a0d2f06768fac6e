package import GatewayCore

/// All that a store is to the gateway.
package typealias TestedStore = AdminTokenStore & CatalogStore & KeySetStore & LastUseStore

/// What every store promises, with one check per promise that runs on any of them.
package struct CatalogStoreContract: Sendable {
    /// One promise; its name is the sentence.
    package enum Promise: String, CaseIterable, Sendable {
        case `a new store holds the empty catalog of revision 0`
        case `every field of every entity is kept`
        case `what is replaced leaves nothing behind`
        case `a deleted client takes its profiles with it`
        case `a deleted collection takes its endpoints and grants with it`
        case `everything can be deleted in one change`
        case `two entities can swap their names in one change`
        case `a change that expects another revision leaves nothing`
        case `of many changes that expect one revision one lands`
        case `a change that does not fit what is kept leaves nothing`
        case `a caller that goes away does not split a commit`
        case `audit entries land with their change and no other`
        case `the audit log is read in pages`
        case `the admin token is replaced with an audit entry`
        case `what one opening committed another one sees`
        case `of the times of last use the latest is kept`
        case `the last key set of each source is kept`
    }

    private let open: @Sendable () async throws -> any TestedStore

    /// Takes how to open the store; every call opens the same one, which is empty at first.
    package init(opening open: @escaping @Sendable () async throws -> any TestedStore) {
        self.open = open
    }

    /// Holds the store to a promise; it must be empty and is not afterwards.
    ///
    /// - Throws: ``ContractViolation``, or what the store threw where it should not have.
    package func check(_ promise: Promise) async throws {
        let store = try await open()
        switch promise {
        case .`a new store holds the empty catalog of revision 0`: try await startsEmpty(store)
        case .`every field of every entity is kept`: try await keepsEveryField(store)
        case .`what is replaced leaves nothing behind`: try await replaces(store)
        case .`a deleted client takes its profiles with it`: try await deletesClient(store)
        case .`a deleted collection takes its endpoints and grants with it`:
            try await deletesCollection(store)
        case .`everything can be deleted in one change`: try await deletesEverything(store)
        case .`two entities can swap their names in one change`: try await swapsNames(store)
        case .`a change that expects another revision leaves nothing`: try await refusesOtherRevision(store)
        case .`of many changes that expect one revision one lands`: try await letsOneWin(store)
        case .`a change that does not fit what is kept leaves nothing`: try await refusesMisfit(store)
        case .`a caller that goes away does not split a commit`: try await survivesCancellation(store)
        case .`audit entries land with their change and no other`: try await audits(store)
        case .`the audit log is read in pages`: try await pagesAudit(store)
        case .`the admin token is replaced with an audit entry`: try await replacesAdminToken(store)
        case .`what one opening committed another one sees`: try await sharesCommits(store)
        case .`of the times of last use the latest is kept`: try await keepsLastUses(store)
        case .`the last key set of each source is kept`: try await keepsKeySets(store)
        }
    }

    // MARK: Keeping

    private func startsEmpty(_ store: any TestedStore) async throws {
        try demandSame(try await store.load(), as: Catalog())
        try demand(try await store.adminTokenDigest() == nil, "there is an admin token already")
        try demand(
            try await store.auditEntries(before: nil, limit: 10).isEmpty,
            "there are audit entries already"
        )
    }

    private func keepsEveryField(_ store: any CatalogStore) async throws {
        let catalog = try await commit(try CatalogSamples.full(), to: store)
        try demandSame(try await store.load(), as: catalog)
        try demandSame(try await open().load(), as: catalog)
    }

    private func replaces(_ store: any CatalogStore) async throws {
        var catalog = try await commit(try CatalogSamples.full(), to: store)
        var draft = CatalogDraft(catalog)
        try draft.put(GatewaySettings())
        for upstream in catalog.upstreams.values {
            var changed = Upstream(
                id: upstream.id,
                name: "plain",
                targets: [try UpstreamTarget(url: "http://a")]
            )
            changed.connectTimeoutSeconds = 1
            try draft.put(changed)
        }
        for collection in catalog.collections.values {
            try draft.put(
                GatewayCore.Collection(id: collection.id, name: "plain", handle: "new-\(collection.handle)")
            )
        }
        for client in catalog.clients.values { try draft.put(Client(id: client.id, name: "plain")) }
        for profile in catalog.profiles.values {
            try draft.put(
                AccessProfile(id: profile.id, clientID: profile.clientID, name: "new \(profile.name)")
            )
        }
        catalog = try await commit(draft, to: store)
        try demandSame(try await store.load(), as: catalog)
        // What belonged to the old profile must be free for a new one.
        draft = CatalogDraft(catalog)
        try draft.put(try CatalogSamples.profile(1, of: 1, grants: [1]))
        catalog = try await commit(draft, to: store)
        try demandSame(try await store.load(), as: catalog)
    }

    private func keepsLastUses(_ store: any TestedStore) async throws {
        let (first, second) = (UseID(KeyID.test(1)), UseID(APITokenID.test(2)))
        func time(_ seconds: Int64) -> Timestamp { Timestamp(secondsSinceEpoch: seconds) }
        try demand(try await store.lastUses(of: nil).isEmpty, "something was used already")
        try await store.record([first: time(10), second: time(20)])
        try await store.record([first: time(9), second: time(21)])
        let all = try await open().lastUses(of: nil)
        try demand(all == [first: time(10), second: time(21)], "found \(all)")
        let one = try await store.lastUses(of: [first, UseID(KeyID.test(3))])
        try demand(one == [first: time(10)], "found \(one)")
    }

    private func keepsKeySets(_ store: any TestedStore) async throws {
        func set(_ text: String, _ seconds: Int64) -> KeptKeySet {
            KeptKeySet(
                text: text,
                fetchedAt: Timestamp(secondsSinceEpoch: seconds),
                freshUntil: Timestamp(secondsSinceEpoch: seconds + 1)
            )
        }
        try demand(try await store.keySets().isEmpty, "there are key sets already")
        try await store.keep(set("one", 1), of: "a 'b' \"c\"")
        try await store.keep(set("two", 2), of: "d")
        try await store.keep(set("three", 3), of: "a 'b' \"c\"")
        let both = try await open().keySets()
        try demand(both == ["a 'b' \"c\"": set("three", 3), "d": set("two", 2)], "found \(both)")
        try await store.forgetKeySets(except: ["a 'b' \"c\"", "e"])
        let one = try await open().keySets()
        try demand(one == ["a 'b' \"c\"": set("three", 3)], "found \(one)")
        try await store.forgetKeySets(except: [])
        try demand(try await store.keySets().isEmpty, "key sets are left")
    }

    // MARK: Deleting

    private func deletesClient(_ store: any CatalogStore) async throws {
        var draft = CatalogDraft(try await commit(try CatalogSamples.full(), to: store))
        try draft.put(Client(id: .test(7), name: "other"))
        try draft.put(try CatalogSamples.profile(7, of: 7, grants: [1]))
        draft = CatalogDraft(try await commit(draft, to: store))
        try draft.delete(client: .test(1))
        var catalog = try await commit(draft, to: store)
        try demandSame(try await store.load(), as: catalog)
        try demand(
            catalog.profiles.count == 1,
            "there are \(catalog.profiles.count) profiles, expected the other's"
        )
        // The same identities, name and API tokens again.
        draft = CatalogDraft(catalog)
        try draft.put(Client(id: .test(1), name: "Acme '; DROP TABLE clients; --"))
        try draft.put(try CatalogSamples.profile(1, of: 1))
        catalog = try await commit(draft, to: store)
        try demandSame(try await store.load(), as: catalog)
    }

    private func deletesCollection(_ store: any CatalogStore) async throws {
        var draft = CatalogDraft(try await commit(try CatalogSamples.full(), to: store))
        try draft.delete(collection: .test(1))
        var catalog = try await commit(draft, to: store)
        try demandSame(try await store.load(), as: catalog)
        draft = CatalogDraft(catalog)
        try draft.delete(upstream: .test(1))
        catalog = try await commit(draft, to: store)
        try demandSame(try await store.load(), as: catalog)
    }

    private func deletesEverything(_ store: any CatalogStore) async throws {
        var draft = CatalogDraft(try await commit(try CatalogSamples.full(), to: store))
        for client in draft.catalog.clients.values { try draft.delete(client: client.id) }
        for collection in draft.catalog.collections.values { try draft.delete(collection: collection.id) }
        for upstream in draft.catalog.upstreams.values { try draft.delete(upstream: upstream.id) }
        let catalog = try await commit(draft, to: store)
        try demandSame(try await store.load(), as: catalog)
        try demand(catalog.clients.isEmpty && catalog.profiles.isEmpty, "something is left of the clients")
    }

    private func swapsNames(_ store: any CatalogStore) async throws {
        var draft = CatalogDraft(Catalog())
        try draft.put(Client(id: .test(1), name: "one"))
        try draft.put(Client(id: .test(2), name: "two"))
        draft = CatalogDraft(try await commit(draft, to: store))
        try draft.put(Client(id: .test(1), name: "three"))
        try draft.put(Client(id: .test(2), name: "one"))
        try draft.put(Client(id: .test(1), name: "two"))
        let catalog = try await commit(draft, to: store)
        try demandSame(try await store.load(), as: catalog)
    }

    // MARK: Refusing

    private func refusesOtherRevision(_ store: any CatalogStore) async throws {
        let catalog = try await commit(try Self.client(1), to: store)
        let late = try Self.client(2)
        for expected in [CatalogRevision(0), CatalogRevision(2), CatalogRevision(Int64.max - 1)] {
            let error = await failure {
                try await store.commit(
                    late.change,
                    expecting: expected,
                    audit: [CatalogSamples.audit("late")]
                )
            }
            guard case .revisionConflict(expected, CatalogRevision(1)) = error else {
                throw ContractViolation(description: "a stale change gave \(String(describing: error))")
            }
        }
        try demandSame(try await store.load(), as: catalog)
        try demand(
            try await store.auditEntries(before: nil, limit: 10).isEmpty,
            "a refused change was audited"
        )
    }

    private func letsOneWin(_ store: any CatalogStore) async throws {
        let winners = try await withThrowingTaskGroup(of: Int?.self) { group in
            for number in 1...16 {
                let draft = try Self.client(number)
                let other = number.isMultiple(of: 2) ? try await open() : store
                group.addTask {
                    let error = await failure {
                        try await other.commit(draft.change, expecting: CatalogRevision(0), audit: [])
                    }
                    guard let error else { return number }
                    guard case .revisionConflict = error else { throw error }
                    return nil
                }
            }
            return try await group.reduce(into: [Int]()) { winners, number in
                if let number { winners.append(number) }
            }
        }
        let kept = try await store.load()
        try demand(winners.count == 1, "changes \(winners) landed on one revision, expected one")
        try demandSame(kept, as: try Self.client(winners.first ?? 0).finished())
    }

    private func refusesMisfit(_ store: any CatalogStore) async throws {
        let catalog = try await commit(try Self.client(1), to: store)
        // A draft of a catalog that this store never saw: its profile is granted an unknown collection.
        var foreign = CatalogDraft(try CatalogSamples.full().finished())
        try foreign.put(Client(id: .test(8), name: "stray"))
        try foreign.put(try CatalogSamples.profile(8, of: 8, grants: [1]))
        let error = await failure {
            try await store.commit(
                foreign.change,
                expecting: catalog.revision,
                audit: [CatalogSamples.audit("stray")]
            )
        }
        try demand(error != nil, "a change that refers to an unknown collection was accepted")
        try demandSame(try await store.load(), as: catalog)
        try demand(
            try await store.auditEntries(before: nil, limit: 10).isEmpty,
            "a refused change was audited"
        )
        _ = try await commit(try CatalogSamples.full(catalog), to: store)
    }

    private func survivesCancellation(_ store: any CatalogStore) async throws {
        var catalog = Catalog()
        for number in 1...20 {
            var draft = CatalogDraft(catalog)
            try draft.put(Client(id: .test(number), name: "client \(number)"))
            let attempt = draft
            let task = Task {
                await failure {
                    try await store.commit(attempt.change, expecting: attempt.catalog.revision, audit: [])
                }
            }
            task.cancel()
            let error = await task.value
            let expected = error == nil ? draft.finished() : catalog
            try demandSame(try await store.load(), as: expected)
            catalog = expected
        }
    }

    // MARK: Audit and admin token

    private func audits(_ store: any CatalogStore) async throws {
        let entries = [CatalogSamples.audit("one"), CatalogSamples.audit("zwei ü \"q\"", action: "update")]
        let catalog = try await commit(try Self.client(1), to: store, audit: entries)
        let stale = await failure {
            try await store.commit(try Self.client(2).change, expecting: .init(0), audit: entries)
        }
        try demand(stale != nil, "a stale change was accepted")
        var draft = CatalogDraft(catalog)
        try draft.delete(client: .test(1))
        let third = CatalogSamples.audit("three", action: "delete")
        _ = try await commit(draft, to: store, audit: [third])
        let expected = [(3, 2, third), (2, 1, entries[1]), (1, 1, entries[0])].map {
            sequence,
            revision,
            entry in
            Self.text(.init(sequence: sequence, revision: CatalogRevision(revision), entry: entry))
        }
        let found = try await store.auditEntries(before: nil, limit: 10).map(Self.text)
        try demand(found == expected, "the log is \(found), expected \(expected)")
    }

    private func pagesAudit(_ store: any CatalogStore) async throws {
        let entries = (1...25).map { CatalogSamples.audit("entry \($0)") }
        _ = try await commit(try Self.client(1), to: store, audit: entries)
        var seen: [Int64] = []
        var before: Int64?
        repeat {
            let page = try await store.auditEntries(before: before, limit: 10)
            seen += page.map(\.sequence)
            before = page.last?.sequence
        } while before != nil
        try demand(seen == (1...25).reversed(), "pages give \(seen), expected 25 down to 1")
        for (limit, count) in [(0, 0), (-1, 0), (1, 1), (Int.max, 25)] {
            let found = try await store.auditEntries(before: nil, limit: limit).count
            try demand(found == count, "limit \(limit) gives \(found) entries, expected \(count)")
        }
        for edge in [Int64.min, 0, 1] {
            let found = try await store.auditEntries(before: edge, limit: 10).count
            try demand(found == 0, "before \(edge) gives \(found) entries, expected none")
        }
    }

    private func replacesAdminToken(_ store: any TestedStore) async throws {
        let catalog = try await commit(try Self.client(1), to: store)
        for number in 1...2 {
            guard let digest = APITokenDigest(token: CatalogSamples.token(number).utf8) else {
                throw ContractViolation(description: "token \(number) is no API token")
            }
            try await store.replaceAdminTokenDigest(digest, audit: CatalogSamples.audit("reset \(number)"))
            try demand(
                try await store.adminTokenDigest() == digest,
                "the digest is not the one of reset \(number)"
            )
        }
        let records = try await store.auditEntries(before: nil, limit: 10)
        try demand(
            records.map(\.entry.name) == ["reset 2", "reset 1"],
            "the log is \(records.map(Self.text))"
        )
        try demand(records.allSatisfy { $0.revision == nil }, "a reset is logged with a revision")
        try demandSame(try await store.load(), as: catalog)
    }

    private func sharesCommits(_ store: any CatalogStore) async throws {
        var catalog = Catalog()
        let other = try await open()
        for number in 1...10 {
            var draft = CatalogDraft(catalog)
            try draft.put(Client(id: .test(number), name: "client \(number)"))
            catalog = try await commit(draft, to: number.isMultiple(of: 2) ? store : other)
            try demandSame(try await (number.isMultiple(of: 2) ? other : store).load(), as: catalog)
        }
    }

    // MARK: Shared steps

    private static func client(_ number: Int) throws -> CatalogDraft {
        var draft = CatalogDraft(Catalog())
        try draft.put(Client(id: .test(number), name: "client \(number)"))
        return draft
    }

    private func commit(
        _ draft: CatalogDraft,
        to store: any CatalogStore,
        audit: [AuditEntry] = []
    ) async throws -> Catalog {
        try await store.commit(draft.change, expecting: draft.catalog.revision, audit: audit)
        return draft.finished()
    }

    private static func text(_ record: AuditRecord) -> String { String(reflecting: record) }
}

/// What a store refused with; `nil` when it did not refuse.
package func failure(_ body: () async throws -> Void) async -> CatalogStoreError? {
    do {
        try await body()
        return nil
    } catch let error as CatalogStoreError {
        return error
    } catch {
        return .unavailable(detail: "an error of another type: \(error)")
    }
}
