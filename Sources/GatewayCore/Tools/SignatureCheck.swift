package import JOSE

/// Checking a token's signature with a key at hand.
package struct SignatureCheck: Sendable {
    /// The token, verified.
    package let token: VerifiedToken
    /// The key that verified it.
    package let key: VerificationKey

    /// Parses and checks a token.
    ///
    /// - Parameters:
    ///   - bytes: the token.
    ///   - key: the key or keys. Of a set, the keys with the token's `kid` are tried if there are any, else every
    ///     key that allows the algorithm.
    ///   - expected: the only algorithm that is accepted; nil accepts what the keys allow.
    ///   - limits: bounds on the token.
    /// - Throws: ``SignatureRefusal``.
    package init(
        _ bytes: [UInt8],
        key: PastedKey,
        expecting expected: SignatureAlgorithm? = nil,
        limits: TokenLimits = .default
    ) throws(SignatureRefusal) {
        let unverified = try Self.parse(bytes, limits)
        let algorithm = unverified.algorithm
        if let expected, expected != algorithm { throw .otherAlgorithm(algorithm, expected: expected) }
        let keys: [VerificationKey]
        do throws(KeyReadingError) {
            keys = try key.verificationKeys(for: algorithm)
        } catch {
            throw .key(error)
        }
        let named = keys.filter { key in
            unverified.keyID.map { key.keyID?.utf8.elementsEqual($0) ?? false } ?? false
        }
        let candidates = named.isEmpty || keys.count == 1 ? keys : named
        let fitting = candidates.filter { $0.algorithms.contains(algorithm) }
        guard !fitting.isEmpty else { throw Self.noneAllows(algorithm, candidates) }
        for key in fitting {
            guard let token = unverified.verified(by: key) else { continue }
            self.token = token
            self.key = key
            return
        }
        if let other = key.otherReading(), unverified.verified(by: other.key) != nil {
            throw .wrongReading(isBase64: other.wasBase64)
        }
        throw .wrong(
            fitting.count == 1
                ? "the signature is wrong for \(algorithm) with \(Self.words(fitting[0]))"
                : "the signature is wrong for \(algorithm) with each of \(fitting.count) keys"
        )
    }

    private static func parse(
        _ bytes: [UInt8],
        _ limits: TokenLimits
    ) throws(SignatureRefusal) -> UnverifiedToken {
        do throws(TokenError) {
            return try UnverifiedToken.parse(bytes.span, limits: limits)
        } catch {
            throw .token(error)
        }
    }

    /// What was verified, in one line.
    package var summary: String {
        "\(token.algorithm) with \(Self.words(key))"
    }

    private static func words(_ key: VerificationKey) -> String {
        "\(key.kind) (\(key.form)), \(key.fingerprint)"
    }

    private static func noneAllows(
        _ algorithm: SignatureAlgorithm,
        _ keys: [VerificationKey]
    ) -> SignatureRefusal {
        guard keys.count == 1, let key = keys.first else {
            return .notAllowed("alg is \(algorithm), and none of \(keys.count) keys allows it")
        }
        let allowed = key.algorithms.map(\.rawValue).joined(separator: ", ")
        return .notAllowed("alg is \(algorithm), the key (\(key.kind)) allows \(allowed)")
    }
}

/// Why a token is not verified with a key at hand.
package enum SignatureRefusal: Error, Sendable, CustomStringConvertible {
    /// The token does not parse.
    case token(TokenError)
    /// The token's algorithm is not the one that is expected.
    case otherAlgorithm(SignatureAlgorithm, expected: SignatureAlgorithm)
    /// The key cannot be read.
    case key(KeyReadingError)
    /// No key allows the algorithm; in words.
    case notAllowed(String)
    /// The secret was taken as Base64, or as text, and the other would be right.
    case wrongReading(isBase64: Bool)
    /// The signature is wrong; in words.
    case wrong(String)

    /// The reason in words.
    package var description: String {
        switch self {
        case .token(let error): "\(error)"
        case .otherAlgorithm(let found, let expected): "alg is \(found), expected \(expected)"
        case .key(let error): "\(error)"
        case .notAllowed(let words), .wrong(let words): words
        case .wrongReading(let isBase64):
            isBase64
                ? "the signature is wrong; it verifies if the secret is taken as text"
                : "the signature is wrong; it verifies if the secret is Base64-decoded"
        }
    }
}
