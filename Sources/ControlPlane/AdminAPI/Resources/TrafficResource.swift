package import GatewayCore

/// Where what is counted of the requests can be read.
package struct Observation: Sendable {
    /// What was counted over time.
    package let traffic: any TrafficStore
    /// What there was since the start.
    package let totals: @Sendable () async -> TelemetryTotals
    /// What is watched besides.
    package let metrics: @Sendable () async -> [MetricFamily]

    /// Takes the parts.
    package init(
        traffic: any TrafficStore,
        totals: @escaping @Sendable () async -> TelemetryTotals,
        metrics: @escaping @Sendable () async -> [MetricFamily]
    ) {
        self.traffic = traffic
        self.totals = totals
        self.metrics = metrics
    }
}

/// `/api/v1/traffic`: how much there was, when, of what, and how long it took.
struct TrafficResource {
    let observation: Observation?
    let exports: WorkLimit
    private let tag = "Traffic"

    init(observation: Observation?, exports: WorkLimit) {
        self.exports = exports
        self.observation = observation
    }

    /// The operations.
    var operations: [Operation] {
        [
            Operation(
                method: .get,
                path: "/api/v1/traffic",
                name: "getTraffic",
                summary: "Gives requests, refusals by code and percentiles of latency over time.",
                tag: tag,
                query: [Self.window] + Self.filters,
                successes: [
                    Operation.Success(status: 200, summary: "The traffic.", object: Self.object.output)
                ],
                perform: { call in try await read(call) }
            ),
            Operation(
                method: .get,
                path: "/api/v1/traffic.csv",
                name: "exportTraffic",
                summary: "Gives what was counted as a table, slot by slot and label by label.",
                tag: tag,
                query: [CSV.limit, Self.window],
                successes: [Operation.Success(status: 200, summary: "The table.", textType: CSV.type)],
                problems: [.tooManyAttempts],
                perform: { call in try await exports.perform { try await export(call) } }
            ),
        ]
    }

    private static let window = Operation.Parameter(
        name: "window",
        shape: .choice(TrafficWindow.allCases.map(\.rawValue)),
        summary: "The last hour by minutes, the last day by quarters of an hour, or 30 days by six hours.",
        fallback: .string(TrafficWindow.hour.rawValue)
    )

    private static let filters = [
        Operation.Parameter(name: "client", shape: .text(.any(1...1000)), summary: "Only of this client."),
        Operation.Parameter(
            name: "profile",
            shape: .text(.any(1...1000)),
            summary: "Only of profiles of this name."
        ),
        Operation.Parameter(
            name: "endpoint",
            shape: .text(.any(1...1000)),
            summary: "Only of this endpoint, as `handle/name`, or as `handle/` of all in a collection."
        ),
    ]

    private static func window(of call: Call) -> TrafficWindow {
        call.text("window").flatMap { TrafficWindow(rawValue: $0) } ?? .hour
    }

    private func read(_ call: Call) async throws -> AdminAnswer {
        let window = Self.window(of: call)
        guard let observation else {
            let summary = TrafficSummary.Builder(window, at: call.now).summary { _ in TrafficLabels.none }
            return AdminAnswer(200, Self.document(summary, TelemetryTotals()))
        }
        let totals = await observation.totals()
        let summary = try await observation.traffic.traffic(
            window,
            of: TrafficFilter(
                client: call.text("client"),
                profile: call.text("profile"),
                endpoint: call.text("endpoint")
            ),
            at: call.now
        )
        return AdminAnswer(200, Self.document(summary, totals))
    }

    private func export(_ call: Call) async throws -> AdminAnswer {
        let window = Self.window(of: call)
        var table = CSV([
            "start", "seconds", "endpoint", "client", "profile", "code", "requests", "mean_us", "p50_us",
            "p90_us", "p99_us",
        ])
        guard let observation else { return table.answer(named: "traffic") }
        _ = await observation.totals()
        let rows = try await observation.traffic.trafficRows(
            window,
            at: call.now,
            limit: CSV.limit(of: call)
        )
        for row in rows {
            let percentiles = TrafficSummary.Percentiles(row.count.latency)
            let mean = row.count.requests == 0 ? 0 : row.count.microseconds / row.count.requests
            table.add([
                row.at.description, "\(window.period.rawValue)", row.labels.endpoint, row.labels.client,
                row.labels.profile, row.labels.code, "\(row.count.requests)", "\(mean)",
                percentiles.map { "\($0.p50)" } ?? "", percentiles.map { "\($0.p90)" } ?? "",
                percentiles.map { "\($0.p99)" } ?? "",
            ])
        }
        return table.answer(named: "traffic")
    }

    // MARK: The document

