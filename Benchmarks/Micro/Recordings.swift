import DataPlane
import GatewayCore
import JOSE
import Measuring
import NIOCore

/// One event loop's telemetry, and requests that it is told of in turn.
private struct Recorder {
    private var telemetry = LoopTelemetry(Telemetry(store: MemoryTelemetryStore()), nil)
    private let keys: [TrafficKey]
    private let findings: Findings
    private let rejection: Rejection?
    private let now = Timestamp(secondsSinceEpoch: SignedTokens.now)
    private var next = 0

    init(_ decisions: [Decision], _ codes: [Rejection.Code?]) {
        keys = decisions.flatMap { decision in codes.map { TrafficKey(decision.findings, $0) } }
        findings = decisions[0].findings
        rejection = codes[0].map { Rejection($0, operatorDetail: "a benchmark") }
    }

    mutating func note(_ count: Int) {
        let (findings, rejection) = (findings, rejection)
        for number in 0..<count {
            let request = FinishedRequest(
                RequestID(high: 1, low: UInt64(number)),
                keys[next],
                status: 200,
                bytes: 200,
                from: IPAddress(v4: 0x7f00_0001),
                since: .now()
            )
            telemetry.note(request, nil, nil, at: now) { (findings, rejection) }
            next = next + 1 == keys.count ? 0 : next + 1
        }
    }
}

extension Benchmark {
    private static func recording(
        _ name: String,
        _ summary: String,
        algorithms: [MeasuredAlgorithm],
        codes: [Rejection.Code?]
    ) -> Benchmark {
        Benchmark(
            name: "telemetry/\(name)",
            summary: summary,
            period: algorithms.count * codes.count
        ) {
            let decider = try Decider(rememberedTokens: 16)
            let decisions = try algorithms.map { algorithm in
                decider.decision(Array("Bearer ".utf8) + (try SignedTokens.make(algorithm, count: 1)[0]))
            }
            var recorder = Recorder(decisions, codes)
            // Until the samples of this second are full, whose memory grows: the clock of a benchmark stands still.
            recorder.note(10_000)
            return { count in
                recorder.note(count)
                return count
            }
        }
    }

    /// Telling telemetry of a request, the question for the time at its end among it.
    static let recordings = [
        recording(
            "same",
            "counting an admitted request like the one before",
            algorithms: [.hs256],
            codes: [nil]
        ),
        recording(
            "other",
            "counting requests of four profiles with each outcome in turn",
            algorithms: MeasuredAlgorithm.allCases,
            codes: [nil] + Rejection.Code.allCases
        ),
        recording(
            "flood",
            "counting refusals beyond those that are sampled",
            algorithms: [.hs256],
            codes: [.tokenExpired]
        ),
    ]
}
