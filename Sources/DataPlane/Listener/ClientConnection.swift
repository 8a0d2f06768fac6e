import GatewayCore
import NIOCore

/// One caller's connection: it reads requests one after another, has each decided, and answers in order.
final class ClientConnection {
    enum Phase {
        /// Waits for, or reads, the next head.
        case head
        /// A request waits for a key that its token needs.
        case waiting(WaitingRequest)
        /// A request is being forwarded; its body may still be coming.
        case exchange(Exchange)
        /// The gateway answers itself, once the short body is there.
        case collecting(CollectedRequest)
        /// A request was refused; the rest of its short body is passed over.
        case skipping
        /// The last answer was given and the caller told so; what still comes is thrown away.
        case lingering
        case closed
    }

    // What is read ahead of its use: more is left in the kernel's hands.
    private static let readAheadLimit = 65_536
    // A body this short is read to its end rather than the connection given up.
    private static let skipLimit: Int64 = 65_536
    private static let lingerTime = TimeAmount.seconds(2)
    // So that one fast caller does not hold up the others.
    private static let receivesPerTurn = 8

    /// Whom the connection comes from, as far as anybody knows.
    var address: IPAddress { socket.proxiedAddress ?? peer }
    /// Whom the calls come from; `nil` when the proxy that knows does not say it.
    var caller: IPAddress? { socket.hidesAddress ? nil : address }
    private let peer: IPAddress
    /// Its place among the event loop's connections.
    var slot = 0
    private let socket: StreamSocket
    let loop: LoopContext
    var phase = Phase.head
    var parser = RequestHeadParser()
    var body = BodyDecoder(.none)
    var bodyIsRead = true
    var pending = InputBuffer()
    private var forwardedFields: ForwardedFields
    private var deadline: NIODeadline
    var inputEnded = false
    private var outputEnded = false
    private var isServing = false
    private var isFirstRequest = true
    /// When the head of the request under way had been read.
    private(set) var requestStart = NIODeadline.uptimeNanoseconds(0)
    private var callerCertificate: Certificate?
    private var hasLookedForCertificate = false
    private(set) var keepsAlive = true
    /// Since when no request has been under way.
    private(set) var idleSince: NIODeadline

    init(_ socket: StreamSocket, from address: IPAddress, _ loop: LoopContext) {
        self.socket = socket
        peer = address
        self.loop = loop
        forwardedFields = ForwardedFields(isSecure: socket.tls != nil)
        idleSince = loop.reactor.now
        deadline = idleSince + .seconds(loop.configuration.headerTimeoutSeconds)
    }

    /// Whether the connection is TLS.
    var isSecure: Bool { socket.tls != nil }

    /// The certificate that the caller proved to have.
    var certificate: Certificate? {
        guard let tls = socket.tls else { return nil }
        if !hasLookedForCertificate {
            hasLookedForCertificate = true
            callerCertificate = tls.peerCertificate
        }
        return callerCertificate
    }

    /// Whether no request has begun on it.
    var isIdle: Bool {
        if case .head = phase { return !parser.hasPartialHead && pending.isEmpty }
        return false
    }

    /// Whether the caller takes what is written quickly enough.
    var hasRoom: Bool { socket.hasRoom }

    /// Closes at once; an exchange under way is given up.
    func close() {
        end()
        socket.close()
    }

    private func end() {
        switch phase {
        case .exchange(let exchange):
            exchange.abandon()
            finished(exchange)
        case .waiting(let request): loop.stopAwaiting(request.ticket)
        case .head, .collecting, .skipping, .lingering, .closed: break
        }
        phase = .closed
        pending.drop()
        loop.remove(self)
    }

    // MARK: Deadlines

