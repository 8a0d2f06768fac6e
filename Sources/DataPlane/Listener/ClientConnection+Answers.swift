import GatewayCore
import NIOCore

/// How requests are answered: with what the upstream says, or with a refusal.
extension ClientConnection {
    // A body this short is read to its end rather than the connection given up.
    private static let skipLimit: Int64 = 65_536

    /// Whether the caller takes what is written quickly enough.
    var hasRoom: Bool { socket.hasRoom }

    /// Has bytes written, straight into what will be sent.
    func write(_ body: (inout OutputBuffer) -> Void) {
        socket.write(body)
    }

    func write(_ part: ByteBuffer, then end: StaticString = "") {
        socket.write(part, then: end)
    }

    func flush() {
        socket.flushLater()
    }

    // MARK: The upstream's answer

    func exchangeFinished(_ exchange: Exchange) {
        flush()
        finished(exchange)
        input.recycle(exchange.head)
        finishRequest()
        serveAndFlush()
    }

    /// Counts a request that was admitted.
    func finished(_ exchange: Exchange) {
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

    // MARK: The gateway's own

    func refuse(
        _ rejection: Rejection,
        _ findings: Findings,
        _ id: RequestID,
        head: RequestHead?,
        asked: AskedRequest? = nil
    ) {
        answer(id, findings, rejection, status: rejection.code.status, head: head, asked: asked) {
            Int64(
                ClientResponse.refusal(
                    rejection,
                    id: id,
                    dateLine: loop.dateLine(),
                    allowedMethods: findings.allowedMethods,
                    hasBody: head?.knownMethod != .head,
                    closes: $1,
                    into: &$0
                )
            )
        }
    }

    /// Gives an answer of the gateway's own, and ends the request.
    ///
    /// - Parameters:
    ///   - id: the request's.
    ///   - findings: what was found of it.
    ///   - rejection: why it is refused; `nil` when it is not.
    ///   - status: the answer's.
    ///   - head: the request's head, if it could be read.
    ///   - asked: what is asked about, if it is a question.
    ///   - body: writes the answer, which may say that the connection closes; gives how long its body is.
    func answer(
        _ id: RequestID,
        _ findings: Findings,
        _ rejection: Rejection?,
        status: Int,
        head: RequestHead?,
        asked: AskedRequest? = nil,
        _ body: (_ output: inout OutputBuffer, _ closes: Bool) -> Int64
    ) {
        let address = client(of: findings)
        let place = loop.record(
            id,
            findings,
            rejection,
            status: status,
            from: address,
            head: head,
            asked: asked
        )
        if let rejection { closeIfCertificateIsMissing(rejection) }
        closeUnlessBodyIsShort(head)
        var bytes: Int64 = 0
        write { output in bytes = body(&output, !keepsAlive) }
        flush()
        // After the answer, so that it does not wait for the log.
        if let rejection { loop.log(id, findings, rejection) }
        let request = FinishedRequest(
            id,
            TrafficKey(findings, rejection?.code),
            status: status,
            bytes: bytes,
            from: address,
            since: requestStart
        )
        loop.finished(request, at: place, head: head, asked: asked) { (findings, rejection) }
        if let head { input.recycle(head) }
        finishRequest()
    }

    // MARK: Whether it is the last

    /// Whether this answer is the last one because the gateway drains, or because the caller sends no more.
    var isLastAnswer: Bool { (loop.isDraining || input.hasEnded) && input.isEmpty }

    /// Makes the answer the last one where another connection may get another one: it may have begun before anybody was
    /// asked for a certificate, and the next one is asked.
    private func closeIfCertificateIsMissing(_ rejection: Rejection) {
        // A token can be bound to a certificate whatever its profile demands.
        let isUnasked = socket.tls?.asksForCertificate == false && loop.asksForCertificate
        if rejection.code == .certificateRequired || (rejection.code == .invalidToken && isUnasked) {
            stopKeepingAlive()
        }
    }

    /// Makes the answer the last one where the rest of the body is too long to be passed over.
    private func closeUnlessBodyIsShort(_ head: RequestHead?) {
        if isLastAnswer || (!input.bodyIsRead && !canSkipBody(head)) { stopKeepingAlive() }
    }

    /// A short body that is on its way anyway is passed over, so that the connection can go on.
    private func canSkipBody(_ head: RequestHead?) -> Bool {
        guard let head, !head.expectsContinue, let remaining = input.remainingBodyLength else { return false }
        return remaining <= Self.skipLimit
    }
}
