import GatewayCore
import Glibc
import NIOCore

/// One caller's connection: it reads requests one after another, has each decided, and answers in order.
final class ClientConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        /// Waits for, or reads, the next head.
        case head
        /// A request is being forwarded; its body may still be coming.
        case exchange(Exchange)
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

    private let loop: LoopContext
    private var context: ChannelHandlerContext?
    private var address = IPAddress(v4: 0)
    private var phase = Phase.head
    private var parser = RequestHeadParser()
    private var body = BodyDecoder(.none)
    private var bodyIsRead = true
    private var pending = ByteBuffer()
    private var deadline: NIODeadline
    private var isReading = true
    private var inputEnded = false
    private var outputEnded = false
    private var isServing = false
    private var isFirstRequest = true
    private(set) var keepsAlive = true
    /// Since when no request has been under way.
    private(set) var idleSince = NIODeadline.now()

    init(_ loop: LoopContext) {
        self.loop = loop
        deadline = .now() + .seconds(loop.configuration.headerTimeoutSeconds)
    }

    /// Whether no request has begun on it.
    var isIdle: Bool {
        if case .head = phase { return !parser.hasPartialHead && pending.readableBytes == 0 }
        return false
    }

    var allocator: ByteBufferAllocator { context?.channel.allocator ?? ByteBufferAllocator() }
    var isWritable: Bool { context?.channel.isWritable ?? true }

    // MARK: What the channel tells

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if let remote = context.remoteAddress { address = IPAddress(remote) }
        loop.add(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        // A channel that never became active does not tell that it became inactive.
        loop.remove(self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        switch phase {
        case .lingering, .closed: return
        case .head, .exchange, .skipping: break
        }
        if pending.readableBytes == 0 { pending = buffer } else { pending.writeBuffer(&buffer) }
        serve()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .exchange(let exchange) = phase { exchange.flushToUpstream() }
        if pending.readableBytes == 0 { pending = ByteBuffer() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .exchange(let exchange) = phase {
            exchange.clientWritabilityChanged(context.channel.isWritable)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .inputClosed = event as? ChannelEvent else {
            context.fireUserInboundEventTriggered(event)
            return
        }
        inputEnded = true
        switch phase {
        case .exchange:
            // The caller only said that it sends no more: it still waits for its answers, and the rest of its
            // body may still wait for the upstream.
            serve()
        case .head, .skipping: endInOrder()
        case .lingering where !outputEnded: break
        case .lingering, .closed: close()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        loop.remove(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close()
    }

    /// Closes at once; an exchange under way is given up.
    func close() {
        end()
        context?.close(promise: nil)
    }

    private func end() {
        if case .exchange(let exchange) = phase { exchange.abandon() }
        phase = .closed
        pending = ByteBuffer()
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
        case .head, .skipping, .lingering:
            if now >= deadline { close() }
        }
    }

    private func arm(_ seconds: Int64) {
        deadline = .now() + .seconds(seconds)
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
                guard readHead() else { return }
            case .exchange(let exchange):
                guard readBody(exchange) else { return }
            case .skipping:
                guard skipBody() else { return }
            case .lingering, .closed:
                return
            }
        }
    }

    private func readHead() -> Bool {
        let hadBegun = parser.hasPartialHead
        switch parser.parse(&pending) {
        case .needMore:
            // The time for a head runs from its first byte; for the first one, from the connection's begin.
            if !isFirstRequest, !hadBegun, parser.hasPartialHead {
                arm(loop.configuration.headerTimeoutSeconds)
            }
            if inputEnded { endInOrder() }
            return false
        case .refused(let refusal):
            keepsAlive = false
            refuse(Rejection(refusal), loop.noFindings(), loop.nextRequestID(), head: nil)
            return true
        case .head(let head):
            isFirstRequest = false
            begin(head)
            return true
        }
    }

    private func begin(_ head: RequestHead) {
        keepsAlive = head.keepAlive
        body = BodyDecoder(head.framing)
        bodyIsRead = body.isFinished
        let id = loop.nextRequestID()
        let decision = loop.decide(head, clientAddress: address)
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
                address: address,
                context: loop
            )
            guard !exchange.announcesTooMuch else {
                let limit = admitted.route.endpoint.maximumBodyBytes
                let detail = "the body is announced as longer than the endpoint's limit of \(limit) bytes"
                return refuse(
                    Rejection(.bodyTooLarge, operatorDetail: detail),
                    decision.findings,
                    id,
                    head: head
                )
            }
            phase = .exchange(exchange)
            exchange.start()
        }
    }

    /// The upstream is connected: the body may flow, and a caller that waits for a word gets it.
    func upstreamIsReady() {
        guard case .exchange(let exchange) = phase else { return }
        if exchange.head.expectsContinue, !bodyIsRead, pending.readableBytes == 0 {
            var buffer = allocator.buffer(capacity: 32)
            HeadWriter.writeContinue(into: &buffer)
            write(buffer)
            flush()
        }
        serve()
    }

    func upstreamWritabilityChanged() {
        serveAndFlush()
    }

    /// Goes on outside of a read, whose end would otherwise send off what was passed to the upstream.
    private func serveAndFlush() {
        serve()
        if case .exchange(let exchange) = phase { exchange.flushToUpstream() }
    }

    /// Passes on what has come of the body; false when nothing more can be done now.
    private func readBody(_ exchange: Exchange) -> Bool {
        while !bodyIsRead {
            // A write can show that the upstream is gone, and end the exchange within the call.
            guard exchange.takesBody, exchange.hasRoom else { return exchange.isOver }
            switch body.decode(&pending) {
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

    func write(_ buffer: ByteBuffer) {
        context?.write(wrapOutboundOut(buffer), promise: nil)
    }

    func flush() {
        context?.flush()
    }

    /// Whether this answer is the last one because the gateway drains, or because the caller sends no more.
    var isLastAnswer: Bool { (loop.isDraining || inputEnded) && pending.readableBytes == 0 }

    /// The connection will be closed after the answer under way.
    func stopKeepingAlive() {
        keepsAlive = false
    }

    func exchangeFinished() {
        flush()
        finishRequest()
        serveAndFlush()
    }

    /// The answer broke off.
    ///
    /// Where only the connection's end tells the body's, a plain end would make the
    /// answer look whole: then the connection is reset.
    func exchangeBroke(resets: Bool) {
        flush()
        if resets, let socket = context?.channel as? any SocketOptionProvider {
            // A closed socket refuses the option; then there is nothing to reset.
            _ = socket.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        }
        close()
    }

    func exchangeFailed(_ exchange: Exchange, _ rejection: Rejection) {
        var findings = exchange.findings
        findings.noteUpstream()
        refuse(rejection, findings, exchange.id, head: exchange.head)
        serveAndFlush()
    }

    private func refuse(_ rejection: Rejection, _ findings: Findings, _ id: RequestID, head: RequestHead?) {
        loop.record(id, findings, rejection, status: rejection.code.status, from: address, head: head)
        if isLastAnswer || (!bodyIsRead && !canSkipBody(head)) { keepsAlive = false }
        var buffer = allocator.buffer(capacity: 1024)
        ClientResponse.refusal(
            rejection,
            id: id,
            date: loop.date(),
            allowedMethods: findings.allowedMethods,
            hasBody: head?.knownMethod != .head,
            closes: !keepsAlive,
            into: &buffer
        )
        write(buffer)
        flush()
        // After the answer, so that it does not wait for the log.
        loop.log(id, findings, rejection)
        finishRequest()
    }

    /// A short body that is on its way anyway is passed over, so that the connection can go on.
    private func canSkipBody(_ head: RequestHead?) -> Bool {
        guard let head, !head.expectsContinue, let remaining = body.remainingLength else { return false }
        return remaining <= Self.skipLimit
    }

    private func finishRequest() {
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
        idleSince = .now()
        arm(loop.configuration.keepAliveSeconds)
    }

    private func skipBody() -> Bool {
        while !bodyIsRead {
            switch body.decode(&pending) {
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
        pending = ByteBuffer()
        arm(loop.configuration.bodyStallSeconds)
        setReading(true)
        guard let context else { return }
        let ended = context.eventLoop.makePromise(of: Void.self)
        ended.futureResult.assumeIsolated().whenComplete { _ in
            self.outputEnded = true
            self.deadline = .now() + Self.lingerTime
            if self.inputEnded { self.close() }
        }
        // What is still being written goes out first.
        context.close(mode: .output, promise: ended)
    }

    // MARK: Reading

    /// Reads no further ahead than what can be used soon.
    private func adjustReading() {
        switch phase {
        case .closed: break
        case .lingering: setReading(true)
        case .head, .skipping: setReading(pending.readableBytes < Self.readAheadLimit)
        case .exchange(let exchange):
            let isStalled = !bodyIsRead && exchange.takesBody && !exchange.hasRoom
            setReading(!isStalled && pending.readableBytes < Self.readAheadLimit)
        }
    }

    private func setReading(_ isWanted: Bool) {
        guard isReading != isWanted, let context else { return }
        isReading = isWanted
        setAutoRead(isWanted, context)
    }
}
