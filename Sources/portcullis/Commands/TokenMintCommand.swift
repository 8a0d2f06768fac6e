import ArgumentParser
import GatewayCore
import JOSE
import Synchronization

/// `portcullis token mint`: signs a token.
struct TokenMintCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mint",
        abstract: "Sign a token and print it.",
        discussion: """
            The key may be in any form: OpenSSH (as ssh-keygen writes it), PKCS#8, PKCS#1, SEC 1, JWK. Without \
            --alg the algorithm is the customary one for the key: RS256, ES256, EdDSA, HS256 and so on. The claims \
            come in the order given, then iat and exp; a token expires after 15 minutes unless told otherwise.

            Examples:
              portcullis token mint --key ~/.ssh/id_rsa --api-token "$API_TOKEN" \\
                  --claim name="John Doe"
              portcullis token mint --secret-file secret.txt --claim sub="$API_TOKEN" \\
                  --expires-in 1h
              portcullis token mint --key key.pem --alg PS256 --kid laptop \\
                  --claim-json 'scope=["read","write"]'
            """
    )

    @OptionGroup var keyOptions: KeyOptions

    @Option(help: "The algorithm (PORTCULLIS_ALG; default the customary one for the key).")
    var alg: String?

    @Option(
        help: ArgumentHelp("A claim whose value is a text, digits included.", valueName: "name=value"),
        transform: { try MintedClaim(text: $0) }
    )
    var claim: [MintedClaim] = []

    @Option(
        help: ArgumentHelp("A claim whose value is JSON: a number, list, object.", valueName: "name=JSON"),
        transform: { try MintedClaim(json: $0) }
    )
    var claimJson: [MintedClaim] = []

    @Option(
        help: "The profile's API token; short for --claim sub=TOKEN (PORTCULLIS_API_TOKEN).",
        transform: { MintedClaim(name: "sub", value: $0) }
    )
    var apiToken: MintedClaim?

    @Option(help: "The header's kid, which tells a gateway the key (PORTCULLIS_KID).")
    var kid: String?

    @Option(
        help:
            "When the token expires, counted from now: 90s, 15m, 1h30m, 7d (PORTCULLIS_EXPIRES_IN; default 15m)."
    )
    var expiresIn: String?

    @Flag(help: "Leave exp out: the token never expires, and whoever finds it may use it for ever.")
    var noExpiry = false

    @OptionGroup var settingsFile: SettingsOptions

    func run() throws {
        let settings = try SettingsSource(
            config: settingsFile.config,
            commandLine: keyOptions.values.merging([
                "alg": alg, "api-token": apiToken?.text, "kid": kid, "expires-in": expiresIn,
            ]) { $1 }
        )
        let algorithm = try Algorithms.named(try settings.string("alg"))
        let payload = try payload(settings, now: Timestamp.systemNow.secondsSinceEpoch)
        let keyID = try settings.string("kid")
        let key = try KeyFile(settings).signingKey()
        let token: String
        do throws(TokenMint.Refusal) {
            token = try TokenMint.sign(payload, with: key, algorithm: algorithm, keyID: keyID)
        } catch {
            throw CommandFailure.refused("\(error)")
        }
        try Terminal.print(token)
    }

    /// The claims as JSON, in the order given.
    private func payload(_ settings: SettingsSource, now: Int64) throws -> [UInt8] {
        var claims = claim + claimJson + (apiToken.map { [$0] } ?? [])
        claims.sort { $0.position < $1.position }
        if apiToken == nil, let token = try settings.string("api-token"),
            !claims.contains(where: { $0.isNamed("sub") })
        {
            claims.insert(MintedClaim(name: "sub", value: token), at: 0)
        }
        for (index, claim) in claims.enumerated()
        where claims[..<index].contains(where: { $0.isNamed(claim.name) }) {
            throw CommandFailure.trouble(
                "claim \"\(Printable.text(claim.name))\" is given twice, expected once"
            )
        }
        let lifetime = try lifetime(of: claims, settings)
        let text = "{" + claims.map { "\(JSONText.string($0.name)):\($0.json)" }.joined(separator: ",") + "}"
        do throws(TokenMint.Refusal) {
            return try TokenMint.payload(Array(text.utf8), now: now, lifetime: lifetime)
        } catch {
            throw CommandFailure.trouble("\(error)")
        }
    }

    /// How long the token is to live; nil for one whose claims say so themselves, or that never expires.
    private func lifetime(of claims: [MintedClaim], _ settings: SettingsSource) throws -> Int64? {
        let hasExpiry = claims.contains { $0.isNamed("exp") }
        if noExpiry, expiresIn != nil || hasExpiry {
            throw CommandFailure.trouble("--no-expiry and an expiry are both given, expected one")
        }
        if hasExpiry, expiresIn != nil {
            throw CommandFailure.trouble("claim \"exp\" and --expires-in are both given, expected one")
        }
        for claim in claims where claim.text != nil && ["exp", "nbf", "iat"].contains(where: claim.isNamed) {
            Terminal.note(
                "warning: claim \"\(claim.name)\" is a text, which every gateway refuses; "
                    + "expected --claim-json \(claim.name)=SECONDS"
            )
        }
        guard !noExpiry else {
            Terminal.note("warning: this token never expires; whoever finds it may use it for ever")
            return nil
        }
        return hasExpiry ? nil : try settings.seconds("expires-in") ?? 15 * 60
    }
}

