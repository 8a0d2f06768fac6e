/// Which decisions are asked for.
package struct DecisionQuery: Sendable {
    /// Which outcomes are wanted.
    package enum Outcome: String, Sendable, CaseIterable {
        case refused, admitted, all
    }

    /// The most decisions of one page.
    package static let maximumLimit = 1000

    /// Only those of this client.
    package var client: String?
    /// Only those of a profile of this name.
    package var profile: String?
    /// Only those of this endpoint, as `handle/name`.
    package var endpoint: String?
    /// Only refusals with this code.
    package var code: Rejection.Code?
    /// Which outcomes are wanted.
    package var outcome = Outcome.refused
    /// Only those of this moment or later.
    package var from: Timestamp?
    /// Only those of this moment or earlier.
    package var to: Timestamp?
    /// Only the one under this request id.
    package var requestID: String?
    /// Only those of calls from this address.
    package var address: IPAddress?
    /// At most so many, up to ``maximumLimit``.
    package var limit = 50
    /// Only those older than this place; newest first.
    package var before: DecisionCursor?
    /// Only those that were kept later than this place, oldest first: for following along.
    ///
    /// Goes before ``before``.
    package var after: DecisionCursor?

    /// Asks for the latest refusals.
    package init() {}

    /// Whether a decision is wanted, places apart.
    package func wants(_ record: DecisionRecord) -> Bool {
        switch outcome {
        case .refused where record.code == nil, .admitted where record.code != nil: return false
        case .refused, .admitted, .all: break
        }
        return Self.fits(client, record.client) && Self.fits(profile, record.profile)
            && Self.fits(endpoint, record.endpoint) && (code == nil || record.code == code)
            && Self.fits(requestID, record.requestID)
            && (address.map { "\($0)" == record.clientAddress } ?? true)
            && (from.map { $0 <= record.at } ?? true) && (to.map { record.at <= $0 } ?? true)
    }

    private static func fits(_ wanted: String?, _ found: String?) -> Bool {
        guard let wanted else { return true }
        return found.map { $0.utf8.elementsEqual(wanted.utf8) } ?? false
    }
}

/// The place of a decision among those that are kept.
package struct DecisionCursor: Sendable, Hashable {
    /// When it was decided, in seconds since the epoch.
    package let at: Int64
    /// Its number, in the order in which decisions were kept.
    package let sequence: Int64

    /// Takes the parts.
    package init(at: Int64, sequence: Int64) {
        self.at = at
        self.sequence = sequence
    }

    /// Reads the text form.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 32, bytes.allSatisfy({ Hex.value(of: $0) != nil }),
            let at = UInt64(text.prefix(16), radix: 16), let sequence = UInt64(text.suffix(16), radix: 16)
        else { return nil }
        self.init(at: Int64(bitPattern: at), sequence: Int64(bitPattern: sequence))
    }

    /// The text form: 32 lower-case hex digits.
    package var text: String {
        Hex.encode(UInt64(bitPattern: at)) + Hex.encode(UInt64(bitPattern: sequence))
    }
}

/// Decisions that were asked for.
package struct DecisionPage: Sendable {
    /// The decisions: newest first, or oldest first when it is followed along.
    package let records: [DecisionRecord]
    /// Where to go on; `nil` when there is nothing further now.
    package let next: DecisionCursor?
    /// Where the newest of them is: what follows it is new; `nil` when nothing is known.
    package let newest: DecisionCursor?

    /// Takes the parts.
    package init(records: [DecisionRecord], next: DecisionCursor?, newest: DecisionCursor?) {
        self.records = records
        self.next = next
        self.newest = newest
    }
}
