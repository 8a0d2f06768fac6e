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
            answer(id, decision.findings, nil, status: 200, head: head, asked: asked) {
                ClientResponse.permit(
                    admitted,
                    id: id,
                    dateLine: loop.dateLine(),
                    closes: $1,
                    into: &$0
                )
                return 0
            }
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
        guard request.readsBody(of: input.remainingBodyLength) else {
            return answer(request, ownAnswer(to: request))
        }
        phase = .collecting(request)
        arm(loop.configuration.headerTimeoutSeconds)
        continueIfExpected(request.head)
    }

    /// Keeps what has come of the body, and answers at its end; false when nothing more can be done now.
    func collectBody(of request: CollectedRequest) -> Bool {
        while !input.bodyIsRead {
            switch input.readBody() {
            case .needMore:
                if input.hasEnded { close() }
                return input.hasEnded
            case .data(let part):
                guard request.take(part) else {
                    answer(request, ownAnswer(to: request))
                    return true
                }
            case .end: break
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
        self.answer(
            request.id,
            answer.findings,
            answer.rejection,
            status: answer.status,
            head: request.head
        ) {
            let hasBody = request.head.knownMethod != .head
            answer.write(id: request.id, dateLine: loop.dateLine(), hasBody: hasBody, closes: $1, into: &$0)
            return hasBody ? answer.bodyLength : 0
        }
    }
}
