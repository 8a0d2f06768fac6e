import Dispatch
import Foundation
import GatewayCore
import Logging
import Synchronization

/// Writes log lines as `time level message key=value …` to standard error, from a queue of its own.
///
/// Whoever logs never waits for the reader of the log: when it falls behind by ``Sink/limit`` lines, further
/// ones are counted and dropped.
struct LineLogHandler: LogHandler {
    /// Where the lines of all handlers go.
    final class Sink: Sendable {
        static let limit = 10_000
        private let queue = DispatchQueue(label: "portcullis.log")
        private let waiting = Mutex<(lines: Int, dropped: Int)>((0, 0))

        func write(_ line: String) {
            let note = waiting.withLock { state -> String? in
                guard state.lines < Self.limit else {
                    state.dropped += 1
                    return nil
                }
                state.lines += 1
                defer { state.dropped = 0 }
                return state.dropped == 0 ? "" : "(\(state.dropped) lines were dropped)\n"
            }
            guard let note else { return }
            queue.async {
                // A closed standard error must not end the gateway.
                try? FileHandle.standardError.write(contentsOf: Data((note + line).utf8))
                self.waiting.withLock { $0.lines -= 1 }
            }
        }

        /// Waits until what has been logged so far is written.
        func flush() {
            queue.sync {}
        }
    }

    static let sink = Sink()

    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let pairs = all.sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.quoted("\($0.value)"))" }
        let time = Timestamp.systemNow.description
        Self.sink.write(
            ([time, event.level.rawValue, "\(event.message)"] + pairs).joined(separator: " ") + "\n"
        )
    }

    /// Quotes what is not one plain word, so that no value can pretend to be another line or key.
    private static func quoted(_ value: String) -> String {
        let isPlain =
            !value.isEmpty
            && value.unicodeScalars.allSatisfy {
                $0.value > 0x20 && $0.value < 0x7f && $0 != "\"" && $0 != "="
            }
        guard !isPlain else { return value }
        var quoted = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case _ where isUnseen(scalar):
                quoted += "\\u{\(String(scalar.value, radix: 16))}"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// Whether a character moves the cursor, ends a line or turns the text around, whatever shows the log.
    private static func isUnseen(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
