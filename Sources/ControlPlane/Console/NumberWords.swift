import GatewayCore

/// Numbers and times as pages show them.
enum NumberWords {
    /// A whole number with its digits in groups of three: `12,345`.
    static func grouped(_ number: Int64) -> String {
        let digits = Array(String(number.magnitude).utf8)
        var result = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { result += "," }
            result.unicodeScalars.append(Unicode.Scalar(digit))
        }
        return result
    }

    /// A duration given in microseconds: `850 µs`, `12 ms`, `1.5 s`.
    static func duration(microseconds: Int64) -> String {
        switch microseconds {
        case ..<1000: "\(microseconds) µs"
        case ..<10_000: "\(microseconds / 1000).\(microseconds % 1000 / 100) ms"
        case ..<1_000_000: "\(microseconds / 1000) ms"
        default: "\(microseconds / 1_000_000).\(microseconds % 1_000_000 / 100_000) s"
        }
    }

    /// A part of a whole in percent: `0 %`, `<0.1 %`, `2.5 %`.
    static func share(_ part: Int64, of whole: Int64) -> String {
        guard whole > 0, part > 0 else { return "0 %" }
        let tenths = Int64((Double(part) * 1000 / Double(whole)).rounded())
        guard tenths > 0 else { return "<0.1 %" }
        return tenths % 10 == 0 ? "\(tenths / 10) %" : "\(tenths / 10).\(tenths % 10) %"
    }

    /// A moment of a document (RFC 3339, in UTC) for people: `2026-11-26 02:57:02`.
    static func moment(_ text: String) -> String {
        String(text.prefix { $0 != "Z" }.map { $0 == "T" ? " " : $0 })
    }
}
