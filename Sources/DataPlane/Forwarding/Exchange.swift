import GatewayCore
import NIOCore
import NIOPosix

/// One request and its answer, between the caller's connection and the upstream's.
///
/// It has the request's head and the permit to forward it, so there is none for a request that was refused.
final class Exchange {
    /// How much of a request's body is kept, to send it again when a reused connection turns out stale.
    private static let replayLimit = 65_536

    let head: RequestHead
    let id: RequestID
    let findings: Findings
    private let admitted: Admitted
    private let context: LoopContext
    private let address: IPAddress
    // The caller's connection holds the exchange, and lets go of it at the end.
    private unowned let client: ClientConnection
    private var upstream: UpstreamConnection?
    private var targets: [UpstreamTarget]
    private var target: UpstreamTarget?

    /// Whether the upstream has been given the request to its last byte.
    private(set) var isRequestSent = false
    /// Whether the head of the answer has been written to the caller.
    private(set) var hasAnswered = false
    /// Whether it has ended, in whichever way.
    private(set) var isOver = false
    private var hasReplayed = false
    private var bodyBytes: Int64 = 0
    // One buffer: parts would hold the memory that they were received in.
    private var replay: ByteBuffer? = ByteBuffer()
    private var responseFraming = BodyFraming.none

    /// When the upstream must have moved on.
    private(set) var deadline: NIODeadline

    init(
        head: RequestHead,
        id: RequestID,
        _ admitted: Admitted,
        _ findings: Findings,
        client: ClientConnection,
        address: IPAddress,
        context: LoopContext
    ) {
        self.head = head
        self.id = id
        self.admitted = admitted
        self.findings = findings
        self.client = client
        self.address = address
        self.context = context
        targets = context.pool.order(of: admitted.route.upstream)
        deadline = .distantFuture
    }

    private var endpoint: Endpoint { admitted.route.endpoint }
    private var isIdempotent: Bool {
        switch head.knownMethod {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .patch, .connect, .other: false
        }
    }

    /// Whether the upstream is connected, so that the body may flow.
    var takesBody: Bool { upstream != nil && !isOver }
    /// Whether the upstream has room for more of the body.
    var hasRoom: Bool { upstream?.isWritable ?? false }

    // MARK: Finding a connection

    /// Takes an unused connection, or makes one.
    func start() {
        guard !isOver else { return }
        guard let next = targets.first else { return fail(.unreachable("no target is left to try")) }
        targets.removeFirst()
        target = next
        if let connection = context.pool.takeIdle(next) { return send(on: connection) }
        connect(to: next)
    }

    private func connect(to next: UpstreamTarget) {
        let timeout = admitted.route.upstream.connectTimeoutSeconds
        guard let connected = context.pool.open(next, timeoutSeconds: timeout) else {
            guard targets.isEmpty else { return start() }
            return fail(.exhausted)
        }
        connected.assumeIsolated().whenComplete { result in
            switch result {
            case .success(let connection):
                guard !self.isOver else { return self.giveBack(connection) }
                self.send(on: connection)
            case .failure(let error):
                guard !self.isOver else { return }
                // Nothing has been sent, so another target may be tried whatever the method is.
                guard self.targets.isEmpty else { return self.start() }
                self.fail(Self.failure(error, next))
            }
        }
    }

    private func giveBack(_ connection: UpstreamConnection) {
        context.pool.release(connection)
    }

    private static func failure(_ error: any Error, _ target: UpstreamTarget) -> UpstreamFailure {
        if case .connectTimeout(let amount) = error as? ChannelError {
            return .timeout(
                "no connection to \(target.authority) within \(amount.nanoseconds / 1_000_000) ms"
            )
        }
        if let failed = error as? NIOConnectionError {
            let wasTimeout = failed.connectionErrors.contains { single in
                if case .connectTimeout = single.error as? ChannelError { return true }
                return false
            }
            if wasTimeout { return .timeout("no connection to \(target.authority) in time") }
            if failed.connectionErrors.isEmpty { return .unreachable("\(target.host) has no address") }
        }
        return .unreachable("\(target.authority): \(error)")
    }

