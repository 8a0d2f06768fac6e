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

    // Some megabytes; while nothing can be written there are more with every minute.
    private static let maximumPlaces = 200_000

    private var counts: [Place: UInt64] = [:]

    /// Counts calls with a key or an API token; false when there is no room for it.
    mutating func add(_ requests: UInt64, of id: UseID, in minute: Timestamp) -> Bool {
        let place = Place(minute: minute, id: id)
        guard counts.count < Self.maximumPlaces || counts[place] != nil else { return false }
        counts[place, default: 0] &+= requests
        return true
    }

    /// Adds what could not be written; gives how many calls of it found no room.
    mutating func merge(_ other: UseCounts) -> UInt64 {
        other.counts.reduce(0) { lost, entry in
            add(entry.value, of: entry.key.id, in: entry.key.minute) ? lost : lost &+ entry.value
        }
    }

    /// One by one.
    var all: [UseCount] {
        counts.map { UseCount(minute: $0.minute, id: $0.id, requests: $1) }
    }
}

/// What one event loop counted of keys and API tokens since it handed over last.
struct UseTally: Sendable {
    // As many as are used within a quarter of a second, and more.
    private static let maximum = 65_536

    private var tallies: [UseID: UInt64] = [:]
    private(set) var uncounted: UInt64 = 0
    // Most requests are like the one before: those are added up first.
    private var key: UseID?
    private var apiToken: UseID?
    private var pending: UInt64 = 0

    /// Counts a request.
    @inline(__always)
    mutating func count(_ key: UseID?, _ apiToken: UseID?) {
        if key != self.key || apiToken != self.apiToken { turn(to: key, apiToken) }
        pending &+= 1
    }

    @inline(never)
    private mutating func turn(to key: UseID?, _ apiToken: UseID?) {
        settle()
        (self.key, self.apiToken, pending) = (key, apiToken, 0)
    }

    private mutating func settle() {
        guard pending > 0 else { return }
        add(key)
        add(apiToken)
    }

    private mutating func add(_ id: UseID?) {
        guard let id else { return }
        guard tallies.count < Self.maximum || tallies[id] != nil else { return uncounted &+= pending }
        tallies[id, default: 0] &+= pending
    }

    /// How many requests there were with each.
    var counts: [UseID: UInt64] {
        var settled = self
        settled.settle()
        return settled.tallies
    }
}
