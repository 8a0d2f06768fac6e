import ArgumentParser
import GatewayCore
import JOSE

/// Where a new key pair goes.
struct KeyPairOptions: ParsableArguments {
    @Option(help: "Write the private key to this file (mode 0600) and the public key to FILE.pub.")
    var out: String?

    @Option(help: "The public key's form: openssh, pem or jwk (default openssh; pem for ML-DSA).")
    var publicFormat: String?

    @Option(help: "What follows the key in its OpenSSH form.")
    var comment: String?

    @Flag(help: "Replace existing files.")
    var force = false

    @OptionGroup var settingsFile: SettingsOptions

    /// These options and the command's own.
    func settings(_ others: [String: String?] = [:]) throws(CommandFailure) -> SettingsSource {
        let values: [String: String?] = [
            "out": out, "public-format": publicFormat, "comment": comment, "force": force ? "true" : nil,
        ]
        return try SettingsSource(
            config: settingsFile.config,
            commandLine: values.merging(others) { _, other in other }
        )
    }
}

/// What the commands of `keygen` have in common.
enum Keygen {
    /// Makes a key.
    ///
    /// - Throws: ``CommandFailure`` of kind trouble for a size that does not exist.
    static func generate(_ kind: KeyKind) throws(CommandFailure) -> SigningKey {
        do {
            return try SigningKey.generate(kind)
        } catch {
            if case .rsaSize(let bits) = error {
                throw .trouble("--bits is \(bits), expected 2048 to 8192 in steps of 256")
            }
            throw .trouble("\(error)")
        }
    }

    /// Makes a key pair and writes it where the options say.
    static func writePair(_ kind: KeyKind, _ settings: SettingsSource) throws {
        let comment = try settings.string("comment")
        if let comment, !comment.unicodeScalars.allSatisfy(Printable.isHarmless) {
            throw CommandFailure.trouble(
                "--comment holds a line break or a control character, expected plain text"
            )
        }
        let path = try settings.string("out")
        let overwrite = try settings.flag("force")
        let format =
            try settings.choice("public-format", of: PublicKeyFormat.self)
            ?? (kind.hasOpenSSHForm ? .openssh : .pem)
        guard format != .openssh || kind.hasOpenSSHForm else {
            throw CommandFailure.trouble(
                "--public-format is openssh, which has no form for \(kind); expected pem or jwk"
            )
        }
        if let path, !overwrite {
            for path in [path, path + ".pub"] where Files.exists(path) { throw Files.alreadyThere(path) }
        }
        let key = try generate(kind)
        guard let privateText = key.pkcs8PEM?.reveal(),
            let publicText = PublicKeyText.text(key.verificationKey, as: format, comment: comment)
        else { throw CommandFailure.trouble("\(kind) has no form \(format.rawValue)") }
        guard let path else {
            try Terminal.print(withoutFinalLineBreak(privateText))
            Terminal.note(withoutFinalLineBreak(publicText))
            return
        }
        try Files.write(privateText, to: path, mode: 0o600, overwrite: overwrite)
        try Files.write(publicText, to: path + ".pub", mode: 0o644, overwrite: overwrite)
        Terminal.note(
            """
            private key: \(path) (mode 0600; keep it where the tokens are signed)
            public key:  \(path).pub (paste it as the profile's key)
            \(kind), \(key.fingerprint)
            sign with it: portcullis token mint --key \(path) --api-token TOKEN
            """
        )
    }

    private static func withoutFinalLineBreak(_ text: String) -> String {
        text.hasSuffix("\n") ? String(text.dropLast()) : text
    }
}

extension KeyKind {
    /// Whether OpenSSH has keys of this kind.
    fileprivate var hasOpenSSHForm: Bool {
        switch self {
        case .rsa, .ec, .ed25519: true
        case .hmac, .mlDSA65, .mlDSA87: false
        }
    }
}
