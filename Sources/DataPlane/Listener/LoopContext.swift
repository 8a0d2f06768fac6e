import GatewayCore
import Logging
import NIOCore
import Synchronization

/// Everything that one event loop has of its own: nothing on the request path is shared, nothing waits.
///
/// Safe because all but ``connectionCount`` is used on its reactor's thread alone.
final class LoopContext: @unchecked Sendable {
    let reactor: Reactor
    let configuration: DataPlaneConfiguration
    let pool: UpstreamPool
    let scratch = ScratchBuffer()
    /// What counts failed attempts at the token endpoint, for all event loops.
    let guesses: GuessLimiter
    /// How many connections it has or was just given.
    let connectionCount = Atomic<Int>(0)
    private(set) var isDraining = false
    private var snapshots: SnapshotSource.Reader
    private var keySets: KeySetsSource.Reader?
    // The requests that wait for a key, by a number of their own.
    private var awaitingKeys: [UInt64: (connection: ClientConnection, place: KeySetService.Place)] = [:]
    private var tickets: UInt64 = 0
    // The snapshot that the pool's plans were made from.
    private var planned: UInt64
    private var admission: Admission
    private var requestIDs: RequestIDGenerator
    private var dateField = DateField()
    private var wallTime = Timestamp(secondsSinceEpoch: 0)
    private var wallTimeTurn: UInt64?
    private var refused: DecisionRing
    private var admitted: DecisionRing
    private var refusalLog: RefusalLog
    private var telemetry: LoopTelemetry
    private var lag = LoopLag()
    private var connections: [ClientConnection] = []
    private var listener: Listener?
    private var whenDrained: (() -> Void)?
    private var usesDue = NIODeadline.uptimeNanoseconds(0)
    private var drainStart = NIODeadline.distantFuture
    private var isOver = false

    /// How long an unused connection is left open once draining began, for a request that is on its way.
    private static let drainIdle = TimeAmount.seconds(1)

    init(
        reactor: Reactor,
        index: Int,
        configuration: DataPlaneConfiguration,
        snapshots: SnapshotSource,
        guesses: GuessLimiter,
        logger: Logger,
        using generator: inout some RandomNumberGenerator
    ) {
        self.reactor = reactor
        self.configuration = configuration
        self.guesses = guesses
        self.snapshots = SnapshotSource.Reader(snapshots)
        keySets = (configuration.keySets?.keySets).map { KeySetsSource.Reader($0) }
        planned = self.snapshots.version
        pool = UpstreamPool(reactor: reactor, scratch: scratch, turn: index, configuration: configuration)
        let cache = VerifiedTokenCache(
            capacity: configuration.rememberedTokens,
            maximumBytes: configuration.rememberedTokenBytes,
            seed: generator.next()
        )
        admission = Admission(cache: cache, usedTokens: configuration.usedTokens)
        requestIDs = RequestIDGenerator(using: &generator)
        refused = DecisionRing(capacity: configuration.rememberedDecisions)
        admitted = DecisionRing(capacity: configuration.rememberedDecisions)
        refusalLog = RefusalLog(logger)
        telemetry = LoopTelemetry(configuration.telemetry, configuration.accessLog)
    }

    /// Begins to watch deadlines; before the reactor's thread runs.
    func start(with listener: Listener?) {
        self.listener = listener
        reactor.onSweep = { [unowned self] in sweep() }
    }

    /// Takes no more connections.
    func stopListening() {
        listener?.closeDescriptor()
        listener = nil
    }

    // MARK: Time

    /// The wall clock's time at this turn of the event loop.
    func now() -> Timestamp {
        if wallTimeTurn != reactor.turn {
            wallTimeTurn = reactor.turn
            wallTime = configuration.now()
        }
        return wallTime
    }

    /// The `Date` field now, with its line end.
    func dateLine() -> [UInt8] {
        dateField.line(at: now())
    }

    // MARK: Decisions

    func nextRequestID() -> RequestID {
        requestIDs.next()
    }

