import GRDB
import GatewayCore

/// A row that does not say what the tables promise.
struct DamagedRow: Error, Sendable {
    /// Where and what, without the value.
    let detail: String
}

extension CatalogStoreError {
    /// Sorts what a database operation threw into what the caller can do about it.
    ///
    /// Only SQLite's own words are passed on: the statements' arguments hold what must stay in the database.
    static func sorting(_ error: any Error, at path: String) -> CatalogStoreError {
        switch error {
        case let error as CatalogStoreError:
            return error
        case let error as DamagedRow:
            return .unreadable(detail: "\(path) is damaged: \(error.detail); put it back from a backup")
        case let error as CatalogError:
            return .unreadable(detail: "\(path) holds no valid catalog: \(error); put it back from a backup")
        case let error as DatabaseError:
            return sorting(error, at: path)
        default:
            return .unavailable(detail: "\(path): \(error)")
        }
    }

    private static func sorting(_ error: DatabaseError, at path: String) -> CatalogStoreError {
        let code = error.extendedResultCode
        let detail = "\(path): \(error.message ?? "no reason given"), SQLite code \(code.rawValue)"
        switch code {
        case .SQLITE_IOERR_WRITE, .SQLITE_IOERR_SHMSIZE: return .full(detail: detail)
        case .SQLITE_IOERR_SHORT_READ: return .unreadable(detail: "\(detail); put it back from a backup")
        default: break
        }
        switch code.primaryResultCode {
        case .SQLITE_FULL: return .full(detail: detail)
        case .SQLITE_NOTADB:
            return .unreadable(
                detail:
                    "\(path) is not a SQLite database; nothing was changed: move the file away, or put the "
                    + "database back from a backup"
            )
        case .SQLITE_CORRUPT, .SQLITE_FORMAT:
            return .unreadable(
                detail:
                    "\(path) is damaged (\(error.message ?? "no reason given")); put the database back from a "
                    + "backup, or try sqlite3 \(path) .recover"
            )
        default: return .unavailable(detail: detail)
        }
    }
}
