import ArgumentParser
import GatewayCore

/// `portcullis api-token`: make and replace API tokens of a running gateway.
struct APITokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "api-token",
        abstract: "Make API tokens of a profile, or replace them.",
        discussion: """
            Example:
              portcullis api-token refresh --profile acme-rsa --name default --overlap 7d
            """,
        subcommands: [Create.self, Refresh.self]
    )

    /// `portcullis api-token create`: makes an API token and shows it, once.
    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an API token and show it, this once.",
            discussion: """
                Examples:
                  portcullis api-token create --profile acme-rsa --name laptop
                  TOKEN=$(portcullis api-token create --profile acme-rsa --name ci)
                """
        )

        @OptionGroup var profileOptions: ProfileOptions

        @Option(help: "The new API token's name, unique within the profile.")
        var name: String

        @OptionGroup var adminOptions: AdminOptions

        func run() async throws {
            let body = DocumentNode(.object([DocumentMember("name", DocumentNode(.string(name)))]))
            let made = try await askingAdmin(adminOptions) { admin in
                let profile = try await profileOptions.find(admin)
                return try await admin.require(
                    method: "POST",
                    path: "/api/v1/profiles/\(profile)/api-tokens",
                    json: body
                )
            }
            try APITokenCommand.show(made)
        }
    }

    /// `portcullis api-token refresh`: replaces an API token, at once or with an overlap.
    struct Refresh: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replace an API token by a new one, at once or with an overlap.",
            discussion: """
                During the overlap both are accepted; portcullis rotation tells when the old one was used last.

                Examples:
                  portcullis api-token refresh --profile acme-rsa --name default
                  portcullis api-token refresh --profile acme-rsa --name default --overlap 7d
                """
        )

        @OptionGroup var profileOptions: ProfileOptions

        @Option(help: "The name of the API token to replace.")
        var name: String

        @Option(help: "How long the old one is still accepted: 90s, 15m, 1h, 7d (default: not at all).")
        var overlap: String?

        @OptionGroup var adminOptions: AdminOptions

        func run() async throws {
            var seconds: Int64 = 0
            if let overlap {
                guard let read = DurationText.seconds(overlap) else {
                    throw CommandFailure.trouble(
                        "--overlap is \"\(Printable.text(overlap))\", expected \(DurationText.expectation)"
                    )
                }
                seconds = read
            }
            let body = DocumentNode(
                .object([DocumentMember("overlap_seconds", DocumentNode(.integer(seconds)))])
            )
            let made = try await askingAdmin(adminOptions) { admin in
                let path = "/api/v1/profiles/\(try await profileOptions.find(admin))/api-tokens"
                let found = try await admin.require(method: "GET", path: path, query: [("name", name)])
                guard let id = found["items"]?.elements.first?["id"]?.value.text else {
                    throw CommandFailure.trouble(
                        "the profile has no API token named \"\(Printable.text(name))\""
                    )
                }
                return try await admin.require(method: "POST", path: "\(path)/\(id)/refresh", json: body)
            }
            try APITokenCommand.show(made)
        }
    }

    private static func show(_ made: DocumentNode) throws {
        guard let token = made["token"]?.value.text else {
            throw CommandFailure.trouble("the gateway's answer has no API token; is it another version?")
        }
        Terminal.note("the new API token, shown only now:")
        try Terminal.print(token)
    }
}
