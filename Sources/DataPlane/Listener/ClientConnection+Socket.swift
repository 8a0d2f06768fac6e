import GatewayCore

/// What the socket tells, and how far it is read.
extension ClientConnection: StreamDelegate {
    // So that one fast caller does not hold up the others.
    private static let receivesPerTurn = 8
    private static let lingerSeconds: Int64 = 2

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
        case .exchange: isBody = !input.bodyIsRead
        case .collecting, .skipping, .lingering, .closed: isBody = true
        }
        return input.receive(from: socket, into: isBody ? loop.scratch : nil)
    }

    private func serveReceived() {
        switch phase {
        case .lingering, .closed:
            input.drop()
            return
        case .head, .waiting, .exchange, .collecting, .skipping: serve()
        }
        // What could not be passed on at once.
        input.keep()
    }

    private func callerEnded() {
        input.end()
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
        arm(Self.lingerSeconds)
        if input.hasEnded { close() }
    }

    func streamOutputBroke() {
        close()
    }

    func streamBroke() {
        close()
    }

    /// Reads no further ahead than what can be used soon.
    func adjustReading() {
        switch phase {
        case .closed: break
        case .lingering: socket.setReading(true)
        case .head, .waiting, .collecting, .skipping:
            socket.setReading(socket.hasRoom && input.mayReadAhead)
        case .exchange(let exchange):
            let isStalled = !input.bodyIsRead && exchange.takesBody && !exchange.hasRoom
            socket.setReading(!isStalled && input.mayReadAhead)
        }
    }
}
