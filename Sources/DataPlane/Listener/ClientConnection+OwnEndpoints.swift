import GatewayCore
import NIOCore

/// What the gateway answers itself: questions of trusted proxies, access tokens, and what it publishes.
extension ClientConnection {
    /// Tells a trusted proxy whether the request that it asks about may pass, and who calls.
    func answer(_ head: consuming RequestHead, _ id: RequestID) {
        let asked: AskedRequest
        do throws(Rejection) {
            asked = try AskedRequest(copy head)
        } catch {
            return refuse(error, loop.noFindings(), id, head: head)
        }
        let decision = loop.decide(asked, in: head, from: caller)
        if let key = decision.findings.neededKey, isAwaiting(key, copy head, id, asked) { return }
        act(on: decision, head, id, asked)
    }

    func act(
        on decision: Decision,
        _ head: consuming RequestHead,
        _ id: RequestID,
        _ asked: AskedRequest
    ) {
        switch decision.outcome {
        case .rejected(let rejection):
            refuse(rejection, decision.findings, id, head: head, asked: asked)
        case .admitted(let admitted):
            let client = client(of: decision.findings)
            let place = loop.record(
                id,
                decision.findings,
                nil,
                status: 200,
                from: client,
                head: head,
                asked: asked
            )
            closeUnlessBodyIsShort(head)
            write { output in
                ClientResponse.permit(
                    admitted,
                    id: id,
                    dateLine: loop.dateLine(),
                    closes: !keepsAlive,
                    into: &output
                )
            }
            flush()
            let request = FinishedRequest(
                id,
                TrafficKey(decision.findings, nil),
                status: 200,
                bytes: 0,
                from: client,
                since: requestStart
            )
            loop.finished(request, at: place, head: head, asked: asked) { (decision.findings, nil) }
            parser.recycle(head)
            finishRequest()
        }
    }

    /// Begins a request that the gateway answers itself.
    func begin(_ head: consuming RequestHead, _ id: RequestID, at endpoint: OwnEndpoint) {
        let request = CollectedRequest(head: head, id: id, endpoint: endpoint)
        guard request.hasAnsweredMethod else {
            let methods = endpoint.methods.joined(separator: ", ")
            let detail = "\(endpoint.rawValue) answers \(methods), not this method"
            let rejection = Rejection(.methodNotAllowed, operatorDetail: detail)
            return refuse(rejection, Findings(now: loop.now(), at: endpoint), id, head: request.head)
        }
        // Where no body is read, a short one is passed over as after a refusal.
        guard request.readsBody(of: body.remainingLength) else {
            return answer(request, ownAnswer(to: request))
        }
        phase = .collecting(request)
        arm(loop.configuration.headerTimeoutSeconds)
        if request.head.expectsContinue, !bodyIsRead, pending.isEmpty {
            write { output in HeadWriter.writeContinue(into: &output) }
            flush()
        }
    }

    /// Keeps what has come of the body, and answers at its end; false when nothing more can be done now.
    func collectBody(of request: CollectedRequest) -> Bool {
        while !bodyIsRead {
            switch body.decode(&pending.bytes) {
            case .needMore:
                if inputEnded { close() }
                return inputEnded
            case .data(let part):
                bodyIsRead = body.isFinished
                guard request.take(part) else {
                    answer(request, ownAnswer(to: request))
                    return true
                }
            case .end: bodyIsRead = true
            case .malformed(let reason):
                stopKeepingAlive()
                let rejection = Rejection(.badRequest, operatorDetail: reason.rawValue)
                let findings = Findings(now: loop.now(), at: request.endpoint)
                refuse(rejection, findings, request.id, head: request.head)
                return true
            }
        }
        answer(request, ownAnswer(to: request))
        return true
    }

    private func ownAnswer(to request: CollectedRequest) -> OwnAnswer {
        loop.answer(request, from: caller, certificate, isSecure: isSecure)
    }

    private func answer(_ request: CollectedRequest, _ answer: OwnAnswer) {
        let client = client(of: answer.findings)
        let place = loop.record(
            request.id,
            answer.findings,
            answer.rejection,
            status: answer.status,
            from: client,
            head: request.head
        )
        if let rejection = answer.rejection { closeIfCertificateIsMissing(rejection) }
        closeUnlessBodyIsShort(request.head)
        write { output in
            answer.write(
                id: request.id,
                dateLine: loop.dateLine(),
                hasBody: request.head.knownMethod != .head,
                closes: !keepsAlive,
                into: &output
            )
        }
        flush()
        if let rejection = answer.rejection { loop.log(request.id, answer.findings, rejection) }
        let finished = FinishedRequest(
            request.id,
            TrafficKey(answer.findings, answer.rejection?.code),
            status: answer.status,
            bytes: request.head.knownMethod == .head ? 0 : answer.bodyLength,
            from: client,
            since: requestStart
        )
        loop.finished(finished, at: place, head: request.head) { (answer.findings, answer.rejection) }
        parser.recycle(request.head)
        finishRequest()
    }
}
