/// A named token for the admin API, made by an operator; of the token itself only the digest is kept.
package struct AdminTokenRecord: Sendable, Equatable {
    /// So many there may be.
    package static let maximumCount = 1000
    /// How long one may live, in days.
    package static let maximumDays: Int64 = 730
    /// How long one lives unless said otherwise, in days.
    package static let defaultDays: Int64 = 90

    /// The identity, given once.
    package let id: AdminTokenID
    /// The name, unique byte for byte.
    package let name: String
    /// What it may do; never more than whoever made it.
    package let role: Role
    /// The SHA-256 digest of the 64 hex digits.
    package let digest: APITokenDigest
    /// When it was made.
    package let createdAt: Timestamp
    /// Who made it, as the audit log has it.
    package let createdBy: String
    /// The operator who made it, and with whom it ends; `nil` when the gateway's own admin token did.
    package let operatorID: OperatorID?
    /// From when on it is no longer accepted.
    package let expiresAt: Timestamp
    /// When it was last used, to the minute; `nil` when never.
    package var lastUsedAt: Timestamp?

    /// Makes a token that was never used.
    package init(
        id: AdminTokenID,
        name: String,
        role: Role,
        digest: APITokenDigest,
        createdAt: Timestamp,
        createdBy: String,
        operatorID: OperatorID?,
        expiresAt: Timestamp
    ) {
        self.id = id
        self.name = name
        self.role = role
        self.digest = digest
        self.createdAt = createdAt
        self.createdBy = createdBy
        self.operatorID = operatorID
        self.expiresAt = expiresAt
    }
}
