/// The last few token headers that were accepted, with what they say.
///
/// The tokens of one issuer mostly have the same header, byte for byte: reading it once is enough. Only headers
/// are remembered, which say nothing of who calls; whoever parses many tokens in one place keeps one.
public struct TokenHeaderMemory: Sendable {
    private struct Entry {
        let encoded: [UInt8]
        let facts: HeaderFacts
    }

    private let capacity: Int
    private var entries: [Entry] = []
    private var next = 0

    /// Makes an empty memory.
    ///
    /// - Parameter capacity: how many headers it holds; each is held against a token's in turn.
    public init(capacity: Int = 4) {
        self.capacity = capacity
    }

    func find(_ encoded: Span<UInt8>) -> HeaderFacts? {
        for entry in entries where Self.isEqual(entry.encoded.span, encoded) { return entry.facts }
        return nil
    }

    mutating func keep(_ facts: HeaderFacts, of encoded: Span<UInt8>) {
        guard capacity > 0 else { return }
        let entry = Entry(encoded: unsafe encoded.withUnsafeBufferPointer { unsafe Array($0) }, facts: facts)
        guard entries.count == capacity else {
            entries.append(entry)
            return
        }
        entries[next] = entry
        next = (next + 1) % capacity
    }

    private static func isEqual(_ known: Span<UInt8>, _ encoded: Span<UInt8>) -> Bool {
        guard known.count == encoded.count else { return false }
        for index in known.indices where known[index] != encoded[index] { return false }
        return true
    }
}
