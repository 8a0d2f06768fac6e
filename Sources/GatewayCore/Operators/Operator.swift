package import JOSE

/// Somebody who signs in to the console.
package struct Operator: Sendable {
    /// The longest name, in Unicode scalars.
    package static let maximumNameLength = 200
    /// So many operators there may be.
    package static let maximumCount = 1000

    /// The identity, given once.
    package let id: OperatorID
    /// The name to sign in with, unique byte for byte; never changes, since the audit log names operators by it.
    package let name: String
    /// What the operator may do.
    package var role: Role
    /// Whether the operator may come in; `true` unless said otherwise.
    package var isActive = true
    /// When the operator was added.
    package let createdAt: Timestamp
    /// When the operator last signed in; `nil` when never.
    package var lastSignInAt: Timestamp?
    /// The hash of the password, as the control plane writes it; `nil` before the first invitation is accepted.
    package var passwordHash: Secret<String>?
    /// The invitation to choose a password, when one is open.
    package var invitation: Invitation?

    /// Makes an active operator without a password.
    package init(id: OperatorID, name: String, role: Role, createdAt: Timestamp) {
        self.id = id
        self.name = name
        self.role = role
        self.createdAt = createdAt
    }

    /// The name by which the audit log knows the operator.
    package var actor: String { "operator:\(name)" }

    /// Whether a right password lets the operator in.
    package var maySignIn: Bool { isActive && passwordHash != nil }

    /// Whether the operator can let others in.
    package var isAbleOwner: Bool { role == .owner && maySignIn }
}

/// A link with which an operator chooses a password, once.
package struct Invitation: Sendable, Equatable {
    /// How long it is good, in seconds: 72 hours.
    package static let lifetime: Int64 = 72 * 3600

    /// The SHA-256 digest of its token, which is all that is kept of it.
    package let digest: APITokenDigest
    /// From when on it is no longer accepted.
    package let expiresAt: Timestamp

    /// Takes the parts.
    package init(digest: APITokenDigest, expiresAt: Timestamp) {
        self.digest = digest
        self.expiresAt = expiresAt
    }
}

/// The identity of an operator.
package typealias OperatorID = EntityID<Operator>
/// The identity of a session.
package typealias OperatorSessionID = EntityID<OperatorSession>
/// The identity of an admin token.
package typealias AdminTokenID = EntityID<AdminTokenRecord>