/// A claim of a token that is to be signed.
struct MintedClaim: Sendable {
    /// Its name.
    let name: String
    /// Its value as JSON.
    let json: String
    /// Its value, if it was given as a text.
    let text: String?
    /// Where it stood on the command line, compared to the other claims.
    let position: Int

    // The parser keeps an array for each option; only the order of its calls tells the order across them.
    private static let positions = Atomic<Int>(0)

    private init(name: String, json: String, text: String?) {
        self.name = name
        self.json = json
        self.text = text
        position = Self.positions.wrappingAdd(1, ordering: .relaxed).newValue
    }

    /// A claim whose value is a text.
    init(name: String, value: String) {
        self.init(name: name, json: JSONText.string(value), text: value)
    }

    /// Reads `name=value`.
    init(text argument: String) throws(ValidationError) {
        let (name, value) = try Self.split(argument, expecting: "name=value")
        self.init(name: name, value: value)
    }

    /// Reads `name=JSON`.
    init(json argument: String) throws(ValidationError) {
        let (name, value) = try Self.split(argument, expecting: "name=JSON")
        do {
            _ = try JSONDocument(parsing: Array(value.utf8))
        } catch {
            throw ValidationError(
                "the value of claim \"\(Printable.text(name))\" is not JSON: \(error); a text goes with --claim"
            )
        }
        self.init(name: name, json: value, text: nil)
    }

    /// Whether the claim has this name, byte for byte.
    func isNamed(_ other: String) -> Bool {
        name.utf8.elementsEqual(other.utf8)
    }

    private static func split(
        _ argument: String,
        expecting form: String
    ) throws(ValidationError) -> (name: String, value: String) {
        let bytes = Array(argument.utf8)
        guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")), equals > 0 else {
            throw ValidationError("\"\(Printable.text(argument))\" is no claim, expected \(form)")
        }
        // Cutting UTF-8 at an ASCII character leaves UTF-8.
        return (
            String(decoding: bytes[..<equals], as: UTF8.self),
            String(decoding: bytes[(equals + 1)...], as: UTF8.self)
        )
    }
}

/// Algorithms by name.
enum Algorithms {
    /// The algorithm of an `--alg` option; nil when it is not given.
    ///
    /// - Throws: ``CommandFailure`` of kind trouble, with the names there are.
    static func named(_ name: String?) throws(CommandFailure) -> SignatureAlgorithm? {
        guard let name else { return nil }
        guard let algorithm = SignatureAlgorithm(headerValue: Array(name.utf8)) else {
            let names = SignatureAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
            throw .trouble("--alg is \"\(Printable.text(name))\", expected one of \(names)")
        }
        return algorithm
    }
}
