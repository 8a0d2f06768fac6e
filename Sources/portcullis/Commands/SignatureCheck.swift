import JOSE

/// Checking a token's signature with the keys of a file.
struct SignatureCheck {
    /// The token, verified.
    let token: VerifiedToken
    /// The key that verified it.
    let key: VerificationKey

    /// Parses and checks a token.
    ///
    /// - Parameters:
    ///   - bytes: the token.
    ///   - file: the file with the keys. Of a set, the keys with the token's `kid` are tried if there are any,
    ///     else every key that allows the algorithm.
    ///   - expected: the only algorithm that is accepted; nil accepts what the keys allow.
    ///   - limits: bounds on the token.
    /// - Throws: ``CommandFailure`` of kind refused, with the reason.
    init(
        _ bytes: [UInt8],
        file: KeyFile,
        expecting expected: SignatureAlgorithm?,
        limits: TokenLimits
    ) throws(CommandFailure) {
        let unverified: UnverifiedToken
        do {
            unverified = try UnverifiedToken.parse(bytes.span, limits: limits)
        } catch {
            throw .refused("\(error)")
        }
        let algorithm = unverified.algorithm
        if let expected, expected != algorithm {
            throw .refused("alg is \(algorithm), expected \(expected)")
        }
        let keys = try file.verificationKeys(for: algorithm)
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
        if let other = file.otherReading(), unverified.verified(by: other.key) != nil {
            throw .refused("the signature is wrong; \(other.advice)")
        }
        throw .refused(
            fitting.count == 1
                ? "the signature is wrong for \(algorithm) with \(Self.words(fitting[0]))"
                : "the signature is wrong for \(algorithm) with each of \(fitting.count) keys"
        )
    }

    /// What was verified, in one line.
    var summary: String {
        "\(token.algorithm) with \(Self.words(key))"
    }

    private static func words(_ key: VerificationKey) -> String {
        "\(key.kind) (\(key.form)), \(key.fingerprint)"
    }

    private static func noneAllows(
        _ algorithm: SignatureAlgorithm,
        _ keys: [VerificationKey]
    ) -> CommandFailure {
        guard keys.count == 1, let key = keys.first else {
            return .refused("alg is \(algorithm), and none of \(keys.count) keys allows it")
        }
        let allowed = key.algorithms.map(\.rawValue).joined(separator: ", ")
        return .refused("alg is \(algorithm), the key (\(key.kind)) allows \(allowed)")
    }
}
