import Testing

@testable import GatewayCore

@Suite struct `A key set is fetched` {
    private var schedule = KeySetSchedule(dueAt: 0)
    private var budget = TokenBucket(capacity: 20, oneEveryMilliseconds: 3000)

    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// A fetch that ends at once with these keys.
    private mutating func fetch(at now: Int64, keys: Set<String> = ["a"], freshFor fresh: Int64 = 600_000) {
        schedule.begin(now)
        schedule.succeed(freshFor: fresh, now, budget: &budget) {
            keys.contains(String(decoding: $0, as: UTF8.self))
        }
    }

    @Test mutating func `at once, and again before it expires`() {
        #expect(schedule.isDue(0))
        fetch(at: 0)
        #expect(!schedule.isDue(479_999))
        #expect(schedule.isDue(480_000))
        schedule.begin(480_000)
        #expect(!schedule.isDue(490_000), "one at a time")
    }

    @Test mutating func `again after failures, at first soon and then twice a minute`() {
        var now: Int64 = 0
        var pauses: [Int64] = []
        for _ in 0..<8 {
            schedule.begin(now)
            schedule.fail(now)
            let start = now
            while !schedule.isDue(now) { now += 100 }
            pauses.append((now - start) / 1000)
        }
        #expect(pauses == [1, 2, 4, 8, 16, 30, 30, 30])
    }

    @Test mutating func `for ten minutes without success, and then within a second of the first token`() {
        fetch(at: 0)
        var now: Int64 = 480_000
        var attempts = 0
        while now < 1_080_000 {
            if schedule.isDue(now) {
                attempts += 1
                schedule.begin(now)
                schedule.fail(now)
            }
            now += 100
        }
        #expect(attempts <= 26)
        // The provider is back; whatever was tried last, the token's turn comes within a second.
        let answer = schedule.need(Self.bytes("b"), now, budget: &budget)
        #expect(answer != .refuse)
        #expect(schedule.isDue(now + 1000))
    }

    @Test mutating func `once for all tokens that need it`() {
        fetch(at: 0)
        #expect(schedule.need(Self.bytes("b"), 5000, budget: &budget) == .fetch)
        schedule.begin(5000)
        for number in 0..<100 {
            #expect(schedule.need(Self.bytes("c\(number)"), 5001, budget: &budget) == .wait)
        }
        schedule.succeed(freshFor: 600_000, 5100, budget: &budget) { $0 == Self.bytes("b") }
        #expect(!schedule.isDue(5100))
    }

    @Test mutating func `once more for a key that was asked for while a fetch was under way`() {
        schedule.begin(0)
        #expect(schedule.need(Self.bytes("b"), 100, budget: &budget) == .wait)
        // The provider rotated after it had answered.
        schedule.succeed(freshFor: 600_000, 200, budget: &budget) { _ in false }
        #expect(schedule.need(Self.bytes("b"), 200, budget: &budget) == .wait)
        #expect(schedule.isDue(500))
        fetch(at: 500, keys: ["b"])
    }

    @Test mutating func `not again for a key that was asked for in vain`() {
        fetch(at: 0)
        #expect(schedule.need(Self.bytes("b"), 5000, budget: &budget) == .fetch)
        fetch(at: 5000)
        #expect(schedule.need(Self.bytes("b"), 5100, budget: &budget) == .refuse)
        #expect(schedule.need(Self.bytes("b"), 35_100, budget: &budget) == .fetch)
    }

    @Test mutating func `no more than a handful of times for keys that nobody has`() {
        fetch(at: 0)
        var fetches = 0
        // Ten thousand tokens in twenty seconds.
        for number in 0..<10_000 {
            let now = 10_000 + Int64(number) * 2
            if schedule.isDue(now) {
                fetches += 1
                fetch(at: now)
            }
            if schedule.need(Self.bytes("x\(number)"), now, budget: &budget) == .fetch {
                fetches += 1
                fetch(at: now)
            }
        }
        #expect((1...8).contains(fetches), "\(fetches)")
    }

    @Test mutating func `in time for a genuine key amid keys that nobody has`() {
        fetch(at: 0)
        // The provider rotates at whatever moment of the flood; the token that names its key waits at most 6 s.
        for rotation in stride(from: Int64(60_000), to: 70_000, by: 700) {
            var flooded = self
            var now: Int64 = 10_000
            var foundAt: Int64?
            while foundAt == nil, now < rotation + 6000 {
                if now >= rotation {
                    _ = flooded.schedule.need(Self.bytes("b"), now, budget: &flooded.budget)
                }
                _ = flooded.schedule.need(Self.bytes("x\(now)"), now, budget: &flooded.budget)
                if flooded.schedule.isDue(now) {
                    flooded.fetch(at: now, keys: now >= rotation ? ["a", "b"] : ["a"])
                    if now >= rotation { foundAt = now }
                }
                now += 20
            }
            #expect(foundAt.map { $0 <= rotation + 4000 } == true, "\(rotation)")
        }
    }