    func checkDeadline(_ now: NIODeadline) {
        switch phase {
        case .closed: break
        case .exchange(let exchange):
            if now >= exchange.deadline {
                // A caller that holds its body back is the one who is late, not the upstream.
                if !bodyIsRead, !exchange.hasAnswered, exchange.hasRoom {
                    close()
                } else {
                    exchange.timeOut()
                }
            }
        case .waiting:
            if now >= deadline { decideAgain() }
        case .head, .collecting, .skipping, .lingering:
            if now >= deadline { return close() }
            if isIdle, now >= idleSince + Reactor.sweepInterval { rest() }
        }
    }

    /// Gives back the memory that only a connection with a request needs.
    private func rest() {
        pending.drop()
        parser.rest()
        socket.releaseOutput()
    }

    func arm(_ seconds: Int64) {
        deadline = loop.reactor.now + .seconds(seconds)
    }

    // MARK: Requests

    /// Goes on with what has been received, request after request.
    private func serve() {
        // An answer can end within a call from here; the loop then takes the next request, not the stack.
        guard !isServing else { return }
        isServing = true
        defer {
            isServing = false
            adjustReading()
        }
        while true {
            switch phase {
            case .head:
                // Whoever does not take its answers gets no further ones.
                guard socket.hasRoom, readHead() else { return }
            case .exchange(let exchange):
                guard readBody(exchange) else { return }
            case .collecting(let request):
                guard collectBody(of: request) else { return }
            case .skipping:
                guard skipBody() else { return }
            case .waiting, .lingering, .closed:
                return
            }
        }
    }

    /// Goes on, and sends off what was passed to the upstream meanwhile.
    private func serveAndFlush() {
        guard !isServing else { return }
        serve()
        if case .exchange(let exchange) = phase { exchange.flushToUpstream() }
    }

    private func readHead() -> Bool {
        let hadBegun = parser.hasPartialHead
        switch parser.parse(&pending.bytes) {
        case .needMore:
            // The time for a head runs from its first byte; for the first one, from the connection's begin.
            if !isFirstRequest, !hadBegun, parser.hasPartialHead {
                arm(loop.configuration.headerTimeoutSeconds)
            }
            if inputEnded { endInOrder() }
            return false
        case .refused(let refusal):
            keepsAlive = false
            requestStart = loop.reactor.now
            refuse(Rejection(refusal), loop.noFindings(), loop.nextRequestID(), head: nil)
            return true
        case .head(let head):
            isFirstRequest = false
            begin(head)
            return true
        }
    }

    private func begin(_ head: consuming RequestHead) {
        requestStart = loop.reactor.now
        keepsAlive = head.keepAlive
        body = BodyDecoder(head.framing)
        bodyIsRead = body.isFinished
        let id = loop.nextRequestID()
        // For everybody else there is nothing at that path.
        if AskedRequest.isAsked(by: head), loop.isTrustedProxy(caller) { return answer(head, id) }
        if let endpoint = OwnEndpoint.named(by: head), loop.offers(endpoint) {
            return begin(head, id, at: endpoint)
        }
        let decision = loop.decide(head, from: caller, certificate)
        if let key = decision.findings.neededKey, isAwaiting(key, copy head, id, nil) { return }
        act(on: decision, head, id)
    }

    // A key is fetched within that time, or not at all.
    private static let keyWaitSeconds: Int64 = 6

    /// Begins to wait for a key; false when there is nothing to wait for.
    func isAwaiting(
        _ key: NeededKey,
        _ head: consuming RequestHead,
        _ id: RequestID,
        _ asked: AskedRequest?
    ) -> Bool {
        guard let ticket = loop.awaitKey(key, for: self) else { return false }
        phase = .waiting(WaitingRequest(head: head, id: id, asked: asked, ticket: ticket))
        arm(Self.keyWaitSeconds)
        return true
    }

