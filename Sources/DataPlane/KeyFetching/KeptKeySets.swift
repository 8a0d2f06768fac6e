import GatewayCore
import Logging
import Synchronization

/// The last good key set of each source, in a store and in memory: by the text of the source.
///
/// What cannot be read or kept is told in the log and costs nothing else.
final class KeptKeySets: Sendable {
    private let store: any KeySetStore
    private let sets = Mutex<[String: KeptKeySet]>([:])
    private let logger: Logger

    init(_ store: any KeySetStore, _ logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// Reads what the store has.
    func read() async {
        do {
            let read = try await store.keySets()
            sets.withLock { $0 = read }
        } catch {
            logger.warning("the kept key sets cannot be read", metadata: ["reason": "\(error)"])
        }
    }

    /// The key set of a source.
    subscript(source: String) -> KeptKeySet? { sets.withLock { $0[source] } }

    func keep(_ set: KeptKeySet, of source: String) async {
        sets.withLock { $0[source] = set }
        do {
            try await store.keep(set, of: source)
        } catch {
            logger.warning("a key set could not be kept", metadata: ["reason": "\(error)"])
        }
    }

    /// Forgets all others in memory.
    func forgetHere(except sources: Set<String>) {
        sets.withLock { sets in sets = sets.filter { sources.contains($0.key) } }
    }

    /// Forgets all others in the store.
    ///
    /// - Parameter sources: who is wanted at the moment of forgetting.
    func forget(except sources: () -> [String]) async {
        do {
            try await store.forgetKeySets(except: sources())
        } catch {
            logger.warning("old key sets could not be forgotten", metadata: ["reason": "\(error)"])
        }
    }
}
