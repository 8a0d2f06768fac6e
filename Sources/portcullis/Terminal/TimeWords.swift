import GatewayCore

/// Moments and durations in words.
enum TimeWords {
    /// How far a moment lies from now: `3 min ago`, `in 14 min`, `now`.
    static func distance(to moment: Int64, from now: Int64) -> String {
        let (seconds, overflow) = moment.subtractingReportingOverflow(now)
        guard !overflow, seconds != .min else { return moment < now ? "ages ago" : "in ages" }
        if seconds == 0 { return "now" }
        return seconds < 0 ? "\(length(-seconds)) ago" : "in \(length(seconds))"
    }

    /// A length of time in its largest unit, or in two where the second one still matters: `1 h 30 min`.
    static func length(_ seconds: Int64) -> String {
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
    static func date(_ moment: Int64) -> String {
        // The years 0001 to 9999, which RFC 3339 §5.6 can write.
        (-62_135_596_800...253_402_300_799).contains(moment)
            ? Timestamp(secondsSinceEpoch: moment).description
            : "\(moment) s since 1970"
    }
}

/// Lengths of time as people write them: `90s`, `15m`, `1h30m`, `7d`.
enum DurationText {
    /// What is accepted, for messages.
    static let expectation = "a number with its unit, as in 90s, 15m, 1h30m or 7d, at most 36500d"

    private static let units: [(Character, Int64)] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)]
    private static let maximumSeconds: Int64 = 36_500 * 86_400

    /// Reads a length of time in whole seconds, at least one second and at most 36,500 days.
    ///
    /// - Returns: the seconds; nil when the text is anything else: no unit, a unit twice, units out of order.
    static func seconds(_ text: String) -> Int64? {
        var total: Int64 = 0
        var digits = ""
        var remaining = units[...]
        for character in text {
            if character.isASCII, character.isNumber {
                digits.append(character)
                continue
            }
            guard let position = remaining.firstIndex(where: { $0.0 == character }),
                let number = Int64(digits)
            else { return nil }
            let (product, overflow) = number.multipliedReportingOverflow(by: units[position].1)
            guard !overflow, product <= maximumSeconds else { return nil }
            total += product
            remaining = remaining[(position + 1)...]
            digits = ""
        }
        return digits.isEmpty && (1...maximumSeconds).contains(total) ? total : nil
    }
}
