import AllocationCounting
import Foundation
import Measuring

/// Where the operations of a benchmark allocate.
enum AllocationTrace {
    private static let capacity = 100_000

    /// Runs one period (at most as many allocations as there is room for) and sums up by call stack.
    static func take(of prepared: PreparedBenchmark) throws -> String {
        let count = prepared.benchmark.period
        let stacks = UnsafeMutablePointer<allocation_stack>.allocate(capacity: capacity)
        defer { stacks.deallocate() }
        allocation_trace_begin(stacks, capacity)
        let outcome = Result { try prepared.run(count) }
        let taken = allocation_trace_end()
        try outcome.get()
        var sums: [[UInt]: (count: Int, bytes: Int)] = [:]
        for index in 0..<taken {
            sums[frames(stacks[index]), default: (0, 0)].count += 1
            sums[frames(stacks[index]), default: (0, 0)].bytes += stacks[index].size
        }
        let names = try symbols(of: Set(sums.keys.joined()))
        var lines = [
            "\(prepared.benchmark.name): \(Report.count(Double(taken) / Double(count))) allocations per operation"
        ]
        for (stack, sum) in sums.sorted(by: { $0.value.count > $1.value.count }) {
            let each = Double(sum.count) / Double(count)
            lines.append("  \(Report.count(each)) of \(sum.bytes / sum.count) bytes")
            lines += relevant(stack.map { names[$0] ?? "?" }).map { "      \($0)" }
        }
        return lines.joined(separator: "\n")
    }

    /// The return addresses, innermost first, without the counter's own and the program's first ones.
    private static func frames(_ stack: allocation_stack) -> [UInt] {
        withUnsafeBytes(of: stack.frames) { raw in
            // A return address may be the first of the next function: the call is before it.
            raw.bindMemory(to: UInt.self).prefix(Int(stack.depth)).dropFirst(2).map { $0 - 1 }
        }
    }

    /// The frames between the runtime, which allocates for everybody, and the benchmark, which is known.
    private static func relevant(_ names: [String]) -> [String] {
        names
            .prefix { !$0.contains("microbenchmarks.") }
            .drop { $0.hasPrefix("swift_") }
            .map { name in
                name.replacing(/\ in _[0-9A-F]{32}/, with: "")
                    .replacing(/\b(Swift|FoundationEssentials)\./, with: "")
            }
    }

    /// Names for addresses, by `addr2line` and the program's and its libraries' symbol tables.
    private static func symbols(of addresses: Set<UInt>) throws -> [UInt: String] {
        let ownPath = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        var byImage: [String: [(address: UInt, offset: Int)]] = [:]
        for address in addresses {
            var offset = 0
            guard let file = allocation_image(UnsafeRawPointer(bitPattern: address), &offset) else {
                continue
            }
            let image = String(cString: file)
            // The program's own is named as it was called.
            let path = FileManager.default.fileExists(atPath: image) ? image : ownPath
            byImage[path, default: []].append((address, offset))
        }
        var names: [UInt: String] = [:]
        for (path, places) in byImage {
            let lines = try output(
                of: "addr2line",
                ["-f", "-e", path] + places.map { "0x" + String($0.offset, radix: 16) }
            ).split(separator: "\n", omittingEmptySubsequences: false)
            for (index, place) in places.enumerated() where 2 * index < lines.count {
                names[place.address] = demangled(String(lines[2 * index]))
            }
        }
        return names
    }

    private static func output(of command: String, _ arguments: [String]) throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [command] + arguments
        process.standardOutput = pipe
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }

    private static func demangled(_ symbol: String) -> String {
        guard
            let text = demangle(symbol, symbol.utf8.count, nil, nil, 0)
        else { return symbol }
        defer { free(text) }
        return String(cString: text)
    }
}

/// The Swift runtime's own demangler, which its crash reports use.
@_silgen_name("swift_demangle")
private func demangle(
    _ mangled: UnsafePointer<CChar>,
    _ length: Int,
    _ output: UnsafeMutablePointer<CChar>?,
    _ outputSize: UnsafeMutablePointer<Int>?,
    _ flags: UInt32
) -> UnsafeMutablePointer<CChar>?
