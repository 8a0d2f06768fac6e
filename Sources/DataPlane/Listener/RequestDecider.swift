import GatewayCore

/// What one event loop decides with: what is in force, the keys of identity providers, and what it remembers of tokens.
struct RequestDecider {
    private static let credentials = KnownHeaderSet(.authorization, .apiToken)

    private var snapshots: SnapshotSource.Reader
    private var keySets: KeySetsSource.Reader?
    private var admission: Admission
    private let pool: UpstreamPool
    // The snapshot that the pool's plans were made from.
    private var planned: UInt64

    /// Begins with nothing remembered.
    ///
    /// - Parameters:
    ///   - snapshots: what is in force.
    ///   - keySets: the keys of identity providers.
    ///   - admission: what decides.
    ///   - pool: what has plans that go with a snapshot.
    init(
        _ snapshots: SnapshotSource,
        _ keySets: KeySetsSource?,
        _ admission: Admission,
        _ pool: UpstreamPool
    ) {
        self.snapshots = SnapshotSource.Reader(snapshots)
        self.keySets = keySets.map { KeySetsSource.Reader($0) }
        self.admission = admission
        self.pool = pool
        planned = self.snapshots.version
    }

    // MARK: Decisions

    /// Decides a request that came over a connection from this address.
    mutating func decide(
        _ head: RequestHead,
        from peer: IPAddress?,
        _ certificate: Certificate?,
        at now: Timestamp
    ) -> Decision {
        var (snapshot, credentials) = prepare(head, from: peer, at: now)
        credentials.question.certificate = certificate
        let host = head.host.map { $0.offset..<$0.end } ?? 0..<0
        let keys = keySets?.current() ?? KeySets()
        return head.bytes.withBytes { all in
            admission.decide(
                snapshot,
                keys,
                host: all.extracting(host),
                method: all.extracting(head.method.offset..<head.method.end),
                path: all.extracting(head.path.offset..<head.path.end),
                authorization: all.extracting(credentials.authorization),
                apiToken: all.extracting(credentials.apiToken),
                fields: head,
                credentials.question
            )
        }
    }

    /// Decides a request that a trusted proxy asks about, with the credentials of the question.
    mutating func decide(
        _ asked: AskedRequest,
        in head: RequestHead,
        from peer: IPAddress?,
        at now: Timestamp
    ) -> Decision {
        let (snapshot, credentials) = prepare(head, from: peer, at: now)
        let keys = keySets?.current() ?? KeySets()
        return head.bytes.withBytes { all in
            admission.decide(
                snapshot,
                keys,
                host: asked.host.span,
                method: asked.method.span,
                path: asked.path.span,
                authorization: all.extracting(credentials.authorization),
                apiToken: all.extracting(credentials.apiToken),
                fields: AskedFields(head: head, queryBytes: asked.query),
                credentials.question
            )
        }
    }

    // MARK: What is in force

    /// What is in force now.
    mutating func snapshot() -> Snapshot {
        snapshots.current()
    }

    /// Whether a connection's peer may ask for decisions about others' requests.
    mutating func isTrustedProxy(_ peer: IPAddress?) -> Bool {
        guard let peer else { return false }
        return snapshots.current().trustedProxies?.contains(peer) ?? false
    }

    /// What is in force, and whom a request comes from; no address when a trusted proxy names none.
    mutating func circumstances(of head: RequestHead, from peer: IPAddress?) -> (Snapshot, IPAddress?) {
        let snapshot = snapshots.current()
        return (snapshot, clientAddress(of: head, from: peer, snapshot))
    }

    // MARK: What is remembered

    /// How many verified tokens are remembered, how often one was found since the start, and how often none.
    var tokenMemory: (count: Int, hits: UInt64, misses: UInt64) { admission.tokenMemory }

    /// Notes whose client secret was presented.
    mutating func noteUse(_ decision: TokenEndpoint.Decision) {
        admission.noteUse(decision)
    }

    /// Gives when keys and API tokens were last used since the last time, or `nil` when none was.
    mutating func takeUses() -> [UseID: Timestamp]? {
        admission.takeUses()
    }

    // MARK: What is asked

    private struct Credentials {
        var authorization = 0..<0
        var apiToken = 0..<0
        var question: AdmissionQuestion
    }

    private mutating func prepare(
        _ head: RequestHead,
        from peer: IPAddress?,
        at now: Timestamp
    ) -> (Snapshot, Credentials) {
        let snapshot = snapshots.current()
        if snapshots.version != planned {
            planned = snapshots.version
            pool.forgetPlans()
        }
        var credentials = Credentials(
            question: AdmissionQuestion(
                clientAddress: clientAddress(of: head, from: peer, snapshot),
                authorizationFields: 0,
                apiTokenFields: 0,
                now: now
            )
        )
        guard !head.present.isDisjoint(with: Self.credentials) else { return (snapshot, credentials) }
        for field in head.headers {
            if field.kind == .authorization {
                if credentials.question.authorizationFields == 0 {
                    credentials.authorization = field.value.offset..<field.value.end
                }
                credentials.question.authorizationFields += 1
            } else if field.kind == .apiToken {
                if credentials.question.apiTokenFields == 0 {
                    credentials.apiToken = field.value.offset..<field.value.end
                }
                credentials.question.apiTokenFields += 1
            }
        }
        return (snapshot, credentials)
    }

    /// Whom the request comes from: the connection's peer, or whom a trusted proxy names.
    private func clientAddress(
        of head: RequestHead,
        from peer: IPAddress?,
        _ snapshot: Snapshot
    ) -> IPAddress? {
        guard let peer, let proxies = snapshot.trustedProxies, proxies.contains(peer) else { return peer }
        let kind: KnownHeader
        switch proxies.header {
        case .xForwardedFor: kind = .xForwardedFor
        case .forwarded: kind = .forwarded
        case .proxyProtocol: return peer
        }
        guard head.present.contains(kind) else { return peer }
        var fields: [[UInt8]] = []
        for field in head.headers where field.kind == kind {
            fields.append(head.bytes(field.value) { value in value.withUnsafeBufferPointer { Array($0) } })
        }
        return proxies.client(behind: peer, fields)
    }
}
