package import GatewayCore

/// What the data plane is told at start.
package struct DataPlaneConfiguration: Sendable {
    /// The address to listen on.
    package var host = "0.0.0.0"
    /// The port to listen on; 0 lets the system choose.
    package var port = 8080
    /// The number of event loops, 1 to 1024; by default one per core.
    package var threads = 1
    /// How long a request's head may take, from its first byte (or the connection's begin) to its last, in seconds.
    package var headerTimeoutSeconds: Int64 = 10
    /// How long a connection may be kept open between two requests, in seconds.
    package var keepAliveSeconds: Int64 = 75
    /// How long a body may make no progress, in either direction, in seconds.
    package var bodyStallSeconds: Int64 = 60
    /// How long an unused connection to an upstream is kept, in seconds.
    package var upstreamIdleSeconds: Int64 = 30
    /// How many connections one event loop may have to one target.
    package var maximumConnectionsPerTarget = 1024
    /// How many verified tokens one event loop remembers.
    package var rememberedTokens = 16_384
    /// How much memory the remembered tokens of one event loop may hold, in bytes.
    package var rememberedTokenBytes = 64 << 20
    /// How many decisions of each kind (refused, admitted) one event loop remembers.
    package var rememberedDecisions = 4096
    /// Which one-time tokens were used; without it none is accepted.
    package var usedTokens: UsedTokens?
    /// Where it goes when keys and API tokens were used; nowhere when nobody asks.
    package var lastUses: LastUses?
    /// Where requests are counted and sampled; nowhere when nobody asks.
    package var telemetry: Telemetry?
    /// Who writes the access log; without it there is none.
    package var accessLog: (any AccessLogSink)?
    /// The certificate of the listener; without one it speaks plain HTTP.
    package var tls: TLSContextSource?
    /// Where the keys of identity providers come from; without it those that are given in place are the only ones.
    package var keySets: KeySetService?
    /// The wall clock.
    package var now: @Sendable () -> Timestamp

    /// Makes the default configuration with a clock.
    package init(now: @escaping @Sendable () -> Timestamp) {
        self.now = now
    }
}
