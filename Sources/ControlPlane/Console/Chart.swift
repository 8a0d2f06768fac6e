import GatewayCore

/// The geometry of a chart over time, for the template `chart`: numbers only, so that it needs no script.
struct Chart: Sendable {
    /// One moment of the chart.
    struct Slot: Sendable {
        /// When it begins, in words for people.
        let time: String
        /// What is stacked upon each other, or what the lines pass through; `nil` where there is nothing.
        let values: [Double?]
    }

    /// How the values are drawn.
    enum Form: Sendable {
        /// Upon each other.
        case bars
        /// As one line each.
        case lines
    }

    /// The size of the drawing, in its own units.
    private static let width = 520.0
    private static let height = 180.0
    private static let left = 52.0
    private static let top = 8.0
    private static let bottom = 22.0
    /// How many moments are named below the chart.
    private static let namedSlots = 5

    let form: Form
    /// The names of the values, in their order; the template's class of each is `series-1` and so on.
    let series: [String]
    let slots: [Slot]
    /// What a value is in words.
    let words: @Sendable (Double) -> String
    /// What the chart shows, in one sentence.
    let summary: String

    /// What the template shows.
    var content: DocumentValue {
        let highest =
            slots.map { slot in
                let values = slot.values.compactMap(\.self)
                return form == .bars ? values.reduce(0, +) : values.max() ?? 0
            }.max() ?? 0
        let scale = Self.scale(upTo: highest)
        let plain = Self.height - Self.top - Self.bottom
        let y = { (value: Double) in Self.top + plain * (1 - value / scale.last) }
        return .fields([
            ("summary", .string(summary)), ("form", .string(form == .bars ? "bars" : "lines")),
            ("width", Self.number(Self.width)), ("height", Self.number(Self.height)),
            ("grid", .array(scale.steps.map { gridLine($0, y($0)) })),
            ("bars", .array(form == .bars ? bars(y) : [])),
            ("lines", .array(form == .lines ? lines(y) : [])),
            ("times", .array(times())),
            (
                "legend",
                .array(
                    series.indices.map { index in
                        DocumentNode(object: [
                            ("name", .string(series[index])), ("kind", .string("series-\(index + 1)")),
                        ])
                    }
                )
            ),
        ])
    }

    /// Round steps from 0 to at least a value; three of them, besides 0.
    static func scale(upTo highest: Double) -> (steps: [Double], last: Double) {
        guard highest > 0, highest.isFinite else { return ([0, 1], 1) }
        var step = 1.0
        // The smallest of 1, 2, 5, 10, … (and 0.5, 0.2, …) of which three reach.
        while step * 3 >= highest, step > 1e-6 { step /= 10 }
        for factor in Self.factors(from: step) where factor * 3 >= highest {
            return ([0, factor, 2 * factor, 3 * factor], 3 * factor)
        }
        return ([0, highest], highest)
    }

    private static func factors(from step: Double) -> [Double] {
        (0..<24).flatMap { exponent in
            let power = (0..<exponent).reduce(step) { power, _ in power * 10 }
            return [power, 2 * power, 5 * power]
        }
    }

    // MARK: Its parts

    private func x(_ index: Int) -> Double {
        Self.left + (Self.width - Self.left) * Double(index) / Double(max(1, slots.count))
    }

    private var slotWidth: Double { (Self.width - Self.left) / Double(max(1, slots.count)) }

    private func gridLine(_ value: Double, _ y: Double) -> DocumentNode {
        DocumentNode(
            object: [
                ("y", Self.number(y)), ("textY", Self.number(y + 4)), ("left", Self.number(Self.left)),
                ("textX", Self.number(Self.left - 6)), ("right", Self.number(Self.width)),
                ("label", .string(words(value))),
            ]
        )
    }

    private func bars(_ y: (Double) -> Double) -> [DocumentNode] {
        slots.indices.flatMap { index -> [DocumentNode] in
            var base = 0.0
            return slots[index].values.enumerated().compactMap { place, value in
                guard let value, value > 0 else { return nil }
                let (low, high) = (y(base), y(base + value))
                base += value
                return DocumentNode(
                    object: [
                        ("x", Self.number(x(index) + slotWidth * 0.12)), ("y", Self.number(high)),
                        ("width", Self.number(slotWidth * 0.76)),
                        // A single call among many thousands is still to be seen.
                        ("height", Self.number(max(1, low - high))), ("kind", .string("series-\(place + 1)")),
                        ("title", .string("\(slots[index].time): \(words(value)) \(series[place])")),
                    ]
                )
            }
        }
    }

    private func lines(_ y: (Double) -> Double) -> [DocumentNode] {
        series.indices.map { place in
            var path = ""
            var isDrawing = false
            for index in slots.indices {
                guard let value = slots[index].values[place] else {
                    isDrawing = false
                    continue
                }
                path +=
                    "\(isDrawing ? "L" : "M")\(Self.text(x(index) + slotWidth / 2)) \(Self.text(y(value)))"
                // A moment by itself is a dot: a line of no length with a round end.
                let isAlone = index + 1 == slots.count || slots[index + 1].values[place] == nil
                if !isDrawing, isAlone { path += "h0" }
                isDrawing = true
            }
            return DocumentNode(object: [("path", .string(path)), ("kind", .string("series-\(place + 1)"))])
        }
    }

    private func times() -> [DocumentNode] {
        let step = max(1, slots.count / Self.namedSlots)
        return stride(from: 0, to: slots.count, by: step).map { index in
            DocumentNode(
                object: [
                    ("x", Self.number(x(index))), ("y", Self.number(Self.height - 5)),
                    ("label", .string(slots[index].time)),
                ]
            )
        }
    }

    private static func number(_ value: Double) -> DocumentValue { .string(text(value)) }

    /// With one digit behind the point.
    private static func text(_ value: Double) -> String {
        let tenths = Int64((value * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }
}