    /// Decides the request that waited, with the keys that there are now.
    func decideAgain() {
        guard case .waiting(let request) = phase else { return }
        loop.stopAwaiting(request.ticket)
        let decision =
            request.asked.map { loop.decide($0, in: request.head, from: caller) }
            ?? loop.decide(request.head, from: caller, certificate)
        // The fetch that was waited for may have begun before the key was published: once more, in what is left of
        // the time.
        if request.mayWaitAgain, loop.reactor.now < deadline, let key = decision.findings.neededKey,
            let ticket = loop.awaitKey(key, for: self)
        {
            request.ticket = ticket
            request.mayWaitAgain = false
            return
        }
        phase = .head
        if let asked = request.asked {
            act(on: decision, request.head, request.id, asked)
        } else {
            act(on: decision, request.head, request.id)
        }
        serveAndFlush()
    }

    private func act(on decision: Decision, _ head: consuming RequestHead, _ id: RequestID) {
        switch decision.outcome {
        case .rejected(let rejection):
            refuse(rejection, decision.findings, id, head: head)
        case .admitted(let admitted):
            let exchange = Exchange(
                head: head,
                id: id,
                admitted,
                decision.findings,
                client: self,
                context: loop
            )
            guard !exchange.announcesTooMuch else {
                let limit = admitted.route.endpoint.maximumBodyBytes
                let detail = "the body is announced as longer than the endpoint's limit of \(limit) bytes"
                return refuse(
                    Rejection(.bodyTooLarge, operatorDetail: detail),
                    exchange.findings,
                    id,
                    head: exchange.head
                )
            }
            phase = .exchange(exchange)
            exchange.start()
        }
    }

    /// The upstream is connected: the body may flow, and a caller that waits for a word gets it.
    func upstreamIsReady() {
        guard case .exchange(let exchange) = phase else { return }
        if exchange.head.expectsContinue, !bodyIsRead, pending.isEmpty {
            write { output in HeadWriter.writeContinue(into: &output) }
            flush()
        }
        serveAndFlush()
    }

    func upstreamHasRoom() {
        serveAndFlush()
    }

    /// The fields that tell the upstream whom the request came from.
    func forwarded(for head: RequestHead, from address: IPAddress) -> [UInt8] {
        head.bytes(head.host ?? ByteRange(offset: 0, end: 0)) {
            forwardedFields.lines(for: address, host: $0)
        }
    }

    /// Whom a request came from: the connection's peer, unless a decision found out better.
    func client(of findings: Findings) -> IPAddress {
        findings.clientAddress == .unknown ? address : findings.clientAddress
    }

    /// Passes on what has come of the body; false when nothing more can be done now.
    private func readBody(_ exchange: Exchange) -> Bool {
        while !bodyIsRead {
            // A write can show that the upstream is gone, and end the exchange within the call.
            guard exchange.takesBody, exchange.hasRoom else { return exchange.isOver }
            switch body.decode(&pending.bytes) {
            case .needMore:
                if inputEnded { close() }
                return inputEnded
            case .data(let part):
                guard exchange.clientGave(part) else {
                    bodyGrewTooLarge(exchange)
                    return true
                }
                if body.isFinished, body.remainingLength != nil { finishBody(exchange) }
            case .end:
                finishBody(exchange)
            case .malformed(let reason):
                malformed(exchange, reason)
                return true
            }
        }
        return exchange.isOver
    }

    private func finishBody(_ exchange: Exchange) {
        bodyIsRead = true
        exchange.clientFinished()
        exchange.flushToUpstream()
    }

    private func bodyGrewTooLarge(_ exchange: Exchange) {
        let detail = "the body is longer than the endpoint accepts"
        giveUp(exchange, Rejection(.bodyTooLarge, operatorDetail: detail))
    }

    private func malformed(_ exchange: Exchange, _ reason: MalformedBody) {
        giveUp(exchange, Rejection(.badRequest, operatorDetail: reason.rawValue))
    }

    /// The request turned out wrong after it had been admitted.
    private func giveUp(_ exchange: Exchange, _ rejection: Rejection) {
        exchange.abandon()
        keepsAlive = false
        guard !exchange.hasAnswered else { return close() }
        refuse(rejection, exchange.findings, exchange.id, head: exchange.head)
    }

