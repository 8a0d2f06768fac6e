import GatewayCore
import NIOCore

/// The latest decisions of one event loop, in memory that is taken as they come, up to a number of them.
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
        /// The trace that the caller said it belongs to.
        var traceID: TraceID?
        /// How long it took; `nil` while it goes on.
        var microseconds: UInt64?
        var methodLength = 0
        var pathLength = 0
    }

    private static let methodBytes = 32
    private static let pathBytes = DecisionRecord.maximumPathBytes
    private static let textBytes = methodBytes + pathBytes

    private let capacity: Int
    private var entries: [Entry] = []
    private var texts: [UInt8] = []
    // The place of the oldest one, once there are as many as there may be.
    private var next = 0

    /// Makes one for so many, with the memory of some taken at once; by default of all.
    init(capacity: Int, reserving reserved: Int? = nil) {
        self.capacity = max(1, capacity)
        let reserved = reserved ?? self.capacity
        entries.reserveCapacity(reserved)
        texts.reserveCapacity(reserved * Self.textBytes)
    }

    /// Keeps a decision in the place of the oldest one.
    ///
    /// - Returns: the place, which is its own until as many others have come.
    mutating func append(_ entry: consuming Entry, method: Span<UInt8>, path: Span<UInt8>) -> Int {
        let place = next
        next = next + 1 == capacity ? 0 : next + 1
        let start = place * Self.textBytes
        entry.methodLength = min(method.count, Self.methodBytes)
        entry.pathLength = min(path.count, Self.pathBytes)
        if place == entries.count { texts.append(contentsOf: repeatElement(0, count: Self.textBytes)) }
        var all = texts.mutableSpan
        Self.copy(method.extracting(first: entry.methodLength), to: &all, at: start)
        Self.copy(path.extracting(first: entry.pathLength), to: &all, at: start + Self.methodBytes)
        if place == entries.count {
            entries.append(entry)
        } else {
            entries[place] = entry
        }
        return place
    }

    /// Notes how long a request took, if its decision is still in its place.
    mutating func complete(_ id: RequestID, at place: Int, microseconds: UInt64) {
        guard place < entries.count, entries[place].id == id else { return }
        entries[place].microseconds = microseconds
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
        guard let id = RequestID(id) else { return nil }
        for index in entries.indices where entries[index].id == id {
            return record(entries[index], at: index)
        }
        return nil
    }

    /// All of them, in the order of their places.
    var records: [DecisionRecord] { entries.indices.map { record(entries[$0], at: $0) } }

    /// The latest ones, newest first, that are wanted, with the time that each was kept at.
    func latest(
        _ limit: Int,
        where isWanted: (Entry) -> Bool
    ) -> [(keptAt: NIODeadline, record: DecisionRecord)] {
        var records: [(keptAt: NIODeadline, record: DecisionRecord)] = []
        var index = next
        for _ in entries.indices where records.count < limit {
            index = index == 0 ? entries.count - 1 : index - 1
            let entry = entries[index]
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
            rejection: entry.rejection,
            microseconds: entry.microseconds,
            traceID: entry.traceID
        )
    }
}
