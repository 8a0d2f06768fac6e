import GatewayCore
import JOSE
import Measuring
import PortcullisTestSupport

/// A request without query and headers, which no endpoint here has a rule over.
private struct NoFields: RequestFields {
    var queryBytes: [UInt8] { [] }
    var fieldCount: Int { 0 }
    func values(ofField name: [UInt8]) -> [[UInt8]] { [] }
}

/// One event loop's decisions over a catalog with a profile for each algorithm.
final class Decider {
    private let snapshot: Snapshot
    private var admission: Admission
    private let host = Array("gateway.example:8080".utf8)
    private let method = Array("GET".utf8)
    private let path = Array("/api-endpoints-v1/call".utf8)
    private let question = AdmissionQuestion(
        clientAddress: IPAddress(v4: 0x7f00_0001),
        authorizationFields: 1,
        apiTokenFields: 0,
        now: Timestamp(secondsSinceEpoch: SignedTokens.now)
    )

    init(rememberedTokens: Int) throws {
        snapshot = Snapshot(try Self.catalog())
        let cache = VerifiedTokenCache(capacity: rememberedTokens, maximumBytes: 1 << 28, seed: 0x5EED)
        admission = Admission(cache: cache)
        Admission.prepare()
    }

    /// Decides about each field's value (`Bearer` and a token) in turn; how often the outcome was the right one.
    func decide(_ fields: [[UInt8]], _ count: Int, isGood: (Decision) -> Bool) -> Int {
        let (host, method, path) = (host, method, path)
        var good = 0
        var next = 0
        for _ in 0..<count {
            let field = fields[next]
            next = next + 1 == fields.count ? 0 : next + 1
            let decision = admission.decide(
                snapshot,
                host: host.span,
                method: method.span,
                path: path.span,
                authorization: field.span,
                apiToken: Span(),
                fields: NoFields(),
                question
            )
            if isGood(decision) { good += 1 }
        }
        return good
    }

    /// Decides once.
    func decision(_ field: [UInt8]) -> Decision {
        let (host, method, path) = (host, method, path)
        return admission.decide(
            snapshot,
            host: host.span,
            method: method.span,
            path: path.span,
            authorization: field.span,
            apiToken: Span(),
            fields: NoFields(),
            question
        )
    }

    func remembers(_ token: [UInt8]) -> Bool {
        admission.remembers(token.span)
    }

    private static func catalog() throws -> Catalog {
        var draft = CatalogDraft(Catalog())
        let target = try UpstreamTarget(url: "http://127.0.0.1:9")
        let upstream = Upstream(id: .test(1), name: "orders", targets: [target])
        try draft.put(upstream)
        var collection = Collection(id: .test(2), name: "API endpoints", handle: "api-endpoints-v1")
        collection.endpoints = [
            try .test(1, "call", ["GET", "POST"], "/call", upstream),
            try .test(2, "order", ["GET"], "/orders/{id}", upstream),
        ]
        try draft.put(collection)
        try draft.put(Client(id: .test(1), name: "Acme"))
        for (number, algorithm) in MeasuredAlgorithm.allCases.enumerated() {
            var profile = AccessProfile(
                id: .test(number + 1),
                clientID: .test(1),
                name: "acme-\(algorithm.rawValue)"
            )
            let createdAt = Timestamp(secondsSinceEpoch: SignedTokens.now)
            profile.grantedCollections = [.test(2)]
            profile.keys = [
                try ProfileKey(
                    id: .test(number + 1),
                    name: "key",
                    material: algorithm.material(),
                    createdAt: createdAt
                )
            ]
            guard let digest = APITokenDigest(token: algorithm.apiToken.utf8) else {
                throw BenchmarkFailure("\(algorithm.apiToken) is no API token")
            }
            profile.apiTokens = [
                APIToken(id: .test(number + 1), name: "default", digest: digest, createdAt: createdAt)
            ]
            try draft.put(profile)
        }
        return draft.finished()
    }
}

extension Decision {
    /// Whether it let the call in, and out of the cache or not.
    @inline(__always)
    fileprivate func isAdmitted(remembered: Bool) -> Bool {
        guard case .admitted = outcome else { return false }
        return findings.wasRemembered == remembered
    }

    @inline(__always)
    fileprivate func isRejected(_ code: Rejection.Code) -> Bool {
        guard case .rejected(let rejection) = outcome else { return false }
        return rejection.code == code
    }
}

