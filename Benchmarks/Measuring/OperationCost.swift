import AllocationCounting
import Glibc

/// What one operation of a benchmark costs.
package struct OperationCost {
    /// What was measured.
    package let benchmark: Benchmark
    /// Exact, since nothing else runs on the thread; whole numbers but where memory grows now and then.
    package let allocations: Double
    /// Bytes asked for.
    package let bytes: Double
    /// CPU time of the thread, the median over all batches; `nil` when only allocations were counted.
    package var nanoseconds: Double?
    /// The quickest batch.
    package var leastNanoseconds: Double?
}

/// Measures benchmarks side by side.
package struct Turns {
    /// About how long one turn takes.
    private static let turnNanoseconds = 8_000_000.0
    private let rounds: Int

    /// Gives each benchmark `rounds` turns.
    package init(rounds: Int = 21) {
        self.rounds = rounds
    }

    /// Counts allocations only.
    package static func allocations(of prepared: PreparedBenchmark) throws -> OperationCost {
        let period = prepared.benchmark.period
        // Enough that growth by doubling does not pass for none.
        let count = (256 + period - 1) / period * period
        let (before, bytesBefore) = (allocation_count(), allocation_bytes())
        try prepared.run(count)
        let (after, bytesAfter) = (allocation_count(), allocation_bytes())
        return OperationCost(
            benchmark: prepared.benchmark,
            allocations: Double(after - before) / Double(count),
            bytes: Double(bytesAfter - bytesBefore) / Double(count)
        )
    }

    /// Counts allocations and takes times, in turns: what disturbs the machine for a while then disturbs all.
    package func everything(of all: [PreparedBenchmark]) throws -> [OperationCost] {
        var measurements = try all.map(Self.allocations)
        let counts = try all.map(operationsPerTurn)
        var times = all.map { _ in [Double]() }
        for _ in 0..<rounds {
            for (index, prepared) in all.enumerated() {
                // The neighbour has filled the processor's caches with its own.
                try prepared.run(max(1, counts[index] / 8))
                times[index].append(try time(prepared, counts[index]))
            }
        }
        for index in all.indices {
            let sorted = times[index].sorted()
            measurements[index].nanoseconds = sorted[sorted.count / 2]
            measurements[index].leastNanoseconds = sorted[0]
        }
        return measurements
    }

    private func operationsPerTurn(_ prepared: PreparedBenchmark) throws -> Int {
        var count = prepared.benchmark.period
        while true {
            let total = try time(prepared, count) * Double(count)
            if total > Self.turnNanoseconds / 8 {
                let wanted = Double(count) * Self.turnNanoseconds / total
                return max(1, Int(wanted) / prepared.benchmark.period) * prepared.benchmark.period
            }
            count *= 2
        }
    }

    /// Nanoseconds per operation.
    private func time(_ prepared: PreparedBenchmark, _ count: Int) throws -> Double {
        let start = Self.threadNanoseconds()
        try prepared.run(count)
        return Double(Self.threadNanoseconds() - start) / Double(count)
    }

    /// The CPU time of this thread: other programs that take the processor do not count.
    private static func threadNanoseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    /// Makes one allocation and sees whether it is counted.
    ///
    /// - Throws: ``BenchmarkFailure`` when the counter is not in the way of this program's allocations: it
    ///   would then find none anywhere.
    package static func checkCounter() throws {
        let before = allocation_count()
        let memory = [UInt8](repeating: 1, count: Int(before % 7) + 4096)
        guard allocation_count() == before + 1, memory.count >= 4096 else {
            throw BenchmarkFailure(
                "one allocation was counted as \(allocation_count() - before), expected 1: the counting malloc is not in use"
            )
        }
    }
}
