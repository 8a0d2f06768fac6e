import ControlPlane
import GatewayCore
import Logging

/// Sees to it that the gateway has a key to sign with, and that it never becomes too old.
struct SigningKeyKeeper: Sendable {
    /// How often it looks.
    private static let interval = Duration.seconds(3600)

    let source: AdminAPI.Dependencies.Source
    let snapshots: SnapshotSource
    let logger: Logger

    /// The catalog to begin with: one from a file gets its key before it is compiled, which takes long.
    static func signed(_ source: CatalogSource, at now: Timestamp) throws -> Catalog {
        switch source {
        case .store(_, let catalog): catalog
        case .file(let catalog, _): try kept(catalog, now: now)?.catalog ?? catalog
        }
    }

    /// Looks now; afterwards, with a store that can be written, there is a key.
    ///
    /// A store that cannot be written keeps no gateway from starting: without a key no access token is issued, and
    /// it is tried again.
    func check(at now: Timestamp) async {
        do {
            switch source {
            case .service(let service, _): try await check(service, now)
            // Kept in memory alone: a gateway that runs from a file writes nothing.
            case .file: try snapshots.update { try Self.kept($0, now: now)?.catalog }
            }
        } catch {
            logger.error("the gateway's signing keys could not be kept", metadata: ["reason": "\(error)"])
        }
    }

    /// Looks again and again, until the task is cancelled.
    func run() async throws {
        while true {
            try await Task.sleep(for: Self.interval)
            await check(at: .systemNow)
        }
    }

    private func check(_ service: CatalogService, _ now: Timestamp) async throws {
        // Most times there is nothing to do, and nobody who edits has to wait.
        guard try Self.kept(service.current, now: now) != nil else { return }
        _ = try await service.edit { draft in
            guard let (kept, action, id) = try Self.kept(draft.catalog, now: now) else { return ((), []) }
            try draft.put(kept.signingKeys)
            let entry = AuditEntry(
                at: now,
                actor: "gateway",
                origin: "local",
                action: action,
                kind: "signing_key",
                id: id,
                name: id
            )
            return ((), [entry])
        }
    }

    /// What is kept of a catalog: its keys less the retired ones, with a successor when it is time for one.
    ///
    /// - Returns: the catalog, what was done and to which key; `nil` when there is nothing to do.
    static func kept(
        _ catalog: Catalog,
        now: Timestamp
    ) throws -> (catalog: Catalog, action: String, id: String)? {
        var generator = SystemRandomNumberGenerator()
        let keys = catalog.signingKeys
        let remaining = SigningKeySchedule.remaining(keys, now: now)
        var draft = CatalogDraft(catalog)
        guard SigningKeySchedule.needsSuccessor(keys, days: catalog.settings.signingKeyDays, now: now) else {
            guard remaining.count < keys.count, let gone = keys.first(where: { $0.isRetired(at: now) }) else {
                return nil
            }
            try draft.put(remaining)
            return (draft.catalog, "delete", gone.id.text)
        }
        // Nobody waits to learn of the very first one.
        let delay = remaining.isEmpty ? 0 : SigningKeySchedule.announcement
        let successor = try SigningKeySchedule.makeKey(
            activeFrom: Timestamp(secondsSinceEpoch: now.secondsSinceEpoch + delay),
            now: now,
            using: &generator
        )
        try draft.put(SigningKeySchedule.rotated(keys, to: successor, now: now))
        return (draft.catalog, remaining.isEmpty ? "create" : "rotate", successor.id.text)
    }
}
