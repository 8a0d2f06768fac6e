import GatewayCore
import NIOCore

/// One event loop's connections to one target.
final class TargetPool {
    let target: UpstreamTarget
    /// The `Host` field with its line end.
    let hostLine: [UInt8]
    /// The connections that are open or being opened.
    fileprivate(set) var open = 0
    // How many plans name it.
    fileprivate var plans = 0
    // The one used last is used next: the others may grow old.
    fileprivate var idle: [UpstreamConnection] = []
    fileprivate var downUntil = NIODeadline.uptimeNanoseconds(0)

    init(_ target: UpstreamTarget) {
        self.target = target
        hostLine = Array("Host: \(target.authority)\r\n".utf8)
    }

    /// A connection that is open and unused, the one used last.
    func takeIdle() -> UpstreamConnection? {
        while let connection = idle.popLast() {
            if connection.isOpen { return connection }
        }
        return nil
    }
}

/// One target as an upstream names it.
struct Destination {
    /// The connections to it, which other upstreams may share.
    let pool: TargetPool
    /// The path that comes before the endpoint's.
    let pathPrefix: [UInt8]
}

/// What one event loop made ready of an upstream.
final class UpstreamPlan {
    let upstream: Upstream
    private let destinations: [Destination]
    private var turn: Int

    fileprivate init(_ upstream: Upstream, _ destinations: [Destination], turn: Int) {
        self.upstream = upstream
        self.destinations = destinations
        self.turn = turn
        for destination in destinations { destination.pool.plans += 1 }
    }

    deinit {
        for destination in destinations { destination.pool.plans -= 1 }
    }

    /// The destination to try first, and those to try after it: in turn, those that failed just now last.
    func order(at now: NIODeadline) -> (first: Destination?, others: ArraySlice<Destination>) {
        guard destinations.count > 1 else { return (destinations.first, []) }
        turn = (turn + 1) % destinations.count
        let rotated = destinations[turn...] + destinations[..<turn]
        let all = rotated.filter { $0.pool.downUntil <= now } + rotated.filter { $0.pool.downUntil > now }
        return (all.first, all.dropFirst())
    }
}

/// The connections of one event loop to the upstreams' targets.
final class UpstreamPool {
    let reactor: Reactor
    let scratch: ScratchBuffer
    let resolver: NameResolver
    private let configuration: DataPlaneConfiguration
    private var targets: [String: TargetPool] = [:]
    private var plans: [UpstreamID: UpstreamPlan] = [:]
    private var latest: UpstreamPlan?
    private var connecting: [UpstreamConnection] = []
    // Each event loop begins with another target.
    private var turn: Int

    // Long enough that a dead target does not slow every call, short enough that one that came back is used.
    private static let downTime = TimeAmount.seconds(2)

    init(reactor: Reactor, scratch: ScratchBuffer, turn: Int, configuration: DataPlaneConfiguration) {
        self.reactor = reactor
        self.scratch = scratch
        self.turn = turn
        self.configuration = configuration
        resolver = NameResolver(reactor)
    }

    // MARK: Plans

    /// What was made ready of an upstream.
    func plan(for upstream: Upstream) -> UpstreamPlan {
        if let latest, latest.upstream.id == upstream.id { return latest }
        let plan = plans[upstream.id] ?? make(upstream)
        latest = plan
        return plan
    }

    private func make(_ upstream: Upstream) -> UpstreamPlan {
        let destinations = upstream.targets.map { target in
            let pool = targets[target.authority] ?? TargetPool(target)
            targets[target.authority] = pool
            return Destination(pool: pool, pathPrefix: Array(target.pathPrefix.utf8))
        }
        turn += 1
        let plan = UpstreamPlan(upstream, destinations, turn: turn % max(1, destinations.count))
        plans[upstream.id] = plan
        return plan
    }

    /// Another snapshot is in force: its upstreams may be others.
    func forgetPlans() {
        latest = nil
        plans = [:]
    }

    /// How the targets stand, by authority.
    func statistics(at now: NIODeadline) -> [String: TargetStatistics] {
        targets.mapValues { TargetStatistics(connections: $0.open, isDown: $0.downUntil > now) }
    }

    // MARK: Connections

    /// Opens a connection for an exchange, which is told how it went.
    ///
    /// - Returns: `nil` when the event loop has as many connections to the target as it may have.
    func open(_ target: TargetPool, timeoutSeconds: Int) -> UpstreamConnection? {
        guard target.open < configuration.maximumConnectionsPerTarget else { return nil }
        target.open += 1
        let connection = UpstreamConnection(to: target, in: self, timeoutSeconds: timeoutSeconds)
        connecting.append(connection)
        return connection
    }

    /// A connection stands, or could not be made.
    func connected(_ connection: UpstreamConnection, successfully: Bool) {
        connecting.removeAll { $0 === connection }
        if successfully {
            connection.target.downUntil = .uptimeNanoseconds(0)
        } else {
            connection.target.open -= 1
            connection.target.downUntil = reactor.now + Self.downTime
        }
    }

    /// Takes back a connection that may carry another request.
    func release(_ connection: UpstreamConnection) {
        connection.idleSince = reactor.now
        connection.target.idle.append(connection)
    }

    /// Forgets a connection that has been closed.
    func closed(_ connection: UpstreamConnection) {
        connection.target.open -= 1
        connection.target.idle.removeAll { $0 === connection }
    }

    /// Closes what was unused for too long, and gives up what could not be opened in time.
    func sweep(_ now: NIODeadline) {
        for connection in connecting { connection.checkDeadline(now) }
        let limit = TimeAmount.seconds(configuration.upstreamIdleSeconds)
        for (key, target) in targets {
            for connection in target.idle {
                if connection.idleSince + limit <= now { connection.close() } else { connection.rest(now) }
            }
            if target.open <= 0, target.plans == 0, target.downUntil < now { targets[key] = nil }
        }
    }

    func closeAll() {
        for connection in connecting + targets.values.flatMap(\.idle) { connection.close() }
    }
}
