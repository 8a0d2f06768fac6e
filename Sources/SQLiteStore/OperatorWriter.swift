import GRDB
import GatewayCore
import JOSE

/// Writes the changes of operators, sessions and admin tokens; called within a transaction.
struct OperatorWriter {
    let database: Database

    /// Whether somebody can let others in.
    func hasAbleOwner() throws -> Bool {
        try count(
            "operators WHERE role = 'owner' AND is_active = 1 AND password_hash IS NOT NULL"
        ) > 0
    }

    func apply(_ change: OperatorChange) throws {
        switch change {
        case .add(let new): try add(new)
        case .addFirst(let new):
            guard try !hasAbleOwner() else { throw OperatorStoreError.ownerExists }
            try add(new)
        case .setRole(let id, let role):
            try one("UPDATE operators SET role = ? WHERE id = ?", [role.rawValue, id.text])
            try withdrawInvitation(of: id)
        case .setActive(let id, let isActive):
            try one("UPDATE operators SET is_active = ? WHERE id = ?", [isActive ? 1 : 0, id.text])
            if !isActive {
                try endSessions(of: id, except: nil)
                try withdrawInvitation(of: id)
            }
        case .setPassword(let id, let hash, let old):
            try one(
                "UPDATE operators SET password_hash = ? WHERE id = ? AND password_hash = ?",
                [hash.reveal(), id.text, old.reveal()]
            )
            try withdrawInvitation(of: id)
        case .invite(let id, let invitation):
            try one(
                "UPDATE operators SET invitation_sha256 = ?, invitation_expires_at = ? WHERE id = ?",
                [invitation.digest.hex, invitation.expiresAt.secondsSinceEpoch, id.text]
            )
        case .withdrawInvitation(let id): try withdrawInvitation(of: id)
        case .acceptInvitation(let digest, let hash, let now): try accept(digest, hash, now)
        // Sessions and admin tokens go with the row.
        case .delete(let id): try one("DELETE FROM operators WHERE id = ?", [id.text])
        case .addSession(let session, let hash): try add(session, hash)
        case .endSession(let id): try run("DELETE FROM operator_sessions WHERE id = ?", [id.text])
        case .endSessions(let id, let kept): try endSessions(of: id, except: kept)
        case .forgetSessions(let created, let seen):
            try run(
                "DELETE FROM operator_sessions WHERE created_at < ? OR last_seen_at < ?",
                [created.secondsSinceEpoch, seen.secondsSinceEpoch]
            )
        case .addAdminToken(let token): try add(token)
        case .deleteAdminToken(let id): try one("DELETE FROM named_admin_tokens WHERE id = ?", [id.text])
        }
    }

    private func add(_ new: Operator) throws {
        guard try count("operators") < Operator.maximumCount else {
            throw OperatorStoreError.tooMany(Operator.maximumCount)
        }
        guard try count("operators WHERE name = ?", [new.name]) == 0 else {
            throw OperatorStoreError.nameTaken
        }
        try run(
            """
            INSERT INTO operators (id, name, role, is_active, created_at, last_sign_in_at, password_hash,
                invitation_sha256, invitation_expires_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                new.id.text, new.name, new.role.rawValue, new.isActive ? 1 : 0,
                new.createdAt.secondsSinceEpoch,
                new.lastSignInAt?.secondsSinceEpoch, new.passwordHash?.reveal(), new.invitation?.digest.hex,
                new.invitation?.expiresAt.secondsSinceEpoch,
            ]
        )
    }

    private func accept(_ digest: APITokenDigest, _ hash: Secret<String>, _ now: Timestamp) throws {
        let clause = "invitation_sha256 = ? AND invitation_expires_at > ? AND is_active = 1"
        let arguments: StatementArguments = [digest.hex, now.secondsSinceEpoch]
        guard try count("operators WHERE \(clause)", arguments) == 1 else {
            throw OperatorStoreError.invitationSpent
        }
        for table in ["operator_sessions", "named_admin_tokens"] {
            try run(
                "DELETE FROM \(table) WHERE operator_id = (SELECT id FROM operators WHERE \(clause))",
                arguments
            )
        }
        try run(
            """
            UPDATE operators SET password_hash = ?, invitation_sha256 = NULL, invitation_expires_at = NULL
            WHERE \(clause)
            """,
            [hash.reveal()] + arguments
        )
    }

    private func withdrawInvitation(of id: OperatorID) throws {
        try one(
            "UPDATE operators SET invitation_sha256 = NULL, invitation_expires_at = NULL WHERE id = ?",
            [id.text]
        )
    }

    private func add(_ session: OperatorSession, _ hash: Secret<String>?) throws {
        // Sessions without an operator are for gateways without a database.
        guard let owner = session.operatorID, let hash else { throw OperatorStoreError.notFound }
        try one(
            """
            UPDATE operators SET last_sign_in_at = ?
            WHERE id = ? AND is_active = 1 AND password_hash = ?
            """,
            [session.createdAt.secondsSinceEpoch, owner.text, hash.reveal()]
        )
        try run(
            """
            DELETE FROM operator_sessions WHERE operator_id = ? AND id NOT IN
                (SELECT id FROM operator_sessions WHERE operator_id = ?
                 ORDER BY last_seen_at DESC, id DESC LIMIT ?)
            """,
            [owner.text, owner.text, OperatorSession.maximumCount - 1]
        )
        try run(
            """
            INSERT INTO operator_sessions (id, sha256, operator_id, created_at, last_seen_at, address, user_agent)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [
                session.id.text, session.digest.hex, owner.text, session.createdAt.secondsSinceEpoch,
                session.lastSeenAt.secondsSinceEpoch, session.address, session.userAgent,
            ]
        )
    }

    private func endSessions(of id: OperatorID, except kept: OperatorSessionID?) throws {
        try run(
            "DELETE FROM operator_sessions WHERE operator_id = ? AND id <> ?",
            [id.text, kept?.text ?? ""]
        )
    }

    private func add(_ token: AdminTokenRecord) throws {
        guard try count("named_admin_tokens") < AdminTokenRecord.maximumCount else {
            throw OperatorStoreError.tooMany(AdminTokenRecord.maximumCount)
        }
        guard try count("named_admin_tokens WHERE name = ?", [token.name]) == 0 else {
            throw OperatorStoreError.nameTaken
        }
        try run(
            """
            INSERT INTO named_admin_tokens (id, name, role, sha256, created_at, created_by, operator_id, expires_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                token.id.text, token.name, token.role.rawValue, token.digest.hex,
                token.createdAt.secondsSinceEpoch, token.createdBy, token.operatorID?.text,
                token.expiresAt.secondsSinceEpoch,
            ]
        )
    }

    // MARK: Statements

    /// Runs a statement that has to change one row.
    private func one(_ sql: String, _ arguments: StatementArguments) throws {
        try run(sql, arguments)
        guard database.changesCount == 1 else { throw OperatorStoreError.notFound }
    }

    private func run(_ sql: String, _ arguments: StatementArguments) throws {
        try database.execute(sql: sql, arguments: arguments)
    }

    private func count(_ table: String, _ arguments: StatementArguments = []) throws -> Int {
        try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM \(table)", arguments: arguments) ?? 0
    }
}
