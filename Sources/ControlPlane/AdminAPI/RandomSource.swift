/// Where the control plane's random bits come from: a generator that may be shared and copied.
package struct RandomSource: RandomNumberGenerator, Sendable {
    private let source: @Sendable () -> UInt64

    /// Takes a source that gives other bits at every call.
    package init(_ source: @escaping @Sendable () -> UInt64) {
        self.source = source
    }

    /// The generator of the system, fit for secrets.
    package static let system = RandomSource {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }

    /// The next 64 bits.
    package func next() -> UInt64 {
        source()
    }

    /// A new API token: 32 random bytes as 64 lower-case hexadecimal digits.
    func apiToken() -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return (0..<4).flatMap { _ -> [UInt8] in
            let word = next()
            return (0..<16).map { digits[Int(word >> (60 - 4 * UInt64($0)) & 15)] }
        }
    }
}
