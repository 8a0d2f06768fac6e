import GatewayCore

/// `last_used_at`, which answers have of what notes its uses.
enum LastUseAddition {
    /// The member for each of several keys or API tokens.
    static func members(of ids: [UseID], _ lastUses: LastUses?) async throws -> [[DocumentMember]] {
        try await times(of: ids.map { [$0] }, lastUses).map { [member($0)] }
    }

    /// When the latest of each group was used; `nil` when none ever was.
    static func times(of groups: [[UseID]], _ lastUses: LastUses?) async throws -> [Timestamp?] {
        let times = try await lastUses?.times(of: groups.flatMap(\.self)) ?? [:]
        return groups.map { group in group.compactMap { times[$0] }.max() }
    }

    /// The member with a time.
    static func member(_ time: Timestamp?) -> DocumentMember {
        DocumentMember("last_used_at", DocumentNode(time.map { .string($0.description) } ?? .null))
    }
}

extension UseID {
    /// The identities of a profile's keys and API tokens.
    static func all(of profile: AccessProfile) -> [UseID] {
        profile.keys.map { UseID($0.id) } + profile.apiTokens.map { UseID($0.id) }
    }
}
