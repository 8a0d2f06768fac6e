import Synchronization

/// The one place that changes the catalog: draft, check, commit, publish, acknowledge.
///
/// Edits happen one after another. A change is published before it is acknowledged, so whoever was told
/// that it landed finds the gateway acting on it.
package actor CatalogService {
    private let store: any CatalogStore
    private let publish: @Sendable (Catalog, CatalogChange) -> Void
    private let latest: Mutex<Catalog>
    private var isEditing = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Begins with the catalog that the store gave.
    ///
    /// `publish` is called with each committed catalog, in the order of revisions, before the edit is
    /// acknowledged.
    package init(
        store: any CatalogStore,
        catalog: Catalog,
        publish: @escaping @Sendable (Catalog, CatalogChange) -> Void
    ) {
        self.store = store
        self.publish = publish
        latest = Mutex(catalog)
    }

    /// The last published catalog.
    package nonisolated var current: Catalog {
        latest.withLock { $0 }
    }

    /// Changes the catalog in one transaction.
    ///
    /// The body changes the draft and returns what the caller wants to know and the audit entries. When it
    /// throws, or the store refuses, nothing has changed. An unchanged draft commits nothing.
    ///
    /// - Throws: what the body throws, or ``CatalogStoreError``.
    package func edit<Outcome: Sendable>(
        _ body: @Sendable (inout CatalogDraft) throws -> (Outcome, [AuditEntry])
    ) async throws -> (outcome: Outcome, catalog: Catalog) {
        await begin()
        defer { end() }
        let before = current
        var draft = CatalogDraft(before)
        let (outcome, audit) = try body(&draft)
        guard !draft.change.isEmpty else { return (outcome, before) }
        try await store.commit(draft.change, expecting: before.revision, audit: audit)
        let after = draft.finished()
        latest.withLock { $0 = after }
        publish(after, draft.change)
        return (outcome, after)
    }

    // An actor alone is not enough: while one edit waits for the store another would begin from a stale draft.
    private func begin() async {
        guard isEditing else {
            isEditing = true
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func end() {
        guard waiting.isEmpty else {
            waiting.removeFirst().resume()
            return
        }
        isEditing = false
    }
}
