/// How many calls there were with a key or an API token within a minute.
package struct UseCount: Sendable {
    /// For how long counts are kept, in seconds: somewhat longer than anybody asks for.
    package static let keptSeconds: Int64 = 2 * 3600

    /// The minute's beginning.
    package let minute: Timestamp
    /// The key or API token.
    package let id: UseID
    /// How many.
    package var requests: UInt64

    /// Takes the parts.
    package init(minute: Timestamp, id: UseID, requests: UInt64) {
        self.minute = minute
        self.id = id
        self.requests = requests
    }
}

/// What was counted of keys and API tokens since it was written last; bounded.
struct UseCounts: Sendable {
    private struct Place: Hashable {
        let minute: Timestamp
        let id: UseID
    }

    // What is beyond is not counted: it would be somebody's ten thousandth key within a second.
    private static let maximumPlaces = 20_000

    private var counts: [Place: UInt64] = [:]

    /// Whether nothing was counted.
    var isEmpty: Bool { counts.isEmpty }

    /// Counts calls with a key or an API token.
    mutating func add(_ requests: UInt64, of id: UseID, in minute: Timestamp) {
        let place = Place(minute: minute, id: id)
        guard counts.count < Self.maximumPlaces || counts[place] != nil else { return }
        counts[place, default: 0] &+= requests
    }

    /// Adds what could not be written.
    mutating func merge(_ other: UseCounts) {
        for (place, requests) in other.counts { add(requests, of: place.id, in: place.minute) }
    }

    /// One by one.
    var all: [UseCount] {
        counts.map { UseCount(minute: $0.minute, id: $0.id, requests: $1) }
    }
}
