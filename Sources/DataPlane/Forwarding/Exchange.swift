import GatewayCore
import NIOCore

/// One request and its answer, between the caller's connection and the upstream's.
///
/// It has the request's head and the permit to forward it, so there is none for a request that was refused.
final class Exchange {
    /// How much of a request's body is kept, to send it again when a reused connection turns out stale.
    private static let replayLimit = 65_536

    let head: RequestHead
    let id: RequestID
    private(set) var findings: Findings
    /// What it is counted by; taken once, because a copy of all findings costs more than counting.
    let key: TrafficKey
    /// Whom the call comes from.
    let callerAddress: IPAddress
    private let admitted: Admitted
    private let context: LoopContext
    // The caller's connection holds the exchange, and lets go of it at the end.
    private unowned let client: ClientConnection
    private var upstream: UpstreamConnection?
    // The one that is being made.
    private var connecting: UpstreamConnection?
    private var destination: Destination?
    private var others: ArraySlice<Destination>

    /// Whether the upstream has been given the request to its last byte.
    private(set) var isRequestSent = false
    /// Whether the head of the answer has been written to the caller.
    private(set) var hasAnswered = false
    /// Whether it has ended, in whichever way.
    private(set) var isOver = false
    /// The status of the answer; 0 before there is one.
    private(set) var answerStatus = 0
    /// How many bytes of the answer's body were passed on.
    private(set) var answerBytes: Int64 = 0
    /// Where the decision is kept; `nil` before the answer.
    private(set) var recordPlace: Int?
    private var hasReplayed = false
    private var bodyBytes: Int64 = 0
    // One buffer: parts would hold the memory that they were received in.
    private var replay: ByteBuffer? = ByteBuffer()
    private var responseFraming = BodyFraming.none

    /// When the upstream must have moved on.
    private(set) var deadline: NIODeadline

