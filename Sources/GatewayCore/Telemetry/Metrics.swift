/// A value that is watched, with all its labels, as Prometheus and its kin read it.
package struct MetricFamily: Sendable {
    /// What the numbers mean to whoever adds them up.
    package enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// One number.
    package struct Sample: Sendable {
        /// What comes behind the family's name: `_bucket`, `_sum` or `_count`; else nothing.
        package let suffix: String
        /// The labels in order.
        package let labels: [(name: String, value: String)]
        /// The number.
        package let value: Double

        /// Takes the parts.
        package init(_ value: Double, _ labels: [(name: String, value: String)] = [], suffix: String = "") {
            self.suffix = suffix
            self.labels = labels
            self.value = value
        }
    }

    /// The name, with the unit at its end.
    package let name: String
    /// What is counted, in one sentence.
    package let help: String
    /// The kind.
    package let kind: Kind
    /// The numbers.
    package let samples: [Sample]

    /// Takes the parts.
    package init(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        self.name = name
        self.help = help
        self.kind = kind
        self.samples = samples
    }
}

extension TelemetryTotals {
    /// What is watched of the requests.
    package var metrics: [MetricFamily] {
        [
            MetricFamily(
                "portcullis_requests_total",
                .counter,
                "Requests by endpoint, client, access profile, and the code of the refusal (- for none).",
                requests.sorted { $0.key < $1.key }.map { labels, count in
                    MetricFamily.Sample(
                        Double(count),
                        [
                            ("endpoint", labels.endpoint), ("client", labels.client),
                            ("profile", labels.profile), ("code", labels.code),
                        ]
                    )
                }
            ),
            MetricFamily(
                "portcullis_request_duration_seconds",
                .histogram,
                "Time from the head of the request to the end of the answer.",
                endpoints.sorted { $0.key < $1.key }.flatMap { Self.histogram($0, $1) }
            ),
            MetricFamily(
                "portcullis_decisions_dropped_total",
                .counter,
                "Decisions that found no room on the way to the store.",
                [MetricFamily.Sample(Double(droppedDecisions))]
            ),
            MetricFamily(
                "portcullis_rollup_requests_dropped_total",
                .counter,
                "Requests that found no room on the way to the stored rollups.",
                [MetricFamily.Sample(Double(droppedRequests))]
            ),
        ]
    }

    // Every second bound, the full octaves: enough to calculate percentiles from, half as much to keep.
    private static func histogram(_ endpoint: String, _ count: TrafficCount) -> [MetricFamily.Sample] {
        var samples: [MetricFamily.Sample] = []
        var below: UInt64 = 0
        for (bucket, here) in count.latency.counts.enumerated() {
            below &+= here
            guard bucket % 2 == 0, let bound = LatencyHistogram.upperBound(ofBucket: bucket) else { continue }
            samples.append(
                MetricFamily.Sample(
                    Double(below),
                    [("endpoint", endpoint), ("le", "\(Double(bound) / 1_000_000)")],
                    suffix: "_bucket"
                )
            )
        }
        let total = Double(count.requests)
        return samples + [
            MetricFamily.Sample(total, [("endpoint", endpoint), ("le", "+Inf")], suffix: "_bucket"),
            MetricFamily.Sample(
                Double(count.microseconds) / 1_000_000,
                [("endpoint", endpoint)],
                suffix: "_sum"
            ),
            MetricFamily.Sample(total, [("endpoint", endpoint)], suffix: "_count"),
        ]
    }
}
