import GRDB
package import GatewayCore
import JOSE

extension SQLiteStore: OperatorStore {
    package func operators() async throws -> [Operator] {
        try await perform(.deferred) { try OperatorReader(database: $0).operators("ORDER BY name") }
    }

    package func findOperator(_ key: OperatorKey) async throws -> Operator? {
        try await perform(.deferred) { try OperatorReader(database: $0).find(key) }
    }

    package func findSession(
        _ digest: APITokenDigest
    ) async throws -> (session: OperatorSession, owner: Operator?)? {
        try await perform(.deferred) { database in
            let reader = OperatorReader(database: database)
            guard let session = try reader.sessions("WHERE sha256 = ?", [digest.hex]).first else {
                return nil
            }
            return (session, try session.operatorID.flatMap { try reader.find(.id($0)) })
        }
    }

    package func sessions(of operatorID: OperatorID?) async throws -> [OperatorSession] {
        try await perform(.deferred) { database in
            let reader = OperatorReader(database: database)
            let order = "ORDER BY created_at DESC, id DESC"
            guard let operatorID else { return try reader.sessions(order) }
            return try reader.sessions("WHERE operator_id = ? \(order)", [operatorID.text])
        }
    }

    package func adminTokens() async throws -> [AdminTokenRecord] {
        try await perform(.deferred) { try OperatorReader(database: $0).tokens("ORDER BY name") }
    }

    package func findAdminToken(
        _ digest: APITokenDigest
    ) async throws -> (token: AdminTokenRecord, maker: Operator?)? {
        try await perform(.deferred) { database in
            let reader = OperatorReader(database: database)
            guard let token = try reader.tokens("WHERE sha256 = ?", [digest.hex]).first else { return nil }
            return (token, try token.operatorID.flatMap { try reader.find(.id($0)) })
        }
    }

    package func apply(_ changes: [OperatorChange], audit: [AuditEntry]) async throws {
        try await perform(.immediate) { [sealer] database in
            let writer = OperatorWriter(database: database)
            let hadOwner = try writer.hasAbleOwner()
            for change in changes { try writer.apply(change) }
            if hadOwner, try !writer.hasAbleOwner() { throw OperatorStoreError.lastOwner }
            let log = CatalogWriter(database: database, sealer: sealer)
            for entry in audit { try log.append(entry, making: nil) }
        }
    }

    package func noteUse(of session: OperatorSessionID, at now: Timestamp) async throws {
        try await perform(.immediate) { database in
            try database.execute(
                sql: "UPDATE operator_sessions SET last_seen_at = MAX(last_seen_at, ?) WHERE id = ?",
                arguments: [now.secondsSinceEpoch, session.text]
            )
        }
    }

    package func noteUse(of token: AdminTokenID, at now: Timestamp) async throws {
        try await perform(.immediate) { database in
            try database.execute(
                sql:
                    "UPDATE named_admin_tokens SET last_used_at = MAX(COALESCE(last_used_at, 0), ?) WHERE id = ?",
                arguments: [now.secondsSinceEpoch, token.text]
            )
        }
    }
}

/// Reads operators, sessions and admin tokens.
private struct OperatorReader {
    let database: Database

    func find(_ key: OperatorKey) throws -> Operator? {
        switch key {
        case .id(let id): try operators("WHERE id = ?", [id.text]).first
        case .name(let name): try operators("WHERE name = ?", [name]).first
        case .invitation(let digest): try operators("WHERE invitation_sha256 = ?", [digest.hex]).first
        }
    }

    func operators(_ clauses: String, _ arguments: StatementArguments = []) throws -> [Operator] {
        let rows = try StoredRows(
            in: database,
            table: "operators",
            columns: """
                id, name, role, is_active, created_at, last_sign_in_at, password_hash, invitation_sha256,
                invitation_expires_at
                """,
            clauses: clauses,
            arguments: arguments
        )
        var found: [Operator] = []
        while let row = try rows.next() {
            var one = Operator(
                id: try row.id(0),
                name: try row.text(1),
                role: try row.value(2) { Role(rawValue: $0) },
                createdAt: try row.time(4)
            )
            one.isActive = try row.flag(3)
            one.lastSignInAt = try row.optionalTime(5)
            one.passwordHash = try row.optionalText(6).map { Secret($0) }
            if let expiresAt = try row.optionalTime(8) {
                one.invitation = Invitation(digest: try row.digest(7), expiresAt: expiresAt)
            }
            found.append(one)
        }
        return found
    }

    func sessions(_ clauses: String, _ arguments: StatementArguments = []) throws -> [OperatorSession] {
        let rows = try StoredRows(
            in: database,
            table: "operator_sessions",
            columns: "id, sha256, operator_id, created_at, last_seen_at, address, user_agent",
            clauses: clauses,
            arguments: arguments
        )
        var found: [OperatorSession] = []
        while let row = try rows.next() {
            var session = OperatorSession(
                id: try row.id(0),
                digest: try row.digest(1),
                operatorID: try row.id(2),
                createdAt: try row.time(3),
                address: try row.text(5),
                userAgent: try row.text(6)
            )
            session.lastSeenAt = try row.time(4)
            found.append(session)
        }
        return found
    }

    func tokens(_ clauses: String, _ arguments: StatementArguments = []) throws -> [AdminTokenRecord] {
        let rows = try StoredRows(
            in: database,
            table: "named_admin_tokens",
            columns: "id, name, role, sha256, created_at, created_by, operator_id, expires_at, last_used_at",
            clauses: clauses,
            arguments: arguments
        )
        var found: [AdminTokenRecord] = []
        while let row = try rows.next() {
            var token = AdminTokenRecord(
                id: try row.id(0),
                name: try row.text(1),
                role: try row.value(2) { Role(rawValue: $0) },
                digest: try row.digest(3),
                createdAt: try row.time(4),
                createdBy: try row.text(5),
                operatorID: try row.optionalText(6) == nil ? nil : try row.id(6),
                expiresAt: try row.time(7)
            )
            token.lastUsedAt = try row.optionalTime(8)
            found.append(token)
        }
        return found
    }
}

extension StoredRow {
    fileprivate func time(_ index: Int) throws -> Timestamp {
        Timestamp(secondsSinceEpoch: try number(index))
    }

    fileprivate func optionalTime(_ index: Int) throws -> Timestamp? {
        try optionalNumber(index).map { Timestamp(secondsSinceEpoch: $0) }
    }
}
