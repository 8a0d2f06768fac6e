/// What one event loop counted since it handed over last: no texts, no locks, and no allocation but for labels that
/// are new.
package struct TrafficTable: Sendable {
    /// At most so many rows; what would be more is counted in one for all the others.
    package static let maximumRows = TrafficPeriod.rowsPerSlot

    private static let placeCount = 4096

    private struct Row {
        let route: Route?
        let profile: CompiledProfile?
        let own: OwnEndpoint?
        let code: Rejection.Code?
        var requests: UInt32 = 0
        var microseconds: UInt64 = 0

        @inline(__always)
        func holds(
            _ route: Route?,
            _ profile: CompiledProfile?,
            _ own: OwnEndpoint?,
            _ code: Rejection.Code?
        ) -> Bool {
            self.route === route && self.profile === profile && self.own == own && self.code == code
        }
    }

    private var rows: [Row] = []
    private var buckets: [UInt32] = []
    // Row numbers from 1 on, by hash; 0 is empty. Twice as many as rows and more, so that a search ends soon.
    private var places: [UInt16] = []
    // Most requests are like the one before.
    private var latest = 0
    private var other: Int?

    /// Makes an empty table, which takes no memory.
    package init() {}

    /// Whether nothing was counted.
    package var isEmpty: Bool { rows.isEmpty }

    /// Counts a request.
    package mutating func count(
        _ findings: borrowing Findings,
        _ code: Rejection.Code?,
        microseconds duration: UInt64
    ) {
        let row = row(findings.route, findings.caller?.profile, findings.ownEndpoint, code)
        rows[row].requests &+= 1
        rows[row].microseconds &+= duration
        let bucket = LatencyHistogram.bucket(ofMicroseconds: duration)
        buckets[row * LatencyHistogram.bucketCount + bucket] &+= 1
    }

    private mutating func row(
        _ route: Route?,
        _ profile: CompiledProfile?,
        _ own: OwnEndpoint?,
        _ code: Rejection.Code?
    ) -> Int {
        if latest < rows.count, latest != other, rows[latest].holds(route, profile, own, code) {
            return latest
        }
        if places.isEmpty { places = Array(repeating: 0, count: Self.placeCount) }
        var place = Self.hash(route, profile, own, code)
        while places[place] != 0 {
            let row = Int(places[place]) - 1
            if rows[row].holds(route, profile, own, code) {
                latest = row
                return row
            }
            place = (place + 1) & (Self.placeCount - 1)
        }
        return add(Row(route: route, profile: profile, own: own, code: code), at: place)
    }

    @inline(never)
    private mutating func add(_ row: consuming Row, at place: Int) -> Int {
        if rows.count >= Self.maximumRows, let other { return other }
        let isLast = rows.count == Self.maximumRows - 1
        if isLast { other = rows.count }
        // What it holds keeps the objects alive, so that their addresses mean the same until the table is handed over.
        rows.append(isLast ? Row(route: nil, profile: nil, own: nil, code: nil) : row)
        buckets.append(contentsOf: repeatElement(0, count: LatencyHistogram.bucketCount))
        if !isLast {
            places[place] = UInt16(rows.count)
            latest = rows.count - 1
        }
        return rows.count - 1
    }

    @inline(__always)
    private static func hash(
        _ route: Route?,
        _ profile: CompiledProfile?,
        _ own: OwnEndpoint?,
        _ code: Rejection.Code?
    ) -> Int {
        var hash = address(route) &* 0x9e37_79b9_7f4a_7c15
        hash = (hash ^ address(profile)) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ number(own) << 8 ^ number(code)) &* 0x94d0_49bb_1331_11eb
        return Int(truncatingIfNeeded: hash >> 52)
    }

    @inline(__always)
    private static func address(_ object: AnyObject?) -> UInt64 {
        object.map { UInt64(UInt(bitPattern: ObjectIdentifier($0))) } ?? 0
    }

    // The one byte that a case of an enum without values is kept as; `nil` is one more.
    @inline(__always)
    private static func number<Case>(_ value: Case?) -> UInt64 {
        withUnsafeBytes(of: value) { UInt64($0[0]) }
    }

    /// Everything that was counted, with its texts.
    package func rows(at time: Timestamp) -> [TrafficRow] {
        rows.indices.map { index in
            var count = TrafficCount()
            count.requests = UInt64(rows[index].requests)
            count.microseconds = rows[index].microseconds
            let first = index * LatencyHistogram.bucketCount
            for bucket in 0..<LatencyHistogram.bucketCount {
                count.latency.add(UInt64(buckets[first + bucket]), toBucket: bucket)
            }
            return TrafficRow(at: time, labels: index == other ? .other : labels(rows[index]), count: count)
        }
    }

    private func labels(_ row: Row) -> TrafficLabels {
        TrafficLabels(
            endpoint: row.route?.label ?? row.own?.rawValue ?? TrafficLabels.none,
            client: row.profile?.client.name ?? TrafficLabels.none,
            profile: row.profile?.profile.name ?? TrafficLabels.none,
            code: row.code?.rawValue ?? TrafficLabels.none
        )
    }
}
