import GatewayCore

/// The value of a `Date` field (RFC 9110 §5.6.7), written once a second.
struct DateField {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private var writtenAt: Timestamp?
    private var text = ""
    private var bytes: [UInt8] = []

    /// The whole field with its line end, for this moment.
    mutating func line(at now: Timestamp) -> [UInt8] {
        if writtenAt != now { bytes = Array("Date: \(value(at: now))\r\n".utf8) }
        return bytes
    }

    /// The value for this moment: `Tue, 24 Nov 2026 00:00:00 GMT`.
    mutating func value(at now: Timestamp) -> String {
        if writtenAt != now {
            writtenAt = now
            text = Self.text(now)
        }
        return text
    }

    private static func text(_ now: Timestamp) -> String {
        // `2026-11-24T00:00:00Z`; the first day of 1970 was a Thursday.
        let parts = now.description.split { "-T:Z".contains($0) }
        let dayNumber = Int(now.secondsSinceEpoch.quotientAndRemainder(dividingBy: 86_400).quotient % 7)
        guard parts.count == 6, let month = Int(parts[1]), (1...12).contains(month), dayNumber >= 0 else {
            return ""
        }
        let time = "\(parts[3]):\(parts[4]):\(parts[5])"
        return "\(days[dayNumber]), \(parts[2]) \(months[month - 1]) \(parts[0]) \(time) GMT"
    }
}
