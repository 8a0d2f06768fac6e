import JOSE

/// When the gateway's signing keys take each other's place: decided here, done by whoever has the clock.
package enum SigningKeySchedule {
    /// How long a successor made in time is published before it signs, in seconds: others keep what they fetched.
    package static let announcement: Int64 = 3600
    /// How long a key verifies after its successor began to sign, in seconds.
    ///
    /// Longer than the longest life of an access token, the largest leeway on top.
    package static let overlap: Int64 = 90_000

    /// Makes a key that signs from a moment on.
    ///
    /// - Throws: what the cryptographic library says.
    package static func makeKey(
        activeFrom: Timestamp,
        now: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) throws -> GatewaySigningKey {
        GatewaySigningKey(
            id: SigningKeyID(using: &generator),
            key: try SigningKey.generate(.ec(.p256)),
            createdAt: now,
            activeFrom: activeFrom
        )
    }

    /// Whether it is time for a successor: there is no key, or the newest is as old as a key may become.
    package static func needsSuccessor(_ keys: [GatewaySigningKey], days: Int, now: Timestamp) -> Bool {
        guard let newest = keys.last(where: { $0.retireAt == nil }) else { return true }
        return now.secondsSinceEpoch - newest.activeFrom.secondsSinceEpoch >= Int64(days) * 86_400
    }

    /// The keys with a successor: every other one is retired some time after the successor has begun to sign.
    ///
    /// Those that are retired by now go.
    package static func rotated(
        _ keys: [GatewaySigningKey],
        to successor: GatewaySigningKey,
        overlap: Int64 = SigningKeySchedule.overlap,
        now: Timestamp
    ) -> [GatewaySigningKey] {
        let end = Timestamp(secondsSinceEpoch: successor.activeFrom.secondsSinceEpoch + overlap)
        let others = keys.map { key in
            var key = key
            // Never later than was said before.
            key.retireAt = min(key.retireAt ?? end, end)
            return key
        }
        return remaining(others, now: now) + [successor]
    }

    /// The keys less those that are retired.
    package static func remaining(_ keys: [GatewaySigningKey], now: Timestamp) -> [GatewaySigningKey] {
        keys.filter { !$0.isRetired(at: now) }
    }
}
