import ArgumentParser
import GatewayCore
import JOSE

/// `portcullis keygen`: secrets and key pairs to sign tokens with.
struct KeygenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen",
        abstract: "Make a secret or a key pair to sign tokens with.",
        discussion: """
            The private key goes to FILE (mode 0600, PKCS#8), the public key to FILE.pub; without --out the \
            private key goes to standard output and the public key to standard error. Keys that ssh-keygen and \
            openssl make are as good.

            Examples:
              portcullis keygen hmac > secret.txt
              portcullis keygen rsa --bits 3072 --out acme-key
              portcullis keygen ec --curve P-384 --out acme-key --public-format jwk
              portcullis keygen ed25519 --out acme-key --comment "jdoe@laptop"
            """,
        subcommands: [
            KeygenHMAC.self, KeygenRSA.self, KeygenEC.self, KeygenEd25519.self, KeygenMLDSA65.self,
            KeygenMLDSA87.self,
        ]
    )
}

/// `portcullis keygen hmac`.
struct KeygenHMAC: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hmac",
        abstract: "Make a secret for HS256, HS384 and HS512.",
        discussion: """
            The secret is the text as printed: paste it where the profile's key is asked for, and sign with the \
            same text. HS384 needs a text of at least 48 characters, HS512 of 64.

            Examples:
              portcullis keygen hmac
              portcullis keygen hmac --bytes 64 --encoding hex --out acme-secret
            """
    )

    @Option(help: "How many random bytes, 32 to 3072 (default 32).")
    var bytes: String?

    @Option(help: "How they are written: base64, base64url or hex (default base64).")
    var encoding: String?

    @Flag(help: "Write Base64; this is the default.")
    var base64 = false

    @Option(help: "Write the secret to this file, mode 0600.")
    var out: String?

    @Flag(help: "Replace an existing file.")
    var force = false

    @OptionGroup var settingsFile: SettingsOptions

    func run() throws {
        let settings = try SettingsSource(
            config: settingsFile.config,
            commandLine: [
                "bytes": bytes, "encoding": encoding ?? (base64 ? "base64" : nil), "out": out,
                "force": force ? "true" : nil,
            ]
        )
        // Written in hexadecimal, more would exceed what is accepted as a secret.
        let count = try settings.integer("bytes", 32...2_048) ?? 32
        let key = try Keygen.generate(.hmac(bytes: count))
        guard let secret = key.secret else { throw CommandFailure.trouble("no secret could be made") }
        let text = (try settings.choice("encoding", of: SecretEncoding.self) ?? .base64).text(secret).reveal()
        let use = """
            paste the text as it is, as the profile's secret; the secret is the text, not what it decodes to
            sign with it: portcullis token mint --secret-file FILE --api-token TOKEN
            """
        guard let path = try settings.string("out") else {
            try Terminal.print(text)
            Terminal.note(use)
            return
        }
        let overwrite = try settings.flag("force")
        try Files.write(text + "\n", to: path, mode: 0o600, overwrite: overwrite)
        Terminal.note("secret: \(path) (mode 0600)\n\(use)")
    }
}

/// `portcullis keygen rsa`.
struct KeygenRSA: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rsa",
        abstract: "Make an RSA key pair for RS256 to RS512 and PS256 to PS512.",
        discussion: """
            Example:
              portcullis keygen rsa --bits 3072 --out acme-key
            """
    )

    @Option(help: "The modulus' length in bits, 2048 to 8192 in steps of 256 (default 3072).")
    var bits: String?

    @OptionGroup var output: KeyPairOptions

    func run() throws {
        let settings = try output.settings(["bits": bits])
        let bits = try settings.integer("bits", 2_048...8_192) ?? 3_072
        try Keygen.writePair(.rsa(bits: bits), settings)
    }
}

/// `portcullis keygen ec`.
struct KeygenEC: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ec",
        abstract: "Make an elliptic-curve key pair for ES256, ES384 or ES512.",
        discussion: """
            Example:
              portcullis keygen ec --curve P-256 --out acme-key
            """
    )

    @Option(help: "The curve: P-256, P-384 or P-521 (default P-256).")
    var curve: String?

    @OptionGroup var output: KeyPairOptions

    func run() throws {
        let settings = try output.settings(["curve": curve])
        try Keygen.writePair(.ec(try settings.choice("curve", of: EllipticCurve.self) ?? .p256), settings)
    }
}

/// `portcullis keygen ed25519`.
struct KeygenEd25519: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ed25519",
        abstract: "Make an Ed25519 key pair for EdDSA.",
        discussion: """
            Example:
              portcullis keygen ed25519 --out acme-key
            """
    )

    @OptionGroup var output: KeyPairOptions

    func run() throws {
        try Keygen.writePair(.ed25519, try output.settings())
    }
}

/// `portcullis keygen ml-dsa-65`.
struct KeygenMLDSA65: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ml-dsa-65",
        abstract: "Make an ML-DSA-65 key pair, which quantum computers do not break.",
        discussion: """
            Example:
              portcullis keygen ml-dsa-65 --out acme-key
            """
    )

    @OptionGroup var output: KeyPairOptions

    func run() throws {
        try Keygen.writePair(.mlDSA65, try output.settings())
    }
}

/// `portcullis keygen ml-dsa-87`.
struct KeygenMLDSA87: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ml-dsa-87",
        abstract: "Make an ML-DSA-87 key pair, which quantum computers do not break.",
        discussion: """
            Example:
              portcullis keygen ml-dsa-87 --out acme-key
            """
    )

    @OptionGroup var output: KeyPairOptions

    func run() throws {
        try Keygen.writePair(.mlDSA87, try output.settings())
    }
}
