import Crypto
import CryptoExtras
import Foundation
import JOSE
import Measuring

extension Benchmark {
    /// The library alone: a whole token in, its verified claims and the time that it ends at out.
    static let verifications = MeasuredAlgorithm.allCases.map { algorithm in
        Benchmark(
            name: "verify/\(algorithm.rawValue)",
            summary: "an \(algorithm.rawValue) token in, verified claims and exp out",
            reference: "primitive/\(algorithm.rawValue)",
            period: 64
        ) {
            let tokens = try SignedTokens.make(algorithm, count: 64)
            let key = try algorithm.key().verificationKey
            let now = NumericDate(seconds: SignedTokens.now)
            return { count in
                var headers = TokenHeaderMemory()
                var good = 0
                var next = 0
                for _ in 0..<count {
                    let token = tokens[next]
                    next = next + 1 == tokens.count ? 0 : next + 1
                    if expiry(of: token, key, &headers, now) == SignedTokens.now + 3_600 { good += 1 }
                }
                return good
            }
        }
    }

    @inline(__always)
    private static func expiry(
        of token: [UInt8],
        _ key: VerificationKey,
        _ headers: inout TokenHeaderMemory,
        _ now: NumericDate
    ) -> Int64? {
        // Whoever refuses gives no expiry, and the count of good ones tells.
        guard
            let verified = try? UnverifiedToken.parse(token.span, limits: .default, remembering: &headers)
                .verified(by: key),
            let claims = verified.claims, (try? TimeWindow.check(claims, now: now)) != nil
        else { return nil }
        return claims.root[member: "exp"]?.number?.integer
    }

    /// The least that a verification costs: the cryptographic library on a prepared key, a prepared signature
    /// and the bytes that were signed.
    ///
    /// For an HMAC the prepared key is the state that has taken in the key's block.
    static let primitives = MeasuredAlgorithm.allCases.map { algorithm in
        Benchmark(
            name: "primitive/\(algorithm.rawValue)",
            summary: "swift-crypto's own \(algorithm.rawValue) check of the same signature",
            isGated: false
        ) {
            let token = try SignedTokens.make(algorithm, count: 1)[0]
            guard let dot = token.lastIndex(of: UInt8(ascii: ".")) else {
                throw BenchmarkFailure("the token has no signature")
            }
            let signed = Data(token[..<dot])
            let signature = Data(try Base64URL.decode(token[(dot + 1)...].map { $0 }))
            return try primitive(algorithm, signed: signed, signature: signature)
        }
    }

    private static func primitive(
        _ algorithm: MeasuredAlgorithm,
        signed: Data,
        signature: Data
    ) throws -> Work {
        let key = try algorithm.key()
        let pem = key.verificationKey.subjectPublicKeyInfoPEM ?? ""
        switch algorithm {
        case .hs256:
            let symmetric = SymmetricKey(data: key.secret?.reveal() ?? [])
            let keyed = HMAC<SHA256>(key: symmetric)
            return repeated {
                var code = keyed
                code.update(data: signed)
                return code.finalize() == signature
            }
        case .rs256:
            let publicKey = try _RSA.Signing.PublicKey(pemRepresentation: pem)
            let signature = _RSA.Signing.RSASignature(rawRepresentation: signature)
            return repeated {
                publicKey.isValidSignature(
                    signature,
                    for: SHA256.hash(data: signed),
                    padding: .insecurePKCS1v1_5
                )
            }
        case .es256:
            let publicKey = try P256.Signing.PublicKey(pemRepresentation: pem)
            let signature = try P256.Signing.ECDSASignature(rawRepresentation: signature)
            return repeated { publicKey.isValidSignature(signature, for: SHA256.hash(data: signed)) }
        case .edDSA:
            // The last 32 bytes of the SPKI are the key (RFC 8410 §4).
            let body = pem.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()
            let spki = Data(base64Encoded: body) ?? Data()
            let publicKey = try Curve25519.Signing.PublicKey(rawRepresentation: spki.suffix(32))
            return repeated { publicKey.isValidSignature(signature, for: signed) }
        }
    }

    private static func repeated(_ isValid: @escaping () -> Bool) -> Work {
        { count in
            var good = 0
            for _ in 0..<count where isValid() { good += 1 }
            return good
        }
    }
}
