import JOSE
import Measuring
import PeerLibraries

/// A verifier that is compared.
struct Peer {
    /// Takes tokens and gives what verifies them in turn and counts those that were verified: all of them, or,
    /// with `expiry`, those whose `exp` came out as that.
    typealias Verifier = (_ tokens: [[UInt8]], _ expiry: Int64?) -> Benchmark.Work

    let name: String
    let summary: String
    /// Whether it reads tokens, and not signatures alone.
    let readsTokens: Bool
    /// Prepares the key; `nil` where the library does not have the algorithm.
    let prepare: @Sendable (Subject) throws -> Verifier?

    private init(
        _ name: String,
        _ summary: String,
        readsTokens: Bool = true,
        prepare: @escaping @Sendable (Subject) throws -> Verifier?
    ) {
        self.name = name
        self.summary = summary
        self.readsTokens = readsTokens
        self.prepare = prepare
    }

    /// Ourselves first: the others are held against it.
    static let all = [portcullis, jwtKit, libjwt, cjose, openSSL, openSSLPrimitive]

    /// Calls `verify`, which gives the `exp`, or -1 for a refusal, for one token after the other.
    private static func each(_ verify: @escaping ([UInt8]) -> Int64) -> Verifier {
        { tokens, expiry in
            { count in
                var good = 0
                var next = 0
                for _ in 0..<count {
                    let found = verify(tokens[next])
                    if found == expiry || expiry == nil && found != -1 { good += 1 }
                    next = next + 1 == tokens.count ? 0 : next + 1
                }
                return good
            }
        }
    }

    private static let portcullis = Peer("portcullis", "this package's JOSE library") { subject in
        let key = subject.key.verificationKey
        let now = NumericDate(seconds: Subject.now)
        // What one event loop of the gateway keeps.
        var headers = TokenHeaderMemory()
        return each { token in
            // Whoever refuses gives no expiry, and the count of good ones tells.
            guard
                let verified = try? UnverifiedToken.parse(
                    token.span,
                    limits: .default,
                    remembering: &headers
                ).verified(by: key),
                let claims = verified.claims, (try? TimeWindow.check(claims, now: now)) != nil
            else { return -1 }
            return claims.root[member: "exp"]?.number?.integer ?? -1
        }
    }

    private static let jwtKit = Peer("jwt-kit", "vapor's jwt-kit 5, in Swift") { subject in
        try JWTKitPeer.prepare(subject)
    }

    private static let libjwt = Peer("libjwt", "libjwt 1, in C") { subject in
        let key = try subject.keyText()
        let prepared = key.withUnsafeBytes { bytes in
            peer_libjwt_prepare(
                subject.algorithm.rawValue,
                bytes.bindMemory(to: CChar.self).baseAddress,
                bytes.count
            )
        }
        guard let prepared else { return nil }
        let verifier = each { token in
            token.withUnsafeBytes { bytes in
                peer_libjwt_verify(prepared, bytes.bindMemory(to: CChar.self).baseAddress, Subject.now)
            }
        }
        // It takes C strings; a server would have made room for the final zero when it read the token.
        return { tokens, expiry in verifier(tokens.map { $0 + [0] }, expiry) }
    }

    private static let cjose = Peer("cjose", "cjose with jansson, in C") { subject in
        guard let jwk = try subject.jwk(),
            let prepared = peer_cjose_prepare(subject.algorithm.rawValue, jwk, jwk.utf8.count)
        else { return nil }
        return each { token in
            token.withUnsafeBytes { bytes in
                let text = bytes.bindMemory(to: CChar.self).baseAddress
                return peer_cjose_verify(prepared, text, bytes.count, Subject.now)
            }
        }
    }

    private static let openSSL = Peer("openssl", "OpenSSL called directly, with jansson, in C") { subject in
        guard let peer = try prepareOpenSSL(subject) else { return nil }
        return each { token in
            token.withUnsafeBytes { bytes in
                let text = bytes.bindMemory(to: CChar.self).baseAddress
                return peer_openssl_verify(peer, text, bytes.count, Subject.now)
            }
        }
    }

    private static let openSSLPrimitive = Peer(
        "openssl-primitive",
        "OpenSSL's check of the signature alone: the limit for whoever uses it",
        readsTokens: false
    ) { subject in
        guard let peer = try prepareOpenSSL(subject) else { return nil }
        return { tokens, _ in
            let parts = tokens.map { token in
                let dot = token.lastIndex(of: UInt8(ascii: ".")) ?? 0
                // A signature that is none is never right.
                let signature = try? Base64URL.decode(Array(token[(dot + 1)...]))
                return (signed: Array(token[..<dot]), signature: signature ?? [])
            }
            return { count in
                var good = 0
                var next = 0
                for _ in 0..<count {
                    let (signed, signature) = parts[next]
                    next = next + 1 == parts.count ? 0 : next + 1
                    let isRight = peer_openssl_check(peer, signed, signed.count, signature, signature.count)
                    if isRight == 1 { good += 1 }
                }
                return good
            }
        }
    }

    private static func prepareOpenSSL(_ subject: Subject) throws -> UnsafeMutableRawPointer? {
        try subject.keyText().withUnsafeBytes { bytes in
            let text = bytes.bindMemory(to: CChar.self).baseAddress
            return peer_openssl_prepare(subject.algorithm.rawValue, text, bytes.count)
        }
    }
}
