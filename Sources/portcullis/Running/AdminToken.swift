import GatewayCore
import JOSE

/// A token for the admin API: 32 random bytes as 64 lower-case hex digits.
struct AdminToken {
    /// The digits, to be shown once.
    let text: String
    /// What is kept.
    let digest: APITokenDigest

    /// Takes a token that the operator chose.
    init?(_ text: String) {
        guard let digest = APITokenDigest(token: text.utf8) else { return nil }
        self.text = text
        self.digest = digest
    }

    private init(text: String, digest: APITokenDigest) {
        self.text = text
        self.digest = digest
    }

    /// Makes a new one from the system's generator.
    static func generate() -> AdminToken {
        var generator = SystemRandomNumberGenerator()
        while true {
            let text = (0..<4).map { _ in Hex.encode(generator.next() as UInt64) }.joined()
            // 64 hex digits always have a digest, so this ends at once.
            if let digest = APITokenDigest(token: text.utf8) { return AdminToken(text: text, digest: digest) }
        }
    }
}
