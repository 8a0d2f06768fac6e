import Glibc

/// Files that commands read and write.
enum Files {
    /// Reads a file, or standard input for `-`.
    ///
    /// - Parameters:
    ///   - path: the file's path, or `-`.
    ///   - what: what the file holds, for messages: `key`, `token`.
    ///   - limit: the largest size accepted, in bytes.
    /// - Returns: its bytes.
    /// - Throws: ``CommandFailure`` of kind trouble.
    static func read(_ path: String, what: String, limit: Int = 1 << 20) throws(CommandFailure) -> [UInt8] {
        guard !path.isEmpty else { throw .trouble("the \(what) file's name is empty, expected a path or -") }
        guard path != "-" else { return try readAll(STDIN_FILENO, "standard input", what, limit) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .trouble("cannot open the \(what) file \(path): \(Terminal.systemReason(errno))")
        }
        defer { close(descriptor) }
        return try readAll(descriptor, path, what, limit)
    }

    private static func readAll(
        _ descriptor: Int32,
        _ name: String,
        _ what: String,
        _ limit: Int
    ) throws(CommandFailure) -> [UInt8] {
        var contents: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .trouble("cannot read the \(what) from \(name): \(Terminal.systemReason(errno))")
            }
            if count == 0 { return contents }
            contents += buffer[..<count]
            guard contents.count <= limit else {
                throw .trouble("the \(what) in \(name) is larger than the \(limit) bytes that are accepted")
            }
        }
    }

    /// Writes a new file; what it holds is on the disk when this returns.
    ///
    /// - Parameters:
    ///   - text: the contents.
    ///   - path: where the file goes.
    ///   - mode: its permissions, from the first moment on.
    ///   - overwrite: whether an existing file is replaced, at once and as a whole.
    /// - Throws: ``CommandFailure`` of kind trouble; nothing is left behind.
    static func write(
        _ text: String,
        to path: String,
        mode: mode_t,
        overwrite: Bool
    ) throws(CommandFailure) {
        let target = overwrite ? "\(path).new-\(getpid())" : path
        let descriptor = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            guard errno != EEXIST else { throw alreadyThere(target) }
            throw .trouble("cannot create \(target): \(Terminal.systemReason(errno))")
        }
        var problem = fill(descriptor, with: Array(text.utf8), mode: mode)
        if close(descriptor) != 0, problem == 0 { problem = errno }
        if problem == 0, overwrite, rename(target, path) != 0 { problem = errno }
        guard problem == 0 else {
            unlink(target)
            throw .trouble("cannot write \(path): \(Terminal.systemReason(problem))")
        }
    }

    /// Whether something stands at a path; a link that leads nowhere counts.
    static func exists(_ path: String) -> Bool {
        var information = stat()
        return lstat(path, &information) == 0
    }

    /// A file is never replaced unasked: it might be the only copy of a key in use.
    static func alreadyThere(_ path: String) -> CommandFailure {
        .trouble("\(path) exists and is not overwritten; choose another name, or say --force to replace it")
    }

    private static func fill(_ descriptor: Int32, with bytes: [UInt8], mode: mode_t) -> Int32 {
        // The mode given to open is narrowed by the umask; this one is not.
        guard fchmod(descriptor, mode) == 0 else { return errno }
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR { continue }
                return errno
            }
            rest = rest.dropFirst(written)
        }
        return fsync(descriptor) == 0 ? 0 : errno
    }
}
