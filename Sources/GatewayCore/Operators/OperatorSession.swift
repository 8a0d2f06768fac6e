/// What an operator has between signing in and signing out.
package struct OperatorSession: Sendable, Equatable {
    /// So many sessions one operator may have; a further one ends the one that was used longest ago.
    package static let maximumCount = 50
    /// How much of a browser's description of itself is kept, in Unicode scalars.
    package static let maximumUserAgentLength = 200

    /// The identity, by which it is listed and ended; not what the cookie holds.
    package let id: OperatorSessionID
    /// The SHA-256 digest of the cookie's token, which is all that is kept of it.
    package let digest: APITokenDigest
    /// Whose it is; `nil` for whoever signed in with the gateway's own admin token.
    package let operatorID: OperatorID?
    /// When it began.
    package let createdAt: Timestamp
    /// When it was last used, to the minute.
    package var lastSeenAt: Timestamp
    /// The address that it began from.
    package let address: String
    /// What the browser said that it is, shortened.
    package let userAgent: String

    /// Makes a session that begins now.
    package init(
        id: OperatorSessionID,
        digest: APITokenDigest,
        operatorID: OperatorID?,
        createdAt: Timestamp,
        address: String,
        userAgent: String
    ) {
        self.id = id
        self.digest = digest
        self.operatorID = operatorID
        self.createdAt = createdAt
        lastSeenAt = createdAt
        self.address = address
        self.userAgent = String(
            String.UnicodeScalarView(userAgent.unicodeScalars.prefix(Self.maximumUserAgentLength))
        )
    }
}
