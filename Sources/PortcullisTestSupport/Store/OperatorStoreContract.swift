package import GatewayCore
import JOSE

/// What every store of operators promises, with one check per promise that runs on any of them.
package struct OperatorStoreContract: Sendable {
    /// One promise; its name is the sentence.
    package enum Promise: String, CaseIterable, Sendable {
        case `every field of an operator, a session and an admin token is kept`
        case `names are unique byte for byte`
        case `the first owner is added once`
        case `the last owner who can sign in stays`
        case `an invitation is accepted once, in time, by an active operator`
        case `an invitation ends with a new password, another role, deactivation, and when it is withdrawn`
        case `an accepted invitation revokes the admin tokens of the operator alone`
        case `a session begins only with the password in force`
        case `deactivation and deletion end sessions, deletion admin tokens too`
        case `sessions are ended one by one, all but one, and by age`
        case `an operator has a bounded number of sessions`
        case `a password is replaced only by who knew it`
        case `a change that fails leaves nothing of those before it`
        case `the times of last use never go back`
    }

    private let open: @Sendable () async throws -> any OperatorStore

    /// Takes how to make the store, which is empty.
    package init(opening open: @escaping @Sendable () async throws -> any OperatorStore) {
        self.open = open
    }

    /// Holds the store to a promise; it must be empty and is not afterwards.
    ///
    /// - Throws: ``ContractViolation``, or what the store threw where it should not have.
    package func check(_ promise: Promise) async throws {
        let store = try await open()
        switch promise {
        case .`every field of an operator, a session and an admin token is kept`: try await keeps(store)
        case .`names are unique byte for byte`: try await keepsNamesApart(store)
        case .`the first owner is added once`: try await addsOneFirst(store)
        case .`the last owner who can sign in stays`: try await keepsLastOwner(store)
        case .`an invitation is accepted once, in time, by an active operator`: try await invites(store)
        case .`an invitation ends with a new password, another role, deactivation, and when it is withdrawn`:
            try await withdraws(store)
        case .`an accepted invitation revokes the admin tokens of the operator alone`:
            try await revokesTokens(store)
        case .`a session begins only with the password in force`: try await begins(store)
        case .`deactivation and deletion end sessions, deletion admin tokens too`: try await ends(store)
        case .`sessions are ended one by one, all but one, and by age`: try await endsSessions(store)
        case .`an operator has a bounded number of sessions`: try await boundsSessions(store)
        case .`a password is replaced only by who knew it`: try await replacesPassword(store)
        case .`a change that fails leaves nothing of those before it`: try await isAtomic(store)
        case .`the times of last use never go back`: try await notesUses(store)
        }
    }

    // MARK: Samples

    private func time(_ seconds: Int64) -> Timestamp { Timestamp(secondsSinceEpoch: seconds) }

    private func digest(_ number: Int) throws -> APITokenDigest {
        let digits = String(number)
        let text = String(repeating: "0", count: 64 - digits.count) + digits
        guard let digest = APITokenDigest(token: text.utf8) else {
            throw ContractViolation(description: "\(text) is no token")
        }
        return digest
    }

    private func sample(_ number: Int, _ role: Role = .owner, password: String? = "hash") -> Operator {
        var sample = Operator(id: .test(number), name: "operator \(number)", role: role, createdAt: time(100))
        sample.passwordHash = password.map { Secret($0) }
        return sample
    }

    private func session(_ number: Int, of owner: Int = 1, at seconds: Int64 = 200) throws -> OperatorSession
    {
        OperatorSession(
            id: .test(number),
            digest: try digest(number),
            operatorID: .test(owner),
            createdAt: time(seconds),
            address: "192.0.2.7",
            userAgent: "a browser"
        )
    }

    private func token(_ number: Int, of owner: Int? = 1) throws -> AdminTokenRecord {
        AdminTokenRecord(
            id: .test(number),
            name: "token \(number)",
            role: .manager,
            digest: try digest(number),
            createdAt: time(200),
            createdBy: "operator:operator 1",
            operatorID: owner.map { .test($0) },
            expiresAt: time(900)
        )
    }

    private func begin(_ session: OperatorSession, _ hash: String = "hash") -> OperatorChange {
        .addSession(session, passwordHash: Secret(hash))
    }

    private func refusal(
        _ store: any OperatorStore,
        _ changes: [OperatorChange]
    ) async throws -> OperatorStoreError? {
        do {
            try await store.apply(changes, audit: [CatalogSamples.audit("refused")])
            return nil
        } catch let error as OperatorStoreError {
            return error
        }
    }

    private func demandRefusal(
        _ store: any OperatorStore,
        _ expected: OperatorStoreError,
        _ changes: OperatorChange...
    ) async throws {
        let found = try await refusal(store, changes)
        try demand(found == expected, "expected \(expected), found \(found.map { "\($0)" } ?? "no refusal")")
    }

    private func ids(_ store: any OperatorStore, of owner: Int? = nil) async throws -> [OperatorSessionID] {
        try await store.sessions(of: owner.map { .test($0) }).map(\.id)
    }

    private func sessionIDs(_ numbers: Int...) -> [OperatorSessionID] { numbers.map { .test($0) } }

    // MARK: The promises

    private func keeps(_ store: any OperatorStore) async throws {
        var first = sample(1)
        first.invitation = Invitation(digest: try digest(7), expiresAt: time(300))
        let (session, token) = (try session(2), try token(3))
        try await store.apply(
            [.add(first), .add(sample(2, .viewer, password: nil)), begin(session), .addAdminToken(token)],
            audit: [CatalogSamples.audit("made")]
        )
        let all = try await store.operators()
        try demand(all.map(\.name) == ["operator 1", "operator 2"], "found \(all.map(\.name))")
        try demand(all[1].passwordHash == nil && all[1].role == .viewer, "the second is another")
        for key in [OperatorKey.id(.test(1)), .name("operator 1"), .invitation(try digest(7))] {
            let found = try await store.findOperator(key)
            try demand(found?.id == first.id && found?.name == first.name, "\(key) finds nobody")
            try demand(found?.role == .owner && found?.isActive == true, "role or activity is another")
            try demand(found?.createdAt == time(100) && found?.lastSignInAt == time(200), "another time")
            try demand(found?.passwordHash?.reveal() == "hash", "another hash")
            try demand(found?.invitation == first.invitation, "another invitation")
        }
        try demand(try await store.findOperator(.name("operator")) == nil, "a part of a name is enough")
        let found = try await store.findSession(session.digest)
        try demand(found?.session == session && found?.owner?.id == first.id, "another session")
        try demand(try await store.sessions(of: nil) == [session], "other sessions")
        try demand(try await store.adminTokens() == [token], "other admin tokens")
        let foundToken = try await store.findAdminToken(token.digest)
        try demand(foundToken?.token == token && foundToken?.maker?.id == first.id, "another admin token")
        try demand(try await store.findSession(token.digest) == nil, "an admin token is a session")
        try demand(try await store.findAdminToken(session.digest) == nil, "a session is an admin token")
    }

    private func keepsNamesApart(_ store: any OperatorStore) async throws {
        func named(_ name: String, _ number: Int) -> Operator {
            Operator(id: .test(number), name: name, role: .viewer, createdAt: time(1))
        }
        // One letter as one scalar and as two: equal for Swift, not for us.
        try await store.apply([.add(named("\u{e9}", 1)), .add(named("e\u{301}", 2))], audit: [])
        try await demandRefusal(store, .nameTaken, .add(named("\u{e9}", 3)))
        try demand(try await store.findOperator(.name("e\u{301}"))?.id == .test(2), "the wrong one is found")
        try await store.apply([.addAdminToken(try token(4, of: nil))], audit: [])
        var same = try token(5, of: nil)
        same = AdminTokenRecord(
            id: same.id,
            name: "token 4",
            role: same.role,
            digest: same.digest,
            createdAt: same.createdAt,
            createdBy: same.createdBy,
            operatorID: nil,
            expiresAt: same.expiresAt
        )
        try await demandRefusal(store, .nameTaken, .addAdminToken(same))
    }

    private func addsOneFirst(_ store: any OperatorStore) async throws {
        try await store.apply([.add(sample(9, password: nil))], audit: [])
        try await store.apply([.addFirst(sample(1))], audit: [])
        try await demandRefusal(store, .ownerExists, .addFirst(sample(2)))
    }

    private func keepsLastOwner(_ store: any OperatorStore) async throws {
        try await store.apply(
            [.addFirst(sample(1)), .add(sample(2, password: nil)), .add(sample(3, .manager))],
            audit: []
        )
        try await demandRefusal(store, .lastOwner, .setRole(.test(1), .manager))
        try await demandRefusal(store, .lastOwner, .setActive(.test(1), false))
        try await demandRefusal(store, .lastOwner, .delete(.test(1)))
        let first = try await store.findOperator(.id(.test(1)))
        try demand(first?.isAbleOwner == true, "the last owner has changed")
        // In one change the right may pass on.
        try await store.apply([.setRole(.test(1), .viewer), .setRole(.test(3), .owner)], audit: [])
        try await store.apply([.delete(.test(1))], audit: [])
    }

    private func invites(_ store: any OperatorStore) async throws {
        let (old, new) = (try digest(1), try digest(2))
        try await store.apply(
            [
                .add(sample(1)), begin(try session(5)),
                .invite(.test(1), Invitation(digest: old, expiresAt: time(300))),
                .invite(.test(1), Invitation(digest: new, expiresAt: time(300))),
            ],
            audit: []
        )
        func accept(_ digest: APITokenDigest, _ seconds: Int64) -> OperatorChange {
            .acceptInvitation(digest, passwordHash: Secret("other"), at: time(seconds))
        }
        try await demandRefusal(store, .invitationSpent, accept(old, 250))
        try await demandRefusal(store, .invitationSpent, accept(new, 300))
        try await store.apply([.add(sample(2)), .setActive(.test(1), false)], audit: [])
        try await demandRefusal(store, .invitationSpent, accept(new, 250))
        let again = Invitation(digest: new, expiresAt: time(300))
        try await store.apply([.setActive(.test(1), true), .invite(.test(1), again)], audit: [])
        try await store.apply([accept(new, 299)], audit: [])
        try await demandRefusal(store, .invitationSpent, accept(new, 299))
        let found = try await store.findOperator(.id(.test(1)))
        try demand(found?.passwordHash?.reveal() == "other" && found?.invitation == nil, "not accepted")
        try demand(try await ids(store).isEmpty, "a session is left")
    }

    private func withdraws(_ store: any OperatorStore) async throws {
        let invitation = Invitation(digest: try digest(1), expiresAt: time(300))
        try await store.apply([.add(sample(1)), .add(sample(2))], audit: [])
        let ends: [[OperatorChange]] = [
            [.setPassword(.test(2), Secret("new"), replacing: Secret("hash"))], [.setRole(.test(2), .viewer)],
            [.setActive(.test(2), false), .setActive(.test(2), true)], [.withdrawInvitation(.test(2))],
        ]
        for end in ends {
            try await store.apply([.invite(.test(2), invitation)], audit: [])
            try await store.apply(end, audit: [])
            try demand(try await store.findOperator(.id(.test(2)))?.invitation == nil, "left after \(end)")
            try await demandRefusal(
                store,
                .invitationSpent,
                .acceptInvitation(invitation.digest, passwordHash: Secret("other"), at: time(250))
            )
        }
        try await demandRefusal(store, .notFound, .withdrawInvitation(.test(9)))
    }

    private func revokesTokens(_ store: any OperatorStore) async throws {
        let invitation = Invitation(digest: try digest(1), expiresAt: time(300))
        try await store.apply(
            [
                .add(sample(1)), .add(sample(2)), .addAdminToken(try token(8)),
                .addAdminToken(try token(9, of: 2)), .addAdminToken(try token(10, of: nil)),
                .invite(.test(2), invitation),
                .acceptInvitation(invitation.digest, passwordHash: Secret("other"), at: time(250)),
            ],
            audit: []
        )
        let names = try await store.adminTokens().map(\.name)
        try demand(names == ["token 10", "token 8"], "found \(names)")
    }

    private func begins(_ store: any OperatorStore) async throws {
        try await store.apply([.add(sample(1)), .add(sample(2))], audit: [])
        try await demandRefusal(store, .notFound, begin(try session(5), "another"))
        try await demandRefusal(store, .notFound, .addSession(try session(5), passwordHash: nil))
        try await demandRefusal(store, .notFound, begin(try session(5, of: 8)))
        try await store.apply([.setActive(.test(1), false)], audit: [])
        try await demandRefusal(store, .notFound, begin(try session(5)))
        try demand(try await ids(store).isEmpty, "a session is there")
    }

    private func ends(_ store: any OperatorStore) async throws {
        try await store.apply(
            [
                .add(sample(1)), .add(sample(2)), .add(sample(3)), begin(try session(5)),
                begin(try session(6, of: 2)), begin(try session(7, of: 3)), .addAdminToken(try token(8)),
                .addAdminToken(try token(9, of: 2)), .addAdminToken(try token(10, of: nil)),
            ],
            audit: []
        )
        try await store.apply([.setActive(.test(1), false), .delete(.test(2))], audit: [])
        try demand(try await ids(store) == sessionIDs(7), "sessions are left")
        let tokens = try await store.adminTokens().map(\.name)
        try demand(tokens == ["token 10", "token 8"], "found \(tokens)")
        let inactive = try await store.findAdminToken(try digest(8))
        try demand(inactive?.maker?.isActive == false, "the maker counts as active")
        try await store.apply([.deleteAdminToken(.test(8))], audit: [])
        try await demandRefusal(store, .notFound, .deleteAdminToken(.test(8)))
        try await demandRefusal(store, .notFound, .delete(.test(2)))
        try await demandRefusal(store, .notFound, .setRole(.test(2), .viewer))
    }

    private func endsSessions(_ store: any OperatorStore) async throws {
        try await store.apply([.add(sample(1)), .add(sample(2))], audit: [])
        for number in 11...14 { try await store.apply([begin(try session(number))], audit: []) }
        try await store.apply([begin(try session(15, of: 2, at: 500))], audit: [])
        try await store.apply([.endSession(.test(11)), .endSession(.test(99))], audit: [])
        try demand(try await ids(store) == sessionIDs(15, 14, 13, 12), "not in order, or another was ended")
        try await store.apply([.endSessions(of: .test(1), except: .test(13))], audit: [])
        try demand(try await ids(store) == sessionIDs(15, 13), "others are left")
        try demand(try await ids(store, of: 1) == sessionIDs(13), "of one operator are others")
        try await store.noteUse(of: .test(15) as OperatorSessionID, at: time(900))
        try await store.apply([.forgetSessions(createdBefore: time(100), seenBefore: time(201))], audit: [])
        try demand(try await ids(store) == sessionIDs(15), "the idle one is left")
        try await store.apply([.forgetSessions(createdBefore: time(501), seenBefore: time(0))], audit: [])
        try demand(try await ids(store).isEmpty, "the old one is left")
    }

    private func boundsSessions(_ store: any OperatorStore) async throws {
        try await store.apply([.add(sample(1)), .add(sample(2)), begin(try session(5, of: 2))], audit: [])
        let limit = OperatorSession.maximumCount
        for number in 1...limit + 1 {
            try await store.apply([begin(try session(100 + number, at: Int64(200 + number)))], audit: [])
            // Used since: another one goes in its place.
            if number == 1 { try await store.noteUse(of: .test(101) as OperatorSessionID, at: time(9000)) }
        }
        let found = try await ids(store, of: 1)
        try demand(found.count == limit, "there are \(found.count)")
        try demand(found.contains(.test(101)) && !found.contains(.test(102)), "the wrong one has ended")
        try demand(try await ids(store, of: 2).count == 1, "another operator's session has ended")
    }

    private func replacesPassword(_ store: any OperatorStore) async throws {
        try await store.apply([.add(sample(1))], audit: [])
        func set(_ new: String, _ old: String) -> OperatorChange {
            .setPassword(.test(1), Secret(new), replacing: Secret(old))
        }
        try await store.apply([set("new", "hash")], audit: [])
        try await demandRefusal(store, .notFound, set("other", "hash"))
        let found = try await store.findOperator(.id(.test(1)))
        try demand(found?.passwordHash?.reveal() == "new", "it was replaced")
    }

    private func isAtomic(_ store: any OperatorStore) async throws {
        try await demandRefusal(store, .notFound, .add(sample(1)), .delete(.test(2)))
        try demand(try await store.operators().isEmpty, "an operator was added")
        guard let log = store as? any CatalogStore else { return }
        try demand(try await log.auditEntries(before: nil, limit: 9).isEmpty, "it was audited")
        try await store.apply([.add(sample(1))], audit: [CatalogSamples.audit("made")])
        let entries = try await log.auditEntries(before: nil, limit: 9)
        try demand(entries.count == 1 && entries[0].revision == nil, "not audited once")
    }

    private func notesUses(_ store: any OperatorStore) async throws {
        try await store.apply(
            [.add(sample(1)), begin(try session(5)), .addAdminToken(try token(6))],
            audit: []
        )
        for seconds: Int64 in [700, 600] {
            try await store.noteUse(of: .test(5) as OperatorSessionID, at: time(seconds))
            try await store.noteUse(of: .test(6) as AdminTokenID, at: time(seconds))
        }
        try demand(
            try await store.sessions(of: nil).first?.lastSeenAt == time(700),
            "the session's went back"
        )
        try demand(try await store.adminTokens().first?.lastUsedAt == time(700), "the token's went back")
        try await store.noteUse(of: .test(8) as OperatorSessionID, at: time(800))
        try demand(try await store.sessions(of: nil).count == 1, "a session was made")
    }
}
