import DataPlane
import Foundation
import FuzzTargets
import NIOCore
import Testing

/// A generator whose numbers are the same in every run (splitmix64), so that a finding can be repeated.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

@Suite(.tags(.security)) struct `Mutated messages` {
    @Test(arguments: Corpus.allCases)
    func `the corpus meets the invariants`(_ corpus: Corpus) throws {
        for seed in try corpus.seeds() { corpus.run(seed) }
    }

    @Test(arguments: Corpus.allCases)
    func `mutations of the corpus meet the invariants`(_ corpus: Corpus) throws {
        let seeds = try corpus.seeds().filter { $0.count < 2000 }
        var random = SeededGenerator(state: UInt64(corpus.rawValue.utf8.count))
        for _ in 0..<3000 {
            let seed = try #require(seeds.randomElement(using: &random))
            corpus.run(try mutated(seed, seeds, &random))
        }
    }

    /// A few changes of the kinds that smuggling is made of.
    private func mutated(
        _ seed: [UInt8],
        _ seeds: [[UInt8]],
        _ random: inout SeededGenerator
    ) throws -> [UInt8] {
        let tokens = [
            "\r\n", "\n", "\r", "\r\n\r\n", " ", "\t", "\0", ":", ",", ";", "\u{7F}", "chunked", "0",
            "ffffffff",
            "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Host: b\r\n", "Connection: close\r\n",
            "Portcullis-Client: x\r\n", "_", "GET / HTTP/1.1\r\n", "\"", "\\", "?", "http://",
        ]
        var bytes = seed
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
            case 1 where place < bytes.count: bytes.remove(at: place)
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
            case 3:
                bytes.insert(contentsOf: try #require(tokens.randomElement(using: &random)).utf8, at: place)
            default:
                let other = try #require(seeds.randomElement(using: &random))
                bytes.replaceSubrange(place..., with: other.suffix(from: min(place, other.count)))
            }
        }
        return bytes
    }

    enum Corpus: String, CaseIterable, Sendable {
        case requestHead = "http-request-head"
        case responseHead = "http-response-head"
        case chunked = "http-chunked"

        func run(_ bytes: [UInt8]) {
            switch self {
            case .requestHead: HTTP1FuzzTargets.requestHead(bytes)
            case .responseHead: HTTP1FuzzTargets.responseHead(bytes)
            case .chunked: HTTP1FuzzTargets.chunked(bytes)
            }
        }

        /// The files of `Fuzzing/corpus/`, in the order of their names.
        func seeds(file: String = #filePath) throws -> [[UInt8]] {
            let root = URL(filePath: file).deletingLastPathComponent().appending(path: "../../..")
                .standardized
            let folder = root.appending(path: "Fuzzing/corpus/\(rawValue)")
            let files = try FileManager.default.contentsOfDirectory(
                at: folder,
                includingPropertiesForKeys: nil
            )
            let seeds = try files.sorted { $0.path < $1.path }.map { Array(try Data(contentsOf: $0)) }
            try #require(!seeds.isEmpty)
            return seeds
        }
    }
}
