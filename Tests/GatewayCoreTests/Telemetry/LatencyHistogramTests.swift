import GatewayCore
import Testing

@Suite struct `Histograms of latency` {
    @Test func `every bucket holds what is at most its bound, and more than the one before`() throws {
        for bucket in 0..<LatencyHistogram.bucketCount - 1 {
            let bound = try #require(LatencyHistogram.upperBound(ofBucket: bucket))
            #expect(LatencyHistogram.bucket(ofMicroseconds: bound) == bucket)
            #expect(LatencyHistogram.bucket(ofMicroseconds: bound + 1) == bucket + 1)
        }
        #expect(LatencyHistogram.upperBound(ofBucket: LatencyHistogram.bucketCount - 1) == nil)
        #expect(LatencyHistogram.bucket(ofMicroseconds: .max) == LatencyHistogram.bucketCount - 1)
        #expect(LatencyHistogram.bucket(ofMicroseconds: 0) == 0)
    }

    @Test func `percentiles are interpolated within half an octave`() throws {
        var histogram = LatencyHistogram()
        #expect(histogram.percentile(0.5) == nil)
        for duration in UInt64(1)...100_000 {
            histogram.add(1, toBucket: LatencyHistogram.bucket(ofMicroseconds: duration))
        }
        for (share, exact) in [(0.5, 50_000.0), (0.9, 90_000), (0.99, 99_000)] {
            let found = Double(try #require(histogram.percentile(share)))
            #expect(abs(found - exact) / exact < 0.4, "\(share): \(found)")
        }
    }

    @Test func `what is kept is read again, and other bytes are refused`() {
        var histogram = LatencyHistogram()
        for (bucket, count) in [(0, 1), (7, 127), (8, 128), (43, 1 << 40)] {
            histogram.add(UInt64(count), toBucket: bucket)
        }
        var read = LatencyHistogram()
        let isRead = read.merge(encoded: histogram.encoded.span)
        #expect(isRead && read == histogram)
        for bad: [UInt8] in [[44, 1], [0], [0, 0x80], [0] + Array(repeating: 0xff, count: 12)] {
            var other = LatencyHistogram()
            let isAccepted = other.merge(encoded: bad.span)
            #expect(!isAccepted)
        }
    }
}
