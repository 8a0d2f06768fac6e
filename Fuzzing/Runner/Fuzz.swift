import Foundation
import FuzzTargets

/// The program: gives every target its corpus and mutations of it, a fixed number of them.
@main
struct Fuzz {
    private static let usage = """
        usage: fuzz [--corpus FOLDER] [--target NAME]… [--mutations N] [--from N] [--finding FILE]

        Gives each parser of outside bytes every file of its corpus, then mutations of them. A parser that traps,
        breaks an invariant or takes longer than 20 seconds ends the run: the input is then in the finding's
        file. The same --from makes the same inputs.

          --corpus FOLDER   the corpora (default Fuzzing/corpus)
          --target NAME     only this one; may be given several times:
                            \(FuzzTarget.allCases.map(\.rawValue).joined(separator: ", "))
          --mutations N     how many for each target (default 10000)
          --from N          the number that the inputs follow from (default 1)
          --finding FILE    where the input goes that ends the run (default .build/fuzz-finding)
          --help            this text
        """

    private var corpora = URL(filePath: "Fuzzing/corpus")
    private var targets: [FuzzTarget] = []
    private var mutations = 10_000
    private var number: UInt64 = 1
    private var finding = ".build/fuzz-finding"

    private struct Misuse: Error {
        let reason: String
    }

    static func main() {
        do {
            guard let fuzz = try Fuzz(CommandLine.arguments.dropFirst()) else { return print(usage) }
            try fuzz.run()
        } catch let misuse as Misuse {
            complain("\(misuse.reason)\n\n\(usage)")
        } catch {
            complain("error: \(error)")
        }
    }

    private static func complain(_ text: String) -> Never {
        FileHandle.standardError.write(Data((text + "\n").utf8))
        exit(2)
    }

    /// Reads the command line; `nil` when only help was asked for.
    private init?(_ arguments: some Sequence<String>) throws(Misuse) {
        var rest = Array(arguments)[...]
        while let option = rest.popFirst() {
            if option == "--help" || option == "-h" { return nil }
            guard let value = rest.popFirst() else {
                throw Misuse(reason: "\(option) is unknown or lacks its value")
            }
            switch option {
            case "--corpus": corpora = URL(filePath: value)
            case "--target":
                guard let target = FuzzTarget(rawValue: value) else {
                    throw Misuse(reason: "no target \(value)")
                }
                targets.append(target)
            case "--mutations":
                guard let count = Int(value), count >= 0 else { throw Self.wrong(option, value) }
                mutations = count
            case "--from":
                guard let from = UInt64(value) else { throw Self.wrong(option, value) }
                number = from
            case "--finding": finding = value
            default: throw Misuse(reason: "unknown option: \(option)")
            }
        }
        if targets.isEmpty { targets = FuzzTarget.allCases }
    }

    private static func wrong(_ option: String, _ value: String) -> Misuse {
        Misuse(reason: "\(option) is \(value), expected a whole number")
    }

    private func run() throws {
        Finding.watch(writingTo: finding)
        for target in targets {
            let start = ContinuousClock.now
            let seeds = try target.seeds(in: corpora)
            for seed in seeds { Finding.during(target, seed) { target.run(seed) } }
            var mutator = Mutator(target, seeds: seeds, from: number)
            for _ in 0..<mutations {
                let input = mutator.next()
                Finding.during(target, input) { target.run(input) }
            }
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            let time = String(format: "%.1f s", seconds)
            print("ok  \(target.rawValue): \(seeds.count) seeds, \(mutations) mutations, \(time)")
        }
    }
}
