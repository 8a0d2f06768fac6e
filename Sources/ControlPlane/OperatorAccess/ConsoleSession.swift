package import GatewayCore

/// A session of the console, as its cookie was found to name it.
package struct ConsoleSession: Sendable {
    /// Whoever signed in.
    package let principal: Principal
    /// The name that was signed in with.
    package let name: String
    /// What every form of this session carries, so that no other page can post in its name.
    package let formToken: String

    /// Takes the parts.
    package init(principal: Principal, name: String, formToken: String) {
        self.principal = principal
        self.name = name
        self.formToken = formToken
    }
}

/// Finds the session that a cookie names, if one is in force.
///
/// What a page asks by itself is no use of it, so that it keeps no session alive.
package typealias FindSession =
    @Sendable (_ cookie: String, _ now: Timestamp, _ isUse: Bool) async throws -> ConsoleSession?
