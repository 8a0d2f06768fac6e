/// One operation that is measured by doing it over and over.
package struct Benchmark: Sendable {
    /// Does the operation a number of times; tells how many of them ended as they should.
    package typealias Work = (_ count: Int) -> Int

    /// What people and thresholds call it: `group/case`.
    package let name: String
    /// What one operation is.
    package let summary: String
    /// The benchmark that this one is held against.
    package let reference: String?
    /// After how many operations everything repeats: counts are taken over whole periods.
    package let period: Int
    /// Whether it has a threshold; what others wrote has none.
    package let isGated: Bool
    let prepare: @Sendable () throws -> Work

    /// Describes a benchmark.
    ///
    /// `prepare` makes keys, tokens and tables; it is called once, and only when the benchmark is wanted.
    package init(
        name: String,
        summary: String,
        reference: String? = nil,
        period: Int = 1,
        isGated: Bool = true,
        prepare: @escaping @Sendable () throws -> Work
    ) {
        self.name = name
        self.summary = summary
        self.reference = reference
        self.period = period
        self.isGated = isGated
        self.prepare = prepare
    }
}

/// A benchmark with everything made that it needs.
package struct PreparedBenchmark {
    /// What is measured.
    package let benchmark: Benchmark
    private let work: Benchmark.Work

    /// Prepares the benchmark and tries it.
    ///
    /// - Throws: ``BenchmarkFailure`` when an operation does not do what it is there for.
    package init(_ benchmark: Benchmark) throws {
        self.benchmark = benchmark
        work = try benchmark.prepare()
        // Twice, so that what is made once and then kept has been made.
        for _ in 0..<2 { try run(benchmark.period) }
    }

    /// Does the operation `count` times.
    ///
    /// - Throws: ``BenchmarkFailure`` unless each ended as it should: fast and wrong is no result.
    // Kept whole under its name: callgrind is told to count within it.
    @inline(never)
    package func run(_ count: Int) throws {
        let good = work(count)
        guard good == count else {
            throw BenchmarkFailure("\(benchmark.name): \(good) of \(count) operations ended as they should")
        }
    }
}

/// Why there is no result.
package struct BenchmarkFailure: Error, CustomStringConvertible {
    package let description: String

    /// Says why, in words.
    package init(_ description: String) {
        self.description = description
    }
}
