package import JOSE

/// The port through which operators, their sessions and admin tokens are kept.
///
/// A change and its audit entries land together or not at all; what is acknowledged would survive a loss of power.
package protocol OperatorStore: Sendable {
    /// All operators, in the order of their names' bytes.
    func operators() async throws -> [Operator]

    /// The operator that a key names; `nil` when there is none.
    func findOperator(_ key: OperatorKey) async throws -> Operator?

    /// The session whose token has this digest, with its operator; whether it is still in force is not judged here.
    func findSession(_ digest: APITokenDigest) async throws -> (session: OperatorSession, owner: Operator?)?

    /// All sessions, or those of one operator, the newest first.
    func sessions(of operatorID: OperatorID?) async throws -> [OperatorSession]

    /// All admin tokens, in the order of their names' bytes.
    func adminTokens() async throws -> [AdminTokenRecord]

    /// The admin token of this digest, with the operator who made it; whether it is in force is not judged here.
    func findAdminToken(_ digest: APITokenDigest) async throws -> (token: AdminTokenRecord, maker: Operator?)?

    /// Makes changes in their order, with their audit entries, in one transaction.
    ///
    /// - Throws: ``OperatorStoreError``, also when nobody would be left who can let others in; or
    ///   ``CatalogStoreError``. Nothing has changed then.
    func apply(_ changes: [OperatorChange], audit: [AuditEntry]) async throws

    /// Notes that a session was used; needs no audit entry, and does nothing when the session has ended.
    func noteUse(of session: OperatorSessionID, at now: Timestamp) async throws

    /// Notes that an admin token was used; needs no audit entry, and does nothing when it is gone.
    func noteUse(of token: AdminTokenID, at now: Timestamp) async throws
}

/// What an operator is found by.
package enum OperatorKey: Sendable {
    case id(OperatorID)
    /// The name, byte for byte.
    case name(String)
    /// The digest of the token of an open invitation, expired or not.
    case invitation(APITokenDigest)
}

/// One change of what an ``OperatorStore`` keeps.
package enum OperatorChange: Sendable {
    /// Adds an operator whose name nobody has.
    case add(Operator)
    /// Adds the operator who sets the gateway up: only while nobody can let others in.
    case addFirst(Operator)
    /// Gives an operator another role, and withdraws the open invitation, which was for the old one.
    case setRole(OperatorID, Role)
    /// Lets an operator in or keeps the operator out, which ends all sessions and the open invitation.
    case setActive(OperatorID, Bool)
    /// Sets a new password hash in the place of the one that the change was decided by; an open invitation ends.
    case setPassword(OperatorID, Secret<String>, replacing: Secret<String>)
    /// Opens an invitation; an earlier one ends.
    case invite(OperatorID, Invitation)
    /// Withdraws the open invitation, if there is one.
    case withdrawInvitation(OperatorID)
    /// Uses up the open invitation of this digest: sets the password hash, ends all sessions, and revokes the admin
    /// tokens that the operator made, since whoever needs a new password may have lost the old one to somebody.
    case acceptInvitation(APITokenDigest, passwordHash: Secret<String>, at: Timestamp)
    /// Deletes an operator, with all sessions and admin tokens.
    case delete(OperatorID)
    /// Begins a session of an active operator whose password hash is still this one, and notes the sign-in.
    case addSession(OperatorSession, passwordHash: Secret<String>?)
    /// Ends a session.
    case endSession(OperatorSessionID)
    /// Ends the sessions of an operator, all but one if so said.
    case endSessions(of: OperatorID, except: OperatorSessionID?)
    /// Forgets sessions that began, or were last used, before these times.
    case forgetSessions(createdBefore: Timestamp, seenBefore: Timestamp)
    /// Adds an admin token whose name no other has.
    case addAdminToken(AdminTokenRecord)
    /// Deletes an admin token.
    case deleteAdminToken(AdminTokenID)
}

/// Why operators, sessions or admin tokens could not be changed as asked.
package enum OperatorStoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// An operator or admin token has the name already.
    case nameTaken
    /// What should be changed is not there, or not any more as it was.
    case notFound
    /// Nobody would be left who can let others in.
    case lastOwner
    /// Somebody can let others in already.
    case ownerExists
    /// The invitation was used, replaced, or has expired.
    case invitationSpent
    /// There are as many as there may be.
    case tooMany(Int)

    package var description: String {
        switch self {
        case .nameTaken: "the name is taken"
        case .notFound: "it is not there, or not as it was any more"
        case .lastOwner: "there would be no active owner left who can sign in"
        case .ownerExists: "there is an owner already"
        case .invitationSpent: "the link was used, replaced by another one, or has expired"
        case .tooMany(let limit): "there are \(limit) already, the most there can be"
        }
    }
}
