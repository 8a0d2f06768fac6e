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
