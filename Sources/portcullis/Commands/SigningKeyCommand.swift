import ArgumentParser
import GatewayCore

/// `portcullis signing-key`: the keys that the gateway itself signs with.
struct SigningKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "signing-key",
        abstract: "Show or rotate the keys that the gateway signs access tokens and assertions with.",
        discussion: """
            Examples:
              portcullis signing-key list
              portcullis signing-key rotate
              portcullis signing-key rotate --activate-after 1s --retire-after 1s
            """,
        subcommands: [List.self, Rotate.self]
    )

    /// `portcullis signing-key list`.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the keys, the newest last.",
            discussion: "Exit codes: 0 listed, 1 the gateway refused, 2 no answer or wrong options."
        )

        @OptionGroup var adminOptions: AdminOptions

        func run() async throws {
            try await SigningKeyCommand.show(adminOptions, method: "GET", path: "")
        }
    }

    /// `portcullis signing-key rotate`.
    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a new key; the others are retired some time after it has begun to sign.",
            discussion: """
                Upstreams that check assertions, and whoever else reads /oauth2/jwks, must know the new key before it \
                signs: give them the time with --activate-after. What the others signed is refused once they are \
                retired; with --retire-after 1s that is at once, as after a theft.

                Exit codes: 0 rotated, 1 the gateway refused, 2 no answer or wrong options.
                """
        )

        @Option(help: "How long the new key is published before it signs: 1s to 24h (default 5m).")
        var activateAfter: String?

        @Option(help: "How long the others verify after that: 1s to 30d (default 25h).")
        var retireAfter: String?

        @OptionGroup var adminOptions: AdminOptions

        func run() async throws {
            let settings = try SettingsSource(
                config: adminOptions.config,
                commandLine: ["activate-after": activateAfter, "retire-after": retireAfter]
            )
            var members: [(String, DocumentValue)] = []
            if let seconds = try settings.seconds("activate-after") {
                members.append(("activate_after_seconds", .integer(seconds)))
            }
            if let seconds = try settings.seconds("retire-after") {
                members.append(("retire_after_seconds", .integer(seconds)))
            }
            try await SigningKeyCommand.show(
                adminOptions,
                method: "POST",
                path: "/rotate",
                DocumentNode(object: members)
            )
        }
    }

    private static func show(
        _ options: AdminOptions,
        method: String,
        path: String,
        _ body: DocumentNode? = nil
    ) async throws {
        let answer: DocumentNode
        do {
            answer = try await AdminClient(options).require(
                method: method,
                path: "/api/v1/signing-keys\(path)",
                json: body
            )
        } catch let problem as AdminProblem {
            throw CommandFailure.refused(Printable.lines(problem.description))
        }
        for key in answer["items"]?.elements ?? [] {
            let parts = ["kid", "state", "active_from", "retire_at", "fingerprint"].map { name in
                Printable.text(key[name]?.value.text ?? "-")
            }
            try Terminal.print(parts.joined(separator: "  "))
        }
    }
}
