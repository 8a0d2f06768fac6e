package import GatewayCore

/// The use cases around named admin tokens.
extension OperatorService {
    /// Whose a presented token is: the gateway's own, or a named one that is in force; notes that it was used.
    ///
    /// A named token may never do more than the operator who made it may now, and stops with that operator.
    ///
    /// - Returns: `nil` when it is nobody's.
    /// - Throws: ``CatalogStoreError``.
    package func authenticate(_ presented: [UInt8], at now: Timestamp) async throws -> Principal? {
        guard let digest = APITokenDigest(token: presented) else { return nil }
        if try await isAdminToken(presented) { return .adminToken }
        guard !isReadOnly, let (token, maker) = try await store.findAdminToken(digest),
            digest.isEqualInConstantTime(token.digest), now < token.expiresAt
        else { return nil }
        var role = token.role
        if let id = token.operatorID {
            guard let maker, maker.id == id, maker.isActive else { return nil }
            role = min(role, maker.role)
        }
        if now.secondsSinceEpoch - (token.lastUsedAt?.secondsSinceEpoch ?? 0) >= Self.useInterval {
            await note { try await store.noteUse(of: token.id, at: now) }
        }
        return Principal(
            actor: "admin-token:\(token.name)",
            role: role,
            operatorID: token.operatorID,
            isNamedToken: true
        )
    }

    /// All admin tokens by name.
    func adminTokens() async throws -> [AdminTokenRecord] {
        try await store.adminTokens()
    }

    /// Makes an admin token.
    ///
    /// - Returns: what is kept, and the token, shown this once.
    /// - Throws: ``Problem`` 403 when it would exceed its maker, or its maker is an admin token itself, 422 for the name, or ``OperatorStoreError``.
    func createAdminToken(
        name: String,
        role: Role,
        days: Int64,
        _ acting: Acting
    ) async throws -> (record: AdminTokenRecord, token: String) {
        try checkMayLetIn(acting)
        try checkName(name)
        guard role <= acting.principal.role else {
            throw Problem(
                .roleNotSufficient,
                "your role is \(acting.principal.role.rawValue), the token's would be \(role.rawValue)"
            )
        }
        let days = min(max(1, days), AdminTokenRecord.maximumDays)
        let token = try makeToken()
        let record = AdminTokenRecord(
            id: makeID(),
            name: name,
            role: role,
            digest: token.digest,
            createdAt: acting.now,
            createdBy: acting.principal.actor,
            operatorID: acting.principal.operatorID,
            expiresAt: Timestamp(secondsSinceEpoch: acting.now.secondsSinceEpoch + days * 86_400)
        )
        let details = AuditDetails.changes(from: nil, to: record.document())
        try await change(
            [.addAdminToken(record)],
            acting.audit("create", "admin_token", id: record.id.text, name: name, details: details)
        )
        return (record, token.text)
    }

    /// Revokes an admin token, at once.
    ///
    /// - Throws: ``Problem`` 404.
    func deleteAdminToken(_ id: AdminTokenID?, _ acting: Acting) async throws {
        guard let found = try await store.adminTokens().first(where: { $0.id == id }) else {
            throw Problem(.notFound, "there is no admin token with this id")
        }
        try await change(
            [.deleteAdminToken(found.id)],
            acting.audit("delete", "admin_token", id: found.id.text, name: found.name)
        )
    }
}
