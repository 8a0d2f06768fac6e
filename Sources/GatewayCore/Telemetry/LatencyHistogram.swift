/// How many requests took how long, in buckets that are two to an octave, from 64 µs to 134 s.
///
/// The bounds never change: what is kept was counted with them, and two histograms can always be added.
package struct LatencyHistogram: Sendable, Equatable {
    /// How many buckets there are; the last one has no upper bound.
    package static let bucketCount = 44

    // The first bound is 2 to the power of this many microseconds.
    private static let firstExponent = 6

    /// The counts, bucket by bucket.
    package private(set) var counts: [UInt64]

    /// Makes one without any request.
    package init() {
        counts = Array(repeating: 0, count: Self.bucketCount)
    }

    /// The bucket of a duration in microseconds, rounded up: each holds what is at most its upper bound.
    package static func bucket(ofMicroseconds duration: UInt64) -> Int {
        let value = duration == 0 ? 0 : duration - 1
        guard value >= 1 << UInt64(firstExponent) else { return 0 }
        let exponent = 63 - value.leadingZeroBitCount
        let half = Int(truncatingIfNeeded: value >> UInt64(exponent - 1)) & 1
        return min(bucketCount - 1, 1 + 2 * (exponent - firstExponent) + half)
    }

    /// The largest duration of a bucket, in microseconds; `nil` for the last one.
    package static func upperBound(ofBucket bucket: Int) -> UInt64? {
        guard bucket < bucketCount - 1 else { return nil }
        guard bucket > 0 else { return 1 << UInt64(firstExponent) }
        let octave = UInt64(1) << UInt64(firstExponent + (bucket - 1) / 2)
        return bucket % 2 == 1 ? octave + octave / 2 : 2 * octave
    }

    /// How many requests there are.
    package var total: UInt64 { counts.reduce(0, &+) }

    /// Counts requests into a bucket; one that there is not counts nowhere.
    package mutating func add(_ count: UInt64, toBucket bucket: Int) {
        guard counts.indices.contains(bucket) else { return }
        counts[bucket] &+= count
    }

    /// Adds another histogram.
    package mutating func merge(_ other: LatencyHistogram) {
        // Overviews add hundreds of thousands: with the bounds known beforehand this is a few vector instructions.
        let theirs = other.counts.span.extracting(first: Self.bucketCount)
        var ours = counts.mutableSpan
        precondition(ours.count == Self.bucketCount && theirs.count == Self.bucketCount)
        for bucket in 0..<Self.bucketCount { ours[bucket] &+= theirs[bucket] }
    }

    /// The duration that a share of the requests stayed within, interpolated inside its bucket.
    ///
    /// - Parameter share: from 0 to 1.
    /// - Returns: microseconds; `nil` without any request.
    package func percentile(_ share: Double) -> UInt64? {
        let total = Double(total)
        guard total > 0 else { return nil }
        let wanted = min(max(0, share), 1) * total
        var below = 0.0
        for bucket in counts.indices where counts[bucket] > 0 {
            let here = Double(counts[bucket])
            if below + here >= wanted {
                let low = bucket == 0 ? 0 : Double(Self.upperBound(ofBucket: bucket - 1) ?? 0)
                // Nothing is known of how far the last bucket reaches.
                guard let high = Self.upperBound(ofBucket: bucket) else { return UInt64(low) }
                return UInt64(low + (Double(high) - low) * max(0, wanted - below) / here)
            }
            below += here
        }
        return nil
    }

    // MARK: As it is kept

    /// The buckets that are not empty, as pairs of variable-length numbers (LEB128): place and count.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        for bucket in counts.indices where counts[bucket] > 0 {
            bytes.append(UInt8(bucket))
            var rest = counts[bucket]
            while rest >= 0x80 {
                bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }
        return bytes
    }

    /// Adds what ``encoded`` wrote.
    ///
    /// - Returns: false, with some of it added, when the bytes are something else.
    package mutating func merge(encoded bytes: Span<UInt8>) -> Bool {
        var place = 0
        while place < bytes.count {
            let bucket = Int(bytes[place])
            place += 1
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while true {
                guard place < bytes.count, shift < 63 else { return false }
                let byte = bytes[place]
                place += 1
                value |= UInt64(byte & 0x7f) << shift
                if byte < 0x80 { break }
                shift += 7
            }
            guard bucket < Self.bucketCount else { return false }
            counts[bucket] &+= value
        }
        return true
    }
}
