import Crypto
import CryptoExtras
import Foundation
import JOSE

/// A password as it is kept: salted scrypt (RFC 7914) in the form `$scrypt$ln=15,r=8,p=1$salt$hash`.
struct PasswordHash: Sendable {
    /// How much work a guess costs.
    struct Cost: Sendable, Equatable {
        /// The binary logarithm of N, the number of rounds.
        let logarithm: Int
        /// The size of a block, r.
        let blockSize: Int
        /// The parallelism, p.
        let parallelism: Int

        /// 32 MiB and about 50 ms for each guess on a server of today.
        static let standard = Cost(logarithm: 15, blockSize: 8, parallelism: 1)

        // What a damaged database may ask of memory and time.
        fileprivate var isBearable: Bool {
            (1...20).contains(logarithm) && (1...16).contains(blockSize) && (1...4).contains(parallelism)
        }
    }

    private static let saltLength = 16
    private static let hashLength = 32

    private let cost: Cost
    private let salt: [UInt8]
    private let hash: [UInt8]

    /// Hashes a password with a new salt.
    ///
    /// - Throws: what the cryptographic library throws when it gets no memory.
    init(of password: Secret<String>, cost: Cost, using random: RandomSource) throws {
        let salt = (0..<Self.saltLength / 8).flatMap { _ in
            withUnsafeBytes(of: random.next()) { Array($0) }
        }
        try self.init(cost: cost, salt: salt, hash: Self.derive(password, salt, cost))
    }

    private init(cost: Cost, salt: [UInt8], hash: [UInt8]) {
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    /// Reads the kept form; `nil` when it is none, or asks for more work than any of ours.
    init?(_ text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt",
            let cost = Self.cost(parts[2]), cost.isBearable,
            let salt = Self.bytes(parts[3]), salt.count == Self.saltLength,
            let hash = Self.bytes(parts[4]), hash.count == Self.hashLength
        else { return nil }
        self.init(cost: cost, salt: salt, hash: hash)
    }

    /// The kept form.
    var text: String {
        "$scrypt$ln=\(cost.logarithm),r=\(cost.blockSize),p=\(cost.parallelism)"
            + "$\(Base64.encode(salt, padded: false))$\(Base64.encode(hash, padded: false))"
    }

    /// Whether a password is the one; takes as long whatever it is.
    ///
    /// - Throws: what the cryptographic library throws when it gets no memory.
    func matches(_ password: Secret<String>) throws -> Bool {
        ConstantTime.equal(try Self.derive(password, salt, cost), hash)
    }

    private static func derive(_ password: Secret<String>, _ salt: [UInt8], _ cost: Cost) throws -> [UInt8] {
        // One form, since keyboards of different systems write é as one scalar or as two.
        let bytes = Array(password.reveal().precomposedStringWithCanonicalMapping.utf8)
        let key = try KDF.Scrypt.deriveKey(
            from: bytes,
            salt: salt,
            outputByteCount: hashLength,
            rounds: 1 << cost.logarithm,
            blockSize: cost.blockSize,
            parallelism: cost.parallelism
        )
        return key.withUnsafeBytes { Array($0) }
    }

    private static func cost(_ text: Substring) -> Cost? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 3, let logarithm = number(parts[0], "ln="), let size = number(parts[1], "r="),
            let parallelism = number(parts[2], "p=")
        else { return nil }
        return Cost(logarithm: logarithm, blockSize: size, parallelism: parallelism)
    }

    private static func number(_ text: Substring, _ prefix: String) -> Int? {
        text.hasPrefix(prefix) ? Int(text.dropFirst(prefix.count)) : nil
    }

    private static func bytes(_ text: Substring) -> [UInt8]? {
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        // What cannot be read is no hash, and lets nobody in.
        return try? Base64.decode(Array((text + padding).utf8))
    }
}
