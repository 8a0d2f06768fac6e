import GatewayCore
import Logging
import NIOCore

/// Everything that one event loop has of its own: nothing on the request path is shared, nothing waits.
///
/// Safe because it is made before its event loop serves anything, and used on that event loop alone.
final class LoopContext: @unchecked Sendable {
    let eventLoop: any EventLoop
    let configuration: DataPlaneConfiguration
    let pool: UpstreamPool
    private(set) var isDraining = false
    private let logger: Logger
    private var snapshots: SnapshotSource.Reader
    private var admission: Admission
    private var requestIDs: RequestIDGenerator
    private var dateField = DateField()
    private var refused: DecisionRing
    private var admitted: DecisionRing
    private var connections: [ObjectIdentifier: ClientConnection] = [:]
    private var drained: EventLoopPromise<Void>?
    private var drainStart = NIODeadline.distantFuture
    private var sweep: RepeatedTask?

    /// How long an unused connection is left open once draining began, for a request that is on its way.
    private static let drainIdle = TimeAmount.seconds(1)
    private static let sweepInterval = TimeAmount.milliseconds(250)

    init(
        eventLoop: any EventLoop,
        configuration: DataPlaneConfiguration,
        snapshots: SnapshotSource,
        logger: Logger,
        using generator: inout some RandomNumberGenerator
    ) {
        self.eventLoop = eventLoop
        self.configuration = configuration
        self.snapshots = SnapshotSource.Reader(snapshots)
        self.logger = logger
        pool = UpstreamPool(eventLoop: eventLoop, configuration: configuration)
        let cache = VerifiedTokenCache(
            capacity: configuration.rememberedTokens,
            maximumBytes: configuration.rememberedTokenBytes,
            seed: generator.next()
        )
        admission = Admission(cache: cache)
        requestIDs = RequestIDGenerator(using: &generator)
        refused = DecisionRing(capacity: configuration.rememberedDecisions)
        admitted = DecisionRing(capacity: configuration.rememberedDecisions)
    }

    /// Begins to watch deadlines.
    func start() {
        eventLoop.preconditionInEventLoop()
        sweep = eventLoop.scheduleRepeatedTask(initialDelay: Self.sweepInterval, delay: Self.sweepInterval) {
            _ in
            self.checkDeadlines()
        }
    }

    /// The value of a `Date` field now.
    func date() -> String {
        dateField.value(at: configuration.now())
    }

    // MARK: Decisions

    func nextRequestID() -> RequestID {
        requestIDs.next()
    }

    func decide(_ head: RequestHead, clientAddress: IPAddress) -> Decision {
        let question = AdmissionQuestion(
            clientAddress: clientAddress,
            authorizationFields: head.present.contains(.authorization) ? head.count(of: .authorization) : 0,
            otherCredentials: head.present.contains(.apiToken) ? head.count(of: .apiToken) : 0,
            now: configuration.now()
        )
        let snapshot = snapshots.current()
        let all = head.bytes.readableBytesUInt8Span
        let authorization = head.first(.authorization).map { $0.value.offset..<$0.value.end } ?? 0..<0
        let host = head.host.map { $0.offset..<$0.end } ?? 0..<0
        return admission.decide(
            snapshot,
            host: all.extracting(host),
            method: all.extracting(head.method.offset..<head.method.end),
            path: all.extracting(head.path.offset..<head.path.end),
            authorization: all.extracting(authorization),
            question
        )
    }

    /// What was found of a request that was no well-formed HTTP.
    func noFindings() -> Findings {
        Findings(now: configuration.now())
    }

    /// Keeps a decision before its answer is sent, so that whoever has the answer finds the decision.
    func record(
        _ id: RequestID,
        _ findings: Findings,
        _ rejection: Rejection?,
        status: Int,
        from address: IPAddress,
        head: RequestHead?
    ) {
        let entry = DecisionRing.Entry(
            id: id,
            findings: findings,
            rejection: rejection,
            status: status,
            address: address,
            methodLength: 0,
            pathLength: 0
        )
        let nothing = InlineArray<1, UInt8>(repeating: 0)
        guard let head else {
            refused.append(
                entry,
                method: nothing.span.extracting(0..<0),
                path: nothing.span.extracting(0..<0)
            )
            return
        }
        let all = head.bytes.readableBytesUInt8Span
        let method = all.extracting(head.method.offset..<head.method.end)
        let path = all.extracting(head.path.offset..<head.path.end)
        if rejection == nil {
            admitted.append(entry, method: method, path: path)
        } else {
            refused.append(entry, method: method, path: path)
        }
    }

    /// One line for each refusal, with keys that never change.
    func log(_ id: RequestID, _ findings: Findings, _ rejection: Rejection) {
        let rejection = rejection.settled()
        refused.settle(id, rejection)
        guard logger.logLevel <= .info else { return }
        logger.info(
            "refused",
            metadata: [
                "code": "\(rejection.code.rawValue)",
                "endpoint": "\(findings.route?.label ?? "-")",
                "profile": "\(findings.namedProfile?.profile.name ?? "-")",
                "request_id": "\(id.text)",
                "detail": "\(rejection.operatorDetail)",
            ]
        )
    }

    func decision(_ id: String) -> DecisionRecord? {
        refused.find(id) ?? admitted.find(id)
    }

    func refusals(_ limit: Int, _ code: Rejection.Code?) -> [(keptAt: NIODeadline, record: DecisionRecord)] {
        refused.latest(limit) { entry in code == nil || entry.rejection?.code == code }
    }

    // MARK: Connections

    func add(_ connection: ClientConnection) {
        connections[ObjectIdentifier(connection)] = connection
    }

    func remove(_ connection: ClientConnection) {
        connections[ObjectIdentifier(connection)] = nil
        if isDraining, connections.isEmpty { finishDraining() }
    }

    private func checkDeadlines() {
        let now = NIODeadline.now()
        for connection in Array(connections.values) {
            connection.checkDeadline(now)
            if isDraining, connection.isIdle, now >= max(drainStart, connection.idleSince) + Self.drainIdle {
                connection.endInOrder()
            }
        }
        pool.closeIdle(now)
    }

    /// Lets every request that has begun end, answers new ones with `Connection: close`, then is done.
    func drain() -> EventLoopFuture<Void> {
        eventLoop.preconditionInEventLoop()
        if let drained { return drained.futureResult }
        let promise = eventLoop.makePromise(of: Void.self)
        drained = promise
        isDraining = true
        drainStart = .now()
        if connections.isEmpty { finishDraining() }
        return promise.futureResult
    }

    /// Closes what is still open.
    func closeAll() {
        for connection in Array(connections.values) { connection.close() }
        finishDraining()
    }

    private func finishDraining() {
        sweep?.cancel()
        sweep = nil
        pool.closeAll()
        drained?.succeed(())
    }
}

extension RequestHead {
    /// How many fields of a kind there are.
    func count(of kind: KnownHeader) -> Int {
        var count = 0
        for field in headers where field.kind == kind { count += 1 }
        return count
    }
}
