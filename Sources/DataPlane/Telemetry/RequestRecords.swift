import GatewayCore
import Logging
import NIOCore

/// What one event loop keeps, counts and tells of its requests.
struct RequestRecords {
    private var refused: DecisionRing
    private var admitted: DecisionRing
    private var refusalLog: RefusalLog
    private var telemetry: LoopTelemetry

    init(_ configuration: DataPlaneConfiguration, _ logger: Logger) {
        refused = DecisionRing(capacity: configuration.rememberedDecisions)
        admitted = DecisionRing(capacity: configuration.rememberedDecisions)
        refusalLog = RefusalLog(logger)
        telemetry = LoopTelemetry(configuration.telemetry, configuration.accessLog)
    }

    // MARK: One request

    /// Keeps a decision before its answer is sent, so that whoever has the answer finds the decision.
    ///
    /// - Returns: where it is kept.
    mutating func record(
        _ id: RequestID,
        _ findings: Findings,
        _ rejection: Rejection?,
        status: Int,
        from address: IPAddress,
        head: RequestHead?,
        asked: AskedRequest?,
        keptAt: NIODeadline
    ) -> Int {
        let entry = DecisionRing.Entry(
            id: id,
            findings: findings,
            rejection: rejection,
            status: status,
            address: address,
            keptAt: keptAt,
            traceID: head.flatMap { TraceContext.id(of: $0) }
        )
        return RequestTexts.with(head, asked) { method, path in
            entry.rejection == nil
                ? admitted.append(entry, method: method, path: path)
                : refused.append(entry, method: method, path: path)
        }
    }

    /// Counts a request whose answer has been written, or that broke off.
    ///
    /// - Parameters:
    ///   - request: what became of it.
    ///   - place: where its decision is kept, if there is one.
    ///   - head: its head, if it could be read.
    ///   - asked: what was asked about, if it was a question.
    ///   - now: the time.
    ///   - found: gives what was found and why it was refused.
    mutating func finished(
        _ request: borrowing FinishedRequest,
        at place: Int?,
        head: RequestHead?,
        asked: AskedRequest?,
        now: Timestamp,
        _ found: () -> (Findings, Rejection?)
    ) {
        if let place {
            if request.key.code == nil {
                admitted.complete(request.id, at: place, microseconds: request.microseconds)
            } else {
                refused.complete(request.id, at: place, microseconds: request.microseconds)
            }
        }
        telemetry.note(request, head, asked, at: now, found)
    }

    /// Writes a refusal's line.
    mutating func log(_ id: RequestID, _ findings: Findings, _ rejection: Rejection, at now: Timestamp) {
        refusalLog.note(id, findings, rejection, at: now)
    }

    // MARK: What is remembered

    /// The decision under an id, while it is remembered.
    func decision(_ id: String) -> DecisionRecord? {
        refused.find(id) ?? admitted.find(id)
    }

    /// The latest refusals, newest first; of one code where one is given.
    func refusals(_ limit: Int, _ code: Rejection.Code?) -> [(keptAt: NIODeadline, record: DecisionRecord)] {
        refused.latest(limit) { entry in code == nil || entry.rejection?.code == code }
    }

    // MARK: Handing over

    /// Gives away what was counted and sampled since the last time.
    mutating func handOver(at now: Timestamp) {
        telemetry.handOver(at: now)
    }

    /// Gives away everything that waits; some times a second, and at the end.
    mutating func handOverAll(at now: Timestamp, isLast: Bool = false) {
        telemetry.handOver(at: now)
        telemetry.handOverLines()
        refusalLog.summarise(at: now, isLast: isLast)
    }
}
