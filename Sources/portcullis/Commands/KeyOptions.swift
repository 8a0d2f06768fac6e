import ArgumentParser
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
    /// How the file's contents are to be taken.
    private enum Contents {
        case anyForm([UInt8])
        case secret(Secret<[UInt8]>, isBase64: Bool)
    }

    private let path: String
    private let contents: Contents

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
            contents = .anyForm(try Files.read(path, what: "key", limit: limit))
        } else {
            let text = Self.withoutFinalLineBreak(try Files.read(path, what: "secret", limit: limit))
            guard !KeyResemblance.isFound(in: text) else {
                throw .refused(
                    "\(path) holds a key pair's key, or what is left of one, where a secret belongs"
                )
            }
            contents = .secret(Secret(text), isBase64: isBase64)
        }
    }

    /// The key to sign with.
    ///
    /// - Throws: ``CommandFailure`` of kind refused, with what was found and what to do.
    func signingKey() throws(CommandFailure) -> SigningKey {
        do {
            switch contents {
            case .anyForm(let text): return try SigningKey.read(text)
            case .secret(let secret, let isBase64):
                return try SigningKey.hmac(secret: secret, secretIsBase64: isBase64)
            }
        } catch {
            throw refusal(error)
        }
    }

    /// Reads the keys to verify with.
    ///
    /// - Parameter algorithm: what the token says, or what the caller expects: text that is no known form is a
    ///   secret if this is an HMAC.
    /// - Returns: the keys, at least one.
    /// - Throws: ``CommandFailure`` of kind refused, with what was found and what to do.
    func verificationKeys(for algorithm: SignatureAlgorithm) throws(CommandFailure) -> [VerificationKey] {
        do {
            switch contents {
            case .anyForm(let text):
                let isSecretPossible = algorithm.isHMAC && !KeyResemblance.isFound(in: text)
                return try VerificationKey.anyKey(
                    reading: text,
                    algorithm: isSecretPossible ? algorithm : nil
                )
            case .secret(let secret, let isBase64):
                return [try VerificationKey.hmac(secret: secret, secretIsBase64: isBase64)]
            }
        } catch {
            throw refusal(error)
        }
    }

    /// For a secret: the key that the same text gives when it is taken the other way, for a hint.
    func otherReading() -> (key: VerificationKey, advice: String)? {
        guard case .secret(let secret, let isBase64) = contents,
            // Most secrets cannot be taken the other way; then there is no hint.
            let key = try? VerificationKey.hmac(secret: secret, secretIsBase64: !isBase64)
        else { return nil }
        return (
            key,
            isBase64
                ? "the signature verifies if the secret is taken as text: leave --secret-is-base64 out"
                : "the signature verifies if the secret is Base64-decoded: say --secret-is-base64"
        )
    }

    private func refusal(_ error: KeyReadingError) -> CommandFailure {
        guard case .unrecognised = error, case .anyForm(let text) = contents,
            !KeyResemblance.isFound(in: text)
        else { return .refused("\(path): \(error)") }
        return .refused("\(path): \(error); a secret as text goes with --secret-file")
    }

    private static func withoutFinalLineBreak(_ text: [UInt8]) -> [UInt8] {
        guard text.last == UInt8(ascii: "\n") else { return text }
        let line = text.dropLast()
        return Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
    }
}

/// Tells damaged keys from secrets.
///
/// A public key that is not recognised as one must never become an HMAC secret: whoever has the public key could
/// then sign (RFC 8725 §2.1).
private enum KeyResemblance {
    private static let marks = [
        "-BEGIN", "BEGIN ", "ssh-", "ecdsa-sha2-", "sk-ssh", "\"kty\"",
        // The Base64 of OpenSSH keys, whose first field is the name of the type.
        "AAAAB3NzaC1", "AAAAC3NzaC1", "AAAAE2VjZHNh",
    ].map { Array($0.utf8) }

    /// Whether a text has a mark of a key pair's key, or is the Base64 or hexadecimal form of one.
    static func isFound(in text: [UInt8]) -> Bool {
        // In UTF-16 the marks stand with zero bytes in between.
        let text = text.filter { $0 != 0 }
        let dense = text.filter { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
        let padding = [UInt8](repeating: UInt8(ascii: "="), count: (4 - dense.count % 4) % 4)
        // What does not decode resembles nothing.
        let decoded = [try? Base64.decode(dense + padding), try? Base64URL.decode(dense), hexadecimal(dense)]
        return ([text] + decoded.compactMap(\.self)).contains { reading in
            isDERKey(reading) || marks.contains { reading.firstRange(of: $0) != nil }
        }
    }

    /// Whether bytes begin like the ASN.1 of a key or certificate: a sequence with a long length.
    private static func isDERKey(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 40, bytes[0] == 0x30 else { return false }
        let first: UInt8
        switch bytes[1] {
        case 0x82: first = bytes[4]
        case 0x81: first = bytes[3]
        // As any byte may stand here in a secret, the length has to be right.
        case let length where Int(length) == bytes.count - 2: first = bytes[2]
        default: return false
        }
        return first == 0x30 || first == 0x02
    }

    private static func hexadecimal(_ text: [UInt8]) -> [UInt8]? {
        guard text.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in text {
            guard let digit = Character(Unicode.Scalar(character)).hexDigitValue else { return nil }
            if let first = high {
                bytes.append(first << 4 | UInt8(digit))
                high = nil
            } else {
                high = UInt8(digit)
            }
        }
        return bytes
    }
}
