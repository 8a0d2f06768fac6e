/// Whoever makes an admin call, authenticated.
package struct Principal: Sendable, Equatable {
    /// Who it is, as the audit log names it: `admin-token`, `admin-token:ci`, `operator:jdoe`.
    package let actor: String
    /// What it may do.
    package let role: Role
    /// The operator who calls, or who made the admin token that calls; `nil` for the gateway's own token.
    package let operatorID: OperatorID?
    /// The console's session that the call comes from; `nil` for admin tokens.
    package let sessionID: OperatorSessionID?
    /// Whether it is a named admin token, which lets nobody else in.
    package let isNamedToken: Bool

    /// Takes the parts.
    package init(
        actor: String,
        role: Role,
        operatorID: OperatorID? = nil,
        sessionID: OperatorSessionID? = nil,
        isNamedToken: Bool = false
    ) {
        self.actor = actor
        self.role = role
        self.operatorID = operatorID
        self.sessionID = sessionID
        self.isNamedToken = isNamedToken
    }

    /// The holder of the gateway's own admin token, who may do everything.
    package static let adminToken = Principal(actor: "admin-token", role: .owner)
}
