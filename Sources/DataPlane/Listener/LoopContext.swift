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
    /// What it decides with.
    var decider: RequestDecider
    private var records: RequestRecords
    private var clock: LoopClock
    // The requests that wait for a key, by a number of their own.
    private var awaitingKeys: [UInt64: (connection: ClientConnection, place: KeySetService.Place)] = [:]
    private var tickets: UInt64 = 0
    private var requestIDs: RequestIDGenerator
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
        pool = UpstreamPool(reactor: reactor, scratch: scratch, turn: index, configuration: configuration)
        let cache = VerifiedTokenCache(
            capacity: configuration.rememberedTokens,
            maximumBytes: configuration.rememberedTokenBytes,
            seed: generator.next()
        )
        decider = RequestDecider(
            snapshots,
            configuration.keySets?.keySets,
            Admission(cache: cache, usedTokens: configuration.usedTokens),
            pool
        )
        requestIDs = RequestIDGenerator(using: &generator)
        records = RequestRecords(configuration, logger)
        clock = LoopClock(configuration.now)
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
        clock.now(in: reactor.turn)
    }

    /// The `Date` field now, with its line end.
    func dateLine() -> [UInt8] {
        clock.dateLine(in: reactor.turn)
    }

    // MARK: Decisions

    func nextRequestID() -> RequestID {
        requestIDs.next()
    }

    /// Decides a request that came over a connection from this address.
    func decide(_ head: RequestHead, from peer: IPAddress?, _ certificate: Certificate?) -> Decision {
        decider.decide(head, from: peer, certificate, at: now())
    }

    /// Decides a request that a trusted proxy asks about, with the credentials of the question.
    func decide(_ asked: AskedRequest, in head: RequestHead, from peer: IPAddress?) -> Decision {
        decider.decide(asked, in: head, from: peer, at: now())
    }

    /// What was found of a request that was no well-formed HTTP.
    func noFindings() -> Findings {
        Findings(now: now())
    }

    // MARK: Waiting for a key

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

    // MARK: Records

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
        records.record(
            id,
            findings,
            rejection,
            status: status,
            from: address,
            head: head,
            asked: asked,
            keptAt: reactor.now
        )
    }

    /// Counts a request whose answer has been written, or that broke off.
    func finished(
        _ request: borrowing FinishedRequest,
        at place: Int?,
        head: RequestHead?,
        asked: AskedRequest? = nil,
        _ found: () -> (Findings, Rejection?)
    ) {
        records.finished(request, at: place, head: head, asked: asked, now: now(), found)
    }

    func log(_ id: RequestID, _ findings: Findings, _ rejection: Rejection) {
        records.log(id, findings, rejection, at: now())
    }

    func decision(_ id: String) -> DecisionRecord? {
        records.decision(id)
    }

    func refusals(_ limit: Int, _ code: Rejection.Code?) -> [(keptAt: NIODeadline, record: DecisionRecord)] {
        records.refusals(limit, code)
    }

    /// Tells what was counted and sampled since the last time.
    func handOverTelemetry() {
        records.handOver(at: now())
    }

    // MARK: Connections

    /// Begins to serve a connection that the listener took; it is counted already.
    func serve(_ descriptor: Int32, from address: IPAddress) {
        let proxies = decider.snapshot().trustedProxies
        let socket = StreamSocket(
            descriptor,
            on: reactor,
            isConnecting: false,
            tls: tlsSession(),
            awaitsProxyHeader: proxies?.header == .proxyProtocol && proxies?.contains(address) == true
        )
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
        return source.alwaysAsks || decider.snapshot().certificateDemands > 0
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
        records.handOverAll(at: self.now())
        lag.note(reactor.sweepDelay, at: now)
        listener?.checkBackOff()
    }

    /// Tells when keys and API tokens were last used; about once a second.
    private func handOverUses(isLast: Bool = false) {
        guard isLast || reactor.now >= usesDue else { return }
        usesDue = reactor.now + .seconds(1)
        if let lastUses = configuration.lastUses, let uses = decider.takeUses() { lastUses.add(uses) }
    }

    /// How the event loop stands.
    func statistics() -> LoopStatistics {
        let memory = decider.tokenMemory
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
        records.handOverAll(at: now(), isLast: true)
        whenDrained?()
        whenDrained = nil
    }
}
