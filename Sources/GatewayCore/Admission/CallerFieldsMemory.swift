import JOSE

/// What upstreams are told of callers besides the identity headers, as one event loop remembers it, so that neither
/// claims are written nor assertions signed for every request.
///
/// Bounded in entries and bytes. What it holds of a caller who changed is never found again, and goes in time.
struct CallerFieldsMemory: Sendable {
    private static let capacity = 2048
    private static let maximumBytes = 8 << 20

    private struct Key: Hashable {
        // Both are held by the entry, so that neither can become another object's.
        let caller: ObjectIdentifier
        let fields: ObjectIdentifier
    }

    private struct Entry {
        let caller: any AnyObject & Sendable
        let fields: CallerFields
        let keys: GatewayKeys
        let headers: [UInt8]
        // An assertion is given out for the first half of its life, so that each is good for the second.
        let seconds: Range<Int64>
    }

    // Two generations: the older one is dropped as a whole once the younger is full.
    private var young: [Key: Entry] = [:]
    private var old: [Key: Entry] = [:]
    private var youngBytes = 0

    /// The identity headers with what the upstream is told besides, for a caller with a signed token.
    mutating func headers(
        _ remembered: RememberedToken,
        _ fields: CallerFields,
        _ snapshot: Snapshot,
        _ now: Timestamp
    ) -> [UInt8] {
        headers(of: remembered, fields, snapshot.gatewayKeys, now) {
            let claims = IdentityHeaders.publicClaims(in: remembered.identityHeaders)
            return Self.render(remembered.identityHeaders, claims, remembered.caller, fields, snapshot, now)
        }
    }

    /// The same for a caller with an API token, who has no claims.
    mutating func headers(
        _ caller: Caller,
        _ fields: CallerFields,
        _ snapshot: Snapshot,
        _ now: Timestamp
    ) -> [UInt8] {
        headers(of: caller, fields, snapshot.gatewayKeys, now) {
            Self.render(caller.profile.identityHeaders, nil, caller, fields, snapshot, now)
        }
    }

    private static func render(
        _ identityHeaders: [UInt8],
        _ claims: JSONDocument?,
        _ caller: Caller,
        _ fields: CallerFields,
        _ snapshot: Snapshot,
        _ now: Timestamp
    ) -> [UInt8] {
        var headers = identityHeaders
        if let claims { ClaimLines.append(fields, claims, to: &headers) }
        if let rules = fields.assertion,
            let assertion = Assertion.sign(rules, caller.profile, claims, snapshot.gatewayKeys, now: now)
        {
            headers += fields.assertionStart
            headers += Array(assertion.utf8)
            headers += [13, 10]
        }
        return headers
    }

    private mutating func headers(
        of caller: any AnyObject & Sendable,
        _ fields: CallerFields,
        _ keys: GatewayKeys,
        _ now: Timestamp,
        render: () -> [UInt8]
    ) -> [UInt8] {
        let key = Key(caller: ObjectIdentifier(caller), fields: ObjectIdentifier(fields))
        let seconds = now.secondsSinceEpoch
        if let entry = young[key] ?? old[key], entry.keys === keys, entry.seconds.contains(seconds) {
            return entry.headers
        }
        let headers = render()
        let half = fields.assertion.map { Int64($0.lifetimeSeconds / 2) }
        remember(
            Entry(
                caller: caller,
                fields: fields,
                keys: keys,
                headers: headers,
                seconds: half.map { seconds..<seconds + $0 } ?? Int64.min..<Int64.max
            ),
            key
        )
        return headers
    }

    private mutating func remember(_ entry: Entry, _ key: Key) {
        // The token that is held with it counts too: its claims are in the headers.
        let cost = 4 * entry.headers.count + 1024
        if young.count >= Self.capacity || youngBytes + cost > Self.maximumBytes {
            old = young
            young = [:]
            youngBytes = 0
        }
        youngBytes += cost
        young[key] = entry
    }
}