    private func send(on connection: UpstreamConnection) {
        guard let target,
            let bytes = UpstreamRequest.head(
                of: head,
                admitted,
                to: target,
                id: id,
                from: address,
                allocator: client.allocator
            )
        else { return fail(.unreachable("the request cannot be written for the upstream")) }
        upstream = connection
        connection.serve(self, method: head.knownMethod)
        connection.write(bytes)
        if head.framing == .none || head.framing == .length(0) { isRequestSent = true }
        armDeadline()
        if hasReplayed {
            if let replay, replay.readableBytes > 0 { writeBody(replay, to: connection) }
            if isRequestSent { finishBody(on: connection) }
            connection.flush()
            return client.upstreamWritabilityChanged()
        }
        client.upstreamIsReady()
        connection.flush()
    }

    /// The upstream has to answer in the endpoint's time once it has all of the request; before that, the
    /// body has to move.
    private func armDeadline() {
        let awaitsAnswer = isRequestSent && !hasAnswered
        let seconds = awaitsAnswer ? Int64(endpoint.timeoutSeconds) : context.configuration.bodyStallSeconds
        deadline = .now() + .seconds(seconds)
    }

    // MARK: The request's body

    /// Whether the announced length is within the endpoint's limit.
    var announcesTooMuch: Bool {
        if case .length(let length) = head.framing { return length > endpoint.maximumBodyBytes }
        return false
    }

    /// Passes a part of the body on; false when it goes beyond the endpoint's limit.
    func clientGave(_ part: ByteBuffer) -> Bool {
        guard let upstream, !isOver else { return true }
        bodyBytes += Int64(part.readableBytes)
        guard bodyBytes <= endpoint.maximumBodyBytes else { return false }
        keepForReplay(part)
        writeBody(part, to: upstream)
        armDeadline()
        return true
    }

    private func keepForReplay(_ part: ByteBuffer) {
        guard let kept = replay?.readableBytes else { return }
        if kept + part.readableBytes > Self.replayLimit || !isIdempotent || upstream?.isReused != true {
            replay = nil
        } else {
            replay?.writeImmutableBuffer(part)
        }
    }

    private func writeBody(_ part: ByteBuffer, to upstream: UpstreamConnection) {
        if head.framing == .chunked {
            var size = client.allocator.buffer(capacity: 20)
            HeadWriter.writeChunkHeader(part.readableBytes, into: &size)
            upstream.write(size)
            upstream.write(part)
            upstream.write(Self.lineEnd)
        } else {
            upstream.write(part)
        }
    }

    private static let lineEnd = ByteBuffer(string: "\r\n")
    private static let lastChunk = ByteBuffer(string: "0\r\n\r\n")

    /// Passes the end of the body on.
    func clientFinished() {
        guard let upstream, !isOver else { return }
        isRequestSent = true
        finishBody(on: upstream)
        armDeadline()
    }

    private func finishBody(on upstream: UpstreamConnection) {
        if head.framing == .chunked { upstream.write(Self.lastChunk) }
    }

    func flushToUpstream() {
        upstream?.flush()
    }

    /// The caller is gone or sent rubbish: the upstream's connection cannot be used any more.
    func abandon() {
        guard !isOver else { return }
        isOver = true
        upstream?.close()
        upstream = nil
    }

    // MARK: What the upstream tells

    func upstreamWritabilityChanged() {
        client.upstreamWritabilityChanged()
    }

    func upstreamInformed(_ response: ResponseHead) {
        armDeadline()
        // 100 Continue is the gateway's own to say; HTTP/1.0 knows no interim answers (RFC 9110 §15.2).
        guard head.versionMinor == 1, response.status != 100 else { return }
        var buffer = client.allocator.buffer(capacity: response.bytes.readableBytes + 64)
        ClientResponse.informational(response, into: &buffer)
        client.write(buffer)
    }