    @Test mutating func `again soon for tokens without a kid, but not at once`() {
        fetch(at: 0)
        #expect(schedule.need([], 5000, budget: &budget) == .fetch)
        fetch(at: 5000)
        #expect(schedule.need([], 6999, budget: &budget) == .refuse)
        #expect(schedule.need([], 7000, budget: &budget) != .refuse)
    }

    @Test mutating func `when another place is free, without having failed`() {
        fetch(at: 0)
        #expect(schedule.need(Self.bytes("b"), 5000, budget: &budget) == .fetch)
        schedule.begin(5000)
        schedule.postpone(5001)
        #expect(schedule.failures == 0)
        #expect(!schedule.isDue(5001) && schedule.isDue(5501))
        #expect(schedule.need(Self.bytes("b"), 5200, budget: &budget) == .wait)
    }

    @Test mutating func `as often as its keys really change`() {
        fetch(at: 0)
        for number in 0..<200 {
            let now = 10_000 + Int64(number) * 2000
            #expect(schedule.need(Self.bytes("k\(number)"), now, budget: &budget) == .fetch)
            fetch(at: now, keys: ["k\(number)"])
        }
    }

    @Test mutating func `half a second after the last time at the earliest`() {
        fetch(at: 0)
        #expect(schedule.need(Self.bytes("b"), 100, budget: &budget) == .wait)
        #expect(!schedule.isDue(499))
        #expect(schedule.isDue(500))
    }

    @Test mutating func `less often when others need the common budget`() {
        fetch(at: 0)
        for _ in 0..<20 {
            let isTaken = budget.take(at: 2000)
            #expect(isTaken)
        }
        // The first one is its own, a further one waits for its turn.
        #expect(schedule.need(Self.bytes("b"), 2000, budget: &budget) == .fetch)
        fetch(at: 2000)
        #expect(schedule.need(Self.bytes("c"), 2600, budget: &budget) == .wait)
        #expect(!schedule.isDue(5900) && schedule.isDue(6000))
        // A source that fails leaves half of it to those that answer, and has its own turn all the same.
        schedule.begin(6000)
        schedule.fail(6000)
        for now in stride(from: Int64(7000), to: 10_000, by: 500) {
            #expect(schedule.need(Self.bytes("b"), now, budget: &budget) == .refuse)
        }
        #expect(schedule.need(Self.bytes("d"), 10_000, budget: &budget) == .fetch)
    }

    @Test mutating func `at once whatever many others are flooded with`() {
        var flooded = [KeySetSchedule](repeating: KeySetSchedule(dueAt: 0), count: 12)
        fetch(at: 0)
        for now in stride(from: Int64(0), to: 60_000, by: 100) {
            for index in flooded.indices {
                _ = flooded[index].need(Self.bytes("x\(now)"), now, budget: &budget)
                guard flooded[index].isDue(now) else { continue }
                flooded[index].begin(now)
                flooded[index].succeed(freshFor: 600_000, now, budget: &budget) { _ in false }
            }
            // Every two seconds it has a new key.
            guard now % 2000 == 1000 else { continue }
            #expect(schedule.need(Self.bytes("k\(now)"), now, budget: &budget) == .fetch, "\(now)")
            fetch(at: now, keys: ["k\(now)"])
        }
    }
}

@Suite struct `Keys are fetched from` {
    @Test(arguments: [
        ("93.184.216.34", true), ("8.8.8.8", true), ("2606:4700::1111", true), ("2a00:1450:4001::1", true),
        ("127.0.0.1", false), ("127.255.255.254", false), ("0.0.0.0", false), ("10.1.2.3", false),
        ("172.16.0.1", false), ("172.31.255.255", false), ("172.32.0.1", true), ("192.168.1.1", false),
        ("169.254.169.254", false), ("100.64.0.1", false), ("100.128.0.1", true), ("192.0.2.1", false),
        ("198.18.0.1", false), ("224.0.0.1", false), ("255.255.255.255", false), ("240.0.0.1", false),
        ("::1", false), ("::", false), ("::ffff:127.0.0.1", false), ("::ffff:8.8.8.8", true),
        ("::127.0.0.1", false), ("fe80::1", false), ("fd12::1", false), ("fc00::1", false),
        ("ff02::1", false),
        ("64:ff9b::7f00:1", false), ("2002:7f00:1::1", false), ("2001:0:7f00:1::1", false),
        ("2001:db8::1", false), ("3fff::1", false), ("4000::1", false),
    ])
    func `public addresses alone`(_ text: String, _ isPublic: Bool) throws {
        let address = try #require(IPAddress(text))
        #expect(KeyAddressRule.isPublic(address) == isPublic)
        #expect(KeyAddressRule().allows(address) == isPublic)
        let all = KeyAddressRule(allowing: try ["0.0.0.0/0", "::/0"].map { try AddressRange($0) })
        #expect(all.allows(address))
    }

