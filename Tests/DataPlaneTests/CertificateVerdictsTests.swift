import DataPlane
import GatewayCore
import Testing

@Suite struct `A verdict about a certificate` {
    private final class Roots: Sendable {}

    @Test(arguments: [(0, true), (59, true), (60, false), (-1, false), (-86_400, false)])
    func `holds for a minute, and not when the clock was set back`(_ seconds: Int64, _ holds: Bool) {
        let (roots, others) = (Roots(), Roots())
        var verdicts = CertificateVerdicts()
        verdicts.keep("expired", of: roots, at: Timestamp(secondsSinceEpoch: 1_800_000_000))
        let now = Timestamp(secondsSinceEpoch: 1_800_000_000 + seconds)
        #expect(verdicts.verdict(of: roots, at: now)?.fault == (holds ? "expired" : nil))
        #expect(verdicts.verdict(of: others, at: now) == nil)
    }

    @Test func `is the last one, and one of few`() {
        let now = Timestamp(secondsSinceEpoch: 0)
        var verdicts = CertificateVerdicts()
        let all = (0..<20).map { _ in Roots() }
        for roots in all + [all[19]] { verdicts.keep("by \(ObjectIdentifier(roots))", of: roots, at: now) }
        #expect(all.count { verdicts.verdict(of: $0, at: now) != nil } == 16)
        verdicts.keep(nil, of: all[19], at: now)
        #expect(verdicts.verdict(of: all[19], at: now)?.fault == nil)
    }
}
