import JOSE

/// Which keys and API tokens of a profile can go, seen from when each was last used.
package struct Retirement: Sendable {
    /// What it is about.
    package enum Kind: String, Sendable, CaseIterable {
        case key
        case apiToken = "api_token"
    }

    /// Where it stands in its life.
    package enum State: String, Sendable, CaseIterable {
        /// It is accepted.
        case active
        /// It will be accepted from a time on.
        case pending
        /// It is no longer accepted, since a time that was set.
        case retired
        /// It was switched off.
        case inactive
    }

    /// What it is about.
    package let kind: Kind
    /// The identity of the key or API token.
    package let id: String
    /// Its name.
    package let name: String
    /// Where it stands in its life.
    package let state: State
    /// When a token was last verified with it; `nil` when none ever was.
    package let lastUsedAt: Timestamp?
    /// Whether nobody would miss it.
    package let canBeRetired: Bool
    /// Why, or why not; lower case, no full stop.
    package let reason: String

    /// One key or API token, as far as the question needs it.
    private struct Item {
        let kind: Kind
        let id: String
        let name: String
        let state: State
        let createdAt: Timestamp
        let lastUsedAt: Timestamp?
        let algorithms: [SignatureAlgorithm]
    }

    /// Judges all keys and API tokens of a profile.
    ///
    /// - Parameters:
    ///   - profile: the profile.
    ///   - uses: when they were last used; those that never were are left out.
    ///   - unusedSeconds: for how long something must not have been used to be able to go.
    ///   - now: now.
    /// - Returns: one judgement each, the keys first, in the order of the profile.
    package static func judge(
        _ profile: AccessProfile,
        _ uses: [UseID: Timestamp],
        unusedSeconds: Int64,
        now: Timestamp
    ) -> [Retirement] {
        let items =
            profile.keys.map { key in
                Item(
                    kind: .key,
                    id: key.id.text,
                    name: key.name,
                    state: state(key.isActive, from: key.activeFrom, until: key.retireAt, now),
                    createdAt: key.createdAt,
                    lastUsedAt: uses[UseID(key.id)],
                    algorithms: key.algorithms.isEmpty ? key.verificationKey.algorithms : key.algorithms
                )
            }
            + profile.apiTokens.map { token in
                Item(
                    kind: .apiToken,
                    id: token.id.text,
                    name: token.name,
                    state: state(token.isActive, from: nil, until: token.expiresAt, now),
                    createdAt: token.createdAt,
                    lastUsedAt: uses[UseID(token.id)],
                    algorithms: []
                )
            }
        return items.map { item in
            let (can, reason) = verdict(item, among: items, unusedSeconds, now)
            return Retirement(
                kind: item.kind,
                id: item.id,
                name: item.name,
                state: item.state,
                lastUsedAt: item.lastUsedAt,
                canBeRetired: can,
                reason: reason
            )
        }
    }

    private static func state(
        _ isActive: Bool,
        from start: Timestamp?,
        until end: Timestamp?,
        _ now: Timestamp
    ) -> State {
        if !isActive { return .inactive }
        if let end, now >= end { return .retired }
        if let start, now < start { return .pending }
        return .active
    }

    private static func verdict(
        _ item: Item,
        among items: [Item],
        _ unusedSeconds: Int64,
        _ now: Timestamp
    ) -> (Bool, String) {
        switch item.state {
        case .retired: return (true, "it is no longer accepted; it can be deleted")
        case .inactive: return (true, "it is switched off; it can be deleted")
        case .pending: return (false, "it is not accepted yet")
        case .active: break
        }
        // Another one must be in use in its place: the last of its kind is never the one to go.
        let successor = items.first { other in
            other.kind == item.kind && other.id != item.id && other.state == .active
                && other.lastUsedAt != nil && serves(other, insteadOf: item)
        }
        let idleSince = item.lastUsedAt ?? item.createdAt
        let idle = now.secondsSinceEpoch - idleSince.secondsSinceEpoch
        guard idle >= unusedSeconds else {
            return (false, item.lastUsedAt == nil ? "it is new" : "it was used at \(idleSince)")
        }
        let use = item.lastUsedAt.map { "not used since \($0)" } ?? "never used"
        guard let successor, let used = successor.lastUsedAt, used > idleSince else {
            return (false, "\(use), but nothing else is used in its place")
        }
        return (true, "\(use), while \"\(successor.name)\" was used at \(used)")
    }

    private static func serves(_ other: Item, insteadOf item: Item) -> Bool {
        item.kind == .apiToken || item.algorithms.contains { other.algorithms.contains($0) }
    }
}