    private static func document(_ summary: TrafficSummary, _ totals: TelemetryTotals) -> DocumentNode {
        DocumentNode(
            object: [
                ("window", .string(summary.window.rawValue)),
                ("slot_seconds", .integer(summary.window.period.rawValue)),
                ("requests", count(summary.requests)),
                ("refused", count(summary.refused)),
                ("refusals", refusals(summary.refusals)),
                ("latency", latency(summary.latency)),
                (
                    "slots",
                    .array(
                        summary.slots.map { slot in
                            DocumentNode(
                                object: [
                                    ("start", .string(slot.start.description)),
                                    ("requests", count(slot.requests)),
                                    ("refused", count(slot.refusals.values.reduce(0, &+))),
                                    ("refusals", refusals(slot.refusals)),
                                    ("latency", latency(slot.latency)),
                                ]
                            )
                        }
                    )
                ),
                ("top_clients", .array(summary.topClients.map(share))),
                ("top_endpoints", .array(summary.topEndpoints.map(share))),
                ("dropped_decisions", count(totals.droppedDecisions)),
                ("dropped_requests", count(totals.droppedRequests)),
            ]
        )
    }

    private static func count(_ number: UInt64) -> DocumentValue { .integer(Int64(clamping: number)) }

    private static func refusals(_ refusals: [String: UInt64]) -> DocumentValue {
        .array(
            refusals.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { code, requests in
                DocumentNode(object: [("code", .string(code)), ("requests", count(requests))])
            }
        )
    }

    private static func latency(_ latency: LatencyHistogram) -> DocumentValue {
        guard let percentiles = TrafficSummary.Percentiles(latency) else { return .null }
        return .fields([
            ("p50_us", count(percentiles.p50)), ("p90_us", count(percentiles.p90)),
            ("p99_us", count(percentiles.p99)),
        ])
    }

    private static func share(_ share: TrafficSummary.Share) -> DocumentNode {
        DocumentNode(
            object: [
                ("name", .string(share.name)), ("requests", count(share.requests)),
                ("refused", count(share.refused)), ("latency", latency(share.latency)),
            ]
        )
    }
}

// MARK: - Its shapes

extension TrafficResource {
    private static let latencyShape = Shape.optional(
        .object(
            ObjectShape(
                name: "Latency",
                summary: "How long requests took, in microseconds, interpolated from buckets.",
                fields: [
                    ObjectShape.Field("p50_us", .natural, "Half of them took at most this long."),
                    ObjectShape.Field("p90_us", .natural, "Nine in ten took at most this long."),
                    ObjectShape.Field("p99_us", .natural, "All but one in a hundred took at most this long."),
                ]
            )
        )
    )

    private static let refusalsField = ObjectShape.Field(
        "refusals",
        .list(
            .object(
                ObjectShape(
                    name: "RefusalCount",
                    summary: "How many requests were refused with a code.",
                    fields: [
                        ObjectShape.Field("code", .text(.any(1...100)), "The code."),
                        ObjectShape.Field("requests", .natural, "How many."),
                    ]
                )
            ),
            count: 0...100,
            isUnique: false
        ),
        "How many were refused, by code, the most first."
    )

    private static let slot = ObjectShape(
        name: "TrafficSlot",
        summary: "The traffic of one slot of a window.",
        fields: [
            ObjectShape.Field("start", .text(.time), "When it began."),
            ObjectShape.Field("requests", .natural, "How many requests there were."),
            ObjectShape.Field("refused", .natural, "How many of them were refused."),
            refusalsField,
            ObjectShape.Field("latency", latencyShape, "How long they took; null when there was none."),
        ]
    )

    private static let share = ObjectShape(
        name: "TrafficShare",
        summary: "The traffic of one client or endpoint.",
        fields: [
            ObjectShape.Field(
                "name",
                .text(.any(0...1000)),
                "The client's name, or the endpoint as `handle/name`."
            ),
            ObjectShape.Field("requests", .natural, "How many requests there were."),
            ObjectShape.Field("refused", .natural, "How many of them were refused."),
            ObjectShape.Field("latency", latencyShape, "How long they took; null when there was none."),
        ]
    )

    private static let object = ObjectShape(
        name: "Traffic",
        summary: "The traffic of a window that ends now.",
        fields: [
            ObjectShape.Field("window", .choice(TrafficWindow.allCases.map(\.rawValue)), "The window."),
            ObjectShape.Field("slot_seconds", .natural, "How long each slot is."),
            ObjectShape.Field("requests", .natural, "How many requests there were."),
            ObjectShape.Field("refused", .natural, "How many of them were refused."),
            refusalsField,
            ObjectShape.Field("latency", latencyShape, "How long they took; null when there was none."),
            ObjectShape.Field(
                "slots",
                .list(.object(slot), count: 0...200, isUnique: false),
                "Slot by slot, oldest first; the last one is under way."
            ),
            ObjectShape.Field(
                "top_clients",
                .list(.object(share), count: 0...TrafficSummary.topCount, isUnique: false),
                "The clients with the most requests."
            ),
            ObjectShape.Field(
                "top_endpoints",
                .list(.object(share), count: 0...TrafficSummary.topCount, isUnique: false),
                "The endpoints with the most requests."
            ),
            ObjectShape.Field(
                "dropped_decisions",
                .natural,
                "Decisions since the start that found no room on the way to the store."
            ),
            ObjectShape.Field(
                "dropped_requests",
                .natural,
                "Requests since the start that are missing here because the store could not be written."
            ),
        ]
    )
}