    // MARK: Answers

    /// Has bytes written, straight into what will be sent.
    func write(_ body: (inout OutputBuffer) -> Void) {
        body(&socket.output)
    }

    func write(_ part: ByteBuffer, then end: StaticString = "") {
        socket.write(part, then: end)
    }

    func flush() {
        socket.flushLater()
    }

    /// Whether this answer is the last one because the gateway drains, or because the caller sends no more.
    var isLastAnswer: Bool { (loop.isDraining || inputEnded) && pending.isEmpty }

    /// The connection will be closed after the answer under way.
    func stopKeepingAlive() {
        keepsAlive = false
    }

    func exchangeFinished(_ exchange: Exchange) {
        flush()
        finished(exchange)
        parser.recycle(exchange.head)
        finishRequest()
        serveAndFlush()
    }

    /// Counts a request that was admitted.
    private func finished(_ exchange: Exchange) {
        let request = FinishedRequest(
            exchange.id,
            exchange.key,
            status: exchange.answerStatus,
            bytes: exchange.answerBytes,
            from: exchange.callerAddress,
            since: requestStart
        )
        loop.finished(request, at: exchange.recordPlace, head: exchange.head) { (exchange.findings, nil) }
    }

    /// The answer broke off.
    ///
    /// Where only the connection's end tells the body's, a plain end would make the
    /// answer look whole: then the connection is reset.
    func exchangeBroke(resets: Bool) {
        socket.flush()
        end()
        if resets { socket.reset() } else { socket.close() }
    }

    func exchangeFailed(_ exchange: Exchange, _ rejection: Rejection) {
        var findings = exchange.findings
        findings.noteUpstream()
        refuse(rejection, findings, exchange.id, head: exchange.head)
        serveAndFlush()
    }

    func refuse(
        _ rejection: Rejection,
        _ findings: Findings,
        _ id: RequestID,
        head: RequestHead?,
        asked: AskedRequest? = nil
    ) {
        let address = client(of: findings)
        let status = rejection.code.status
        let place = loop.record(
            id,
            findings,
            rejection,
            status: status,
            from: address,
            head: head,
            asked: asked
        )
        closeIfCertificateIsMissing(rejection)
        closeUnlessBodyIsShort(head)
        var bytes = 0
        write { output in
            bytes = ClientResponse.refusal(
                rejection,
                id: id,
                dateLine: loop.dateLine(),
                allowedMethods: findings.allowedMethods,
                hasBody: head?.knownMethod != .head,
                closes: !keepsAlive,
                into: &output
            )
        }
        flush()
        // After the answer, so that it does not wait for the log.
        loop.log(id, findings, rejection)
        let request = FinishedRequest(
            id,
            TrafficKey(findings, rejection.code),
            status: status,
            bytes: Int64(bytes),
            from: address,
            since: requestStart
        )
        loop.finished(request, at: place, head: head, asked: asked) { (findings, rejection) }
        if let head { parser.recycle(head) }
        finishRequest()
    }

    /// Makes the answer the last one where another connection may get another one: it may have begun before anybody was
    /// asked for a certificate, and the next one is asked.
    func closeIfCertificateIsMissing(_ rejection: Rejection) {
        // A token can be bound to a certificate whatever its profile demands.
        let isUnasked = socket.tls?.asksForCertificate == false && loop.asksForCertificate
        if rejection.code == .certificateRequired || (rejection.code == .invalidToken && isUnasked) {
            keepsAlive = false
        }
    }

    /// Makes the answer the last one where the rest of the body is too long to be passed over.
    func closeUnlessBodyIsShort(_ head: RequestHead?) {
        if isLastAnswer || (!bodyIsRead && !canSkipBody(head)) { keepsAlive = false }
    }

