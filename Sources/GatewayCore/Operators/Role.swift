/// What an operator or an admin token may do; each role may all that the ones before it may.
package enum Role: String, Sendable, CaseIterable, Comparable {
    /// Reads everything that is no secret, and changes nothing.
    case viewer
    /// Changes the catalog.
    case manager
    /// Decides who else may come in: operators, their sessions, admin tokens.
    case owner

    package static func < (left: Role, right: Role) -> Bool {
        (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
    }
}
