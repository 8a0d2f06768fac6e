import GatewayCore
import NIOCore

/// One caller's connection: it reads requests one after another, has each decided, and answers in order.
///
/// Here is what carries it from one request to the next, and its end. Beside it are how requests are taken in, how
/// they are answered, what the gateway answers itself, and what the socket tells.
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

    /// Its place among the event loop's connections.
    var slot = 0
    let loop: LoopContext
    let socket: StreamSocket
    var phase = Phase.head
    var input = RequestInput()
    /// Whether the caller was told that no more answers come.
    var outputEnded = false
    /// When the head of the request under way had been read.
    private(set) var requestStart = NIODeadline.uptimeNanoseconds(0)
    private(set) var keepsAlive = true
    /// Since when no request has been under way.
    private(set) var idleSince: NIODeadline
    /// When what it waits for must have happened.
    private(set) var deadline: NIODeadline
    private let peer: IPAddress
    private var forwardedFields: ForwardedFields
    private var isServing = false

    init(_ socket: StreamSocket, from address: IPAddress, _ loop: LoopContext) {
        self.socket = socket
        peer = address
        self.loop = loop
        forwardedFields = ForwardedFields(isSecure: socket.tls != nil)
        idleSince = loop.reactor.now
        deadline = idleSince + .seconds(loop.configuration.headerTimeoutSeconds)
    }

    // MARK: Who calls

    /// Whom the connection comes from, as far as anybody knows.
    var address: IPAddress { socket.preamble.address ?? peer }

    /// Whom the calls come from; `nil` when the proxy that knows does not say it.
    var caller: IPAddress? { socket.preamble.hidesAddress ? nil : address }

    /// Whether the connection is TLS.
    var isSecure: Bool { socket.tls != nil }

    /// The certificate that the caller proved to have.
    var certificate: Certificate? { socket.tls?.peerCertificate }

    /// Whom a request came from: the connection's peer, unless a decision found out better.
    func client(of findings: Findings) -> IPAddress {
        findings.clientAddress == .unknown ? address : findings.clientAddress
    }

    /// The fields that tell the upstream whom the request came from.
    func forwarded(for head: RequestHead, from address: IPAddress) -> [UInt8] {
        head.bytes(head.host ?? ByteRange(offset: 0, end: 0)) {
            forwardedFields.lines(for: address, host: $0)
        }
    }

    // MARK: From one request to the next

    /// Whether no request has begun on it.
    var isIdle: Bool {
        if case .head = phase { return input.isBetweenRequests }
        return false
    }

    /// Goes on with what has been received, request after request.
    func serve() {
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
    func serveAndFlush() {
        guard !isServing else { return }
        serve()
        if case .exchange(let exchange) = phase { exchange.flushToUpstream() }
    }

    /// A request begins, its head being read.
    func beginRequest(keepsAlive: Bool) {
        requestStart = loop.reactor.now
        self.keepsAlive = keepsAlive
    }

    /// The connection will be closed after the answer under way.
    func stopKeepingAlive() {
        keepsAlive = false
    }

    /// The answer has been given: the next request may come, behind what is left of this one.
    func finishRequest() {
        if case .closed = phase { return }
        guard keepsAlive else { return endInOrder() }
        if input.bodyIsRead {
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

    /// Passes over what has come of a body that nobody wants; false when nothing more can be done now.
    private func skipBody() -> Bool {
        while !input.bodyIsRead {
            switch input.readBody() {
            case .needMore: return false
            case .data, .end: break
            case .malformed:
                endInOrder()
                return true
            }
        }
        awaitNextRequest()
        return true
    }

    // MARK: Deadlines

    /// Gives what is waited for so much time from now on.
    func arm(_ seconds: Int64) {
        deadline = loop.reactor.now + .seconds(seconds)
    }

    func checkDeadline(_ now: NIODeadline) {
        switch phase {
        case .closed: break
        case .exchange(let exchange):
            if now >= exchange.deadline {
                // A caller that holds its body back is the one who is late, not the upstream.
                if !input.bodyIsRead, !exchange.hasAnswered, exchange.hasRoom {
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
        input.rest()
        socket.releaseOutput()
    }

    // MARK: The end

    /// Ends our side and waits for the caller's: closing at once with bytes unread would make the kernel
    /// reset the connection, and the caller could lose the answer.
    func endInOrder() {
        phase = .lingering
        input.drop()
        arm(loop.configuration.bodyStallSeconds)
        socket.setReading(true)
        // What is still being written goes out first.
        socket.finishOutput()
    }

    /// Closes at once; an exchange under way is given up.
    func close() {
        end()
        socket.close()
    }

    /// Ends everything but the socket.
    func end() {
        switch phase {
        case .exchange(let exchange):
            exchange.abandon()
            finished(exchange)
        case .waiting(let request): loop.stopAwaiting(request.ticket)
        case .head, .collecting, .skipping, .lingering, .closed: break
        }
        phase = .closed
        input.drop()
        loop.remove(self)
    }
}
