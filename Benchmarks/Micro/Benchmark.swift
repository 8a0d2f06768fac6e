/// One operation that is measured by doing it over and over.
struct Benchmark: Sendable {
    /// Does the operation a number of times; tells how many of them ended as they should.
    typealias Work = (_ count: Int) -> Int

    /// What people and thresholds call it: `group/case`.
    let name: String
    /// What one operation is.
    let summary: String
    /// The benchmark whose operation this one contains, and so cannot be faster than.
    var limit: String?
    /// After how many operations everything repeats: counts are taken over whole periods.
    var period = 1
    /// Whether it has a threshold; what others wrote has none.
    var isGated = true
    /// Makes keys, tokens and tables; called once, and only when the benchmark is wanted.
    let prepare: @Sendable () throws -> Work
}

/// A benchmark with everything made that it needs.
struct PreparedBenchmark {
    let benchmark: Benchmark
    private let work: Benchmark.Work

    /// - Throws: ``BenchmarkFailure`` when an operation does not do what it is there for.
    init(_ benchmark: Benchmark) throws {
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
    func run(_ count: Int) throws {
        let good = work(count)
        guard good == count else {
            throw BenchmarkFailure("\(benchmark.name): \(good) of \(count) operations ended as they should")
        }
    }
}

/// Why there is no result.
struct BenchmarkFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension Benchmark {
    /// All of them, in the order of the request path.
    static let all: [Benchmark] =
        headScans + routeMatches + admissionHits + cacheLookUps + admissionMisses + admissionRefusals
        + verifications + primitives
}
