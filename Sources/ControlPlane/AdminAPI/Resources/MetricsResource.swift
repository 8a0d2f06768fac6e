import GatewayCore

/// `/metrics`: numbers for machines that watch, in the text format of Prometheus, version 0.0.4.
struct MetricsResource {
    let observation: Observation?

    /// The operations.
    var operations: [Operation] {
        [
            Operation(
                method: .get,
                path: "/metrics",
                name: "getMetrics",
                summary: "Gives what is watched in the text format of Prometheus.",
                tag: "Metrics",
                successes: [
                    Operation.Success(status: 200, summary: "The numbers.", textType: "text/plain")
                ],
                perform: { _ in
                    var families: [MetricFamily] = []
                    if let observation {
                        families = await observation.totals().metrics
                        families += await observation.metrics()
                    }
                    return AdminAnswer(
                        text: MetricsText.write(families),
                        type: "text/plain; version=0.0.4; charset=utf-8"
                    )
                }
            )
        ]
    }
}

/// Writes metrics as Prometheus reads them (exposition formats, text-based, 0.0.4).
enum MetricsText {
    static func write(_ families: [MetricFamily]) -> [UInt8] {
        var text: [UInt8] = []
        for family in families {
            text += "# HELP \(family.name) \(escaped(family.help, quotes: false))\n".utf8
            text += "# TYPE \(family.name) \(family.kind.rawValue)\n".utf8
            for sample in family.samples {
                text += "\(family.name)\(sample.suffix)".utf8
                if !sample.labels.isEmpty {
                    let labels = sample.labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }
                    text += "{\(labels.joined(separator: ","))}".utf8
                }
                text += " \(number(sample.value))\n".utf8
            }
        }
        return text
    }

    /// In values of labels the backslash, the line feed and the quote are escaped; in help the quote is not.
    private static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped.append(contentsOf: "\\\\".unicodeScalars)
            case "\n": escaped.append(contentsOf: "\\n".unicodeScalars)
            case "\"" where quotes: escaped.append(contentsOf: "\\\"".unicodeScalars)
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }

    // Doubles hold whole numbers up to 2^53 exactly, and are written as such.
    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }
}
