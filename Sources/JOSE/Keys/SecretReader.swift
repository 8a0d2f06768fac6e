/// Turns a pasted secret into key bytes, and refuses those that anybody would try.
enum SecretReader {
    /// More than this is no secret but a file pasted by mistake.
    static let maximumBytes = 4_096

    /// Reads a pasted secret; when it is judged, what anybody would try is refused as well as what cannot be
    /// used.
    static func read(
        _ text: [UInt8],
        isBase64: Bool,
        isJudged: Bool = true
    ) throws(KeyReadingError) -> [UInt8] {
        guard !text.isEmpty else {
            throw .secretTooShort(bytes: 0, minimum: 32, algorithm: .hs256)
        }
        guard text.count <= maximumBytes * 4 / 3 else {
            throw .tooLarge(found: text.count, limit: maximumBytes * 4 / 3)
        }
        if isJudged {
            try refusePublicKey(text)
            try refuseWellKnown(text)
        }
        let bytes = isBase64 ? try decoded(text) : text
        if isJudged, isBase64 { try refuseWellKnown(bytes) }
        guard bytes.count <= maximumBytes else { throw .tooLarge(found: bytes.count, limit: maximumBytes) }
        try checkLength(bytes.count, algorithm: .hs256)
        return bytes
    }

    static func checkLength(_ count: Int, algorithm: SignatureAlgorithm) throws(KeyReadingError) {
        let minimum =
            switch algorithm {
            case .hs512: 64
            case .hs384: 48
            case .hs256, .rs256, .rs384, .rs512, .ps256, .ps384, .ps512, .es256, .es384, .es512, .edDSA,
                .mlDSA65, .mlDSA87:
                32
            }
        guard count >= minimum else {
            throw .secretTooShort(bytes: count, minimum: minimum, algorithm: algorithm)
        }
    }

    /// A secret's file without the line break that editors and `echo` end it with.
    static func withoutFinalLineBreak(_ text: [UInt8]) -> [UInt8] {
        guard text.last == UInt8(ascii: "\n") else { return text }
        let line = text.dropLast()
        return Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
    }

    /// Base64 of either alphabet: with padding as `openssl` writes it, or Base64url as JWKs have it.
    private static func decoded(_ text: [UInt8]) throws(KeyReadingError) -> [UInt8] {
        do {
            return try Base64.decode(text)
        } catch {
            // Base64url has its own rules; if neither fits, the usual one explains what is wrong.
            if let bytes = try? Base64URL.decode(text) { return bytes }
            throw .secretNotBase64(error)
        }
    }

    /// Whoever has the public key could sign with it.
    private static func refusePublicKey(_ text: [UInt8]) throws(KeyReadingError) {
        let isLine = SSHKeyType.allCases.contains { text.starts(with: ($0.rawValue + " ").utf8) }
        guard isLine || PEM.isPEM(text) else { return }
        throw .unsupported(
            found: "a key pair's key where a secret belongs",
            advice: "add it as a public key instead"
        )
    }

    private static func refuseWellKnown(_ bytes: [UInt8]) throws(KeyReadingError) {
        if WellKnownSecrets.contains(bytes) { throw .wellKnownSecret("a well-known example") }
        guard bytes.count >= 8 else { return }
        if isOfFewBytes(bytes) { throw .wellKnownSecret("made of fewer than 6 different bytes") }
        let step = bytes[1] &- bytes[0]
        if zip(bytes, bytes.dropFirst()).allSatisfy({ $1 &- $0 == step }) {
            throw .wellKnownSecret("a counting sequence")
        }
        if isRepetition(bytes) { throw .wellKnownSecret("a short text repeated") }
    }

    private static func isOfFewBytes(_ bytes: [UInt8]) -> Bool {
        var different: [UInt8] = []
        for byte in bytes where !different.contains(byte) {
            different.append(byte)
            if different.count == 6 { return false }
        }
        return true
    }

    private static func isRepetition(_ bytes: [UInt8]) -> Bool {
        for period in 1...max(1, min(bytes.count / 2, 32))
        where zip(bytes, bytes.dropFirst(period)).allSatisfy({ $0 == $1 }) {
            return true
        }
        return false
    }
}

/// Secrets that documentation and tutorials have taught the world.
private enum WellKnownSecrets {
    static func contains(_ bytes: [UInt8]) -> Bool {
        if binary.contains(bytes) { return true }
        let lowered = bytes.map { $0 &- UInt8(ascii: "A") < 26 ? $0 | 0x20 : $0 }
        if texts.contains(lowered) { return true }
        // Placeholders speak of themselves; 32 random bytes in any encoding do not.
        return placeholders.contains { words in words.allSatisfy { occurs($0, in: lowered) } }
    }

    /// Looks for the bytes of a short word: start-up reads as many secrets as there are profiles.
    private static func occurs(_ word: [UInt8], in bytes: [UInt8]) -> Bool {
        guard let first = word.first, bytes.count >= word.count else { return false }
        for start in 0...(bytes.count - word.count)
        where bytes[start] == first && bytes[start..<start + word.count].elementsEqual(word) {
            return true
        }
        return false
    }

    private static let placeholders: [[[UInt8]]] = [
        ["your", "secret"], ["change", "me"], ["secret", "at-least"], ["secret", "bits"],
        ["super", "secret"],
        ["my", "secret"], ["example", "secret"], ["secret", "key"], ["placeholder"], ["password", "123"],
    ].map { words in words.map { Array($0.utf8) } }

    private static let texts: Set<[UInt8]> = Set(
        [
            "secret", "shhhhh", "keyboard cat", "password", "changeit",
            "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
            "qwertyuiopasdfghjklzxcvbnm123456", "qwertyuiopasdfghjklzxcvbnm1234567890",
            "1234567890qwertyuiopasdfghjklzxcvbnm", "abcdefghijklmnopqrstuvwxyz123456",
            "abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnopqrstuvwxyz1234567890",
            "0123456789abcdefghijklmnopqrstuvwxyz", "thequickbrownfoxjumpsoverthelazydog",
            "the quick brown fox jumps over the lazy dog",
            // Copied from one tutorial on Spring Security into thousands of services.
            "404e635266556a586e3272357538782f413f4428472b4b6250645367566b5970",
            "3cfa76ef14937c1c0ea519f8fc057a80fcd04a7420f8e8bcd0a7567c272e007b",
            // RFC 7515 appendix A.1 and RFC 7520 §3.5 as text.
            "aym1sysppbydfgzld3umj1qzkobwvmkoqq-estjqlr_t-1qs0gzh75aktmn3yj0ips4hcguutwjazzr1z9caow",
            "hjtxiz2usn5kbqfbttnwbpdmhkv8fjg-onbc6mxcycg",
        ].map { Array($0.utf8) }
    )

    /// Decoded forms of the above that are not text.
    private static let binary: Set<[UInt8]> = Set(
        [
            "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
            "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
        ].compactMap { try? Base64URL.decode(Array($0.utf8)) }
    )  // constants; a test reads each of them
}
