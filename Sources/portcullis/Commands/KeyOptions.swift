import ArgumentParser
import GatewayCore
import JOSE

/// The options that name a key; the same for signing and for verifying.
struct KeyOptions: ParsableArguments {
    @Option(help: "The key's file, in any form; - is standard input (PORTCULLIS_KEY).")
    var key: String?

    @Option(help: "A file with an HMAC secret as text, less one final line break (PORTCULLIS_SECRET_FILE).")
    var secretFile: String?

    @Flag(help: "The secret is Base64 of the key's bytes; by default the text's own bytes are the key.")
    var secretIsBase64 = false

    /// The options' names and values, for ``SettingsSource``.
    var values: [String: String?] {
        ["key": key, "secret-file": secretFile, "secret-is-base64": secretIsBase64 ? "true" : nil]
    }
}

/// The option that names the settings file.
struct SettingsOptions: ParsableArguments {
    @Option(help: "A settings file with options as lines `name: value` (PORTCULLIS_CONFIG).")
    var config: String?
}

/// The file of a key, read but not yet understood.
struct KeyFile {
    /// What the file holds.
    let key: PastedKey
    private let path: String

    /// Reads the file that `--key` or `--secret-file` names.
    ///
    /// - Throws: ``CommandFailure`` of kind trouble when none or both are given or the file cannot be read, of
    ///   kind refused when a key stands where a secret belongs.
    init(_ settings: SettingsSource) throws(CommandFailure) {
        guard let given = try settings.exclusive(["key", "secret-file"]) else {
            throw .trouble("no key is given, expected --key FILE or --secret-file FILE")
        }
        path = given.value
        let limit = VerificationKey.maximumTextBytes
        let isBase64 = try settings.flag("secret-is-base64")
        if given.name == "key" {
            guard !isBase64 else {
                throw .trouble("--secret-is-base64 goes with --secret-file, found --key")
            }
            key = PastedKey(anyForm: try Files.read(path, what: "key", limit: limit))
        } else {
            let text = Self.withoutFinalLineBreak(try Files.read(path, what: "secret", limit: limit))
            guard let key = PastedKey(secret: text, isBase64: isBase64) else {
                throw .refused(
                    "\(path) holds a key pair's key, or what is left of one, where a secret belongs"
                )
            }
            self.key = key
        }
    }

    /// The key to sign with.
    ///
    /// - Throws: ``CommandFailure`` of kind refused, with what was found and what to do.
    func signingKey() throws(CommandFailure) -> SigningKey {
        do throws(KeyReadingError) {
            return try key.signingKey()
        } catch {
            throw refusal(error)
        }
    }

    /// What is wrong with the key, with its file's name.
    func refusal(_ error: KeyReadingError) -> CommandFailure {
        key.mayBeSecret(after: error)
            ? .refused("\(path): \(error); a secret as text goes with --secret-file")
            : .refused("\(path): \(error)")
    }

    private static func withoutFinalLineBreak(_ text: [UInt8]) -> [UInt8] {
        guard text.last == UInt8(ascii: "\n") else { return text }
        let line = text.dropLast()
        return Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
    }
}

extension SignatureCheck {
    /// Parses and checks a token with the keys of a file.
    ///
    /// - Throws: ``CommandFailure`` of kind refused, with the reason.
    init(
        _ token: [UInt8],
        file: KeyFile,
        expecting expected: SignatureAlgorithm?,
        limits: TokenLimits
    ) throws(CommandFailure) {
        do throws(SignatureRefusal) {
            self = try SignatureCheck(token, key: file.key, expecting: expected, limits: limits)
        } catch {
            switch error {
            case .key(let fault): throw file.refusal(fault)
            case .wrongReading(let isBase64):
                throw .refused(
                    isBase64
                        ? "the signature is wrong; the signature verifies if the secret is taken as text: leave"
                            + " --secret-is-base64 out"
                        : "the signature is wrong; the signature verifies if the secret is Base64-decoded: say"
                            + " --secret-is-base64"
                )
            case .token, .otherAlgorithm, .notAllowed, .wrong: throw .refused("\(error)")
            }
        }
    }
}
