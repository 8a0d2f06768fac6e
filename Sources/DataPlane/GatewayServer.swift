package import GatewayCore
package import Logging
import NIOCore
import NIOPosix

/// The gateway's listener and its event loops.
package final class GatewayServer: Sendable, DecisionLog {
    private let group: MultiThreadedEventLoopGroup
    private let loops: [LoopContext]
    private let listener: any Channel
    private let logger: Logger

    /// The port that is listened on.
    package let port: Int

    private init(
        group: MultiThreadedEventLoopGroup,
        loops: [LoopContext],
        listener: any Channel,
        logger: Logger
    ) {
        self.group = group
        self.loops = loops
        self.listener = listener
        self.logger = logger
        port = listener.localAddress?.port ?? 0
    }

    /// Begins to listen.
    ///
    /// - Throws: what the system says when the address cannot be listened on.
    package static func start(
        _ configuration: DataPlaneConfiguration,
        snapshots: SnapshotSource,
        logger: Logger
    ) async throws -> GatewayServer {
        Admission.prepare()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.threads)
        var generator = SystemRandomNumberGenerator()
        var loops: [LoopContext] = []
        for eventLoop in group.makeIterator() {
            let loop = LoopContext(
                eventLoop: eventLoop,
                configuration: configuration,
                snapshots: snapshots,
                logger: logger,
                using: &generator
            )
            loops.append(loop)
            try await eventLoop.submit { loop.start() }.get()
        }
        let served = loops
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // Out of open files: wait a moment rather than try again at once, for ever.
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                }
            }
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.recvAllocator, value: ReceiveBuffers.allocator)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // Every child's event loop is of the group, so there is always one.
                    guard let loop = served.first(where: { $0.eventLoop === channel.eventLoop }) else {
                        return
                    }
                    try channel.pipeline.syncOperations.addHandler(ClientConnection(loop))
                }
            }
        do {
            let listener = try await bootstrap.bind(host: configuration.host, port: configuration.port).get()
            return GatewayServer(group: group, loops: loops, listener: listener, logger: logger)
        } catch {
            for loop in served { try await loop.eventLoop.submit { loop.closeAll() }.get() }
            try await group.shutdownGracefully()
            throw error
        }
    }

    /// Stops listening, lets what has begun end, and stops; what is not over in time is cut.
    package func drain(within limit: Duration) async throws {
        logger.info("draining", metadata: ["limit": "\(limit)"])
        try await listener.close().get()
        let finished = loops.map { loop in loop.eventLoop.flatSubmit { loop.drain() } }
        let all = EventLoopFuture.andAllComplete(finished, on: group.any())
        let timer = group.any().scheduleTask(in: TimeAmount(limit)) {
            for loop in self.loops { loop.eventLoop.execute { loop.closeAll() } }
        }
        try await all.get()
        timer.cancel()
        try await group.shutdownGracefully()
    }

    // MARK: Decisions

    package func decision(requestID: String) async -> DecisionRecord? {
        for loop in loops {
            // A loop that is shut down remembers nothing.
            let found = try? await loop.eventLoop.submit { loop.decision(requestID) }.get()
            if let found { return found }
        }
        return nil
    }

    package func recentRefusals(limit: Int, code: Rejection.Code?) async -> [DecisionRecord] {
        var records: [(keptAt: NIODeadline, record: DecisionRecord)] = []
        for loop in loops {
            // As above.
            records += (try? await loop.eventLoop.submit { loop.refusals(limit, code) }.get()) ?? []
        }
        return records.sorted { $0.keptAt > $1.keptAt }.prefix(limit).map(\.record)
    }
}
