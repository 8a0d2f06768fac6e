import ArgumentParser
import GatewayCore
import JOSE

/// `portcullis token verify`: checks a token's signature and times with a key at hand.
struct TokenVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check a token's signature and times with a key.",
        discussion: """
            The key may be in any form: a public key (OpenSSH line, PEM, DER, X.509 certificate, JWK, JWK set), a \
            private key (its public half is used) or an HMAC secret. What a gateway would say about the token, \
            profile and grants included, tells portcullis token explain.

            Exit codes: 0 verified, 1 refused, 2 wrong options or a missing file.

            Examples:
              portcullis token verify --key acme-key.pub "$TOKEN"
              portcullis token verify --secret-file secret.txt --token-file token.txt
            """
    )

    @OptionGroup var keyOptions: KeyOptions

    @Option(help: "The only algorithm to accept (PORTCULLIS_ALG; default what the key allows).")
    var alg: String?

    @Option(help: "By how many seconds clocks may differ, 0 to 3600 (PORTCULLIS_LEEWAY; default 30).")
    var leeway: String?

    @OptionGroup var argument: TokenArgument

    @OptionGroup var settingsFile: SettingsOptions

    func run() throws {
        let settings = try SettingsSource(
            config: settingsFile.config,
            commandLine: keyOptions.values.merging(["alg": alg, "leeway": leeway]) { $1 }
        )
        let expected = try Algorithms.named(try settings.string("alg"))
        let leeway = try settings.integer("leeway", 0...3_600) ?? 30
        let file = try KeyFile(settings)
        let token = try argument.read()
        let check = try SignatureCheck(token, file: file, expecting: expected, limits: .default)
        guard let claims = check.token.claims else {
            throw CommandFailure.refused(
                "the signature is right, but the payload is no object of claims; portcullis jws verify takes any"
            )
        }
        let now = Timestamp.systemNow.secondsSinceEpoch
        do {
            try TimeWindow.check(claims, now: NumericDate(seconds: now), leeway: .seconds(leeway))
        } catch {
            throw CommandFailure.refused(
                "the signature is right, but the time is not: \(Self.words(error, now: now))"
            )
        }
        let style = TerminalStyle(for: .output)
        let lines = [style.green("verified") + ": \(check.summary)"] + TokenTimes.lines(claims, now: now)
        try Terminal.print(lines.joined(separator: "\n"))
    }

    private static func words(_ refusal: TimeWindowRefusal, now: Int64) -> String {
        switch refusal {
        case .expired(let expiry, _, _):
            "expired \(TimeWords.distance(to: expiry.seconds, from: now)) (\(refusal))"
        case .notYetValid(let claim, let value, _, _):
            "\(claim.rawValue) lies ahead, \(TimeWords.distance(to: value.seconds, from: now)) (\(refusal))"
        case .lifetimeTooLong, .missingExpiry, .malformed: "\(refusal)"
        }
    }
}
