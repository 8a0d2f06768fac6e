import CLinux
import GatewayCore
import Glibc
import NIOCore

/// One connection to a target: it writes requests, reads answers, and tells the exchange that it serves.
///
/// It lives on the event loop of the callers that it serves, so nothing here waits or hops.
final class UpstreamConnection {
    private enum State {
        case connecting
        case unused
        case awaitingHead
        case readingBody
        case closed
    }

    private static let maximumInterimAnswers = 16
    // So that one fast upstream does not hold up the other connections.
    private static let receivesPerTurn = 8

    let target: TargetPool
    var idleSince = NIODeadline.distantFuture
    /// Whether it has carried a request before the one that it serves: then its end may just be its age.
    private(set) var isReused = false
    private let pool: UpstreamPool
    private let timeoutSeconds: Int
    private let deadline: NIODeadline
    private var attemptDeadline: NIODeadline
    private var addresses: ArraySlice<SocketAddress> = []
    private var socket: StreamSocket?
    private var state = State.connecting
    private var parser = ResponseHeadParser()
    private var body = BodyDecoder(.none)
    private var pending = InputBuffer()
    private var method = KnownMethod.get
    private var responseKeepsAlive = false
    private var interimAnswers = 0
    // The exchange that is served; taken away before it is told of the end, so that no cycle stays.
    private var exchange: Exchange?

    init(to target: TargetPool, in pool: UpstreamPool, timeoutSeconds: Int) {
        self.target = target
        self.pool = pool
        self.timeoutSeconds = timeoutSeconds
        deadline = pool.reactor.now + .seconds(Int64(timeoutSeconds))
        attemptDeadline = deadline
    }

    var isOpen: Bool { state != .closed && socket?.isOpen == true }
    var hasRoom: Bool { socket?.hasRoom ?? false }

    // MARK: What the exchange asks for

    /// Begins to connect for an exchange, which may be told of a failure within the call.
    func connect(for exchange: Exchange) {
        self.exchange = exchange
        pool.resolver.resolve(target.target.host, target.target.port) { found in
            guard case .connecting = self.state else { return }
            switch found {
            case .success(let addresses):
                self.addresses = addresses[...]
                self.tryNext(after: "\(self.target.target.host) has no address")
            case .failure(let error): self.failConnecting(self.unreachable("\(error)"))
            }
        }
    }

    /// The exchange needs it no more; when it stands it will serve another.
    func leave() {
        exchange = nil
    }

    /// Begins to serve an exchange.
    func serve(_ exchange: Exchange, method: KnownMethod) {
        self.exchange = exchange
        self.method = method
        interimAnswers = 0
        state = .awaitingHead
    }

    /// Has bytes written, straight into what will be sent.
    func write<Result>(_ body: (inout OutputBuffer) -> Result) -> Result? {
        guard let socket, state != .closed else { return nil }
        return socket.write(body)
    }

    func write(_ part: ByteBuffer, then end: StaticString = "") {
        guard state != .closed else { return }
        socket?.write(part, then: end)
    }

    func flush() {
        socket?.flushLater()
    }

    /// Holds or resumes reading, when the caller takes less than the upstream gives.
    func setReading(_ isWanted: Bool) {
        socket?.setReading(isWanted)
    }

    /// Ends the connection; the exchange is not told.
    func close() {
        exchange = nil
        switch state {
        case .closed: return
        case .connecting:
            state = .closed
            pool.connected(self, successfully: false)
        case .unused, .awaitingHead, .readingBody:
            state = .closed
            pool.closed(self)
        }
        pending.drop()
        socket?.close()
        socket = nil
    }

    /// Gives back memory while it is unused.
    func rest(_ now: NIODeadline) {
        if idleSince + Reactor.sweepInterval <= now { socket?.releaseOutput() }
    }

    // MARK: Connecting

    /// Gives up an attempt that takes too long.
    func checkDeadline(_ now: NIODeadline) {
        guard case .connecting = state, now >= attemptDeadline else { return }
        socket?.close()
        socket = nil
        guard now < deadline, !addresses.isEmpty else {
            let limit = timeoutSeconds * 1000
            return failConnecting(.timeout("no connection to \(target.target.authority) within \(limit) ms"))
        }
        tryNext(after: "no answer")
    }

    /// Tries the next address, with its share of the time that is left.
    private func tryNext(after failure: String) {
        socket = nil
        guard let address = addresses.popFirst() else { return failConnecting(unreachable(failure)) }
        let now = pool.reactor.now
        attemptDeadline = now + .nanoseconds((deadline - now).nanoseconds / Int64(addresses.count + 1))
        do {
            let descriptor = try SystemError.check("socket", linux_socket(address.family))
            let new = StreamSocket(descriptor, on: pool.reactor, isConnecting: true)
            let result = address.withAddress { Glibc.connect(descriptor, $0, $1) }
            guard result == 0 || errno == EINPROGRESS else {
                throw SystemError(call: "connect", code: errno)
            }
            socket = new
            try new.begin(self)
        } catch {
            socket?.close()
            tryNext(after: "\(error)")
        }
    }

