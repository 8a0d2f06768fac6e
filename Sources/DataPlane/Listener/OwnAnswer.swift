import GatewayCore
import NIOCore

/// What the gateway answers by itself: a JSON document, or none where the method is another.
struct OwnAnswer {
    /// How long others may keep what is published, in seconds; a successor's key is known to them in time.
    private static let maximumAge: StaticString = "public, max-age=300"

    let findings: Findings
    let status: Int
    private(set) var rejection: Rejection?
    private let body: [UInt8]
    private var isPublic = false
    private var retryAfter: Int64?

    /// How long the body is.
    var bodyLength: Int64 { Int64(body.count) }

    /// A document for everybody; for whoever asked alone where the question shaped it.
    init(publishing document: DocumentNode, _ findings: Findings, isPublic: Bool = true) {
        self.findings = findings
        status = 200
        self.isPublic = isPublic
        body = document.jsonBytes()
    }

    /// What the token endpoint decided.
    init(_ decision: TokenEndpoint.Decision) {
        findings = decision.findings
        switch decision.outcome {
        case .success(let token):
            status = 200
            body = token.revealedDocument().jsonBytes()
        case .failure(let refusal):
            status = refusal.status
            rejection = refusal.rejection
            retryAfter = refusal.retryAfter
            body = refusal.document.jsonBytes()
        }
    }

    /// Writes the whole answer; to `HEAD` without the body.
    func write(
        id: RequestID,
        dateLine: [UInt8],
        hasBody: Bool,
        closes: Bool,
        into buffer: inout OutputBuffer
    ) {
        HeadWriter.writeStatusLine(status, into: &buffer)
        HeadWriter.writeField("Content-Type", "application/json", into: &buffer)
        HeadWriter.writeField("Cache-Control", isPublic ? "\(Self.maximumAge)" : "no-store", into: &buffer)
        // RFC 6749 §5.1.
        if !isPublic { HeadWriter.writeField("Pragma", "no-cache", into: &buffer) }
        HeadWriter.writeField("X-Content-Type-Options", "nosniff", into: &buffer)
        if status == 401 {
            HeadWriter.writeField("WWW-Authenticate", "Basic realm=\"portcullis\"", into: &buffer)
        }
        if let retryAfter { HeadWriter.writeField("Retry-After", "\(retryAfter)", into: &buffer) }
        buffer.append(dateLine)
        id.withDigits { _ = HeadWriter.writeField("X-Request-Id", $0, into: &buffer) }
        HeadWriter.writeFraming(.length(Int64(body.count)), into: &buffer)
        if closes { HeadWriter.writeConnectionClose(into: &buffer) }
        HeadWriter.endHead(into: &buffer)
        if hasBody { buffer.append(body) }
    }
}

extension LoopContext {
    /// Answers a request that is the gateway's own to answer.
    ///
    /// - Parameters:
    ///   - request: the request, its body read.
    ///   - peer: whom the connection comes from; `nil` when the proxy that knows does not say it.
    ///   - certificate: the certificate that the caller proved to have.
    ///   - isSecure: whether the connection is TLS.
    /// - Returns: what is answered, and how it was decided.
    func answer(
        _ request: CollectedRequest,
        from peer: IPAddress?,
        _ certificate: Certificate?,
        isSecure: Bool
    ) -> OwnAnswer {
        let (snapshot, address) = decider.circumstances(of: request.head, from: peer)
        let findings = Findings(now: now(), at: request.endpoint)
        switch request.endpoint {
        case .keySet:
            return OwnAnswer(publishing: snapshot.gatewayKeys.keySet(at: now()), findings)
        case .metadata:
            let issuer = snapshot.gatewayKeys.issuer
            let document = OwnDocuments.metadata(
                issuer: issuer,
                origin: origin(of: request.head, from: peer, snapshot, isSecure: isSecure)
            )
            // What names the host that was asked is not for those who ask another one.
            return OwnAnswer(publishing: document, findings, isPublic: OwnDocuments.isURL(issuer))
        case .token:
            let endpoint = TokenEndpoint(
                snapshot,
                guesses: guesses,
                now: now(),
                monotonicSeconds: Int64(reactor.now.uptimeNanoseconds / 1_000_000_000)
            )
            var generator = SystemRandomNumberGenerator()
            let decision = endpoint.decide(request.parts, from: address, certificate, using: &generator)
            decider.noteUse(decision)
            return OwnAnswer(decision)
        }
    }
}

extension LoopContext {
    /// Scheme and authority as the caller knows the gateway; empty when it named no host.
    private func origin(
        of head: RequestHead,
        from peer: IPAddress?,
        _ snapshot: Snapshot,
        isSecure: Bool
    ) -> String {
        guard let host = head.host.map({ head.string($0) }), !host.isEmpty else { return "" }
        var scheme = isSecure ? ForwardedScheme.https : .http
        if let peer, let proxies = snapshot.trustedProxies, proxies.contains(peer),
            let said = ForwardedScheme(of: head, in: proxies.header)
        {
            scheme = said
        }
        return "\(scheme.rawValue)://\(host)"
    }
}

extension CollectedRequest {
    fileprivate var parts: TokenRequestParts {
        TokenRequestParts(
            contentTypes: values(.contentType),
            authorizations: values(.authorization),
            hasQuery: head.query != nil,
            body: body,
            isTooLong: isTooLong
        )
    }

    private func values(_ kind: KnownHeader) -> [[UInt8]] {
        head.headers.filter { $0.kind == kind }.map { field in
            head.bytes(field.value) { value in value.withUnsafeBufferPointer { Array($0) } }
        }
    }
}