    @Test func `what the operator allows besides`() throws {
        let rule = KeyAddressRule(allowing: [try AddressRange("10.0.0.0/8")])
        #expect(rule.allows(try #require(IPAddress("10.2.3.4"))))
        #expect(!rule.allows(try #require(IPAddress("192.168.0.1"))))
        #expect(rule.fault(try KeyURL("https://10.2.3.4/jwks")) == nil)
        #expect(rule.fault(try KeyURL("https://192.168.0.1/jwks")) != nil)
        #expect(
            rule.fault(try KeyURL("https://id.example/jwks")) == nil,
            "a name is judged when it is resolved"
        )
    }

    @Test(arguments: [
        ("https://id.example", "id.example", 443, "/"),
        ("https://id.example/a?b=c", "id.example", 443, "/a?b=c"),
        ("https://id.example:8443?x", "id.example", 8443, "/?x"),
        ("https://[2001:db8::1]:9/k", "2001:db8::1", 9, "/k"),
        ("https://1.2.3.4/", "1.2.3.4", 443, "/"),
    ])
    func `an https URL`(_ text: String, _ host: String, _ port: Int, _ target: String) throws {
        let url = try KeyURL(text)
        #expect((url.host, url.port, url.target) == (host, port, target))
    }

    @Test(arguments: [
        "http://id.example", "HTTPS://id.example", "https://", "https:///x", "id.example", "https://a b/",
        "https://user@id.example/", "https://id.example:0/", "https://id.example:65536/",
        "https://id.example/#x",
        "https://2130706433/", "https://0x7f.0.0.1/", "https://127.1/", "https://0177.0.0.1/",
        "https://1.2.3.4.5/",
        "https://127.0.0.1./", "https://example.0x7f/", "https://[::1/", "https://[v1.x]/",
        "https://é.example/",
        #"https://a\b/"#, "ftp://id.example/", "https://id.example:99999999999/",
    ])
    func `nothing that could be read as another address`(_ text: String) {
        #expect(throws: InvalidValue.self) { try KeyURL(text) }
    }
}

@Suite struct `A provider's key set` {
    private static let p256 =
        #"{"kty":"EC","crv":"P-256","kid":"p","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","#
        + #""y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#
    private static let secret =
        #"{"kty":"oct","kid":"o","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75"}"#
    private static let encryption = p256.dropLast() + #","use":"enc"}"#

    private static func read(_ keys: String) throws -> ProviderKeySet {
        let time = Timestamp(secondsSinceEpoch: 0)
        return try ProviderKeySet(
            reading: Array(#"{"keys":[\#(keys)]}"#.utf8),
            fetchedAt: time,
            freshUntil: time,
            staleUntil: time
        )
    }

    @Test func `leaves out what cannot verify, and secrets whatever they say`() throws {
        let set = try Self.read("\(Self.secret),\(Self.p256),\(Self.encryption),{\"kty\":\"new\"},7")
        #expect(set.keys.map(\.keyID) == ["p"])
        #expect(set.has(Array("p".utf8)) && !set.has(Array("o".utf8)))
    }

    @Test(arguments: ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"])
    func `keeps the used keys alone, and nothing secret of the others`(_ member: String) throws {
        let leaked = Self.p256.dropLast() + #","\#(member)":"c2VjcmV0"}"#
        let set = try Self.read("\(leaked),\(Self.secret),\(Self.encryption),\(Self.p256)")
        #expect(String(decoding: set.text, as: UTF8.self) == #"{"keys":[\#(Self.p256)]}"#)
        #expect(set.keys.count == 1)
    }

    @Test func `gives its keys the same names when it is read again`() throws {
        let nameless = Self.p256.replacing(#""kid":"p","#, with: "")
        let set = try Self.read("\(Self.secret),\(nameless)")
        let time = Timestamp(secondsSinceEpoch: 0)
        let again = try ProviderKeySet(reading: set.text, fetchedAt: time, freshUntil: time, staleUntil: time)
        #expect(set.keys.map(\.name) == ["key 1"])
        #expect(again.keys.map(\.name) == ["key 1"] && again.text == set.text)
    }

    @Test func `is the same when it was renewed, and another when it was read again`() throws {
        let (set, time) = (try Self.read(Self.p256), Timestamp(secondsSinceEpoch: 60))
        let renewed = set.renewed(fetchedAt: time, freshUntil: time, staleUntil: time)
            .renewed(fetchedAt: time, freshUntil: time, staleUntil: time)
        #expect(renewed.isSame(as: set) && set.isSame(as: renewed))
        #expect(try !set.isSame(as: Self.read(Self.p256)) && !set.isSame(as: nil))
    }

    @Test func `has a bounded number of keys`() throws {
        let many = Array(repeating: Self.p256, count: 100).joined(separator: ",")
        #expect(try Self.read(many).keys.count == ProviderKeySet.maximumKeys)
    }

    @Test(arguments: ["", secret, "7", "{\"kty\":\"EC\"}"])
    func `is none without a key that can be used`(_ keys: String) {
        #expect(throws: InvalidValue.self) { try Self.read(keys) }
    }
}
