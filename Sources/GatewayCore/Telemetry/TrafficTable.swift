/// What one event loop counted since it handed over last: no texts, no locks, and no allocation but for labels that
/// are new.
package struct TrafficTable: Sendable {
    /// At most so many rows; what would be more is counted in one for all the others.
    package static let maximumRows = TrafficPeriod.rowsPerSlot

    private static let placeCount = 4096

    private struct Row {
        let key: TrafficKey
        var requests: UInt32 = 0
        var microseconds: UInt64 = 0
    }

    private var rows: [Row] = []
    private var buckets: [UInt32] = []
    // Row numbers from 1 on, by hash; 0 is empty. Twice as many as rows and more, so that a search ends soon.
    private var places: [UInt16] = []
    // Most requests are like the one before.
    private var latest = 0
    private var uses = UseTally()
    private var other: Int?

    /// Makes an empty table, which takes no memory.
    package init() {}

    /// Whether nothing was counted.
    package var isEmpty: Bool { rows.isEmpty }

    /// How many requests were counted.
    var requests: UInt64 { rows.reduce(0) { $0 + UInt64($1.requests) } }

    /// Counts a request.
    package mutating func count(
        _ key: borrowing TrafficKey,
        microseconds duration: UInt64
    ) {
        let row = row(key)
        rows[row].requests &+= 1
        rows[row].microseconds &+= duration
        let bucket = LatencyHistogram.bucket(ofMicroseconds: duration)
        buckets[row * LatencyHistogram.bucketCount + bucket] &+= 1
        uses.count(key.key, key.apiToken)
    }

    /// How many requests proved their caller with each key and API token.
    package var useCounts: [UseID: UInt64] { uses.counts }

    /// How many such uses found no room.
    var uncountedUses: UInt64 { uses.uncounted }

    private mutating func row(_ key: borrowing TrafficKey) -> Int {
        if latest < rows.count, latest != other, rows[latest].key.isSame(as: key) { return latest }
        if places.isEmpty { places = Array(repeating: 0, count: Self.placeCount) }
        var place = key.hash
        while places[place] != 0 {
            let row = Int(places[place]) - 1
            if rows[row].key.isSame(as: key) {
                latest = row
                return row
            }
            place = (place + 1) & (Self.placeCount - 1)
        }
        return add(Row(key: copy key), at: place)
    }

    @inline(never)
    private mutating func add(_ row: consuming Row, at place: Int) -> Int {
        if rows.count >= Self.maximumRows, let other { return other }
        let isLast = rows.count == Self.maximumRows - 1
        if isLast { other = rows.count }
        // What it holds keeps the objects alive, so that their addresses mean the same until the table is handed over.
        rows.append(isLast ? Row(key: TrafficKey()) : row)
        buckets.append(contentsOf: repeatElement(0, count: LatencyHistogram.bucketCount))
        if !isLast {
            places[place] = UInt16(rows.count)
            latest = rows.count - 1
        }
        return rows.count - 1
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
            return TrafficRow(
                at: time,
                labels: index == other ? .other : rows[index].key.labels,
                count: count
            )
        }
    }
}
