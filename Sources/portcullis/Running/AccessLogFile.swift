import DataPlane
import Dispatch
import GatewayCore
import Glibc
import Logging
import Synchronization

/// The access log: lines are made and written on a queue of its own, so that no request waits for the disk.
///
/// What finds no room in the queue, and what the disk does not take, is counted and lost.
final class AccessLogFile: AccessLogSink {
    // Some megabytes while they wait; at full speed a quarter of a second or more.
    private static let maximumWaiting = 64
    private static let secondsBetweenWarnings: Int64 = 60

    private struct State {
        var waiting = 0
        var dropped: UInt64 = 0
        var warnedAt: Int64?
    }

    /// Where lines go; used on the queue alone.
    private struct Output {
        var descriptor: Int32
        /// Whether the last line that was written broke off.
        var isTorn = false
    }

    private let path: String
    private let format: AccessLogFormat
    private let logger: Logger
    private let queue = DispatchQueue(label: "portcullis.access-log")
    private let state = Mutex(State())
    private let output: Mutex<Output>

    /// Opens the log.
    ///
    /// - Parameters:
    ///   - path: the file, which is added to; `-` for standard output.
    ///   - format: how lines are written.
    ///   - logger: where it is told that the log cannot be written.
    /// - Throws: ``CommandFailure`` when the file cannot be opened.
    init(_ path: String, _ format: AccessLogFormat, _ logger: Logger) throws(CommandFailure) {
        self.path = path
        self.format = format
        self.logger = logger
        let opened = Self.open(path)
        guard opened >= 0 else {
            throw .trouble("--access-log: cannot open \(path): \(String(cString: strerror(errno)))")
        }
        output = Mutex(Output(descriptor: opened, isTorn: Self.isTorn(path)))
    }

    private static func open(_ path: String) -> Int32 {
        if path == "-" { return STDOUT_FILENO }
        return Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
    }

    /// Whether a file ends within a line, as one does whose disk was full when the gateway ended.
    private static func isTorn(_ path: String) -> Bool {
        var status = stat()
        guard path != "-", stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > 0
        else { return false }
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var last = lineEnd
        return pread(descriptor, &last, 1, status.st_size - 1) == 1 && last != lineEnd
    }

    /// How many lines were lost.
    var droppedLines: UInt64 { state.withLock { $0.dropped } }

    func add(_ batch: AccessLogBatch) {
        let hasRoom = state.withLock { state in
            guard state.waiting < Self.maximumWaiting else {
                state.dropped &+= UInt64(batch.count)
                return false
            }
            state.waiting += 1
            return true
        }
        guard hasRoom else { return }
        queue.async {
            self.write(batch)
            self.state.withLock { $0.waiting -= 1 }
        }
    }

    /// Opens the file by its name again, after another program has renamed it; the old one stays when that fails.
    func reopen() {
        guard path != "-" else { return }
        queue.async {
            let opened = Self.open(self.path)
            guard opened >= 0 else {
                let reason = String(cString: strerror(errno))
                self.logger.error(
                    "the access log could not be opened again, the old file stays",
                    metadata: ["file": "\(self.path)", "reason": "\(reason)"]
                )
                return
            }
            let old = self.output.withLock { output in
                defer { output = Output(descriptor: opened, isTorn: Self.isTorn(self.path)) }
                return output.descriptor
            }
            close(old)
            self.logger.notice("access log opened again", metadata: ["file": "\(self.path)"])
        }
    }

    /// Waits until what has been added is written, but no longer than some seconds: whoever reads may have stopped.
    func flush() {
        let done = DispatchSemaphore(value: 0)
        queue.async { done.signal() }
        _ = done.wait(timeout: .now() + 2)
    }

    private func write(_ batch: AccessLogBatch) {
        var (number, isTorn) = output.withLock { ($0.descriptor, $0.isTorn) }
        // What broke off is no line; the next one begins behind it.
        var bytes = isTorn ? [Self.lineEnd] : []
        let offset = Self.nanoseconds(CLOCK_REALTIME) - Self.nanoseconds(CLOCK_MONOTONIC)
        batch.write(format, wallOffset: offset, to: &bytes)
        let (written, reason) = Self.write(bytes, to: number)
        if written > 0 { isTorn = bytes[written - 1] != Self.lineEnd }
        output.withLock { $0.isTorn = isTorn }
        guard let reason else { return }
        let lost = bytes[written...].count { $0 == Self.lineEnd }
        // Where not even that line end was taken, it is among those that were not written.
        lose(min(batch.count, lost), reason)
    }

    private static let lineEnd = UInt8(ascii: "\n")

    /// Writes as much as is taken.
    ///
    /// - Returns: how many bytes, and why not all.
    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> (Int, reason: String?) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count > 0 {
                written += count
            } else if count == 0 || errno != EINTR {
                return (written, String(cString: strerror(errno)))
            }
        }
        return (written, nil)
    }

    private static func nanoseconds(_ clock: clockid_t) -> Int64 {
        var now = timespec()
        clock_gettime(clock, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }

    private func lose(_ lines: Int, _ reason: String) {
        let second = Timestamp.systemNow.secondsSinceEpoch
        let isToBeTold = state.withLock { state in
            state.dropped &+= UInt64(lines)
            if let last = state.warnedAt, second - last < Self.secondsBetweenWarnings { return false }
            state.warnedAt = second
            return true
        }
        guard isToBeTold else { return }
        logger.warning(
            "the access log could not be written",
            metadata: ["file": "\(path)", "reason": "\(reason)"]
        )
    }
}
