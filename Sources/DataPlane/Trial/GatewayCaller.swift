package import GatewayCore
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Calls the gateway's own listener over the network, as any caller does.
///
/// It goes to the address that this process listens on and nowhere else: what is asked for chooses the request line and
/// the `Host` field, not the connection. Both are sent as they are asked for: a client that mends what it is given would
/// try something else.
package struct GatewayCaller: Sendable {
    /// How long a call may take, in seconds.
    package static let timeLimitSeconds: Int64 = 10
    private static let connectLimit = TimeAmount.seconds(2)

    private let host: String
    private let port: Int
    private let isTLS: Bool

    /// Takes where the gateway listens.
    ///
    /// - Parameters:
    ///   - host: the address that is listened on; one that stands for all is reached by loopback.
    ///   - port: the port.
    ///   - isTLS: whether the listener speaks TLS.
    package init(host: String, port: Int, isTLS: Bool) {
        self.host =
            switch host {
            case "0.0.0.0": "127.0.0.1"
            case "::": "::1"
            default: host
            }
        self.port = port
        self.isTLS = isTLS
    }

    /// Makes the call, and takes the beginning of the answer.
    ///
    /// - Throws: ``TrialFailure`` when there is none.
    package func call(_ call: TrialCall) async throws(TrialFailure) -> TrialAnswer {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let promise = loop.makePromise(of: TrialAnswer.self)
        let limit = loop.scheduleTask(in: .seconds(Self.timeLimitSeconds)) { promise.fail(TrialTimeout()) }
        defer { limit.cancel() }
        let head = head(of: call)
        do {
            let tls = try isTLS ? Self.tls() : nil
            let connecting = ClientBootstrap(group: loop).connectTimeout(Self.connectLimit)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        if let tls {
                            try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: nil))
                        }
                        // Its check of what is sent knows less of targets than the gateway; a call has no line breaks.
                        try pipeline.addHTTPClientHandlers(enableOutboundHeaderValidation: false)
                        try pipeline.addHandler(TrialExchange(head, call.body, promise))
                    }
                }
                .connect(host: host, port: port)
            connecting.whenFailure { promise.fail($0) }
            // However it ends, the connection has nothing more to say.
            promise.futureResult.whenComplete { _ in
                connecting.whenSuccess { $0.close(promise: nil) }
            }
            return try await promise.futureResult.get()
        } catch {
            promise.fail(error)
            throw Self.failure(error)
        }
    }

    private func head(of call: TrialCall) -> HTTPRequestHead {
        let address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        var head = HTTPRequestHead(
            version: .http1_1,
            method: HTTPMethod(rawValue: call.method),
            uri: call.target
        )
        head.headers.add(name: "Host", value: call.host.isEmpty ? address : call.host)
        head.headers.add(name: "User-Agent", value: "portcullis-trial")
        head.headers.add(name: "Accept", value: "*/*")
        for field in call.fields { head.headers.add(name: field.name, value: field.value) }
        // Methods that usually have a body say that there is none (RFC 9110 §8.6).
        if call.body != nil || ["POST", "PUT", "PATCH"].contains(call.method) {
            head.headers.add(name: "Content-Length", value: "\(call.body?.count ?? 0)")
        }
        head.headers.add(name: "Connection", value: "close")
        return head
    }

    private static func tls() throws -> NIOSSLContext {
        // The other end is this process, and its certificate is for the name that callers use.
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.certificateVerification = .none
        return try NIOSSLContext(configuration: tls)
    }

    private static let closed = TrialFailure(
        "the gateway closed the connection before the answer's end; does it expect the PROXY protocol from this machine?"
    )

    private static func failure(_ error: any Error) -> TrialFailure {
        switch error {
        case is TrialTimeout: TrialFailure("no whole answer within \(timeLimitSeconds) s")
        case let error as ChannelError where error == .eof: closed
        case let error as HTTPParserError where error == .invalidEOFState: closed
        case let error as IOError where [ECONNRESET, EPIPE].contains(error.errnoCode): closed
        case is NIOConnectionError, is IOError:
            TrialFailure("the gateway's listener could not be reached: \(error)")
        default: TrialFailure("no answer could be read: \(error)")
        }
    }
}

/// The time of a trial call was over.
private struct TrialTimeout: Error {}

/// One request over a connection of its own, and the beginning of its answer.
private final class TrialExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let request: HTTPRequestHead
    private let content: [UInt8]?
    private let promise: EventLoopPromise<TrialAnswer>
    private var answer: HTTPResponseHead?
    private var body: [UInt8] = []

    init(_ request: HTTPRequestHead, _ content: [UInt8]?, _ promise: EventLoopPromise<TrialAnswer>) {
        self.request = request
        self.content = content
        self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.cascadeFailure(to: promise)
        context.write(wrapOutboundOut(.head(request)), promise: sent)
        if let content {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: content)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): answer = head
        case .body(let part):
            let room = TrialAnswer.maximumBody - body.count
            body += part.readableBytesView.prefix(room)
            if part.readableBytes > room { finish(isCut: true) }
        case .end: finish(isCut: false)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(ChannelError.eof)
    }

    private func finish(isCut: Bool) {
        guard let answer else { return promise.fail(ChannelError.eof) }
        promise.succeed(
            TrialAnswer(
                status: Int(answer.status.code),
                fields: answer.headers.map { (name: $0.name, value: $0.value) },
                body: body,
                isCut: isCut
            )
        )
    }
}