extension Benchmark {
    private static func decisions(
        _ name: String,
        _ summary: String,
        reference: String? = nil,
        count: Int,
        rememberedTokens: Int,
        tokens: @escaping @Sendable () throws -> [[UInt8]],
        isGood: @escaping @Sendable (Decision) -> Bool
    ) -> Benchmark {
        Benchmark(name: name, summary: summary, reference: reference, period: count) {
            let decider = try Decider(rememberedTokens: rememberedTokens)
            let fields = try tokens().map { Array("Bearer ".utf8) + $0 }
            // Those of the hits are remembered from here on.
            _ = decider.decide(fields, fields.count) { _ in true }
            return { count in decider.decide(fields, count, isGood: isGood) }
        }
    }

    /// Whole decisions over tokens that were verified before.
    static let admissionHits = [
        decisions(
            "admission/hit-one-HS256",
            "a decision over one HS256 token that is remembered",
            count: 1,
            rememberedTokens: 16_384,
            tokens: { try SignedTokens.make(.hs256, count: 1) },
            isGood: { $0.isAdmitted(remembered: true) }
        ),
        decisions(
            "admission/hit-one-RS256",
            "a decision over one RS256 token that is remembered",
            count: 1,
            rememberedTokens: 16_384,
            tokens: { try SignedTokens.make(.rs256, count: 1) },
            isGood: { $0.isAdmitted(remembered: true) }
        ),
        decisions(
            "admission/hit-10000",
            "a decision over one of 10,000 HS256 tokens that are remembered, in turn",
            count: 10_000,
            rememberedTokens: 16_384,
            tokens: { try SignedTokens.make(.hs256, count: 10_000) },
            isGood: { $0.isAdmitted(remembered: true) }
        ),
    ]

    /// Looking into the cache alone.
    static let cacheLookUps = [1, 10_000].map { count in
        Benchmark(
            name: count == 1 ? "cache/hot" : "cache/\(count)",
            summary: "finding one of \(count) remembered tokens, in turn",
            period: count
        ) {
            let decider = try Decider(rememberedTokens: 16_384)
            let tokens = try SignedTokens.make(.hs256, count: count)
            _ = decider.decide(tokens.map { Array("Bearer ".utf8) + $0 }, count) { _ in true }
            return { count in
                var good = 0
                var next = 0
                for _ in 0..<count {
                    let token = tokens[next]
                    next = next + 1 == tokens.count ? 0 : next + 1
                    if decider.remembers(token) { good += 1 }
                }
                return good
            }
        }
    }

    /// Whole decisions over tokens that were not seen before, or were forgotten since.
    static let admissionMisses = MeasuredAlgorithm.allCases.map { algorithm in
        decisions(
            "admission/miss-\(algorithm.rawValue)",
            "a decision over an \(algorithm.rawValue) token that has to be verified",
            reference: "primitive/\(algorithm.rawValue)",
            count: 256,
            // Fewer than tokens come in between, so that each has been forgotten when its turn comes again.
            rememberedTokens: 4,
            tokens: { try SignedTokens.make(algorithm, count: 256) },
            isGood: { $0.isAdmitted(remembered: false) }
        )
    }

    /// Whole decisions over tokens of attackers.
    static let admissionRefusals =
        [
            decisions(
                "admission/unknown-token",
                "a refusal of an HS256 token whose API token no profile has",
                reference: "primitive/HS256",
                count: 256,
                rememberedTokens: 16_384,
                tokens: {
                    try SignedTokens.make(.hs256, count: 256, apiToken: String(repeating: "0f", count: 32))
                },
                isGood: { $0.isRejected(.invalidToken) }
            ),
            decisions(
                "admission/expired",
                "a refusal of a remembered HS256 token that has expired",
                count: 1,
                rememberedTokens: 16_384,
                tokens: { try SignedTokens.make(.hs256, count: 1, lifetime: -60) },
                isGood: { $0.isRejected(.tokenExpired) }
            ),
        ]
        + MeasuredAlgorithm.allCases.map { algorithm in
            decisions(
                "admission/bad-\(algorithm.rawValue)",
                "a refusal of an \(algorithm.rawValue) token with a wrong signature",
                reference: "primitive/\(algorithm.rawValue)",
                count: 256,
                rememberedTokens: 16_384,
                tokens: { SignedTokens.spoilt(try SignedTokens.make(algorithm, count: 256)) },
                isGood: { $0.isRejected(.invalidToken) }
            )
        }
}