    private func unreachable(_ reason: String) -> UpstreamFailure {
        .unreachable("\(target.target.authority): \(reason)")
    }

    private func failConnecting(_ failure: UpstreamFailure) {
        let waiting = exchange
        close()
        waiting?.connectFailed(failure)
    }

    // MARK: Input

    private func receive(_ socket: StreamSocket) {
        var rounds = 0
        while socket.canReceive {
            guard rounds < Self.receivesPerTurn else { return socket.readLater() }
            rounds += 1
            switch pending.receive(from: socket, into: pool.scratch) {
            case .nothing: return
            case .bytes: read()
            case .ended: return ended(isReset: false)
            case .broken: return ended(isReset: true)
            }
            pending.keep()
        }
    }

    private func read() {
        switch state {
        case .closed, .connecting: break
        // Nobody asked: whatever it is, the next answer could be mistaken for it.
        case .unused: close()
        case .awaitingHead, .readingBody: process()
        }
    }

    private func ended(isReset: Bool) {
        let before = state
        let exchange = exchange
        close()
        guard let exchange else { return }
        switch before {
        case .unused, .closed, .connecting: break
        case .awaitingHead:
            exchange.upstreamFailed(.ended, sawAnswer: parser.hasPartialHead || interimAnswers > 0)
        // A reset is no end, not even of a body that ends with the connection (RFC 9112 §8).
        case .readingBody where isReset: exchange.upstreamBroke()
        case .readingBody:
            switch body.connectionEnded() {
            case .end: exchange.upstreamFinished()
            case .needMore, .data, .malformed: exchange.upstreamBroke()
            }
        }
    }

    // MARK: The answer

    private func process() {
        while let exchange {
            switch state {
            case .connecting, .unused, .closed: return
            case .awaitingHead:
                guard readHead(exchange) else { return }
            case .readingBody:
                guard readBody(exchange) else { return }
            }
        }
    }

    /// Reads a head; false when there is nothing more to do with what came.
    private func readHead(_ exchange: Exchange) -> Bool {
        switch parser.parse(&pending.bytes, answering: method) {
        case .needMore:
            return false
        case .refused(let refusal):
            close()
            exchange.upstreamFailed(.malformed(refusal.operatorDetail), sawAnswer: true)
            return false
        case .head(let head) where head.isInformational:
            interimAnswers += 1
            // Upgrades are not passed on, so nobody asked to switch protocols; and interim answers without end
            // would keep the caller waiting for ever.
            guard head.status != 101, interimAnswers <= Self.maximumInterimAnswers else {
                close()
                let detail = "interim answer \(interimAnswers) with status \(head.status)"
                exchange.upstreamFailed(.malformed(detail), sawAnswer: true)
                return false
            }
            exchange.upstreamInformed(head)
            return true
        case .head(let head):
            responseKeepsAlive = head.keepAlive
            body = BodyDecoder(head.framing)
            state = .readingBody
            exchange.upstreamAnswered(head)
            parser.recycle(head)
            return true
        }
    }

    /// Reads the body on; false when there is nothing more to do with what came.
    private func readBody(_ exchange: Exchange) -> Bool {
        switch body.decode(&pending.bytes) {
        case .needMore:
            return false
        case .data(let slice):
            exchange.upstreamGave(slice)
            return true
        case .end:
            finish(exchange)
            return false
        case .malformed:
            close()
            exchange.upstreamBroke()
            return false
        }
    }

    private func finish(_ exchange: Exchange) {
        self.exchange = nil
        // Not again when bytes came that nobody asked for, or while the upstream is owed a body.
        if responseKeepsAlive, pending.isEmpty, exchange.isRequestSent, isOpen {
            state = .unused
            isReused = true
            pending.drop()
            socket?.setReading(true)
            pool.release(self)
        } else {
            close()
        }
        exchange.upstreamFinished()
    }
}

extension UpstreamConnection: StreamDelegate {
    func streamConnected(_ failure: Int32?) {
        guard let socket, case .connecting = state else { return }
        if let failure {
            socket.close()
            return tryNext(after: "\(SystemError(call: "connect", code: failure))")
        }
        addresses = []
        state = .unused
        pool.connected(self, successfully: true)
        guard let exchange else { return pool.release(self) }
        self.exchange = nil
        exchange.connected(to: self)
    }

    func streamIsReadable() {
        guard let socket else { return }
        receive(socket)
        exchange?.flushToClient()
    }

    func streamHasRoom() {
        exchange?.upstreamHasRoom()
    }

    func streamOutputEnded() {}

    // It may have answered before it broke: that is read, and its end tells the rest.
    func streamOutputBroke() {}

    func streamBroke() {
        ended(isReset: true)
    }
}
