/// The identity of a key or an API token, whichever it is, in the record of when each was last used.
package struct UseID: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    /// Takes the identity of a key or an API token.
    package init<Entity>(_ id: EntityID<Entity>) {
        high = id.high
        low = id.low
    }

    /// Reads the text form of the identity.
    package init?(_ text: String) {
        guard let id = EntityID<UseID>(text) else { return nil }
        self.init(id)
    }

    /// The identity as two signed numbers, for databases that have no others.
    package var halves: (high: Int64, low: Int64) { (Int64(bitPattern: high), Int64(bitPattern: low)) }

    /// The identity as text.
    package var text: String { EntityID<UseID>(high: high, low: low).text }
}

/// When keys and API tokens were last used, as one event loop saw it since it was asked last.
struct Uses: Sendable {
    private var times: [UseID: Timestamp] = [:]

    /// Whether nothing was used.
    var isEmpty: Bool { times.isEmpty }

    /// Notes that a token was verified.
    mutating func note(_ entry: RememberedToken, at now: Timestamp) {
        if let key = entry.proof.use { times[key] = now }
        if let apiToken = entry.caller.apiToken { times[UseID(apiToken.id)] = now }
    }

    /// Notes that an API token was presented by itself.
    mutating func note(_ apiToken: APIToken?, at now: Timestamp) {
        if let apiToken { times[UseID(apiToken.id)] = now }
    }

    /// Gives what was noted, and begins anew.
    mutating func take() -> [UseID: Timestamp] {
        defer { times = [:] }
        return times
    }
}

/// The port through which it is kept when keys and API tokens were last used.
package protocol LastUseStore: Sendable {
    /// When they were last used; those that never were are left out. All of them for `nil`.
    func lastUses(of ids: [UseID]?) async throws -> [UseID: Timestamp]

    /// Keeps when they were last used; a time that is earlier than the one kept changes nothing.
    func record(_ uses: [UseID: Timestamp]) async throws
}
