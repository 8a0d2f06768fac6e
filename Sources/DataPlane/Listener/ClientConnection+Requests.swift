import GatewayCore
import NIOCore

/// How requests are taken in: read, decided, and passed on with their bodies.
extension ClientConnection {
    // A key is fetched within that time, or not at all.
    private static let keyWaitSeconds: Int64 = 6

    /// Takes in the head that is next; false when there is none yet.
    func readHead() -> Bool {
        let hadBegun = input.hasPartialHead
        switch input.readHead() {
        case .needMore:
            // The time for a head runs from its first byte; for the first one, from the connection's begin.
            if input.hasHadRequest, !hadBegun, input.hasPartialHead {
                arm(loop.configuration.headerTimeoutSeconds)
            }
            if input.hasEnded { endInOrder() }
            return false
        case .refused(let refusal):
            beginRequest(keepsAlive: false)
            refuse(Rejection(refusal), loop.noFindings(), loop.nextRequestID(), head: nil)
            return true
        case .head(let head):
            begin(head)
            return true
        }
    }

    private func begin(_ head: consuming RequestHead) {
        beginRequest(keepsAlive: head.keepAlive)
        input.beginBody(head.framing)
        let id = loop.nextRequestID()
        // For everybody else there is nothing at that path.
        if AskedRequest.isAsked(by: head), loop.decider.isTrustedProxy(caller) { return answer(head, id) }
        if let endpoint = OwnEndpoint.named(by: head), loop.decider.snapshot().offers(endpoint) {
            return begin(head, id, at: endpoint)
        }
        let decision = loop.decide(head, from: caller, certificate)
        if let key = decision.findings.neededKey, isAwaiting(key, copy head, id, nil) { return }
        act(on: decision, head, id)
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

    // MARK: Waiting for a key

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

    // MARK: The body

    /// The upstream is connected: the body may flow, and a caller that waits for a word gets it.
    func upstreamIsReady() {
        guard case .exchange(let exchange) = phase else { return }
        continueIfExpected(exchange.head)
        serveAndFlush()
    }

    /// Tells a caller that waits for a word before it sends the body to send it.
    func continueIfExpected(_ head: RequestHead) {
        guard head.expectsContinue, !input.bodyIsRead, input.isEmpty else { return }
        write { output in HeadWriter.writeContinue(into: &output) }
        flush()
    }

    func upstreamHasRoom() {
        serveAndFlush()
    }

    /// Passes on what has come of the body; false when nothing more can be done now.
    func readBody(_ exchange: Exchange) -> Bool {
        while !input.bodyIsRead {
            // A write can show that the upstream is gone, and end the exchange within the call.
            guard exchange.takesBody, exchange.hasRoom else { return exchange.isOver }
            switch input.readBody() {
            case .needMore:
                if input.hasEnded { close() }
                return input.hasEnded
            case .data(let part):
                guard exchange.clientGave(part) else {
                    let detail = "the body is longer than the endpoint accepts"
                    giveUp(exchange, Rejection(.bodyTooLarge, operatorDetail: detail))
                    return true
                }
                if input.bodyIsRead { finishBody(exchange) }
            case .end:
                finishBody(exchange)
            case .malformed(let reason):
                giveUp(exchange, Rejection(.badRequest, operatorDetail: reason.rawValue))
                return true
            }
        }
        return exchange.isOver
    }

    private func finishBody(_ exchange: Exchange) {
        exchange.clientFinished()
        exchange.flushToUpstream()
    }

    /// The request turned out wrong after it had been admitted.
    private func giveUp(_ exchange: Exchange, _ rejection: Rejection) {
        exchange.abandon()
        stopKeepingAlive()
        guard !exchange.hasAnswered else { return close() }
        refuse(rejection, exchange.findings, exchange.id, head: exchange.head)
    }
}
