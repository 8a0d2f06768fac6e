/// The port through which the catalog is kept: load, commit expecting a revision, audit.
///
/// An implementation acknowledges a commit only when it would survive a loss of power, and leaves
/// nothing of one that it did not acknowledge.
package protocol CatalogStore: Sendable {
    /// Reads the last committed catalog; an empty one of revision 0 when there is none.
    ///
    /// - Throws: ``CatalogStoreError``.
    func load() async throws -> Catalog

    /// Writes a change with its audit entries in one transaction, making revision `expected.next`.
    ///
    /// - Throws: ``CatalogStoreError/revisionConflict(expected:found:)`` when another commit came first.
    func commit(
        _ change: CatalogChange,
        expecting expected: CatalogRevision,
        audit: [AuditEntry]
    ) async throws

    /// Writes an audit entry of an act that changes no catalog.
    ///
    /// - Throws: ``CatalogStoreError``.
    func append(_ entry: AuditEntry) async throws

    /// The audit entries that are asked for, newest first.
    func auditEntries(_ query: AuditQuery) async throws -> [AuditRecord]
}

extension CatalogStore {
    /// The newest audit entries, newest first, older than `before` when that is given; at most `limit`.
    package func auditEntries(before: Int64?, limit: Int) async throws -> [AuditRecord] {
        var query = AuditQuery()
        query.before = before
        query.limit = limit
        return try await auditEntries(query)
    }
}

/// Which audit entries are asked for.
package struct AuditQuery: Sendable {
    /// Only entries older than this sequence number.
    package var before: Int64?
    /// At most so many.
    package var limit = 50
    /// Only what this one did.
    package var actor: String?
    /// Only what was done to this kind of thing.
    package var kind: String?
    /// Only this act.
    package var action: String?
    /// Only what was done to something of this name.
    package var name: String?
    /// Only what happened at this moment or later.
    package var from: Timestamp?
    /// Only what happened at this moment or earlier.
    package var to: Timestamp?

    /// Asks for the newest ones.
    package init() {}

    /// Whether an entry is wanted.
    package func wants(_ record: AuditRecord) -> Bool {
        let entry = record.entry
        return (before.map { record.sequence < $0 } ?? true) && (actor ?? entry.actor) == entry.actor
            && (kind ?? entry.kind) == entry.kind && (action ?? entry.action) == entry.action
            && (name ?? entry.name) == entry.name && (from.map { $0 <= entry.at } ?? true)
            && (to.map { entry.at <= $0 } ?? true)
    }
}

/// The port through which the admin token is kept: as a digest only.
package protocol AdminTokenStore: Sendable {
    /// The SHA-256 digest of the admin token; `nil` before the first start.
    func adminTokenDigest() async throws -> APITokenDigest?

    /// Replaces the digest, with an audit entry in the same transaction; the named admin tokens that were made with the
    /// old one are revoked.
    func replaceAdminTokenDigest(_ digest: APITokenDigest, audit: AuditEntry) async throws
}

/// Why a store could not do what was asked.
package enum CatalogStoreError: Error, Sendable, CustomStringConvertible {
    /// Another commit came first.
    case revisionConflict(expected: CatalogRevision, found: CatalogRevision)
    /// There is no room left to write; nothing was written.
    case full(detail: String)
    /// The store did not answer, or could not write; nothing was written.
    case unavailable(detail: String)
    /// What was kept cannot be read: wrong master key, damage, or a newer schema.
    case unreadable(detail: String)

    package var description: String {
        switch self {
        case .revisionConflict(let expected, let found):
            "revision is \(found), the change expects \(expected)"
        case .full(let detail):
            "no room left to write the change; free some disk space and try again (\(detail))"
        case .unavailable(let detail): "the store cannot be written (\(detail))"
        case .unreadable(let detail): "the store cannot be read: \(detail)"
        }
    }
}

/// One act of a manager, as it is written with the change that it made.
package struct AuditEntry: Sendable {
    /// When it happened.
    package let at: Timestamp
    /// Who did it, for instance `admin-token`.
    package let actor: String
    /// Where it came from: an address, or `local` for the command line.
    package let origin: String
    /// What was done: `create`, `update`, `delete`, `refresh`, `apply`, `reset`, `mint`.
    package let action: String
    /// The kind of what it was done to, for instance `client`.
    package let kind: String
    /// The identity of what it was done to; empty for the whole catalog.
    package let id: String
    /// The name of what it was done to.
    package let name: String
    /// What changed, as JSON without any secret; empty when the action says it all.
    package let details: String

    /// Makes an entry; the details must be free of secrets.
    package init(
        at: Timestamp,
        actor: String,
        origin: String,
        action: String,
        kind: String,
        id: String,
        name: String,
        details: String = ""
    ) {
        self.at = at
        self.actor = actor
        self.origin = origin
        self.action = action
        self.kind = kind
        self.id = id
        self.name = name
        self.details = details
    }
}

/// An audit entry as it was kept.
package struct AuditRecord: Sendable {
    /// Its place in the log, from 1 on without gaps.
    package let sequence: Int64
    /// The revision that its change made; `nil` when it changed no catalog.
    package let revision: CatalogRevision?
    /// What happened.
    package let entry: AuditEntry

    /// Takes what the store kept.
    package init(sequence: Int64, revision: CatalogRevision?, entry: AuditEntry) {
        self.sequence = sequence
        self.revision = revision
        self.entry = entry
    }
}
