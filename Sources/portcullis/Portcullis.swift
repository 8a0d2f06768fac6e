import ArgumentParser
import Glibc

/// The program: its commands, and how it ends.
@main
struct Portcullis: AsyncParsableCommand {
    /// The version of the program and of everything in it.
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "portcullis",
        abstract: "An API gateway that lets in signed calls and can say why it turned one away.",
        discussion: """
            Every option can come from the environment (--data-dir is PORTCULLIS_DATA_DIR) or from a settings \
            file with lines `data-dir: …` (--config FILE or PORTCULLIS_CONFIG); the command line goes first, then \
            the environment, then the file.

            Exit codes: 0 done or accepted, 1 refused, 2 wrong options, a missing file or another trouble.

            Examples:
              portcullis keygen ec --out gateway-key
              portcullis token mint --key gateway-key --api-token "$API_TOKEN"
              portcullis token verify --key gateway-key.pub "$TOKEN"
            """,
        version: version,
        subcommands: [
            ServeCommand.self, DemoCommand.self, ApplyCommand.self, ExportCommand.self, DiffCommand.self,
            TokenCommand.self, JWSCommand.self, KeygenCommand.self, APITokenCommand.self,
            RotationCommand.self,
            RevokeCommand.self, AdminTokenCommand.self, OperatorCommand.self, SigningKeyCommand.self,
        ]
    )

    static func main() async {
        // Writing to a pipe or connection that was closed is an error to handle, not the end.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try await asyncParseAsRoot(nil)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            end(error)
        }
    }

    /// Says why the program ends and ends it.
    private static func end(_ error: any Error) -> Never {
        let style = TerminalStyle(for: .error)
        if error is Terminal.Closed { Glibc.exit(128 + SIGPIPE) }
        if let failure = error as? CommandFailure {
            Terminal.note(style.red("\(failure.label):") + " \(failure)")
            Glibc.exit(failure.kind.rawValue)
        }
        let message = fullMessage(for: error)
        let code = exitCode(for: error)
        guard code != .success else { finish(printing: message) }
        if !message.isEmpty {
            let prefix = "Error: "
            let text = message.hasPrefix(prefix) ? String(message.dropFirst(prefix.count)) : message
            Terminal.note(style.red("error:") + " \(text)")
        }
        // An exit code that a command chose stays; wrong usage and everything unforeseen are trouble.
        Glibc.exit(error is ExitCode ? code.rawValue : CommandFailure.Kind.trouble.rawValue)
    }

    /// Answers a request for help or the version.
    private static func finish(printing text: String) -> Never {
        do {
            try Terminal.print(text)
            Glibc.exit(0)
        } catch {
            end(error)
        }
    }
}