    func upstreamAnswered(_ response: ResponseHead) {
        hasAnswered = true
        replay = nil
        var findings = findings
        findings.noteUpstream()
        context.record(id, findings, nil, status: response.status, from: address, head: head)
        responseFraming = ClientResponse.framing(of: response, toVersionMinor: head.versionMinor)
        // The body may come too late, or not at all: then the connection cannot go on.
        if !isRequestSent || responseFraming == .untilClose || client.isLastAnswer {
            client.stopKeepingAlive()
        }
        var buffer = client.allocator.buffer(capacity: response.bytes.readableBytes + 128)
        ClientResponse.head(
            of: response,
            framing: responseFraming,
            answering: head.knownMethod,
            id: id,
            date: context.date(),
            closes: !client.keepsAlive,
            into: &buffer
        )
        client.write(buffer)
        deadline = .now() + .seconds(context.configuration.bodyStallSeconds)
    }

    func upstreamGave(_ part: ByteBuffer) {
        deadline = .now() + .seconds(context.configuration.bodyStallSeconds)
        if responseFraming == .chunked {
            var size = client.allocator.buffer(capacity: 20)
            HeadWriter.writeChunkHeader(part.readableBytes, into: &size)
            client.write(size)
            client.write(part)
            client.write(Self.lineEnd)
        } else {
            client.write(part)
        }
        if !client.isWritable { upstream?.setReading(false) }
    }

    func flushToClient() {
        client.flush()
    }

    /// The caller takes more again.
    func clientWritabilityChanged(_ isWritable: Bool) {
        deadline = .now() + .seconds(context.configuration.bodyStallSeconds)
        upstream?.setReading(isWritable)
    }

    func upstreamFinished() {
        guard !isOver else { return }
        isOver = true
        upstream = nil
        if responseFraming == .chunked { client.write(Self.lastChunk) }
        client.exchangeFinished()
    }

    /// The answer broke off after its head had been passed on: the caller must see that it is not whole.
    func upstreamBroke() {
        guard !isOver else { return }
        isOver = true
        upstream = nil
        client.exchangeBroke(resets: responseFraming == .untilClose)
    }

    func upstreamFailed(_ failure: UpstreamFailure, sawAnswer: Bool) {
        guard !isOver else { return }
        let wasReused = upstream?.isReused ?? false
        upstream = nil
        // A connection that was kept may have been closed by the upstream just as it was used again. Once,
        // on a new connection, when repeating does no harm and everything sent so far is at hand.
        if failure == .ended, wasReused, !sawAnswer, !hasReplayed, isIdempotent, replay != nil, let target {
            hasReplayed = true
            return connect(to: target)
        }
        fail(failure)
    }

    /// Nothing moved for too long.
    func timeOut() {
        guard !isOver else { return }
        upstream?.close()
        upstream = nil
        if hasAnswered {
            upstreamBroke()
        } else {
            fail(.timeout("no answer within \(endpoint.timeoutSeconds) s"))
        }
    }

    private func fail(_ failure: UpstreamFailure) {
        isOver = true
        upstream = nil
        client.exchangeFailed(self, Self.rejection(failure, upstream: admitted.route.upstream.name))
    }

    private static func rejection(_ failure: UpstreamFailure, upstream: String) -> Rejection {
        let name = "upstream \"\(upstream)\""
        return switch failure {
        case .unreachable(let detail):
            Rejection(.upstreamUnreachable, operatorDetail: "\(name) could not be reached: \(detail)")
        case .timeout(let detail): Rejection(.upstreamTimeout, operatorDetail: "\(name): \(detail)")
        case .exhausted:
            Rejection(.upstreamUnavailable, operatorDetail: "\(name) has as many connections as it may have")
        case .malformed(let detail):
            Rejection(.upstreamUnreachable, operatorDetail: "\(name) gave no valid HTTP answer: \(detail)")
        case .ended:
            Rejection(
                .upstreamUnreachable,
                operatorDetail: "\(name) closed the connection before it answered"
            )
        }
    }
}
