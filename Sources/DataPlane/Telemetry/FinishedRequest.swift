package import GatewayCore
package import NIOCore

/// A request whose answer has been written, or that broke off: what telemetry is told of every one.
///
/// What was found of it is not among this: only the few that are sampled need that.
package struct FinishedRequest: ~Copyable {
    let id: RequestID
    /// What it is counted by.
    let key: TrafficKey
    /// The status that the caller got; 0 when it was gone before there was one.
    let status: Int
    /// How many bytes of an answer's body were written for the caller, without chunks' frames.
    let bytes: Int64
    /// Whom the call came from.
    let address: IPAddress
    /// When its head had been read.
    let start: NIODeadline
    /// How long it took, in microseconds, rounded up.
    let microseconds: UInt64

    /// Ends a request now.
    ///
    /// The clock is asked once more: within one turn of the event loop the time does not move.
    package init(
        _ id: RequestID,
        _ key: TrafficKey,
        status: Int,
        bytes: Int64,
        from address: IPAddress,
        since start: NIODeadline
    ) {
        self.id = id
        self.key = key
        self.status = status
        self.bytes = bytes
        self.address = address
        self.start = start
        microseconds = UInt64(max(0, (NIODeadline.now() - start).nanoseconds) + 999) / 1000
    }
}
