import GatewayCore
import NIOCore
import NIOPosix

/// A small HTTP service that answers each request with what it got: the upstream of `portcullis demo`.
///
/// It listens on the loopback address only.
package final class DemoUpstream: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let listener: any Channel

    /// The port that is listened on.
    package let port: Int

    private init(group: MultiThreadedEventLoopGroup, listener: any Channel) {
        self.group = group
        self.listener = listener
        port = listener.localAddress?.port ?? 0
    }

    /// Begins to listen on a port that the system chooses.
    ///
    /// - Throws: what the system says.
    package static func start() async throws -> DemoUpstream {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let listener = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DemoUpstreamConnection())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return DemoUpstream(group: group, listener: listener)
    }

    /// Stops listening and closes what is open.
    package func stop() async throws {
        try await listener.close().get()
        try await group.shutdownGracefully()
    }
}

private final class DemoUpstreamConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var parser = RequestHeadParser()
    private var pending = ByteBuffer()
    private var head: RequestHead?
    private var body = BodyDecoder(.none)

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        pending.writeBuffer(&buffer)
        while advance(context) {}
        context.flush()
    }

    /// Goes one step on; false when more bytes are needed.
    private func advance(_ context: ChannelHandlerContext) -> Bool {
        guard let head else { return readHead(context) }
        switch body.decode(&pending) {
        case .needMore: return false
        case .data: return true
        case .end:
            context.write(wrapOutboundOut(answer(head)), promise: nil)
            self.head = nil
            return true
        case .malformed:
            context.close(promise: nil)
            return false
        }
    }

    private func readHead(_ context: ChannelHandlerContext) -> Bool {
        switch parser.parse(&pending) {
        case .needMore: return false
        case .refused:
            context.close(promise: nil)
            return false
        case .head(let next):
            head = next
            body = BodyDecoder(next.framing)
            return true
        }
    }

    private static func quoted(_ text: String) -> String {
        DocumentNode(.string(text)).json()
    }

    private func answer(_ head: RequestHead) -> ByteBuffer {
        let fields = head.headers.map { field in
            "    \(Self.quoted(head.string(field.name))): \(Self.quoted(head.string(field.value)))"
        }
        let text = """
            {
              "upstream": "portcullis demo",
              "method": \(Self.quoted(head.string(head.method))),
              "target": \(Self.quoted(head.string(head.target))),
              "headers": {
            \(fields.joined(separator: ",\n"))
              }
            }\n
            """
        var buffer = OutputBuffer()
        HeadWriter.writeStatusLine(200, into: &buffer)
        HeadWriter.writeField("Content-Type", "application/json", into: &buffer)
        HeadWriter.writeFraming(.length(Int64(text.utf8.count)), into: &buffer)
        HeadWriter.endHead(into: &buffer)
        if head.knownMethod != .head { buffer.append(text: text) }
        return buffer.byteBuffer
    }
}