    /// Decides a request that came over a connection from this address.
    func decide(_ head: RequestHead, from peer: IPAddress?, _ certificate: Certificate?) -> Decision {
        var (snapshot, credentials) = prepare(head, from: peer)
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
    func decide(_ asked: AskedRequest, in head: RequestHead, from peer: IPAddress?) -> Decision {
        let (snapshot, credentials) = prepare(head, from: peer)
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

    /// Has a connection told when a key has been fetched, or could not be.
    ///
    /// - Returns: the number by which the waiting can be given up; `nil` when nothing is fetched.
    func awaitKey(_ key: NeededKey, for connection: ClientConnection) -> UInt64? {
        guard let service = configuration.keySets else { return nil }
        tickets += 1
        let ticket = tickets
        // Told on this thread, and so not before the connection is in the table.
        guard let place = service.need(key, then: { self.reactor.execute { self.keyFetched(ticket) } })
        else { return nil }
        awaitingKeys[ticket] = (connection, place)
        return ticket
    }

    private func keyFetched(_ ticket: UInt64) {
        awaitingKeys.removeValue(forKey: ticket)?.connection.decideAgain()
    }

    /// The connection waits no longer.
    func stopAwaiting(_ ticket: UInt64) {
        guard let waiting = awaitingKeys.removeValue(forKey: ticket) else { return }
        configuration.keySets?.leave(waiting.place)
    }

    /// Whether a connection's peer may ask for decisions about others' requests.
    func isTrustedProxy(_ peer: IPAddress?) -> Bool {
        guard let peer else { return false }
        return snapshots.current().trustedProxies?.contains(peer) ?? false
    }

    /// Notes whose client secret was presented.
    func noteUse(_ decision: TokenEndpoint.Decision) {
        admission.noteUse(decision)
    }

    /// Whether an endpoint of the gateway's own is there.
    func offers(_ endpoint: OwnEndpoint) -> Bool {
        snapshots.current().offers(endpoint)
    }

    /// What is in force, and whom a request comes from; no address when a trusted proxy names none.
    func circumstances(of head: RequestHead, from peer: IPAddress?) -> (Snapshot, IPAddress?) {
        let snapshot = snapshots.current()
        return (snapshot, clientAddress(of: head, from: peer, snapshot))
    }

    private struct Credentials {
        var authorization = 0..<0
        var apiToken = 0..<0
        var question: AdmissionQuestion
    }

    private func prepare(_ head: RequestHead, from peer: IPAddress?) -> (Snapshot, Credentials) {
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
                now: now()
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

    private static let credentials = KnownHeaderSet(.authorization, .apiToken)

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

    /// What was found of a request that was no well-formed HTTP.
    func noFindings() -> Findings {
        Findings(now: now())
    }

    /// Keeps a decision before its answer is sent, so that whoever has the answer finds the decision.
    ///
    /// - Returns: where it is kept.
    func record(
        _ id: RequestID,
        _ findings: Findings,
        _ rejection: Rejection?,
        status: Int,
        from address: IPAddress,
        head: RequestHead?,
        asked: AskedRequest? = nil
    ) -> Int {
        let entry = DecisionRing.Entry(
            id: id,
            findings: findings,
            rejection: rejection,
            status: status,
            address: address,
            keptAt: reactor.now,
            traceID: head.flatMap { TraceContext.id(of: $0) }
        )
        return RequestTexts.with(head, asked) { method, path in
            entry.rejection == nil
                ? admitted.append(entry, method: method, path: path)
                : refused.append(entry, method: method, path: path)
        }
    }

    /// Counts a request whose answer has been written, or that broke off.
    ///
    /// - Parameters:
    ///   - request: what became of it.
    ///   - place: where its decision is kept, if there is one.
    ///   - head: its head, if it could be read.
    ///   - asked: what was asked about, if it was a question.
    ///   - found: gives what was found and why it was refused.
    func finished(
        _ request: borrowing FinishedRequest,
        at place: Int?,
        head: RequestHead?,
        asked: AskedRequest? = nil,
        _ found: () -> (Findings, Rejection?)
    ) {
        if let place {
            if request.key.code == nil {
                admitted.complete(request.id, at: place, microseconds: request.microseconds)
            } else {
                refused.complete(request.id, at: place, microseconds: request.microseconds)
            }
        }
        telemetry.note(request, head, asked, at: now(), found)
    }

    func log(_ id: RequestID, _ findings: Findings, _ rejection: Rejection) {
        refusalLog.note(id, findings, rejection, at: now())
    }

    func decision(_ id: String) -> DecisionRecord? {
        refused.find(id) ?? admitted.find(id)
    }

    func refusals(_ limit: Int, _ code: Rejection.Code?) -> [(keptAt: NIODeadline, record: DecisionRecord)] {
        refused.latest(limit) { entry in code == nil || entry.rejection?.code == code }
    }

    // MARK: Connections

    /// Begins to serve a connection that the listener took; it is counted already.
    func serve(_ descriptor: Int32, from address: IPAddress) {
        let socket = StreamSocket(descriptor, on: reactor, isConnecting: false, tls: tlsSession())
        let proxies = snapshots.current().trustedProxies
        socket.awaitsProxyHeader = proxies?.header == .proxyProtocol && proxies?.contains(address) == true
        let connection = ClientConnection(socket, from: address, self)
        connection.slot = connections.count
        connections.append(connection)
        do {
            guard !isOver, configuration.tls == nil || socket.tls != nil else { return connection.close() }
            try socket.begin(connection)
        } catch {
            connection.close()
        }
    }

    /// The TLS of a new connection.
    private func tlsSession() -> TLSSession? {
        guard let source = configuration.tls else { return nil }
        return TLSSession(source.current, asksForCertificate: asksForCertificate)
    }

    /// Whether those who connect now are asked for a certificate: where some profile might want it.
    var asksForCertificate: Bool {
        guard let source = configuration.tls else { return false }
        return source.alwaysAsks || snapshots.current().certificateDemands > 0
    }

    func remove(_ connection: ClientConnection) {
        let slot = connection.slot
        guard slot < connections.count, connections[slot] === connection else { return }
        connectionCount.subtract(1, ordering: .relaxed)
        let last = connections.removeLast()
        if last !== connection {
            connections[slot] = last
            last.slot = slot
        }
        if isDraining, connections.isEmpty { finishDraining() }
    }

    private func sweep() {
        let now = reactor.now
        // From the end: one that closes is replaced by the last one, which has had its turn.
        for index in connections.indices.reversed() where index < connections.count {
            let connection = connections[index]
            connection.checkDeadline(now)
            if isDraining, connection.isIdle, now >= max(drainStart, connection.idleSince) + Self.drainIdle {
                connection.endInOrder()
            }
        }
        pool.sweep(now)
        handOverUses()
        handOverTelemetry()
        telemetry.handOverLines()
        lag.note(reactor.sweepDelay, at: now)
        listener?.checkBackOff()
        refusalLog.summarise(at: self.now())
    }

    /// Tells when keys and API tokens were last used; about once a second.
    private func handOverUses(isLast: Bool = false) {
        guard isLast || reactor.now >= usesDue else { return }
        usesDue = reactor.now + .seconds(1)
        if let lastUses = configuration.lastUses, let uses = admission.takeUses() { lastUses.add(uses) }
    }

    /// Tells what was counted and sampled since the last time.
    func handOverTelemetry() {
        telemetry.handOver(at: now())
    }

    /// How the event loop stands.
    func statistics() -> LoopStatistics {
        let memory = admission.tokenMemory
        return LoopStatistics(
            connections: connectionCount.load(ordering: .relaxed),
            rememberedTokens: memory.count,
            tokenHits: memory.hits,
            tokenMisses: memory.misses,
            lagNanoseconds: lag.latest,
            targets: pool.statistics(at: reactor.now)
        )
    }

    /// Lets every request that has begun end, answers new ones with `Connection: close`; waits for the last.
    func drained() async {
        await withCheckedContinuation { continuation in
            let isAccepted = reactor.execute { self.drain { continuation.resume() } }
            if !isAccepted { continuation.resume() }
        }
    }

    private func drain(_ whenDrained: @escaping () -> Void) {
        guard !isOver else { return whenDrained() }
        self.whenDrained = whenDrained
        isDraining = true
        drainStart = reactor.now
        if connections.isEmpty { finishDraining() }
    }

    /// Closes what is still open.
    func closeAll() {
        for connection in connections { connection.close() }
        finishDraining()
    }

    private func finishDraining() {
        isOver = true
        pool.closeAll()
        handOverUses(isLast: true)
        handOverTelemetry()
        telemetry.handOverLines()
        refusalLog.summarise(at: now(), isLast: true)
        whenDrained?()
        whenDrained = nil
    }
}
