import GatewayCore
import NIOCore
import NIOPosix

/// The connections of one event loop to the upstreams' targets.
final class UpstreamPool {
    private let eventLoop: any EventLoop
    private let configuration: DataPlaneConfiguration
    private var targets: [String: TargetState] = [:]
    private var turns: [UpstreamID: Int] = [:]

    private struct TargetState {
        var idle: [UpstreamConnection] = []
        var open = 0
        var downUntil = NIODeadline.uptimeNanoseconds(0)
    }

    // Long enough that a dead target does not slow every call, short enough that one that came back is used.
    private static let downTime = TimeAmount.seconds(2)

    init(eventLoop: any EventLoop, configuration: DataPlaneConfiguration) {
        self.eventLoop = eventLoop
        self.configuration = configuration
    }

    /// The targets in the order in which a request should try them: in turn, those that failed just now last.
    func order(of upstream: Upstream) -> [UpstreamTarget] {
        guard upstream.targets.count > 1 else { return upstream.targets }
        let turn = turns[upstream.id, default: 0]
        turns[upstream.id] = (turn + 1) % upstream.targets.count
        let start = turn % upstream.targets.count
        let rotated = upstream.targets[start...] + upstream.targets[..<start]
        let now = NIODeadline.now()
        let isDown = { (target: UpstreamTarget) in (self.targets[target.authority]?.downUntil ?? now) > now }
        return rotated.filter { !isDown($0) } + rotated.filter(isDown)
    }

    /// A connection that is open and unused, the one used last.
    func takeIdle(_ target: UpstreamTarget) -> UpstreamConnection? {
        while let connection = targets[target.authority]?.idle.popLast() {
            if connection.isOpen { return connection }
        }
        return nil
    }

    /// Opens a connection.
    ///
    /// - Returns: `nil` when the event loop has as many connections to the target as it may have.
    func open(_ target: UpstreamTarget, timeoutSeconds: Int) -> EventLoopFuture<UpstreamConnection>? {
        let key = target.authority
        guard targets[key, default: TargetState()].open < configuration.maximumConnectionsPerTarget else {
            return nil
        }
        targets[key, default: TargetState()].open += 1
        let pool = NIOLoopBound(self, eventLoop: eventLoop)
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(.seconds(Int64(timeoutSeconds)))
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelOption(.recvAllocator, value: ReceiveBuffers.allocator)
            .channelInitializer { channel in
                // A name with several addresses is tried with several channels: each needs a handler of its own.
                channel.eventLoop.makeCompletedFuture {
                    let connection = UpstreamConnection(target: target, pool: pool.value)
                    try channel.pipeline.syncOperations.addHandler(connection)
                }
            }
        let connected: EventLoopFuture<any Channel>
        if let address = try? SocketAddress(ipAddress: target.host, port: target.port) {
            connected = bootstrap.connect(to: address)
        } else {
            // No address, so it is a name: the resolver finds its addresses.
            connected = bootstrap.connect(host: target.host, port: target.port)
        }
        let promise = eventLoop.makePromise(of: NIOLoopBound<UpstreamConnection>.self)
        connected.assumeIsolated().whenComplete { result in
            do {
                let handler = try result.get().pipeline.syncOperations.handler(type: UpstreamConnection.self)
                handler.isCounted = true
                self.targets[key]?.downUntil = .uptimeNanoseconds(0)
                promise.succeed(NIOLoopBound(handler, eventLoop: self.eventLoop))
            } catch {
                self.targets[key]?.open -= 1
                self.targets[key]?.downUntil = .now() + Self.downTime
                promise.fail(error)
            }
        }
        return promise.futureResult.assumeIsolated().map(\.value).nonisolated()
    }

    /// Takes back a connection that may carry another request.
    func release(_ connection: UpstreamConnection) {
        connection.idleSince = .now()
        targets[connection.target.authority, default: TargetState()].idle.append(connection)
    }

    /// Forgets a connection that has been closed.
    func closed(_ connection: UpstreamConnection) {
        let key = connection.target.authority
        // Of a name's several addresses one connection is used; one that lost the race was never counted.
        if connection.isCounted { targets[key]?.open -= 1 }
        targets[key]?.idle.removeAll { $0 === connection }
        if let state = targets[key], state.open <= 0, state.idle.isEmpty, state.downUntil < .now() {
            targets[key] = nil
        }
    }

    /// Closes what was unused for too long.
    func closeIdle(_ now: NIODeadline) {
        let limit = TimeAmount.seconds(configuration.upstreamIdleSeconds)
        for connection in targets.values.flatMap(\.idle) where connection.idleSince + limit <= now {
            connection.close()
        }
    }

    func closeAll() {
        for connection in targets.values.flatMap(\.idle) { connection.close() }
    }
}

/// How much is read at once: little for the many connections that say little.
enum ReceiveBuffers {
    static var allocator: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 2048, maximum: 65_536)
    }
}
