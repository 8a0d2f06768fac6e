import GatewayCore
import JOSE
import PortcullisTestSupport
import Testing

@Suite struct `The gateway's signing keys` {
    private let now = TestGateway.now
    private var generator = SystemRandomNumberGenerator()

    private func after(_ seconds: Int64) -> Timestamp {
        Timestamp(secondsSinceEpoch: now.secondsSinceEpoch + seconds)
    }

    private mutating func key(activeAfter seconds: Int64) throws -> GatewaySigningKey {
        try SigningKeySchedule.makeKey(activeFrom: after(seconds), now: now, using: &generator)
    }

    @Test mutating func `need a successor when there is none, or the newest is old`() throws {
        #expect(SigningKeySchedule.needsSuccessor([], days: 90, now: now))
        let first = try key(activeAfter: 0)
        #expect(!SigningKeySchedule.needsSuccessor([first], days: 1, now: after(86_399)))
        #expect(SigningKeySchedule.needsSuccessor([first], days: 1, now: after(86_400)))
        let keys = SigningKeySchedule.rotated([first], to: try key(activeAfter: 90_000), now: after(86_400))
        #expect(!SigningKeySchedule.needsSuccessor(keys, days: 1, now: after(86_400)))
        // All are on their way out, as after a clock that was wrong.
        #expect(SigningKeySchedule.needsSuccessor([keys[0]], days: 1, now: now))
    }

    @Test mutating func `take each other's place without a gap`() throws {
        let (first, second) = (try key(activeAfter: 0), try key(activeAfter: 3600))
        let keys = GatewayKeys(
            SigningKeySchedule.rotated([first], to: second, now: now),
            issuer: "urn:portcullis:gateway"
        )
        for (seconds, signer, published) in [
            (0, first, 2), (3599, first, 2), (3600, second, 2), (3600 + 89_999, second, 2),
            (3600 + 90_000, second, 1),
        ] as [(Int64, GatewaySigningKey, Int)] {
            #expect(keys.signer(at: after(seconds))?.id == signer.id, "after \(seconds) s")
            #expect(keys.keySet(at: after(seconds))["keys"]?.elements.count == published)
        }
        #expect(keys.signer(at: after(-1))?.id == first.id, "a clock that was set back signs all the same")
        #expect(keys.states(at: after(3600)).map(\.state) == [.verifying, .signing])
        #expect(keys.states(at: now).map(\.state) == [.signing, .upcoming])
        // Longer than any access token lives, the largest leeway on top.
        #expect(SigningKeySchedule.overlap > Int64(OAuth2Rules.lifetimes.upperBound) + 300)
    }

    @Test mutating func `end at once when they were stolen`() throws {
        let (first, second) = (try key(activeAfter: 0), try key(activeAfter: 0))
        let keys = SigningKeySchedule.rotated([first], to: second, overlap: 0, now: now)
        #expect(keys.map(\.id) == [second.id])
    }

    @Test mutating func `are retired no later than was said before`() throws {
        var keys = SigningKeySchedule.rotated(
            [try key(activeAfter: 0)],
            to: try key(activeAfter: 0),
            overlap: 100,
            now: now
        )
        keys = SigningKeySchedule.rotated(keys, to: try key(activeAfter: 0), overlap: 1000, now: now)
        #expect(keys.map(\.retireAt) == [after(100), after(1000), nil])
        keys = SigningKeySchedule.rotated(keys, to: try key(activeAfter: 0), overlap: 10, now: now)
        #expect(keys.map(\.retireAt) == [after(10), after(10), after(10), nil])
        #expect(SigningKeySchedule.remaining(keys, now: after(10)).count == 1)
    }

    @Test mutating func `are published without their private halves`() throws {
        let key = try key(activeAfter: 0)
        let published = GatewayKeys([key], issuer: "x").keySet(at: now)
        let jwk = try #require(published["keys"]?.elements.first)
        for (name, value) in [
            ("kty", "EC"), ("crv", "P-256"), ("alg", "ES256"), ("use", "sig"), ("kid", key.id.text),
        ] {
            #expect(jwk[name]?.value.text == value)
        }
        #expect(jwk["d"] == nil)
        let read = try VerificationKey.publicKeys(reading: Array(published.json().utf8))
        #expect(read.map(\.fingerprint) == [key.key.fingerprint])
    }
}
