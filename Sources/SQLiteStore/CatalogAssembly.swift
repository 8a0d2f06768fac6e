import Dispatch
import GatewayCore
import JOSE
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Puts a catalog together while its profiles are still being read: opening the secrets and checking take
/// about as long as reading the rows, and start-up waits for both.
final class CatalogAssembly: Sendable {
    private static let batchSize = 512
    private static let batchesAhead = 8

    private let state: Mutex<State>
    private let sealer: SecretSealer
    private let queue = DispatchQueue(label: "portcullis.store.assembly")
    // The reader is never far ahead, so that memory holds a few batches of what was read, not all.
    private let room = DispatchSemaphore(value: batchesAhead)

    private init(_ restoration: CatalogRestoration, _ sealer: SecretSealer) {
        state = Mutex(State(restoration: restoration))
        self.sealer = sealer
    }

    /// Adds to the restoration the profiles that the closure reads and hands over one after another.
    static func run(
        on restoration: CatalogRestoration,
        _ sealer: SecretSealer,
        read: ((StoredProfile) -> Void) throws -> Void
    ) throws -> Catalog {
        let assembly = CatalogAssembly(restoration, sealer)
        defer { assembly.queue.sync {} }
        var batch: [StoredProfile] = []
        try read { profile in
            batch.append(profile)
            guard batch.count == batchSize else { return }
            assembly.send(batch)
            batch = []
        }
        assembly.send(batch)
        return try assembly.queue.sync { try assembly.state.withLock { try $0.result() } }
    }

    private func send(_ batch: [StoredProfile]) {
        room.wait()
        queue.async {
            self.state.withLock { $0.add(batch, self.sealer) }
            self.room.signal()
        }
    }

    private struct State: Sendable {
        private var restoration: CatalogRestoration
        private var failure: (any Error)?

        init(restoration: CatalogRestoration) {
            self.restoration = restoration
        }

        mutating func add(_ batch: [StoredProfile], _ sealer: SecretSealer) {
            guard failure == nil else { return }
            do {
                for stored in batch {
                    var profile = stored.profile
                    profile.keys = try stored.keys.map { try $0.key(of: profile.id, sealer) }
                    try restoration.put(profile)
                }
            } catch {
                failure = error
            }
        }

        func result() throws -> Catalog {
            if let failure { throw failure }
            return restoration.catalog
        }
    }
}

/// A profile as its rows have it, the keys not yet made.
struct StoredProfile: Sendable {
    let profile: AccessProfile
    let keys: [StoredKey]
}

/// A key as its row has it, the secret still sealed.
struct StoredKey: Sendable {
    private enum Material: Sendable {
        case sealed(Data, isBase64: Bool)
        case publicKey(String)
    }

    private let id: KeyID
    private let name: String
    private let isActive: Bool
    private let keyID: String?
    private let algorithms: [SignatureAlgorithm]
    private let activeFrom: Timestamp?
    private let retireAt: Timestamp?
    private let createdAt: Timestamp
    private let material: Material

    /// What is read of the table, behind the owner's identity.
    static let columns = """
        id, name, is_active, kid, algorithms, active_from, retire_at, created_at, sealed_secret,
        secret_is_base64, public_key
        """

    /// Reads a row of ``columns``.
    init(_ row: StoredRow) throws {
        let id: KeyID = try row.id(0)
        self.id = id
        name = try row.text(1)
        isActive = try row.flag(2)
        keyID = try row.optionalText(3)
        algorithms = try row.list(4).map { name in
            guard let algorithm = SignatureAlgorithm(rawValue: name) else {
                throw row.damage("key \(id): there is no algorithm \"\(name)\"")
            }
            return algorithm
        }
        activeFrom = try row.optionalNumber(5).map { Timestamp(secondsSinceEpoch: $0) }
        retireAt = try row.optionalNumber(6).map { Timestamp(secondsSinceEpoch: $0) }
        createdAt = Timestamp(secondsSinceEpoch: try row.number(7))
        if let sealed = try row.optionalBytes(8) {
            material = .sealed(sealed, isBase64: try row.flag(9))
        } else {
            material = .publicKey(try row.text(10))
        }
    }

    /// Opens the secret and reads the key.
    ///
    /// - Throws: ``DamagedRow``.
    func key(of profile: ProfileID, _ sealer: SecretSealer) throws -> ProfileKey {
        let opened: ProfileKey.Material
        switch material {
        case .publicKey(let text): opened = .publicKey(text)
        case .sealed(let sealed, let isBase64):
            guard let secret = sealer.open(sealed, from: .keySecret(profile, id)) else {
                throw damage("the sealed secret of key \(id) does not open in its row")
            }
            opened = .secret(secret, isBase64: isBase64)
        }
        var key: ProfileKey
        do {
            key = try ProfileKey(
                id: id,
                name: name,
                material: opened,
                createdAt: createdAt,
                wasAccepted: true
            )
        } catch {
            throw damage("key \(id): \(error)")
        }
        key.isActive = isActive
        key.keyID = keyID
        key.algorithms = algorithms
        key.activeFrom = activeFrom
        key.retireAt = retireAt
        return key
    }

    private func damage(_ detail: String) -> DamagedRow {
        DamagedRow(detail: "table profile_keys: \(detail)")
    }
}
