import Foundation
import Measuring

/// How many allocations each operation may make.
struct Thresholds {
    /// What is said of one benchmark.
    struct Threshold: Decodable {
        /// The most allocations per operation that pass.
        let maximum: Double
        /// What is being worked towards, where that is less.
        let goal: Double?
    }

    /// The outcome for one benchmark.
    struct Verdict: CustomStringConvertible {
        let name: String
        let isFailure: Bool
        let words: String

        var description: String {
            "\(padded(isFailure ? "failed" : "ok", 7)) \(padded(name, 24)) \(words)"
        }
    }

    private struct File: Decodable {
        let thresholds: [String: Threshold]
    }

    private let thresholds: [String: Threshold]

    init(file: String) throws {
        do {
            let data = try Data(contentsOf: URL(fileURLWithPath: file))
            thresholds = try JSONDecoder().decode(File.self, from: data).thresholds
        } catch {
            throw BenchmarkFailure("\(file) has no thresholds that can be read: \(error)")
        }
    }

    /// Holds each measurement against its threshold.
    ///
    /// With `all`, a threshold that no benchmark answers to is a failure too: it guards nothing any more.
    func verdicts(on measurements: [OperationCost], all: Bool) -> [Verdict] {
        var verdicts = measurements.map(verdict)
        guard all else { return verdicts }
        let known = Set(measurements.map(\.benchmark.name))
        for name in thresholds.keys.sorted() where !known.contains(name) {
            verdicts.append(
                Verdict(name: name, isFailure: true, words: "has a threshold, but there is no such benchmark")
            )
        }
        return verdicts
    }

    private func verdict(_ measurement: OperationCost) -> Verdict {
        let name = measurement.benchmark.name
        let found = Report.count(measurement.allocations)
        guard let threshold = thresholds[name] else {
            return Verdict(
                name: name,
                isFailure: true,
                words: "\(found) allocations, and no threshold says how many may be"
            )
        }
        let maximum = Report.count(threshold.maximum)
        var words = "\(found) allocations, at most \(maximum)"
        if let goal = threshold.goal { words += ", the goal is \(Report.count(goal))" }
        if measurement.allocations < threshold.maximum { words += "; the threshold can be lowered" }
        return Verdict(name: name, isFailure: measurement.allocations > threshold.maximum, words: words)
    }
}
