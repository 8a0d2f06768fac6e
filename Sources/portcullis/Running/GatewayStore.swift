import Foundation
import GatewayCore
import SQLiteStore

/// Opens the embedded store as `serve` and the commands beside it need it.
enum GatewayStore {
    /// The environment variable that gives the master key where it is not to lie beside the database.
    static let masterKeyVariable = "PORTCULLIS_MASTER_KEY"

    /// Opens the store of a data directory.
    ///
    /// - Parameters:
    ///   - directory: the data directory.
    ///   - mustExist: whether a directory without a database is refused rather than filled.
    ///   - isServing: whether to keep a second gateway off the directory.
    /// - Returns: the open store.
    /// - Throws: ``CommandFailure`` or ``CatalogStoreError``, which say what to do.
    static func open(_ directory: String, mustExist: Bool, isServing: Bool) throws -> SQLiteStore {
        let database = URL(fileURLWithPath: directory).appendingPathComponent("portcullis.db").path
        if mustExist, !FileManager.default.fileExists(atPath: database) {
            throw CommandFailure.trouble(
                "there is no database in \(directory), expected the data directory of a gateway; name it with --data-dir"
            )
        }
        var masterKey = MasterKeySource.file
        if let text = ProcessInfo.processInfo.environment[masterKeyVariable] {
            do {
                masterKey = .given(try MasterKey(text))
            } catch {
                throw CommandFailure.trouble("\(masterKeyVariable): \(error)")
            }
        }
        return try SQLiteStore.open(
            dataDirectory: directory,
            masterKey: masterKey,
            claimsDirectory: isServing
        )
    }
}
