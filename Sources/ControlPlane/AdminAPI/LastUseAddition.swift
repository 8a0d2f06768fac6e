import GatewayCore

/// `last_used_at`, which keys and API tokens are answered with.
enum LastUseAddition {
    static func members(of ids: [UseID], _ lastUses: LastUses?) async throws -> [[DocumentMember]] {
        let times = try await lastUses?.times(of: ids) ?? [:]
        return ids.map { id in
            let time = times[id].map { DocumentValue.string($0.description) } ?? .null
            return [DocumentMember("last_used_at", DocumentNode(time))]
        }
    }
}
