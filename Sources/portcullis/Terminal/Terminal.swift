import Glibc

/// Standard output and standard error.
enum Terminal {
    /// One of the two.
    enum Stream: Int32 {
        case output = 1
        case error = 2
    }

    /// The other end of standard output was closed, as by `head`; nothing is to be said about it.
    struct Closed: Error {}

    /// Writes a text and a line break to standard output.
    ///
    /// - Throws: ``Closed``, or ``CommandFailure`` when the system refuses to write: an answer that did not
    ///   arrive must not end with exit code 0.
    static func print(_ text: String) throws {
        let problem = write(text + "\n", to: .output)
        guard problem != EPIPE else { throw Closed() }
        guard problem == 0 else {
            throw CommandFailure.trouble("cannot write to standard output: \(systemReason(problem))")
        }
    }

    /// Writes a text and a line break to standard error; there is nowhere to report that this went wrong.
    static func note(_ text: String) {
        _ = write(text + "\n", to: .error)
    }

    /// The words for an `errno`.
    static func systemReason(_ code: Int32) -> String {
        guard let text = strerror(code) else { return "system error \(code)" }
        return String(cString: text)
    }

    private static func write(_ text: String, to stream: Stream) -> Int32 {
        // What `print` holds back comes first.
        fflush(nil)
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(stream.rawValue, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR { continue }
                return errno
            }
            rest = rest.dropFirst(written)
        }
        return 0
    }
}

/// Colours, where they can be seen and are wanted: on a terminal, without `NO_COLOR` (no-color.org).
struct TerminalStyle {
    private let isEnabled: Bool

    /// Asks the stream and the environment.
    init(for stream: Terminal.Stream) {
        isEnabled =
            isatty(stream.rawValue) == 1
            && (Self.environment("NO_COLOR") ?? "").isEmpty
            && Self.environment("TERM") != "dumb"
    }

    func green(_ text: String) -> String { wrapped(text, "32") }
    func red(_ text: String) -> String { wrapped(text, "31") }
    func yellow(_ text: String) -> String { wrapped(text, "33") }
    func bold(_ text: String) -> String { wrapped(text, "1") }
    func dim(_ text: String) -> String { wrapped(text, "2") }

    private func wrapped(_ text: String, _ code: String) -> String {
        isEnabled ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }

    private static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}

/// Text from outside made fit for a terminal: no control characters, nothing that reorders what is shown.
enum Printable {
    /// Replaces what a terminal would obey or hide by `\u{…}`.
    static func text(_ text: String) -> String {
        var output = ""
        for scalar in text.unicodeScalars {
            if isHarmless(scalar) {
                output.unicodeScalars.append(scalar)
            } else {
                output += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
            }
        }
        return output
    }

    /// As ``text(_:)``, but line breaks stay.
    static func lines(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { self.text(String($0)) }
            .joined(separator: "\n")
    }

    /// Whether a terminal shows the character and does nothing else.
    static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
            false
        default: true
        }
    }
}
