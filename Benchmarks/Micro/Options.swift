import Measuring

/// What the command line asks for.
struct Options {
    /// What to do with the benchmarks that were chosen.
    enum Mode: Equatable {
        case measure
        case check(thresholds: String)
        case trace
        case repeated(Int)
        case list
        case help
    }

    /// Which benchmarks are meant, by parts of their names; a whole name means that one alone.
    struct Filters {
        var parts: [String] = []
        var isEmpty: Bool { parts.isEmpty }

        private static let names = Set(Benchmark.all.map(\.name))

        func contains(_ name: String) -> Bool {
            parts.contains { part in part == name || !Self.names.contains(part) && name.contains(part) }
        }
    }

    /// An option that there is not, or that lacks its value.
    struct Misuse: Error {
        let reason: String
    }

    var mode = Mode.measure
    var isChecking: Bool {
        if case .check = mode { true } else { false }
    }
    var filters = Filters()
    var isJSON = false
    var rounds = 21

    static let usage = """
        usage: microbenchmarks [--filter TEXT]… [--json] [--rounds N]
               microbenchmarks [--filter TEXT]… --check THRESHOLDS | --trace | --repeat N | --list

        Measures the parts of the request path one by one, on one thread, in turns: CPU time per operation
        (median over the turns), operations per second and heap allocations per operation. Times mean
        something in a release build alone.

          --filter TEXT       only benchmarks whose name contains TEXT, or is TEXT; may be given several times
          --json              the same as JSON
          --rounds N          turns for each benchmark (default 21)
          --check THRESHOLDS  count allocations only, hold them against this file; exit 1 when one is over
          --trace             print where one operation allocates
          --repeat N          do each operation N times and print nothing, for callgrind and perf
          --list              the names and what they mean
          --help              this text
        """

    init(_ arguments: some Sequence<String>) throws(Misuse) {
        var rest = Array(arguments)[...]
        while let option = rest.popFirst() {
            switch option {
            case "--filter": filters.parts.append(try Self.value(of: option, &rest))
            case "--json": isJSON = true
            case "--rounds": rounds = try Self.number(of: option, &rest)
            case "--check": mode = .check(thresholds: try Self.value(of: option, &rest))
            case "--trace": mode = .trace
            case "--repeat": mode = .repeated(try Self.number(of: option, &rest))
            case "--list": mode = .list
            case "--help", "-h": mode = .help
            default: throw Misuse(reason: "unknown option: \(option)")
            }
        }
    }

    private static func value(of option: String, _ rest: inout ArraySlice<String>) throws(Misuse) -> String {
        guard let value = rest.popFirst(), !value.isEmpty else {
            throw Misuse(reason: "\(option) lacks its value")
        }
        return value
    }

    private static func number(of option: String, _ rest: inout ArraySlice<String>) throws(Misuse) -> Int {
        let text = try value(of: option, &rest)
        guard let number = Int(text), (1...1_000_000_000).contains(number) else {
            throw Misuse(reason: "\(option) is \(text), expected a number from 1 to 1000000000")
        }
        return number
    }
}
