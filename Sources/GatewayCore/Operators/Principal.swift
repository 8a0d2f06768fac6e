/// Whoever makes an admin call, authenticated.
package struct Principal: Sendable, Equatable {
    /// Who it is, as the audit log names it: `admin-token`, `admin-token:ci`, `operator:jdoe`.
    package let actor: String
    /// What it may do.
    package let role: Role

    /// Takes the parts.
    package init(actor: String, role: Role) {
        self.actor = actor
        self.role = role
    }

    /// The holder of the gateway's own admin token, who may do everything.
    package static let adminToken = Principal(actor: "admin-token", role: .owner)
}
