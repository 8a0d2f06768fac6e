import GatewayCore
import NIOCore

/// Why an upstream did not answer as it should.
enum UpstreamFailure: Equatable {
    /// No connection could be made.
    case unreachable(String)
    /// No connection was made, or no answer begun, in time.
    case timeout(String)
    /// The event loop has as many connections to it as it may have.
    case exhausted
    /// What came was no HTTP answer.
    case malformed(String)
    /// The connection ended before the answer did.
    case ended
}

/// One connection to a target: it writes requests, reads answers, and tells the exchange that it serves.
///
/// It lives on the event loop of the callers that it serves, so nothing here waits or hops.
final class UpstreamConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case unused
        case awaitingHead
        case readingBody
        case closed
    }

    private static let maximumInterimAnswers = 16

    let target: UpstreamTarget
    var idleSince = NIODeadline.now()
    /// Whether the pool counts it among the open ones.
    var isCounted = false
    /// Whether it has carried a request before the one that it serves: then its end may just be its age.
    private(set) var isReused = false
    private let pool: UpstreamPool
    private var context: ChannelHandlerContext?
    private var state = State.unused
    private var parser = ResponseHeadParser()
    private var body = BodyDecoder(.none)
    private var pending = ByteBuffer()
    private var method = KnownMethod.get
    private var responseKeepsAlive = false
    private var isReading = true
    private var interimAnswers = 0
    private var hasFailed = false
    // The exchange that is served; taken away before it is told of the end, so that no cycle stays.
    private var exchange: Exchange?

    init(target: UpstreamTarget, pool: UpstreamPool) {
        self.target = target
        self.pool = pool
    }

    var isOpen: Bool {
        guard let context else { return false }
        return state != .closed && context.channel.isActive
    }

    var isWritable: Bool { context?.channel.isWritable ?? false }

    // MARK: What the exchange asks for

    /// Begins to serve an exchange.
    func serve(_ exchange: Exchange, method: KnownMethod) {
        self.exchange = exchange
        self.method = method
        interimAnswers = 0
        state = .awaitingHead
    }

    func write(_ buffer: ByteBuffer) {
        guard let context, state != .closed else { return }
        context.write(wrapOutboundOut(buffer), promise: nil)
    }

    func flush() {
        context?.flush()
    }

    /// Holds or resumes reading, when the caller takes less than the upstream gives.
    func setReading(_ isWanted: Bool) {
        guard isReading != isWanted, let context else { return }
        isReading = isWanted
        setAutoRead(isWanted, context)
    }

    /// Ends the connection; the exchange is not told.
    func close() {
        exchange = nil
        guard state != .closed else { return }
        state = .closed
        context?.close(promise: nil)
    }

    // MARK: What the channel tells

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        switch state {
        case .closed: return
        case .unused:
            // Nobody asked: whatever it is, the next answer could be mistaken for it.
            close()
        case .awaitingHead, .readingBody:
            if pending.readableBytes == 0 { pending = buffer } else { pending.writeBuffer(&buffer) }
            process()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        exchange?.flushToClient()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        exchange?.upstreamWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        let before = state
        state = .closed
        pool.closed(self)
        guard let exchange else { return }
        self.exchange = nil
        switch before {
        case .unused, .closed: break
        case .awaitingHead:
            exchange.upstreamFailed(.ended, sawAnswer: parser.hasPartialHead || interimAnswers > 0)
        case .readingBody where hasFailed:
            // A reset is no end, not even of a body that ends with the connection (RFC 9112 §8).
            exchange.upstreamBroke()
        case .readingBody:
            switch body.connectionEnded() {
            case .end: exchange.upstreamFinished()
            case .needMore, .data, .malformed: exchange.upstreamBroke()
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset: channelInactive follows and tells the exchange.
        hasFailed = true
        context.close(promise: nil)
    }

    // MARK: The answer

    private func process() {
        while let exchange {
            switch state {
            case .unused, .closed: return
            case .awaitingHead:
                guard readHead(exchange) else { return }
            case .readingBody:
                guard readBody(exchange) else { return }
            }
        }
    }

    /// Reads a head; false when there is nothing more to do with what came.
    private func readHead(_ exchange: Exchange) -> Bool {
        switch parser.parse(&pending, answering: method) {
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
        switch body.decode(&pending) {
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
        if responseKeepsAlive, pending.readableBytes == 0, exchange.isRequestSent, isOpen {
            state = .unused
            isReused = true
            pending = ByteBuffer()
            setReading(true)
            pool.release(self)
        } else {
            close()
        }
        exchange.upstreamFinished()
    }
}

/// Turns a channel's own reading on or off.
func setAutoRead(_ isOn: Bool, _ context: ChannelHandlerContext) {
    // A closed channel refuses options; there is nothing left to read on it.
    try? context.channel.syncOptions?.setOption(ChannelOptions.autoRead, value: isOn)
}
