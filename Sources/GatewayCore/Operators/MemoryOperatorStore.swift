import JOSE
import Synchronization

/// Keeps operators, sessions and admin tokens as long as the process lives: for gateways without a database.
///
/// The audit entries of its changes are handed to whoever wants them, and kept nowhere.
package final class MemoryOperatorStore: OperatorStore {
    private let state = Mutex(OperatorTable())
    private let audit: @Sendable (AuditEntry) -> Void

    /// Begins empty.
    package init(audit: @escaping @Sendable (AuditEntry) -> Void = { _ in }) {
        self.audit = audit
    }

    package func operators() async throws -> [Operator] {
        state.withLock { $0.operators.values.sorted { $0.name.precedesInBytes($1.name) } }
    }

    package func findOperator(_ key: OperatorKey) async throws -> Operator? {
        state.withLock { $0.find(key) }
    }

    package func findSession(
        _ digest: APITokenDigest
    ) async throws -> (session: OperatorSession, owner: Operator?)? {
        state.withLock { state in
            state.sessions.values.first { $0.digest == digest }.map { session in
                (session, session.operatorID.flatMap { state.operators[$0] })
            }
        }
    }

    package func sessions(of operatorID: OperatorID?) async throws -> [OperatorSession] {
        state.withLock { state in
            state.sessions.values.filter { operatorID == nil || $0.operatorID == operatorID }
                .sorted { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) }
        }
    }

    package func adminTokens() async throws -> [AdminTokenRecord] {
        state.withLock { $0.tokens.values.sorted { $0.name.precedesInBytes($1.name) } }
    }

    package func findAdminToken(
        _ digest: APITokenDigest
    ) async throws -> (token: AdminTokenRecord, maker: Operator?)? {
        state.withLock { state in
            state.tokens.values.first { $0.digest == digest }.map { token in
                (token, token.operatorID.flatMap { state.operators[$0] })
            }
        }
    }

    package func apply(_ changes: [OperatorChange], audit entries: [AuditEntry]) async throws {
        try state.withLock { state in
            // On a copy, so that a change that fails leaves nothing of those before it.
            var next = state
            for change in changes { try next.apply(change) }
            if state.hasAbleOwner, !next.hasAbleOwner { throw OperatorStoreError.lastOwner }
            state = next
        }
        entries.forEach(audit)
    }

    package func noteUse(of session: OperatorSessionID, at now: Timestamp) async throws {
        state.withLock { state in
            guard let before = state.sessions[session]?.lastSeenAt else { return }
            state.sessions[session]?.lastSeenAt = max(before, now)
        }
    }

    package func noteUse(of token: AdminTokenID, at now: Timestamp) async throws {
        state.withLock { state in
            guard let before = state.tokens[token] else { return }
            state.tokens[token]?.lastUsedAt = max(before.lastUsedAt ?? now, now)
        }
    }
}

/// What is kept in memory, and what each change does to it.
private struct OperatorTable {
    var operators: [OperatorID: Operator] = [:]
    var sessions: [OperatorSessionID: OperatorSession] = [:]
    var tokens: [AdminTokenID: AdminTokenRecord] = [:]

    var hasAbleOwner: Bool { operators.values.contains { $0.isAbleOwner } }

    func find(_ key: OperatorKey) -> Operator? {
        switch key {
        case .id(let id): operators[id]
        case .name(let name): operators.values.first { $0.name.utf8.elementsEqual(name.utf8) }
        case .invitation(let digest): operators.values.first { $0.invitation?.digest == digest }
        }
    }