    init(
        head: consuming RequestHead,
        id: RequestID,
        _ admitted: consuming Admitted,
        _ findings: consuming Findings,
        client: ClientConnection,
        context: LoopContext
    ) {
        self.head = head
        self.id = id
        self.admitted = admitted
        key = TrafficKey(findings, nil)
        callerAddress = client.client(of: findings)
        self.findings = findings
        self.client = client
        self.context = context
        (destination, others) = context.pool.plan(for: admitted.route.upstream).order(at: context.reactor.now)
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
    var hasRoom: Bool { upstream?.hasRoom ?? false }

    // MARK: Finding a connection

    /// Takes an unused connection, or makes one.
    func start() {
        guard !isOver else { return }
        guard let destination else { return fail(.unreachable("no target is left to try")) }
        if let connection = destination.pool.takeIdle() { return send(on: connection, destination) }
        connect(to: destination)
    }

    private func connect(to destination: Destination) {
        let timeout = admitted.route.upstream.connectTimeoutSeconds
        guard let connection = context.pool.open(destination.pool, timeoutSeconds: timeout) else {
            return tryNext(after: .exhausted)
        }
        connecting = connection
        connection.connect(for: self)
    }

    /// The connection that was asked for stands.
    func connected(to connection: UpstreamConnection) {
        connecting = nil
        guard !isOver, let destination else { return context.pool.release(connection) }
        send(on: connection, destination)
    }

    /// The connection that was asked for could not be made.
    func connectFailed(_ failure: UpstreamFailure) {
        connecting = nil
        guard !isOver else { return }
        tryNext(after: failure)
    }

    /// Nothing has been sent, so another target may be tried whatever the method is.
    private func tryNext(after failure: UpstreamFailure) {
        guard let next = others.popFirst() else { return fail(failure) }
        destination = next
        start()
    }

    private func send(on connection: UpstreamConnection, _ destination: Destination) {
        upstream = connection
        connection.serve(self, method: head.knownMethod)
        let isWritten = connection.write { output in
            UpstreamRequest.writeHead(
                of: head,
                admitted,
                to: destination,
                id: id,
                forwarded: client.forwarded(for: head, from: callerAddress),
                into: &output
            )
        }
        guard isWritten == true else {
            connection.close()
            return fail(.unreachable("the request cannot be written for the upstream"))
        }
        if head.framing == .none || head.framing == .length(0) { isRequestSent = true }
        armDeadline()
        if hasReplayed {
            if let replay, replay.readableBytes > 0 { writeBody(replay, to: connection) }
            if isRequestSent { finishBody(on: connection) }
        }
        client.upstreamIsReady()
    }

    /// The upstream has to answer in the endpoint's time once it has all of the request; before that, the
    /// body has to move.
    private func armDeadline() {
        let awaitsAnswer = isRequestSent && !hasAnswered
        let seconds = awaitsAnswer ? Int64(endpoint.timeoutSeconds) : context.configuration.bodyStallSeconds
        deadline = context.reactor.now + .seconds(seconds)
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
        guard head.framing == .chunked else { return upstream.write(part) }
        _ = upstream.write { output in HeadWriter.writeChunkHeader(part.readableBytes, into: &output) }
        upstream.write(part, then: "\r\n")
    }

    /// Passes the end of the body on.
    func clientFinished() {
        guard let upstream, !isOver else { return }
        isRequestSent = true
        finishBody(on: upstream)
        armDeadline()
    }

    private func finishBody(on upstream: UpstreamConnection) {
        if head.framing == .chunked { _ = upstream.write { HeadWriter.writeLastChunk(into: &$0) } }
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
        connecting?.leave()
        connecting = nil
    }

    // MARK: What the upstream tells

    func upstreamHasRoom() {
        client.upstreamHasRoom()
    }

    func upstreamInformed(_ response: ResponseHead) {
        armDeadline()
        // 100 Continue is the gateway's own to say; HTTP/1.0 knows no interim answers (RFC 9110 §15.2).
        guard head.versionMinor == 1, response.status != 100 else { return }
        client.write { output in ClientResponse.informational(response, into: &output) }
    }

    func upstreamAnswered(_ response: ResponseHead) {
        hasAnswered = true
        replay = nil
        findings.noteUpstream()
        answerStatus = response.status
        recordPlace = context.record(
            id,
            findings,
            nil,
            status: response.status,
            from: callerAddress,
            head: head
        )
        responseFraming = ClientResponse.framing(of: response, toVersionMinor: head.versionMinor)
        // The body may come too late, or not at all: then the connection cannot go on.
        if !isRequestSent || responseFraming == .untilClose || client.isLastAnswer {
            client.stopKeepingAlive()
        }
        client.write { output in
            ClientResponse.head(
                of: response,
                framing: responseFraming,
                answering: head.knownMethod,
                id: id,
                dateLine: context.dateLine(),
                closes: !client.keepsAlive,
                into: &output
            )
        }
        deadline = context.reactor.now + .seconds(context.configuration.bodyStallSeconds)
    }

    func upstreamGave(_ part: ByteBuffer) {
        answerBytes += Int64(part.readableBytes)
        deadline = context.reactor.now + .seconds(context.configuration.bodyStallSeconds)
        if responseFraming == .chunked {
            client.write { output in HeadWriter.writeChunkHeader(part.readableBytes, into: &output) }
            client.write(part, then: "\r\n")
        } else {
            client.write(part)
        }
        if !client.hasRoom { upstream?.setReading(false) }
    }

    func flushToClient() {
        client.flush()
    }

    /// The caller takes more again.
    func clientHasRoom() {
        deadline = context.reactor.now + .seconds(context.configuration.bodyStallSeconds)
        upstream?.setReading(true)
    }

    func upstreamFinished() {
        guard !isOver else { return }
        isOver = true
        upstream = nil
        if responseFraming == .chunked { client.write { HeadWriter.writeLastChunk(into: &$0) } }
        client.exchangeFinished(self)
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
        if failure == .ended, wasReused, !sawAnswer, !hasReplayed, isIdempotent, replay != nil,
            let destination
        {
            hasReplayed = true
            return connect(to: destination)
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
        connecting?.leave()
        connecting = nil
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
