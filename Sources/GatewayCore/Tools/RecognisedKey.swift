package import JOSE

/// What a pasted text is as a key, and how good it is.
package struct RecognisedKey: Sendable {
    /// The key; a private key by its public half.
    package let key: VerificationKey
    /// Whether it is a private key, or a secret.
    package let isPrivate: Bool
    /// What is weak about it, in words; empty for nothing.
    package let weaknesses: [String]

    /// Recognises every key of a pasted text.
    ///
    /// - Parameters:
    ///   - text: what was pasted, at most 64 KiB.
    ///   - isSecret: whether it is meant as an HMAC secret.
    ///   - isBase64: whether that is Base64 of the key.
    /// - Returns: the keys, at least one.
    /// - Throws: ``KeyReadingError``, with what was found and what to do.
    package static func all(
        in text: [UInt8],
        isSecret: Bool,
        isBase64: Bool
    ) throws(KeyReadingError) -> [RecognisedKey] {
        if isSecret {
            let key = try VerificationKey.hmac(secret: Secret(text), secretIsBase64: isBase64)
            return [
                RecognisedKey(
                    key: key,
                    isPrivate: true,
                    weaknesses: weaknesses(ofSecret: text, isBase64: isBase64)
                )
            ]
        }
        do throws(KeyReadingError) {
            return try VerificationKey.publicKeys(reading: text)
                .map { RecognisedKey(key: $0, isPrivate: false, weaknesses: weaknesses(of: $0.kind)) }
        } catch {
            switch error {
            case .privateKeyGiven, .symmetricKeyGiven:
                let key = try SigningKey.read(text).verificationKey
                return [RecognisedKey(key: key, isPrivate: true, weaknesses: weaknesses(of: key.kind))]
            default: throw error
            }
        }
    }

    private static func weaknesses(of kind: KeyKind) -> [String] {
        guard case .rsa(let bits) = kind, bits < 3_072 else { return [] }
        return ["RSA with \(bits) bits is enough until about 2030; 3072 bits or Ed25519 last longer"]
    }

    /// How many bits of chance a secret can hold at most, judged by the characters that it is made of.
    private static func weaknesses(ofSecret text: [UInt8], isBase64: Bool) -> [String] {
        // What the profile decodes counts by its bytes, which are at least 32.
        guard !isBase64 else { return [] }
        let isHex = text.allSatisfy { Hex.value(of: $0) != nil }
        let isAlphanumeric = text.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        }
        // Hundredths of a bit for each character, so that no fraction is needed.
        let each = isHex ? 400 : isAlphanumeric ? 517 : 600
        let bits = text.count * each / 100
        let different = Set(text).count
        var found: [String] = []
        if bits < 128 { found.append("at most \(bits) bits of chance, expected 128 or more") }
        if different < 12 { found.append("only \(different) different characters") }
        if text.contains(UInt8(ascii: " ")) {
            found.append("it holds spaces: words that people choose are guessed, random ones are not")
        }
        return found
    }
}
