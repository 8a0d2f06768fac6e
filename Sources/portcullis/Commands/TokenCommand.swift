import ArgumentParser
import GatewayCore
import JOSE

/// `portcullis token`: make tokens and look into them.
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Make tokens, look into them, check them, ask a gateway about them.",
        discussion: """
            Examples:
              portcullis token mint --key ~/.ssh/id_rsa --api-token "$API_TOKEN" \\
                  --claim name="John Doe"
              portcullis token decode "$TOKEN"
              portcullis token verify --key acme-key.pub "$TOKEN"
              portcullis token explain "$TOKEN" --url /api-endpoints-v1/call
            """,
        subcommands: [
            TokenMintCommand.self, TokenDecodeCommand.self, TokenVerifyCommand.self, TokenExplainCommand.self,
        ]
    )
}

/// The token that a command looks at.
struct TokenArgument: ParsableArguments {
    @Argument(help: "The token; - reads it from standard input.")
    var token: String?

    @Option(help: "Read the token from this file; one line break at its end is left out.")
    var tokenFile: String?

    /// The token's bytes, as they will be parsed.
    ///
    /// - Throws: ``CommandFailure`` of kind trouble when none or both are given or the file cannot be read.
    func read() throws(CommandFailure) -> [UInt8] {
        switch (token, tokenFile) {
        case (nil, nil):
            throw .trouble("no token is given, expected it as argument, as - or with --token-file")
        case (.some, .some):
            throw .trouble("the token is given as argument and with --token-file, expected one")
        case ("-", nil): return try Self.read(file: "-")
        case (let token?, nil): return Array(token.utf8)
        case (nil, let file?): return try Self.read(file: file)
        }
    }

    /// A token's file, less exactly one line feed at its end: any other white space is part of the token, and
    /// so makes it invalid (RFC 7515 §5.2).
    static func read(file: String) throws(CommandFailure) -> [UInt8] {
        let limit = TokenLimits.document.maximumTokenBytes
        let contents = try Files.read(file, what: "token", limit: limit + 1)
        return contents.last == UInt8(ascii: "\n") ? contents.dropLast() : contents
    }
}
