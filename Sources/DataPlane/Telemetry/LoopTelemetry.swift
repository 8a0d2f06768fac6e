package import GatewayCore
import NIOCore

/// What one event loop counts and samples of its requests, until it hands it over.
package struct LoopTelemetry {
    /// How many refusals an event loop samples in a second: all of them but in a flood.
    package static let refusedPerSecond = 512
    /// How many admitted requests it samples in a second.
    package static let admittedPerSecond = 64
    // The first one of each second, and one of so many.
    private static let admittedEvery: UInt32 = 128
    private static let capacity = refusedPerSecond + admittedPerSecond

    private let telemetry: Telemetry?
    private let accessLog: (any AccessLogSink)?
    private var traffic = TrafficTable()
    private var samples: DecisionRing?
    private var second = Timestamp(secondsSinceEpoch: .min)
    private var refused = 0
    private var admitted = 0
    private var unsampled: UInt32 = 0
    private var dropped: UInt64 = 0
    private var sampleCount = 0
    private var lines = AccessLogBatch()

    /// Begins with nothing, for whoever wants to know.
    package init(_ telemetry: Telemetry?, _ accessLog: (any AccessLogSink)?) {
        self.telemetry = telemetry
        self.accessLog = accessLog
    }

    /// Whether somebody wants to know.
    var isOn: Bool { telemetry != nil || accessLog != nil }

    /// Counts a request, and samples it where it is its turn.
    ///
    /// - Parameters:
    ///   - request: what became of it.
    ///   - head: its head, if it could be read.
    ///   - asked: what was asked about, if it was a question.
    ///   - now: the time.
    ///   - found: gives what was found and why it was refused; asked only when it is sampled.
    package mutating func note(
        _ request: borrowing FinishedRequest,
        _ head: RequestHead?,
        _ asked: AskedRequest?,
        at now: Timestamp,
        _ found: () -> (Findings, Rejection?)
    ) {
        if telemetry != nil {
            traffic.count(request.key, microseconds: request.microseconds)
            if isSampled(request.key.code != nil, at: now) { sample(request, head, asked, found()) }
        }
        if accessLog != nil {
            lines.append(request, head, asked)
            if lines.isFull { handOverLines() }
        }
    }

    @inline(__always)
    private mutating func isSampled(_ isRefused: Bool, at now: Timestamp) -> Bool {
        if now != second { (second, refused, admitted, unsampled) = (now, 0, 0, 0) }
        if isRefused {
            refused += 1
            guard refused > Self.refusedPerSecond else { return true }
            dropped &+= 1
            return false
        }
        guard unsampled == 0 else {
            unsampled -= 1
            return false
        }
        unsampled = Self.admittedEvery - 1
        admitted += 1
        guard admitted > Self.admittedPerSecond else { return true }
        dropped &+= 1
        return false
    }

    @inline(never)
    private mutating func sample(
        _ request: borrowing FinishedRequest,
        _ head: RequestHead?,
        _ asked: AskedRequest?,
        _ found: (findings: Findings, rejection: Rejection?)
    ) {
        if samples == nil { samples = DecisionRing(capacity: Self.capacity, reserving: 0) }
        // What was sampled can be handed over late, when a turn of the event loop took long.
        guard sampleCount < Self.capacity else {
            dropped &+= 1
            return
        }
        sampleCount += 1
        var entry = DecisionRing.Entry(
            id: request.id,
            findings: found.findings,
            rejection: found.rejection,
            status: request.status,
            address: request.address,
            keptAt: request.start,
            traceID: head.flatMap { TraceContext.id(of: $0) }
        )
        entry.microseconds = request.microseconds
        RequestTexts.with(head, asked) { method, path in
            _ = samples?.append(entry, method: method, path: path)
        }
    }

    /// Gives away what there is; some times a second.
    package mutating func handOver(at now: Timestamp) {
        guard let telemetry, !traffic.isEmpty || sampleCount > 0 || dropped > 0 else { return }
        let samples = samples
        telemetry.add(
            Telemetry.Report(
                at: now,
                traffic: traffic,
                decisionCount: sampleCount,
                dropped: dropped,
                decisions: { samples?.records ?? [] }
            )
        )
        traffic = TrafficTable()
        self.samples = nil
        sampleCount = 0
        dropped = 0
    }

    /// Gives away the lines of the access log; some times a second, so that they are there soon.
    mutating func handOverLines() {
        guard let accessLog, lines.count > 0 else { return }
        accessLog.add(lines)
        lines = AccessLogBatch()
    }
}

/// Method and path of a request as they are recorded.
enum RequestTexts {
    /// Gives them; empty for a request whose head could not be read.
    @inline(__always)
    static func with<Result>(
        _ head: RequestHead?,
        _ asked: AskedRequest?,
        _ body: (_ method: Span<UInt8>, _ path: Span<UInt8>) -> Result
    ) -> Result {
        if let asked { return body(asked.method.span, asked.path.span) }
        guard let head else { return body(Span(), Span()) }
        return head.bytes.withBytes { all in
            body(
                all.extracting(head.method.offset..<head.method.end),
                all.extracting(head.path.offset..<head.path.end)
            )
        }
    }
}
