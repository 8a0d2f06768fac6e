/// Moments and durations in words.
package enum TimeWords {
    /// How far a moment lies from now: `3 min ago`, `in 14 min`, `now`.
    package static func distance(to moment: Int64, from now: Int64) -> String {
        let (seconds, overflow) = moment.subtractingReportingOverflow(now)
        guard !overflow, seconds != .min else { return moment < now ? "ages ago" : "in ages" }
        if seconds == 0 { return "now" }
        return seconds < 0 ? "\(length(-seconds)) ago" : "in \(length(seconds))"
    }

    /// A length of time in its largest unit, or in two where the second one still matters: `1 h 30 min`.
    package static func length(_ seconds: Int64) -> String {
        switch seconds {
        case ..<60: return "\(seconds) s"
        case ..<3_600: return "\(seconds / 60) min"
        case ..<86_400:
            let minutes = seconds % 3_600 / 60
            return "\(seconds / 3_600) h" + (minutes == 0 ? "" : " \(minutes) min")
        case ..<(2 * 86_400): return "1 day"
        case ..<(1_000 * 86_400): return "\(seconds / 86_400) days"
        default: return "\(seconds / (365 * 86_400)) years"
        }
    }

    /// The date in UTC; just the number where no calendar reaches.
    package static func date(_ moment: Int64) -> String {
        // The years 0001 to 9999, which RFC 3339 §5.6 can write.
        (-62_135_596_800...253_402_300_799).contains(moment)
            ? Timestamp(secondsSinceEpoch: moment).description
            : "\(moment) s since 1970"
    }

    /// When something ended, by the day where that is what people remember: `3 min ago`, `yesterday`, `5 days ago`.
    package static func ago(_ moment: Timestamp, now: Timestamp) -> String {
        let days =
            floorDivide(now.secondsSinceEpoch, 86_400) - floorDivide(moment.secondsSinceEpoch, 86_400)
        switch days {
        case 1: return "yesterday"
        case 2...: return "\(days) days ago"
        default: return distance(to: moment.secondsSinceEpoch, from: now.secondsSinceEpoch)
        }
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : -((-(value + 1)) / divisor) - 1
    }
}
