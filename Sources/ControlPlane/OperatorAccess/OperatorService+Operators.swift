import GatewayCore

/// The use cases around other operators and everybody's sessions; that the caller is an owner is the admin API's to
/// check, and whose a session is, is checked here.
extension OperatorService {
    /// An operator with the token of the link by which a password is chosen, shown this once.
    typealias Invited = (operator: Operator, token: String)

    /// All operators by name.
    func operators() async throws -> [Operator] {
        try await store.operators()
    }

    /// The operator of this identity.
    ///
    /// - Throws: ``Problem`` 404.
    func findOperator(_ id: OperatorID?) async throws -> Operator {
        guard let id, let found = try await store.findOperator(.id(id)) else {
            throw Problem(.notFound, "there is no operator with this id")
        }
        return found
    }

    /// Makes an operator, who chooses the password by invitation.
    ///
    /// - Throws: ``Problem`` 422 for the name, or ``OperatorStoreError``.
    func createOperator(name: String, role: Role, _ acting: Acting) async throws -> Invited {
        try checkMayLetIn(acting)
        try checkName(name)
        var new = Operator(id: makeID(), name: name, role: role, createdAt: acting.now)
        let (invitation, token) = try makeInvitation(at: acting.now)
        new.invitation = invitation
        let details = AuditDetails.changes(from: nil, to: new.document(at: acting.now))
        try await change(
            [.add(new)],
            acting.audit("create", "operator", id: new.id.text, name: name, details: details)
        )
        return (new, token)
    }

    /// Opens an invitation to choose a new password; the old one stays in force until then.
    ///
    /// - Throws: ``Problem`` 404 or 409, or ``OperatorStoreError``.
    func invite(_ id: OperatorID?, _ acting: Acting) async throws -> Invited {
        try checkMayLetIn(acting)
        var found = try await findOperator(id)
        guard found.isActive else { throw Problem(.conflict, "the operator is not active") }
        let (invitation, token) = try makeInvitation(at: acting.now)
        found.invitation = invitation
        try await change(
            [.invite(found.id, invitation)],
            acting.audit("invite", "operator", id: found.id.text, name: found.name)
        )
        return (found, token)
    }

    /// Withdraws the open invitation, at once; does nothing when there is none.
    ///
    /// - Throws: ``Problem`` 404.
    func withdrawInvitation(_ id: OperatorID?, _ acting: Acting) async throws {
        let found = try await findOperator(id)
        guard found.invitation != nil else { return }
        try await change(
            [.withdrawInvitation(found.id)],
            acting.audit("withdraw-invitation", "operator", id: found.id.text, name: found.name)
        )
    }

    /// Gives an operator another role, lets the operator in or keeps the operator out, at once.
    ///
    /// An open invitation ends with another role, and when the operator is kept out.
    ///
    /// - Throws: ``Problem`` 403 when an admin token would let somebody do more, 404, or ``OperatorStoreError``, also
    ///   for the last owner.
    func update(_ id: OperatorID?, role: Role?, isActive: Bool?, _ acting: Acting) async throws -> Operator {
        let before = try await findOperator(id)
        var after = before
        var changes: [OperatorChange] = []
        if let role, role != before.role {
            if role > before.role { try checkMayLetIn(acting) }
            (after.role, after.invitation) = (role, nil)
            changes.append(.setRole(before.id, role))
        }
        if let isActive, isActive != before.isActive {
            if isActive { try checkMayLetIn(acting) } else { after.invitation = nil }
            after.isActive = isActive
            changes.append(.setActive(before.id, isActive))
        }
        guard !changes.isEmpty else { return before }
        let details = AuditDetails.changes(
            from: before.document(at: acting.now),
            to: after.document(at: acting.now)
        )
        try await change(
            changes,
            acting.audit("update", "operator", id: before.id.text, name: before.name, details: details)
        )
        return after
    }

    /// Deletes an operator, with all sessions and admin tokens.
    ///
    /// - Throws: ``Problem`` 404, or ``OperatorStoreError``, also for the last owner.
    func deleteOperator(_ id: OperatorID?, _ acting: Acting) async throws {
        let found = try await findOperator(id)
        try await change(
            [.delete(found.id)],
            acting.audit("delete", "operator", id: found.id.text, name: found.name)
        )
    }

    /// The sessions in force that whoever acts may see and end: one's own, or for owners everybody's.
    func sessions(_ acting: Acting) async throws -> [(session: OperatorSession, owner: Operator?)] {
        let everybodys = acting.principal.role == .owner
        guard everybodys || acting.principal.sessionID != nil else { return [] }
        let owners = Dictionary(try await store.operators().map { ($0.id, $0) }) { first, _ in first }
        let own = acting.principal.operatorID
        return try await store.sessions(of: everybodys ? nil : own)
            .filter { everybodys || $0.operatorID == own }
            .filter { Self.isInForce($0, at: acting.now) }
            .map { session in (session, session.operatorID.flatMap { owners[$0] }) }
    }

    /// Ends a session that whoever acts may see.
    ///
    /// - Throws: ``Problem`` 404, also for another's.
    func endSession(_ id: OperatorSessionID?, _ acting: Acting) async throws {
        guard let found = try await sessions(acting).first(where: { $0.session.id == id }) else {
            throw Problem(.notFound, "there is no session with this id")
        }
        let entry = acting.audit(
            "end",
            "session",
            id: found.session.id.text,
            name: found.owner?.name ?? "admin-token"
        )
        try await store.apply([.endSession(found.session.id)], audit: [entry])
    }

    /// Ends all sessions of whoever acts but the one that acts.
    func endOtherSessions(_ acting: Acting) async throws {
        guard let session = acting.principal.sessionID, let id = acting.principal.operatorID else {
            throw Problem(.conflict, "only an operator who has signed in has sessions")
        }
        let found = try await findOperator(id)
        try await change(
            [.endSessions(of: id, except: session)],
            acting.audit("end-others", "session", id: "", name: found.name)
        )
    }

    // MARK: Parts

    /// Refuses named admin tokens: what they made would be in force after they have expired or were revoked.
    ///
    /// - Throws: ``Problem`` 403.
    func checkMayLetIn(_ acting: Acting) throws(Problem) {
        guard acting.principal.isNamedToken else { return }
        throw Problem(
            .forbidden,
            "an admin token lets nobody in: sign in to the console as an owner, or use the gateway's own admin token"
        )
    }

    func makeInvitation(at now: Timestamp) throws -> (Invitation, token: String) {
        let token = try makeToken()
        let end = Timestamp(secondsSinceEpoch: now.secondsSinceEpoch + Invitation.lifetime)
        return (Invitation(digest: token.digest, expiresAt: end), token.text)
    }

    /// Refuses a name that is no plain line.
    ///
    /// - Throws: ``Problem`` 422.
    func checkName(_ name: String) throws(Problem) {
        guard let fault = TextRule.line(1...Operator.maximumNameLength).fault(name) else { return }
        throw Problem([Problem.FieldError(field: "name", detail: fault)])
    }
}
