import GatewayCore
import Testing

@Suite struct `The limit of guesses` {
    private var limit = GuessLimit()
    private let address = IPAddress(v4: 0xC000_0201)

    @Test mutating func `lets ten attempts fail in any sixty seconds`() {
        for second in 0..<10 { #expect(limit.begin(address, at: Int64(second)) == nil) }
        #expect(limit.begin(address, at: 10) == 50, "the first of them was at second 0")
        #expect(limit.begin(address, at: 59) == 1)
        #expect(limit.begin(address, at: 60) == nil)
        #expect(limit.begin(address, at: 60) == 1, "the second one was at second 1")
        #expect(limit.begin(address, at: 61) == nil)
    }

    @Test mutating func `does not count who was right`() {
        for second in 0..<1000 {
            #expect(limit.begin(address, at: Int64(second / 100)) == nil)
            limit.succeeded(address)
        }
        for _ in 0..<10 { #expect(limit.begin(address, at: 10) == nil) }
        #expect(limit.begin(address, at: 10) != nil)
    }

    @Test mutating func `counts attempts that have not ended yet`() {
        let answers = (0..<30).map { _ in limit.begin(address, at: 0) }
        #expect(answers.filter { $0 == nil }.count == 10)
    }

    @Test mutating func `is each address's own, and each network's of IPv6`() throws {
        let texts = ["192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1"]
        for text in texts {
            let address = try #require(IPAddress(text))
            for _ in 0..<10 { #expect(limit.begin(address, at: 0) == nil) }
            #expect(limit.begin(address, at: 0) != nil)
        }
        let neighbour = try #require(IPAddress("2001:db8:0:1:ffff::9"))
        #expect(limit.begin(neighbour, at: 0) != nil)
        #expect(limit.begin(address, at: 0) == nil)
    }

    @Test mutating func `outlives the change of generations`() {
        // Attempts of just before and just after the memory turns over count together.
        for _ in 0..<5 { #expect(limit.begin(address, at: 59) == nil) }
        for _ in 0..<5 { #expect(limit.begin(address, at: 60) == nil) }
        #expect(limit.begin(address, at: 61) == 58)
        #expect(limit.begin(address, at: 118) == 1)
        #expect(limit.begin(address, at: 119) == nil)
    }

    @Test mutating func `forgets what failed longest ago when there are too many addresses`() {
        for _ in 0..<10 { #expect(limit.begin(address, at: 0) == nil) }
        for other in 1...8000 { _ = limit.begin(IPAddress(v4: UInt32(other)), at: 1) }
        #expect(limit.begin(address, at: 1) != nil, "as many are remembered")
        for other in 1...20_000 { _ = limit.begin(IPAddress(v4: UInt32(0x0A00_0000 + other)), at: 1) }
        #expect(limit.begin(address, at: 1) == nil)
    }
}
