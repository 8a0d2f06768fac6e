import GatewayCore
import NIOCore

/// The latest decisions of one event loop, in memory that is taken once.
struct DecisionRing {
    /// What is kept of one request besides the texts.
    struct Entry {
        var id: RequestID
        var findings: Findings
        var rejection: Rejection?
        var status: Int
        var address: IPAddress
        /// When it was kept: decisions of several event loops within one second have an order too.
        var keptAt: NIODeadline
        var methodLength: Int
        var pathLength: Int
    }

    private static let methodBytes = 32
    private static let pathBytes = 256
    private static let textBytes = methodBytes + pathBytes

    private var entries: [Entry?]
    private var texts: [UInt8]
    private var next = 0

    init(capacity: Int) {
        entries = Array(repeating: nil, count: max(1, capacity))
        texts = Array(repeating: 0, count: max(1, capacity) * Self.textBytes)
    }

    /// Keeps a decision in the place of the oldest one; the entry says how long the texts are.
    mutating func append(_ entry: consuming Entry, method: Span<UInt8>, path: Span<UInt8>) {
        let start = next * Self.textBytes
        entry.methodLength = min(method.count, Self.methodBytes)
        entry.pathLength = min(path.count, Self.pathBytes)
        var all = texts.mutableSpan
        Self.copy(method.extracting(first: entry.methodLength), to: &all, at: start)
        Self.copy(path.extracting(first: entry.pathLength), to: &all, at: start + Self.methodBytes)
        entries[next] = entry
        next = next + 1 == entries.count ? 0 : next + 1
    }

    private static func copy(_ bytes: Span<UInt8>, to target: inout MutableSpan<UInt8>, at start: Int) {
        guard !bytes.isEmpty else { return }
        target.withUnsafeMutableBytes { target in
            bytes.withUnsafeBytes { source in
                UnsafeMutableRawBufferPointer(rebasing: target[start..<start + source.count])
                    .copyMemory(from: source)
            }
        }
    }

    /// The decision under an id.
    func find(_ id: String) -> DecisionRecord? {
        for (index, entry) in entries.enumerated() {
            if let entry, entry.id.text == id { return record(entry, at: index) }
        }
        return nil
    }

    /// The latest ones, newest first, that are wanted, with the time that each was kept at.
    func latest(
        _ limit: Int,
        where isWanted: (Entry) -> Bool
    ) -> [(keptAt: NIODeadline, record: DecisionRecord)] {
        var records: [(keptAt: NIODeadline, record: DecisionRecord)] = []
        for step in 1...entries.count where records.count < limit {
            let index = (next - step + entries.count) % entries.count
            guard let entry = entries[index] else { break }
            if isWanted(entry) { records.append((entry.keptAt, record(entry, at: index))) }
        }
        return records
    }

    private func record(_ entry: Entry, at index: Int) -> DecisionRecord {
        let start = index * Self.textBytes
        let path = start + Self.methodBytes
        return DecisionRecord(
            requestID: entry.id.text,
            method: String(decoding: texts[start..<start + entry.methodLength], as: UTF8.self),
            path: String(decoding: texts[path..<path + entry.pathLength], as: UTF8.self),
            clientAddress: "\(entry.address)",
            status: entry.status,
            findings: entry.findings,
            rejection: entry.rejection
        )
    }
}
