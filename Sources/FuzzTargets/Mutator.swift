import JOSE

/// Makes inputs from a target's seeds: the same ones in every run that begins from the same number, so that a
/// finding can be repeated.
package struct Mutator {
    /// Longer seeds are run as they are only: most changes of them would be far from what they are about.
    private static let longestSeed = 2000

    private let target: FuzzTarget
    private let seeds: [[UInt8]]
    private let fragments: [[UInt8]]
    private var random: SeededGenerator

    /// Begins with a target's seeds, at least one of them shorter than 2,000 bytes.
    package init(_ target: FuzzTarget, seeds: [[UInt8]], from number: UInt64) {
        self.target = target
        self.seeds = seeds.filter { $0.count < Self.longestSeed }
        precondition(!self.seeds.isEmpty, "the corpus has no short seed")
        fragments = target.fragments.map { Array($0.utf8) }
        random = SeededGenerator(state: number)
    }

    /// The next input.
    package mutating func next() -> [UInt8] {
        let seed = seeds[Int.random(in: seeds.indices, using: &random)]
        // A random byte in encoded text hardly ever means anything: half of the changes are made below it.
        if Bool.random(using: &random), let changed = changedBelowEncoding(seed) { return changed }
        return changed(seed)
    }

    /// A few changes of the kinds that attacks are made of.
    private mutating func changed(_ seed: [UInt8]) -> [UInt8] {
        var bytes = seed
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
            case 1 where place < bytes.count: bytes.remove(at: place)
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
            case 3:
                let fragment = fragments[Int.random(in: fragments.indices, using: &random)]
                bytes.insert(contentsOf: fragment, at: place)
            default:
                let other = seeds[Int.random(in: seeds.indices, using: &random)]
                bytes.replaceSubrange(place..., with: other.suffix(from: min(place, other.count)))
            }
        }
        return bytes
    }

    /// Changes what one part of a token, or the body of a PEM file, encodes; `nil` for all else.
    private mutating func changedBelowEncoding(_ seed: [UInt8]) -> [UInt8]? {
        switch target {
        case .token:
            var parts = seed.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            let index = Int.random(in: parts.indices, using: &random)
            // What does not decode is changed as text.
            guard let decoded = try? Base64URL.decode(Array(parts[index])) else { return nil }
            parts[index] = Array(Base64URL.encode(changed(decoded)).utf8)[...]
            return Array(parts.joined(separator: [UInt8(ascii: ".")]))
        case .publicKey, .privateKey:
            var lines = seed.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            guard let first = lines.firstIndex(where: { $0.starts(with: Array("-----BEGIN".utf8)) }),
                let last = lines[first...].firstIndex(where: { $0.starts(with: Array("-----END".utf8)) }),
                let decoded = try? Base64.decode(Array(lines[first + 1..<last].joined()))  // as above
            else { return nil }
            lines.replaceSubrange(
                first + 1..<last,
                with: [Array(Base64.encode(changed(decoded)).utf8)[...]]
            )
            return Array(lines.joined(separator: [UInt8(ascii: "\n")]))
        case .json, .base64url, .requestHead, .responseHead, .chunked, .rule, .proxyHeader, .tokenRequest:
            return nil
        }
    }
}

/// A generator whose numbers are the same in every run (splitmix64).
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
