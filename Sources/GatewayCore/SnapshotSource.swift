import Synchronization

/// Where the request path finds the snapshot that is in force.
///
/// Publishing is rare and reading is not: readers compare one atomic number with the one that they hold and
/// take the lock only when it has moved.
package final class SnapshotSource: Sendable {
    private let version = Atomic<UInt64>(1)
    private let latest: Mutex<Snapshot>
    // Held while a snapshot is compiled, which takes long: `latest` must never be.
    private let publishing = Mutex(())

    /// Begins with a snapshot.
    package init(_ snapshot: Snapshot) {
        latest = Mutex(snapshot)
    }

    /// The snapshot in force.
    package var current: Snapshot {
        latest.withLock { $0 }
    }

    /// Puts a committed change in force; a catalog older than the one in force is ignored.
    package func publish(_ catalog: Catalog, _ change: CatalogChange) {
        publishing.withLock { _ in
            let before = current
            guard before.catalog.revision < catalog.revision else { return }
            put(Snapshot(catalog, after: before, change))
        }
    }

    /// Puts a whole catalog in force that is made with a look at the one before, as after reading the file again;
    /// nobody changes that one meanwhile, and `nil` leaves it.
    ///
    /// - Throws: what the closure throws; then the old one stays.
    package func update(_ change: (Catalog) throws -> Catalog?) rethrows {
        try publishing.withLock { _ in
            if let catalog = try change(current.catalog) { put(Snapshot(catalog)) }
        }
    }

    private func put(_ snapshot: Snapshot) {
        latest.withLock { $0 = snapshot }
        version.add(1, ordering: .releasing)
    }

    /// One reader's hold on the snapshot in force.
    package struct Reader: Sendable {
        private let source: SnapshotSource
        /// Counts the snapshots that the source has published, up to the one that was read last.
        package private(set) var version: UInt64
        private var snapshot: Snapshot

        /// Begins reading.
        package init(_ source: SnapshotSource) {
            self.source = source
            version = source.version.load(ordering: .acquiring)
            snapshot = source.current
        }

        /// The snapshot in force now.
        package mutating func current() -> Snapshot {
            let latest = source.version.load(ordering: .acquiring)
            if latest != version {
                version = latest
                snapshot = source.current
            }
            return snapshot
        }
    }
}
