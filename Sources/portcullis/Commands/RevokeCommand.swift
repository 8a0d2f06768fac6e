import ArgumentParser
import GatewayCore

/// `portcullis revoke`: refuses tokens that are signed and in time.
struct RevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Refuse tokens of a profile from the next request on.",
        discussion: """
            Give exactly one of --jti, --subject, --issued-before and a token, of which jti and exp are taken. \
            An API token is not revoked but switched off or deleted: see the admin API.

            Exit codes: 0 revoked, 1 the gateway refused, 2 no answer or wrong options.

            Examples:
              portcullis revoke --profile acme-rsa --jti 4711 --reason "laptop lost"
              portcullis revoke --profile acme-rsa --token-file token.txt
              portcullis revoke --profile acme-rsa --subject jdoe --expires-at 2026-12-24T00:00:00Z
              portcullis revoke --profile acme-rsa --issued-before 2026-11-25T18:00:00Z
            """
    )

    @OptionGroup var profileOptions: ProfileOptions

    @Option(help: "The token with this jti.")
    var jti: String?

    @Option(help: "All tokens with this sub.")
    var subject: String?

    @Option(help: "All tokens issued before this time (RFC 3339), or that do not say when.")
    var issuedBefore: String?

    @Option(help: "The token itself, in this file; - reads it from standard input.")
    var tokenFile: String?

    @Option(help: "Why, for people.")
    var reason: String?

    @Option(help: "From when on the revocation no longer counts (RFC 3339); with a token, when that expires.")
    var expiresAt: String?

    @OptionGroup var adminOptions: AdminOptions

    func run() async throws {
        var token: String?
        if let tokenFile {
            guard let text = String(validating: try TokenArgument.read(file: tokenFile), as: UTF8.self) else {
                throw CommandFailure.trouble("the token is not UTF-8 text")
            }
            token = text
        }
        let kinds = [("jti", jti), ("subject", subject), ("issued_before", issuedBefore), ("token", token)]
        let given = kinds.filter { $0.1 != nil }
        guard given.count == 1 else {
            throw CommandFailure.trouble(
                "\(given.count) of --jti, --subject, --issued-before and --token-file are given, expected one"
            )
        }
        let fields = given + [("reason", reason), ("expires_at", expiresAt)]
        let body = DocumentNode(
            .object(
                fields.compactMap { name, value in
                    value.map { DocumentMember(name, DocumentNode(.string($0))) }
                }
            )
        )
        let made = try await askingAdmin(adminOptions) { admin in
            let profile = try await profileOptions.find(admin)
            return try await admin.require(
                method: "POST",
                path: "/api/v1/profiles/\(profile)/revocations",
                json: body
            )
        }
        let end = made["expires_at"]?.value.text.map { "until \($0)" } ?? "for good"
        Terminal.note("revoked \(end); undo it by deleting this revocation in the admin API:")
        try Terminal.print(made["id"]?.value.text ?? "")
    }
}
