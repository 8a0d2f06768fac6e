package import GatewayCore
import Glibc
package import Logging
import NIOCore
import Synchronization

/// The gateway's listener and its event loops.
package final class GatewayServer: Sendable {
    private let loops: [LoopContext]
    private let stopListening: @Sendable () -> Void
    private let logger: Logger

    /// The port that is listened on.
    package let port: Int

    private init(
        loops: [LoopContext],
        port: Int,
        stopListening: @escaping @Sendable () -> Void,
        logger: Logger
    ) {
        self.loops = loops
        self.port = port
        self.stopListening = stopListening
        self.logger = logger
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
        var generator = SystemRandomNumberGenerator()
        let guesses = GuessLimiter()
        var loops: [LoopContext] = []
        for index in 0..<max(1, configuration.threads) {
            loops.append(
                LoopContext(
                    reactor: try Reactor(),
                    index: index,
                    configuration: configuration,
                    snapshots: snapshots,
                    guesses: guesses,
                    logger: logger,
                    using: &generator
                )
            )
        }
        // Before the threads run: what fails here leaves nothing behind.
        let served = loops
        let listener = try Listener(
            host: configuration.host,
            port: configuration.port,
            on: served[0].reactor
        ) { connection, address in give(connection, from: address.address, to: served) }
        let port = listener.port
        try served[0].reactor.register(listener)
        for (index, loop) in loops.enumerated() {
            loop.start(with: index == 0 ? listener : nil)
            try loop.reactor.start(name: "gateway-\(index)")
        }
        let stopListening: @Sendable () -> Void = { served[0].stopListening() }
        return GatewayServer(loops: loops, port: port, stopListening: stopListening, logger: logger)
    }

    /// Gives a new connection to the event loop that has the fewest.
    private static func give(_ connection: Int32, from address: IPAddress, to loops: [LoopContext]) {
        var chosen = loops[0]
        var fewest = Int.max
        for loop in loops {
            let count = loop.connectionCount.load(ordering: .relaxed)
            if count < fewest { (chosen, fewest) = (loop, count) }
        }
        let loop = chosen
        loop.connectionCount.add(1, ordering: .relaxed)
        // The listener is on the first event loop.
        if loop === loops[0] { return loop.serve(connection, from: address) }
        let isTaken = loop.reactor.execute { loop.serve(connection, from: address) }
        if !isTaken { close(connection) }
    }

    /// Stops listening, lets what has begun end, and stops; what is not over in time is cut.
    package func drain(within limit: Duration) async throws {
        logger.info("draining", metadata: ["limit": "\(limit)"])
        _ = await loops[0].reactor.submit { self.stopListening() }
        let timer = Task {
            try await Task.sleep(for: limit)
            for loop in loops { loop.reactor.execute { loop.closeAll() } }
        }
        await withTaskGroup { group in
            for loop in loops { group.addTask { await loop.drained() } }
        }
        timer.cancel()
        for loop in loops { loop.reactor.stop() }
    }

    // MARK: Decisions

    /// The decision under a request id, while it is remembered.
    package func decision(requestID: String) async -> DecisionRecord? {
        for loop in loops {
            // A loop that has stopped remembers nothing.
            if let found = await loop.reactor.submit({ loop.decision(requestID) }) ?? nil { return found }
        }
        return nil
    }

    /// The latest refusals that are remembered, newest first; at most `limit`, only those with the code when one is
    /// given.
    package func recentRefusals(limit: Int, code: Rejection.Code?) async -> [DecisionRecord] {
        var records: [(keptAt: NIODeadline, record: DecisionRecord)] = []
        for loop in loops {
            // As above.
            records += await loop.reactor.submit { loop.refusals(limit, code) } ?? []
        }
        return records.sorted { $0.keptAt > $1.keptAt }.prefix(limit).map(\.record)
    }

    // MARK: Telemetry

    /// Has every event loop hand over what it counted.
    package func handOverTelemetry() async {
        for loop in loops { _ = await loop.reactor.submit { loop.handOverTelemetry() } }
    }

    /// How the event loops stand, one by one.
    package func statistics() async -> [LoopStatistics] {
        var statistics: [LoopStatistics] = []
        for loop in loops {
            // One that has stopped has nothing to say.
            if let found = await loop.reactor.submit({ loop.statistics() }) { statistics.append(found) }
        }
        return statistics
    }
}
