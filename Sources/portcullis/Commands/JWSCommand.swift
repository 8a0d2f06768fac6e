import ArgumentParser
import GatewayCore
import JOSE

/// `portcullis jws`: signed documents of any kind.
struct JWSCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jws",
        abstract: "Check signed documents of any kind (JWS, RFC 7515).",
        discussion: """
            Example:
              portcullis jws verify --key signer.pem --token-file message.jws
            """,
        subcommands: [JWSVerifyCommand.self]
    )
}

/// `portcullis jws verify`: checks the signature of a compact JWS with any payload.
struct JWSVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check the signature of a compact JWS, whatever its payload.",
        discussion: """
            The key's form is recognised: OpenSSH line, PEM or DER (public key, RSA public key, X.509 certificate), \
            JWK, JWK set, a private key in any form (its public half is used), and for HS256, HS384 and HS512 a \
            JWK of kty oct or a secret as text. Of a JWK set, the key with the token's kid is used if there is one, \
            else every key that fits. The algorithm must be one that the key allows, whatever the header says.

            Nothing is forgiven: one line feed at the end of the token file is left out, any other white space, \
            padding, unknown crit or trailing bit refuses the token. Times are not looked at.

            Exit codes: 0 verified, 1 refused (the token or the key), 2 wrong options or a missing file.

            Examples:
              portcullis jws verify --key jwks.json --token-file message.jws
              portcullis jws verify --key signer.pem --alg RS256 --token-file message.jws
              portcullis jws verify --secret-file secret.txt --token-file - < message.jws
            """
    )

    @OptionGroup var keyOptions: KeyOptions

    @Option(help: "The only algorithm to accept (PORTCULLIS_ALG; default what the key allows).")
    var alg: String?

    @Option(help: "The file with the token; - is standard input.")
    var tokenFile: String

    @OptionGroup var settingsFile: SettingsOptions

    func run() throws {
        let settings = try SettingsSource(
            config: settingsFile.config,
            commandLine: keyOptions.values.merging(["alg": alg]) { $1 }
        )
        let expected = try Algorithms.named(try settings.string("alg"))
        let file = try KeyFile(settings)
        let token = try TokenArgument.read(file: tokenFile)
        let check = try SignatureCheck(token, file: file, expecting: expected, limits: .document)
        let style = TerminalStyle(for: .output)
        try Terminal.print(
            style.green("verified") + ": \(check.summary), payload of \(check.token.payload.count) bytes"
        )
    }
}
