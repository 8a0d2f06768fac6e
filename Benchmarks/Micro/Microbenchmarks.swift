import Foundation
import Measuring

/// The program: measures what it is asked to and prints it.
@main
struct Microbenchmarks {
    static func main() {
        do {
            let options = try Options(CommandLine.arguments.dropFirst())
            exit(try run(options))
        } catch let error as Options.Misuse {
            complain("\(error.reason)\n\n\(Options.usage)")
            exit(2)
        } catch {
            complain("error: \(error)")
            exit(2)
        }
    }

    private static func run(_ options: Options) throws -> Int32 {
        if options.mode == .help {
            print(Options.usage)
            return 0
        }
        let chosen = Benchmark.all.filter { benchmark in
            (options.filters.isEmpty || options.filters.contains(benchmark.name))
                && (benchmark.isGated || !options.isChecking)
        }
        guard !chosen.isEmpty else {
            let kind = options.isChecking ? "benchmark with a threshold" : "benchmark"
            throw BenchmarkFailure(
                "no \(kind) has \(options.filters.parts.joined(separator: " or ")) in its name; --list has them all"
            )
        }
        if options.mode == .list {
            let width = chosen.map(\.name.count).max() ?? 0
            for benchmark in chosen { print(padded(benchmark.name, width), benchmark.summary) }
            return 0
        }
        try Turns.checkCounter()
        let prepared = try chosen.map(PreparedBenchmark.init)
        switch options.mode {
        case .help, .list: break
        case .measure:
            let measurements = try Turns(rounds: options.rounds).everything(of: prepared)
            let report = Report(measurements, against: "primitive")
            print(options.isJSON ? try report.json() : report.table())
        case .check(let path):
            let thresholds = try Thresholds(file: path)
            let measurements = try prepared.map(Turns.allocations)
            let verdicts = thresholds.verdicts(on: measurements, all: options.filters.isEmpty)
            verdicts.forEach { print($0) }
            return verdicts.contains(where: \.isFailure) ? 1 : 0
        case .trace:
            for benchmark in prepared { print(try AllocationTrace.take(of: benchmark)) }
        case .repeated(let count):
            for benchmark in prepared { try benchmark.run(count) }
        }
        return 0
    }

    private static func complain(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }
}