    /// A short body that is on its way anyway is passed over, so that the connection can go on.
    private func canSkipBody(_ head: RequestHead?) -> Bool {
        guard let head, !head.expectsContinue, let remaining = body.remainingLength else { return false }
        return remaining <= Self.skipLimit
    }

    func finishRequest() {
        if case .closed = phase { return }
        guard keepsAlive else { return endInOrder() }
        if bodyIsRead {
            awaitNextRequest()
        } else {
            phase = .skipping
            arm(loop.configuration.bodyStallSeconds)
        }
    }

    private func awaitNextRequest() {
        phase = .head
        idleSince = loop.reactor.now
        arm(loop.configuration.keepAliveSeconds)
    }

    private func skipBody() -> Bool {
        while !bodyIsRead {
            switch body.decode(&pending.bytes) {
            case .needMore: return false
            case .data: bodyIsRead = body.isFinished
            case .end: bodyIsRead = true
            case .malformed:
                endInOrder()
                return true
            }
        }
        awaitNextRequest()
        return true
    }

    /// Ends our side and waits for the caller's: closing at once with bytes unread would make the kernel
    /// reset the connection, and the caller could lose the answer.
    func endInOrder() {
        phase = .lingering
        pending.drop()
        arm(loop.configuration.bodyStallSeconds)
        socket.setReading(true)
        // What is still being written goes out first.
        socket.finishOutput()
    }
}

// MARK: - Input

extension ClientConnection: StreamDelegate {
    func streamConnected(_ failure: Int32?) {}

    func streamIsReadable() {
        var rounds = 0
        while socket.canReceive {
            guard rounds < Self.receivesPerTurn else {
                socket.readLater()
                break
            }
            rounds += 1
            switch receive() {
            case .nothing: break
            case .bytes: serveReceived()
            case .ended: callerEnded()
            case .broken: close()
            }
        }
        if case .exchange(let exchange) = phase { exchange.flushToUpstream() }
    }

    private func receive() -> StreamSocket.Received {
        let isBody: Bool
        switch phase {
        case .head, .waiting: isBody = false
        case .exchange: isBody = !bodyIsRead
        case .collecting, .skipping, .lingering, .closed: isBody = true
        }
        return pending.receive(from: socket, into: isBody ? loop.scratch : nil)
    }

    private func serveReceived() {
        switch phase {
        case .lingering, .closed:
            pending.drop()
            return
        case .head, .waiting, .exchange, .collecting, .skipping: serve()
        }
        // What could not be passed on at once.
        pending.keep()
    }

    private func callerEnded() {
        inputEnded = true
        switch phase {
        case .exchange, .collecting:
            // The caller only said that it sends no more: it still waits for its answers, and the rest of its
            // body may still wait for the upstream.
            serve()
        case .head, .skipping: endInOrder()
        // It still waits for its answer.
        case .waiting: break
        case .lingering where !outputEnded: break
        case .lingering, .closed: close()
        }
    }

    func streamHasRoom() {
        switch phase {
        case .exchange(let exchange): exchange.clientHasRoom()
        case .head, .collecting, .skipping: serveAndFlush()
        case .waiting, .lingering, .closed: break
        }
    }

    func streamOutputEnded() {
        outputEnded = true
        deadline = loop.reactor.now + Self.lingerTime
        if inputEnded { close() }
    }

    func streamOutputBroke() {
        close()
    }

    func streamBroke() {
        close()
    }

    /// Reads no further ahead than what can be used soon.
    private func adjustReading() {
        switch phase {
        case .closed: break
        case .lingering: socket.setReading(true)
        case .head, .waiting, .collecting, .skipping:
            socket.setReading(socket.hasRoom && pending.bytes.readableBytes < Self.readAheadLimit)
        case .exchange(let exchange):
            let isStalled = !bodyIsRead && exchange.takesBody && !exchange.hasRoom
            socket.setReading(!isStalled && pending.bytes.readableBytes < Self.readAheadLimit)
        }
    }
}
