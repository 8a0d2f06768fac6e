import GatewayCore
import Testing

@testable import ControlPlane

@Suite struct SignInLimitTests {
    private let owner = IPAddress(v4: 0x0a00_0001)

    private func attacker(_ number: Int) -> IPAddress { IPAddress(v4: 0xc000_0200 + UInt32(number)) }

    @Test func `a few failures are free, then the wait doubles up to its bound`() {
        var limit = SignInLimit()
        var now: Int64 = 1000
        for _ in 0..<SignInLimit.freeFailures {
            #expect(limit.begin("jdoe", owner, at: now) == nil)
        }
        var waits: [Int64] = []
        for _ in 0..<12 {
            let wait = limit.begin("jdoe", owner, at: now) ?? 0
            waits.append(wait)
            now += wait
            #expect(limit.begin("jdoe", owner, at: now) == nil)
        }
        #expect(waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
    }

    @Test func `waiting attempts count nothing`() {
        var limit = SignInLimit()
        for _ in 0..<SignInLimit.freeFailures { _ = limit.begin("jdoe", owner, at: 1000) }
        for _ in 0..<100 { #expect(limit.begin("jdoe", owner, at: 1000) == 1) }
        #expect(limit.begin("jdoe", owner, at: 1001) == nil)
    }

    @Test func `a right password forgets the failures`() {
        var limit = SignInLimit()
        for _ in 0..<SignInLimit.freeFailures { #expect(limit.begin("jdoe", owner, at: 1000) == nil) }
        #expect(limit.begin("jdoe", owner, at: 1001) == nil)
        limit.succeeded("jdoe", owner)
        for _ in 0..<SignInLimit.freeFailures { #expect(limit.begin("jdoe", owner, at: 1001) == nil) }
    }

    @Test func `an address cannot try one password at many accounts`() {
        var limit = SignInLimit()
        let admitted = (0..<100).filter { limit.begin("operator \($0)", owner, at: 1000) == nil }
        #expect(admitted.count == GuessLimit.attempts)
    }

    @Test func `many addresses that guess keep nobody out: a newcomer waits once, a minute at most`() {
        var limit = SignInLimit()
        var now: Int64 = 1000
        for _ in 0..<600 {
            for number in 0..<100 { _ = limit.begin("jdoe", attacker(number), at: now) }
            now += 1
        }
        let wait = limit.begin("jdoe", owner, at: now)
        #expect(wait == SignInLimit.longestFirstWait)
        // The attacker goes on all the time, from known addresses and from new ones.
        for second in 0..<(wait ?? 0) {
            for number in 0..<20 {
                _ = limit.begin("jdoe", attacker(Int(second) * 20 + number), at: now + second)
            }
        }
        now += wait ?? 0
        #expect(limit.begin("jdoe", owner, at: now) == nil)
        limit.succeeded("jdoe", owner)
        #expect(limit.begin("jdoe", owner, at: now) == nil)
    }

    @Test func `newcomers of an account under attack get in slowly`() {
        var limit = SignInLimit()
        let admitted = (0..<1000).filter { limit.begin("jdoe", attacker($0), at: 1000) == nil }
        #expect(admitted.count == SignInLimit.freeAccountFailures)
        // Other accounts are as they were.
        #expect(limit.begin("other", owner, at: 1000) == nil)
    }

    @Test func `the memory stays bounded, and a clock that is set back keeps nobody out`() {
        var limit = SignInLimit()
        for number in 0..<(3 * SignInLimit.capacity) {
            _ = limit.begin("operator \(number)", attacker(number), at: 1_000_000)
        }
        #expect(limit.count <= 2 * SignInLimit.capacity)
        for _ in 0..<50 { _ = limit.begin("jdoe", owner, at: 1_000_000) }
        #expect(limit.begin("jdoe", owner, at: 1_000_000) != nil)
        #expect(limit.begin("jdoe", owner, at: 900_000) == nil)
    }

    @Test func `addresses of one IPv6 network count as one`() {
        var limit = SignInLimit()
        let admitted = (0..<100).filter {
            limit.begin("jdoe", IPAddress(high: 0x2001_0db8_0000_0001, low: UInt64($0)), at: 1000) == nil
        }
        #expect(admitted.count == SignInLimit.freeFailures)
    }
}