    mutating func apply(_ change: OperatorChange) throws(OperatorStoreError) {
        switch change {
        case .add(let new): try add(new)
        case .addFirst(let new):
            guard !hasAbleOwner else { throw .ownerExists }
            try add(new)
        case .setRole(let id, let role): try update(id) { ($0.role, $0.invitation) = (role, nil) }
        case .setActive(let id, let isActive):
            try update(id) { $0.isActive = isActive }
            if !isActive {
                endSessions(of: id)
                try update(id) { $0.invitation = nil }
            }
        case .setPassword(let id, let hash, let old):
            guard operators[id]?.passwordHash?.reveal() == old.reveal() else { throw .notFound }
            try update(id) { ($0.passwordHash, $0.invitation) = (hash, nil) }
        case .invite(let id, let invitation): try update(id) { $0.invitation = invitation }
        case .withdrawInvitation(let id): try update(id) { $0.invitation = nil }
        case .acceptInvitation(let digest, let hash, let now): try accept(digest, hash, now)
        case .delete(let id): try delete(id)
        case .addSession(let session, let hash): try add(session, hash)
        case .endSession(let id): sessions[id] = nil
        case .endSessions(let id, let kept): endSessions(of: id, except: kept)
        case .forgetSessions(let created, let seen):
            sessions = sessions.filter { $0.value.createdAt >= created && $0.value.lastSeenAt >= seen }
        case .addAdminToken(let token): try add(token)
        case .deleteAdminToken(let id):
            guard tokens.removeValue(forKey: id) != nil else { throw .notFound }
        }
    }

    private mutating func update(
        _ id: OperatorID,
        _ body: (inout Operator) -> Void
    ) throws(OperatorStoreError) {
        guard var found = operators[id] else { throw .notFound }
        body(&found)
        operators[id] = found
    }

    private mutating func add(_ new: Operator) throws(OperatorStoreError) {
        guard operators.count < Operator.maximumCount else { throw .tooMany(Operator.maximumCount) }
        guard find(.name(new.name)) == nil else { throw .nameTaken }
        operators[new.id] = new
    }

    private mutating func accept(
        _ digest: APITokenDigest,
        _ hash: Secret<String>,
        _ now: Timestamp
    ) throws(OperatorStoreError) {
        guard let found = find(.invitation(digest)), found.isActive,
            let invitation = found.invitation, now < invitation.expiresAt
        else { throw .invitationSpent }
        try update(found.id) { ($0.passwordHash, $0.invitation) = (hash, nil) }
        endSessions(of: found.id)
        tokens = tokens.filter { $0.value.operatorID != found.id }
    }

    private mutating func delete(_ id: OperatorID) throws(OperatorStoreError) {
        guard operators.removeValue(forKey: id) != nil else { throw .notFound }
        endSessions(of: id)
        tokens = tokens.filter { $0.value.operatorID != id }
    }

    private mutating func add(
        _ session: OperatorSession,
        _ hash: Secret<String>?
    ) throws(OperatorStoreError) {
        if let id = session.operatorID {
            guard let found = operators[id], found.isActive, let hash,
                found.passwordHash?.reveal() == hash.reveal()
            else { throw .notFound }
            try update(id) { $0.lastSignInAt = session.createdAt }
        }
        let others = sessions.values.filter { $0.operatorID == session.operatorID }
            .sorted { ($0.lastSeenAt, $0.id) > ($1.lastSeenAt, $1.id) }
        for other in others.dropFirst(OperatorSession.maximumCount - 1) { sessions[other.id] = nil }
        sessions[session.id] = session
    }

    private mutating func endSessions(of id: OperatorID, except kept: OperatorSessionID? = nil) {
        sessions = sessions.filter { $0.value.operatorID != id || $0.key == kept }
    }

    private mutating func add(_ token: AdminTokenRecord) throws(OperatorStoreError) {
        guard tokens.count < AdminTokenRecord.maximumCount else {
            throw .tooMany(AdminTokenRecord.maximumCount)
        }
        guard !tokens.values.contains(where: { $0.name.utf8.elementsEqual(token.name.utf8) }) else {
            throw .nameTaken
        }
        tokens[token.id] = token
    }
}

extension String {
    /// The order of bytes, as databases have it: Swift's own goes by canonical equivalence.
    fileprivate func precedesInBytes(_ other: String) -> Bool {
        utf8.lexicographicallyPrecedes(other.utf8)
    }
}
