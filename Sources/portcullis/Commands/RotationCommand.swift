import ArgumentParser
import GatewayCore

/// `portcullis rotation`: which keys and API tokens can go.
struct RotationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotation",
        abstract: "Show when keys and API tokens were last used, and which can be retired.",
        discussion: """
            Something can be retired when it has not been used for a while and another one is used in its place, \
            or when it is not accepted any more. Without --profile those of all profiles are shown that can go.

            Examples:
              portcullis rotation
              portcullis rotation --profile acme-rsa --unused-for 1d
            """
    )

    @Option(help: "All keys and API tokens of this profile: its name or identity.")
    var profile: String?

    @Option(help: "The name of the profile's client, where several clients have a profile of this name.")
    var client: String?

    @Option(help: "For how long something must not have been used: 90s, 15m, 1h, 7d (default 7d).")
    var unusedFor = "7d"

    @OptionGroup var adminOptions: AdminOptions

    func run() async throws {
        guard let seconds = DurationText.seconds(unusedFor) else {
            throw CommandFailure.trouble(
                "--unused-for is \"\(Printable.text(unusedFor))\", expected \(DurationText.expectation)"
            )
        }
        let items = try await askingAdmin(adminOptions) { admin in
            var query = [("unused_for_seconds", String(min(seconds, 315_360_000))), ("limit", "200")]
            if let profile {
                var options = ProfileOptions()
                options.profile = profile
                options.client = client
                query.append(("profile_id", try await options.find(admin)))
            } else {
                query.append(("only_retirable", "true"))
            }
            return try await Self.all(admin, query)
        }
        let style = TerminalStyle(for: .output)
        for item in items { try Terminal.print(Self.line(item, style)) }
        if items.isEmpty {
            Terminal.note(
                profile == nil ? "nothing can be retired" : "the profile has no keys and no API tokens"
            )
        }
    }

    private static func all(
        _ admin: AdminClient,
        _ query: [(String, String)]
    ) async throws -> [DocumentNode] {
        var items: [DocumentNode] = []
        var cursor: String?
        repeat {
            let page = try await admin.require(
                method: "GET",
                path: "/api/v1/rotation",
                query: query.map { (name: $0.0, value: $0.1) } + (cursor.map { [("cursor", $0)] } ?? [])
            )
            items += page["items"]?.elements ?? []
            cursor = page["next_cursor"]?.value.text
        } while cursor != nil
        return items
    }

    private static func line(_ item: DocumentNode, _ style: TerminalStyle) -> String {
        func text(_ name: String) -> String { Printable.text(item[name]?.value.text ?? "") }
        let canGo = item["can_be_retired"]?.value == .bool(true)
        let mark = canGo ? style.yellow("can go") : style.green("keep  ")
        let kind = text("kind") == "key" ? "key" : "API token"
        return
            "\(mark)  \(text("client")) / \(text("profile"))  \(kind) \"\(text("name"))\" (\(text("state"))): "
            + text("reason")
    }
}
