import GatewayCore
import Logging

/// One log line for each refusal, with keys that never change; in a flood, a few a second and a count.
///
/// Nobody may fill the disk, or slow the gateway, by being refused. The decisions are all kept.
struct RefusalLog {
    /// How many lines an event loop writes of one second's refusals.
    static let linesPerSecond = 20

    private let logger: Logger
    private var second = Timestamp(secondsSinceEpoch: 0)
    private var written = 0
    private var unwritten = 0

    init(_ logger: Logger) {
        self.logger = logger
    }

    /// Writes a refusal's line, or counts it.
    mutating func note(_ id: RequestID, _ findings: Findings, _ rejection: Rejection, at now: Timestamp) {
        if now != second { summarise(at: now) }
        guard written < Self.linesPerSecond else {
            unwritten += 1
            return
        }
        written += 1
        guard logger.logLevel <= .info else { return }
        logger.info(
            "refused",
            metadata: [
                "code": "\(rejection.code.rawValue)",
                "endpoint": "\(findings.route?.label ?? "-")",
                "profile": "\(findings.namedProfile?.profile.name ?? "-")",
                "request_id": "\(id.text)",
                "detail": "\(rejection.operatorDetail)",
            ]
        )
    }

    /// Tells how many lines were left out, once their second is over.
    mutating func summarise(at now: Timestamp, isLast: Bool = false) {
        guard now != second || isLast else { return }
        if unwritten > 0 {
            logger.info("refused, without a line each", metadata: ["count": "\(unwritten)"])
        }
        second = now
        written = 0
        unwritten = 0
    }
}
