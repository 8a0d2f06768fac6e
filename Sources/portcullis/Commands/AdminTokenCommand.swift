import ArgumentParser
import GatewayCore
import SQLiteStore

/// `portcullis admin-token`: the token that the admin API asks for.
struct AdminTokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "admin-token",
        abstract: "Manage the token that the admin API asks for.",
        discussion: """
            Example:
              portcullis admin-token reset --data-dir ./portcullis-data
            """,
        subcommands: [Reset.self]
    )

    /// `portcullis admin-token reset`: makes a new admin token; the old one ends at once.
    struct Reset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a new admin token; the old one ends at once.",
            discussion: """
                The named admin tokens that were made with the old one end too; those that operators made stay.

                Needs the data directory, not the running gateway: whoever can read the directory may make a new \
                token. A running gateway takes the new one at its next request.

                Examples:
                  portcullis admin-token reset --data-dir ./portcullis-data
                  PORTCULLIS_ADMIN_TOKEN=$(portcullis admin-token reset) portcullis export
                """
        )

        @Option(help: "The data directory of the gateway (PORTCULLIS_DATA_DIR; default ./portcullis-data).")
        var dataDir: String?

        @Option(help: "A settings file (PORTCULLIS_CONFIG).")
        var config: String?

        func run() async throws {
            let settings = try SettingsSource(config: config, commandLine: ["data-dir": dataDir])
            let directory = try settings.string("data-dir") ?? "./portcullis-data"
            let store = try GatewayStore.open(directory, mustExist: true, isServing: false)
            let token = AdminToken.generate()
            let revoked = try await store.adminTokens().filter { $0.operatorID == nil }
            try await store.replaceAdminTokenDigest(
                token.digest,
                audit: AuditEntry(
                    at: .systemNow,
                    actor: "local",
                    origin: "local",
                    action: "reset",
                    kind: "admin-token",
                    id: "",
                    name: ""
                )
            )
            for token in revoked {
                Terminal.note("revoked, since the old one made it: \(Printable.text(token.name))")
            }
            Terminal.note("the new admin token, shown only now:")
            try Terminal.print(token.text)
        }
    }
}
