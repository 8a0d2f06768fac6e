import Foundation
import FuzzTargets
import Testing

@Suite(.tags(.security)) struct `Mutated messages` {
    private static let targets = [
        FuzzTarget.requestHead, .responseHead, .chunked, .rule, .proxyHeader, .tokenRequest,
    ]

    @Test(arguments: targets)
    func `the corpus meets the invariants`(_ target: FuzzTarget) throws {
        for seed in try target.seeds(in: corpora()) { target.run(seed) }
    }

    @Test(arguments: targets)
    func `mutations of the corpus meet the invariants`(_ target: FuzzTarget) throws {
        var mutator = Mutator(target, seeds: try target.seeds(in: corpora()), from: 1)
        for _ in 0..<3000 { target.run(mutator.next()) }
    }

    private func corpora(file: String = #filePath) -> URL {
        URL(filePath: file).deletingLastPathComponent().appending(path: "../../../Fuzzing/corpus")
            .standardized
    }
}
