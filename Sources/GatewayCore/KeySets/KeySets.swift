import Synchronization

/// The key sets of all identity providers that could be had, as one value for the request path.
package struct KeySets: Sendable {
    private var sets: [KeySetSource: ProviderKeySet] = [:]

    /// Begins with none.
    package init() {}

    /// The set of a source; `nil` when it was never fetched, or is not wanted any more.
    package subscript(source: KeySetSource) -> ProviderKeySet? {
        get { sets[source] }
        set { sets[source] = newValue }
    }

    /// The sources that there are sets of.
    package var sources: [KeySetSource] { Array(sets.keys) }
}

/// Where the request path finds the key sets in force.
///
/// Readers compare one atomic number with the one that they hold and take the lock only when it has moved.
package final class KeySetsSource: Sendable {
    private let version = Atomic<UInt64>(1)
    private let latest = Mutex(KeySets())

    /// Begins with no key set.
    package init() {}

    /// The key sets in force.
    package var current: KeySets { latest.withLock { $0 } }

    /// Puts other key sets in force.
    package func update(_ change: (inout KeySets) -> Void) {
        latest.withLock { change(&$0) }
        version.add(1, ordering: .releasing)
    }

    /// One reader's hold on the key sets in force.
    package struct Reader: Sendable {
        private let source: KeySetsSource
        private var version: UInt64
        private var sets: KeySets

        /// Begins reading.
        package init(_ source: KeySetsSource) {
            self.source = source
            version = source.version.load(ordering: .acquiring)
            sets = source.current
        }

        /// The key sets in force now.
        package mutating func current() -> KeySets {
            let latest = source.version.load(ordering: .acquiring)
            if latest != version {
                version = latest
                sets = source.current
            }
            return sets
        }
    }
}

/// A key that a token needs and that its provider's key set does not have, as far as is known.
///
/// An object, since every decision has room for one and hardly any has one.
package final class NeededKey: Sendable {
    /// Whose key it is.
    package let source: KeySetSource
    /// The `kid` that the token names; `nil` when it names none.
    package let keyID: [UInt8]?

    /// Takes the parts.
    package init(source: KeySetSource, keyID: [UInt8]?) {
        self.source = source
        self.keyID = keyID
    }
}

/// The port through which the last good key set of each source is kept.
package protocol KeySetStore: Sendable {
    /// The key sets that were kept: by the text of their source.
    func keySets() async throws -> [String: KeptKeySet]

    /// Keeps a key set in the place of the source's last one.
    func keep(_ set: KeptKeySet, of source: String) async throws

    /// Forgets all but those of these sources.
    func forgetKeySets(except sources: [String]) async throws
}

/// A key set as it is kept.
package struct KeptKeySet: Sendable, Equatable {
    /// The JWK set.
    package let text: String
    /// When it was fetched.
    package let fetchedAt: Timestamp
    /// Until when it need not be fetched again.
    package let freshUntil: Timestamp

    /// Takes the parts.
    package init(text: String, fetchedAt: Timestamp, freshUntil: Timestamp) {
        self.text = text
        self.fetchedAt = fetchedAt
        self.freshUntil = freshUntil
    }
}
