import GatewayCore
import Glibc

/// The directory that holds the database, the master key and the lock, and how its files are made.
struct DataDirectory: Sendable {
    /// The path as given, without a final slash.
    let path: String

    /// Takes the path; an empty one means the working directory.
    init(_ path: String) {
        var trimmed = path
        while trimmed.utf8.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        self.path = trimmed.isEmpty ? "." : trimmed
    }

    /// The database.
    var databasePath: String { "\(path)/portcullis.db" }
    /// The decisions and counts of requests, apart so that keeping them delays no change of the catalog.
    var telemetryPath: String { "\(path)/telemetry.db" }
    /// The key that seals the secrets in the database.
    var masterKeyPath: String { "\(path)/master.key" }
    /// What a serving process holds locked.
    var lockPath: String { "\(path)/portcullis.lock" }

    /// Makes the directory with mode 0700, and its missing parents, so that a loss of power leaves them.
    func make() throws(CatalogStoreError) {
        try Self.makeDirectory(path)
        guard let mode = Self.mode(of: path), mode & S_IFMT == S_IFDIR else {
            throw .unavailable(detail: "\(path) is no directory; give another data directory")
        }
    }

    private static func makeDirectory(_ path: String) throws(CatalogStoreError) {
        var missing: [String] = []
        var current = path
        while !current.isEmpty, mode(of: current) == nil {
            guard errno == ENOENT else { throw systemFailure("look at", current) }
            missing.append(current)
            current = parent(of: current)
        }
        for directory in missing.reversed() {
            guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
                throw systemFailure("make", directory)
            }
            try synchronizeDirectory(parent(of: directory))
        }
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.utf8.startIndex ? "/" : String(path[..<slash])
    }

    /// Runs the body while no other process makes or upgrades the files of this directory.
    func whileSettingUp<Outcome>(
        _ body: () throws(CatalogStoreError) -> Outcome
    ) throws(CatalogStoreError) -> Outcome {
        let directory = try FileDescriptor(opening: path, O_RDONLY | O_DIRECTORY)
        while flock(directory.number, LOCK_EX) != 0 {
            guard errno == EINTR else { throw Self.systemFailure("lock", path) }
        }
        defer { withExtendedLifetime(directory) {} }
        return try body()
    }

    /// Claims the directory for one serving process; the claim lasts as long as what is returned.
    func claim() throws(CatalogStoreError) -> FileDescriptor {
        let lock = try FileDescriptor(opening: lockPath, O_RDWR | O_CREAT, mode: 0o600)
        guard flock(lock.number, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK else { throw Self.systemFailure("lock", lockPath) }
            throw .unavailable(
                detail:
                    "another portcullis serves from \(path); stop it first, or give another data directory"
            )
        }
        return lock
    }

    /// Makes an empty database file that only its owner may read, or takes others' permissions from an old one.
    ///
    /// SQLite gives the files beside it the same permissions. The file of an existing database is not
    /// opened here: closing it would drop the locks that this process holds on it (fcntl(2)).
    func makeDatabasePrivate(_ database: String) throws(CatalogStoreError) {
        if let mode = Self.mode(of: database) {
            guard mode & 0o077 != 0 else { return }
            guard chmod(database, 0o600) == 0 else { throw Self.systemFailure("chmod 600", database) }
            return
        }
        _ = try FileDescriptor(opening: database, O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
        try Self.synchronizeDirectory(path)
    }

    /// Writes a file that appears whole or not at all, also after a loss of power; mode 0600.
    func writeAtomically(_ bytes: [UInt8], to target: String) throws(CatalogStoreError) {
        let temporary = "\(target).new"
        let file = try FileDescriptor(opening: temporary, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
        guard fchmod(file.number, 0o600) == 0 else { throw Self.systemFailure("chmod 600", temporary) }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes {
                Glibc.write(file.number, $0.baseAddress, $0.count)
            }
            guard count >= 0 || errno == EINTR else { throw Self.systemFailure("write", temporary) }
            written += max(0, count)
        }
        guard fsync(file.number) == 0 else { throw Self.systemFailure("synchronize", temporary) }
        guard rename(temporary, target) == 0 else {
            throw Self.systemFailure("rename to \(target)", temporary)
        }
        try Self.synchronizeDirectory(path)
    }

    /// The type and permission bits of a file; `nil` with `errno` set when it cannot be looked at.
    static func mode(of path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode : nil
    }

    private static func synchronizeDirectory(_ path: String) throws(CatalogStoreError) {
        let directory = try FileDescriptor(opening: path, O_RDONLY | O_DIRECTORY)
        guard fsync(directory.number) == 0 else { throw systemFailure("synchronize", path) }
    }

    /// What the system said no to, in words; read before anything else changes `errno`.
    static func systemFailure(_ act: String, _ path: String) -> CatalogStoreError {
        let code = errno
        let reason = strerror(code).map { String(cString: $0) } ?? "error \(code)"
        let detail = "cannot \(act) \(path): \(reason)"
        return code == ENOSPC || code == EDQUOT ? .full(detail: detail) : .unavailable(detail: detail)
    }
}

/// An open file that is closed with its last reference.
final class FileDescriptor: Sendable {
    /// The system's number of it.
    let number: CInt

    /// Opens a file; the mode counts when it is made.
    init(opening path: String, _ flags: CInt, mode: mode_t = 0) throws(CatalogStoreError) {
        number = open(path, flags | O_CLOEXEC, mode)
        guard number >= 0 else { throw DataDirectory.systemFailure("open", path) }
    }

    deinit {
        if number >= 0 { close(number) }
    }
}
