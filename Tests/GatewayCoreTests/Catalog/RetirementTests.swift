import GatewayCore
import JOSE
import PortcullisTestSupport
import Testing

@Suite struct `What can be retired` {
    private static let day: Int64 = 86_400
    private static let now = Timestamp(secondsSinceEpoch: CatalogSamples.now.secondsSinceEpoch + 30 * day)

    private static func ago(_ days: Int64) -> Timestamp {
        Timestamp(secondsSinceEpoch: now.secondsSinceEpoch - days * day)
    }

    /// The profile has an old secret, 30 days old, and perhaps a successor.
    private static func judge(
        successor: Bool = true,
        old: Int64?,
        new: Int64?,
        change: (inout AccessProfile) -> Void = { _ in }
    ) throws -> (key: Retirement, token: Retirement) {
        var profile = try CatalogSamples.profile(1, of: 1)
        if successor {
            let other = try CatalogSamples.profile(2, of: 1)
            var (key, token) = (other.keys[0], other.apiTokens[0])
            (key.name, token.name) = ("second", "second")
            profile.keys.append(key)
            profile.apiTokens.append(token)
        }
        change(&profile)
        var uses: [UseID: Timestamp] = [:]
        uses[UseID(profile.keys[0].id)] = old.map(ago)
        uses[UseID(profile.apiTokens[0].id)] = old.map(ago)
        if successor {
            uses[UseID(profile.keys[1].id)] = new.map(ago)
            uses[UseID(profile.apiTokens[1].id)] = new.map(ago)
        }
        let judged = Retirement.judge(profile, uses, unusedSeconds: 7 * day, now: now)
        return (judged[0], judged[successor ? 2 : 1])
    }

    @Test(
        arguments: [
            // The successor was used since, and the old one not for a week.
            (true, 8, 0, true), (true, nil, 0, true), (true, 7, 6, true),
            // The old one was used lately, or the new one never or not since.
            (true, 6, 0, false), (true, 8, nil, false), (true, 8, 9, false), (true, 8, 8, false),
            (true, nil, nil, false),
            // There is no other.
            (false, 20, nil, false), (false, nil, nil, false),
        ] as [(Bool, Int64?, Int64?, Bool)]
    )
    func `is what another one has taken the place of`(
        _ successor: Bool,
        _ old: Int64?,
        _ new: Int64?,
        _ canGo: Bool
    ) throws {
        let (key, token) = try Self.judge(successor: successor, old: old, new: new)
        #expect(key.canBeRetired == canGo, "\(key.reason)")
        #expect(token.canBeRetired == canGo, "\(token.reason)")
        #expect(key.lastUsedAt == old.map(Self.ago))
        #expect(key.state == .active)
    }

    @Test func `is what is no longer accepted`() throws {
        let retired = try Self.judge(old: 0, new: nil) { profile in
            profile.keys[0].retireAt = Self.now
            profile.apiTokens[0].expiresAt = Self.now
        }
        #expect(retired.key.state == .retired && retired.key.canBeRetired)
        #expect(retired.token.state == .retired && retired.token.canBeRetired)
        let inactive = try Self.judge(old: 0, new: nil) { profile in
            profile.keys[0].isActive = false
            profile.apiTokens[0].isActive = false
        }
        #expect(inactive.key.state == .inactive && inactive.key.canBeRetired)
        #expect(inactive.token.state == .inactive && inactive.token.canBeRetired)
    }

    @Test func `is not what will be accepted, nor what no other key can stand in for`() throws {
        let pending = try Self.judge(old: nil, new: 0) { profile in
            profile.keys[0].activeFrom = Self.ago(-1)
        }
        #expect(pending.key.state == .pending && !pending.key.canBeRetired)
        let other = try Self.judge(old: 20, new: 0) { profile in
            profile.keys[0].algorithms = [.hs256]
            profile.keys[1].algorithms = [.hs512]
        }
        #expect(!other.key.canBeRetired, "tokens of HS256 have no other key")
        #expect(other.token.canBeRetired)
    }
}

@Suite struct `When something was last used` {
    private var gateway: TestGateway
    private var decider = Decider()

    init() throws {
        gateway = try TestGateway()
    }

    @Test mutating func `is noted of key and API token, once a second, remembered or not`() throws {
        let profile = try gateway.profile(1)
        let key = UseID(profile.keys[0].id)
        let apiToken = UseID(profile.apiTokens[0].id)
        let token = try TestGateway.acmeSigned(#"{"sub":"\#(TestGateway.acmeToken)"}"#)
        let snapshot = gateway.snapshot
        #expect(decider.admission.takeUses() == nil)
        for second in Int64(0)..<3 {
            decider.now = Timestamp(secondsSinceEpoch: TestGateway.now.secondsSinceEpoch + second)
            for _ in 0..<3 { #expect(decider.code(snapshot, bearer: token) == nil) }
            #expect(decider.admission.takeUses() == [key: decider.now, apiToken: decider.now])
            #expect(decider.code(snapshot, bearer: token) == nil)
            #expect(decider.admission.takeUses() == nil)
        }
    }

    @Test mutating func `is not noted of a token that does not verify`() throws {
        let token = try TestGateway.sign(
            #"{"sub":"\#(TestGateway.acmeToken)"}"#,
            secret: TestGateway.otherSecret
        )
        #expect(decider.code(gateway.snapshot, bearer: token) == .invalidToken)
        #expect(decider.admission.takeUses() == nil)
    }

    @Test func `is the later of what is kept and what was gathered`() async throws {
        let store = KeptUses()
        let uses = LastUses(store: store)
        let (a, b) = (UseID(KeyID.test(1)), UseID(APITokenID.test(2)))
        uses.add([a: Timestamp(secondsSinceEpoch: 5), b: Timestamp(secondsSinceEpoch: 7)])
        uses.add([a: Timestamp(secondsSinceEpoch: 4)])
        #expect(try await uses.times(of: [a]) == [a: Timestamp(secondsSinceEpoch: 5)])
        try await uses.keep()
        #expect(await store.kept == [a: Timestamp(secondsSinceEpoch: 5), b: Timestamp(secondsSinceEpoch: 7)])
        uses.add([a: Timestamp(secondsSinceEpoch: 9)])
        #expect(
            try await uses.times(of: nil)
                == [a: Timestamp(secondsSinceEpoch: 9), b: Timestamp(secondsSinceEpoch: 7)]
        )
    }
}

/// Keeps uses in memory.
private actor KeptUses: LastUseStore {
    var kept: [UseID: Timestamp] = [:]

    func lastUses(of ids: [UseID]?) -> [UseID: Timestamp] {
        ids.map { ids in kept.filter { ids.contains($0.key) } } ?? kept
    }

    func record(_ uses: [UseID: Timestamp]) {
        kept.merge(uses) { max($0, $1) }
    }
}
