import ArgumentParser
import GatewayCore
import SQLiteStore

/// `portcullis operator`: those who sign in to the console.
struct OperatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operator",
        abstract: "Let operators of the console back in.",
        discussion: """
            Operators are made, changed and deleted in the console or with the admin API.

            Example:
              portcullis operator reset-password jdoe --data-dir ./portcullis-data
            """,
        subcommands: [ResetPassword.self]
    )

    /// `portcullis operator reset-password`: makes a link by which an operator chooses a new password.
    struct ResetPassword: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a link, good once and for 72 hours, by which an operator chooses a new password.",
            discussion: """
                Needs the data directory, not the running gateway, and works while it runs. The old password stays \
                in force until the link is used; all sessions of the operator end then.

                Examples:
                  portcullis operator reset-password jdoe --data-dir ./portcullis-data
                  portcullis operator reset-password jdoe --admin-url https://console.example
                """
        )

        @Argument(help: "The name that the operator signs in with.")
        var name: String

        @Option(help: "The data directory of the gateway (PORTCULLIS_DATA_DIR; default ./portcullis-data).")
        var dataDir: String?

        @Option(
            help:
                "Where people reach the admin listener (PORTCULLIS_ADMIN_URL; default http://127.0.0.1:8081)."
        )
        var adminUrl: String?

        @Option(help: "A settings file (PORTCULLIS_CONFIG).")
        var config: String?

        func run() async throws {
            let settings = try SettingsSource(
                config: config,
                commandLine: ["data-dir": dataDir, "admin-url": adminUrl]
            )
            let directory = try settings.string("data-dir") ?? "./portcullis-data"
            let url = try AdminURL(settings)?.text ?? "http://127.0.0.1:8081"
            let store = try GatewayStore.open(directory, mustExist: true, isServing: false)
            guard let found = try await store.findOperator(.name(name)) else {
                let names = try await store.operators().map { Printable.text($0.name) }
                throw CommandFailure.trouble(
                    "there is no operator \"\(Printable.text(name))\", "
                        + (names.isEmpty
                            ? "nor any other: start the gateway, which prints a link to set up the first one"
                            : "expected one of \(names.joined(separator: ", "))")
                )
            }
            guard found.isActive else {
                throw CommandFailure.trouble(
                    "the operator \"\(Printable.text(name))\" is not active; an owner can activate it"
                )
            }
            let token = AdminToken.generate()
            let now = Timestamp.systemNow
            let invitation = Invitation(
                digest: token.digest,
                expiresAt: Timestamp(secondsSinceEpoch: now.secondsSinceEpoch + Invitation.lifetime)
            )
            let entry = AuditEntry(
                at: now,
                actor: "local",
                origin: "local",
                action: "invite",
                kind: "operator",
                id: found.id.text,
                name: found.name
            )
            try await store.apply([.invite(found.id, invitation)], audit: [entry])
            Terminal.note("the link by which \(Printable.text(name)) chooses a new password, shown only now:")
            try Terminal.print("\(url)/console/invitation?token=\(token.text)")
        }
    }
}

/// Where people reach the admin listener, as the operator said: `https://console.example`.
struct AdminURL {
    /// The URL, without a path.
    let text: String
    /// The host and port of it.
    let authority: String

    /// - Returns: `nil` when it is not given.
    /// - Throws: ``CommandFailure`` when it is no `http` or `https` URL, or has more than host and port.
    init?(_ settings: SettingsSource) throws {
        guard let given = try settings.string("admin-url") else { return nil }
        let text = given.hasSuffix("/") ? String(given.dropLast()) : given
        let scheme = ["https://", "http://"].first { text.hasPrefix($0) }
        let authority = scheme.map { String(text.dropFirst($0.count)) } ?? ""
        let isPlain = authority.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || "-._:[]".utf8.contains(byte)
        }
        guard !authority.isEmpty, isPlain else {
            throw CommandFailure.trouble(
                "--admin-url is \"\(Printable.text(given))\", expected http or https, host and port: https://console.example"
            )
        }
        self.text = text
        self.authority = authority
    }
}
