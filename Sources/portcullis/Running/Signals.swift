@preconcurrency import Dispatch
import Foundation

/// The signals that the process listens to, as a stream.
enum Signals {
    /// What the operator asks for.
    enum Request: Sendable {
        /// SIGTERM or SIGINT.
        case terminate
        /// SIGHUP.
        case reload
        /// SIGUSR1.
        case reopenLogs
    }

    /// Begins to listen; from then on the signals do nothing else.
    ///
    /// SIGPIPE is ignored: writing to a closed
    /// connection is an error, not the end.
    static func listen() -> AsyncStream<Request> {
        signal(SIGPIPE, SIG_IGN)
        // A file that may not grow any more is an error of the write, as a full disk is.
        signal(SIGXFSZ, SIG_IGN)
        let (stream, continuation) = AsyncStream<Request>.makeStream()
        let queue = DispatchQueue(label: "portcullis.signals")
        let sources = [
            (SIGTERM, Request.terminate), (SIGINT, .terminate), (SIGHUP, .reload), (SIGUSR1, .reopenLogs),
        ].map {
            number,
            request in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { continuation.yield(request) }
            source.resume()
            return source
        }
        continuation.onTermination = { _ in
            for source in sources { source.cancel() }
        }
        return stream
    }
}
