import GatewayCore

/// The overview: what happened in the last hour, day or month, and the first steps where nothing has yet.
struct OverviewPages {
    /// The pages.
    var routes: [ConsoleRoute] {
        [
            .show("") { visit in try await overview(visit) },
            .show("/traffic.csv") { visit in
                let window = Window(visit).rawValue
                return .plain(await visit.api.answer("GET", "/api/v1/traffic.csv", [("window", window)]))
            },
        ]
    }

    /// How far back the page looks.
    private enum Window: String, CaseIterable {
        case hour, day, month

        init(_ visit: Visit) {
            self = visit.query["window"].flatMap { Window(rawValue: $0) } ?? .hour
        }

        var title: String {
            switch self {
            case .hour: "Last hour"
            case .day: "Last day"
            case .month: "Last 30 days"
            }
        }

        /// What names a slot: its time of day, or its date.
        func label(_ start: String) -> String {
            let moment = NumberWords.moment(start)
            switch self {
            case .hour, .day: return String(moment.dropFirst(11).prefix(5))
            case .month: return String(moment.dropFirst(5).prefix(11))
            }
        }
    }

    private func overview(_ visit: Visit) async throws -> ConsoleAnswer {
        let window = Window(visit)
        let traffic = try await visit.api.get("/api/v1/traffic", [("window", window.rawValue)])
        let steps = try await firstSteps(visit, hasTraffic: traffic.count("requests") > 0)
        let tabs = Window.allCases.map { choice in
            DocumentNode(
                object: [
                    ("title", .string(choice.title)), ("path", .string("/console?window=\(choice.rawValue)")),
                    ("isCurrent", .bool(choice == window)),
                ]
            )
        }
        let isUnfinished = steps.contains { $0["isDone"]?.value.isTrue != true }
        return .page(
            ConsolePage(
                "overview",
                title: "Overview",
                section: .overview,
                [
                    ("tabs", .array(tabs)), ("window", .string(window.rawValue)),
                    ("steps", .array(steps)), ("isUnfinished", .bool(isUnfinished)),
                    ("tiles", .array(tiles(traffic))),
                    ("hasTraffic", .bool(traffic.count("requests") > 0)),
                    ("requestChart", requestChart(traffic, window)),
                    ("latencyChart", latencyChart(traffic, window)),
                    ("slots", .array(rows(traffic, window))),
                    ("refusals", .array(refusals(traffic))),
                    ("hasRefusals", .bool(!(traffic["refusals"]?.elements ?? []).isEmpty)),
                    ("clients", .array(shares(traffic, "top_clients", "client"))),
                    ("endpoints", .array(shares(traffic, "top_endpoints", "endpoint"))),
                    ("hasClients", .bool(!(traffic["top_clients"]?.elements ?? []).isEmpty)),
                    ("dropped", .string(Self.dropped(traffic))),
                ]
            )
        )
    }

    // MARK: The first steps

    private func firstSteps(_ visit: Visit, hasTraffic: Bool) async throws -> [DocumentNode] {
        func total(_ kind: String) async throws -> Int64 {
            try await visit.api.get("/api/v1/\(kind)", [("limit", "1")]).count("total")
        }
        let steps: [(String, String, String, Bool)] = [
            (
                "Name an upstream", "The service that calls are to reach.", "/console/upstreams/new",
                try await total("upstreams") > 0
            ),
            (
                "Publish a collection with an endpoint", "What callers may ask for, and where it leads.",
                "/console/collections/new", try await total("endpoints") > 0
            ),
            (
                "Register a client", "The organisation or app that calls.", "/console/clients/new",
                try await total("clients") > 0
            ),
            (
                "Give it an access profile", "How it proves who it is, and what it may reach.",
                "/console/clients",
                try await total("profiles") > 0
            ),
            (
                "Make the first call", "Try it at the end of the access profile.", "/console/clients",
                hasTraffic
            ),
        ]
        return steps.enumerated().map { index, step in
            DocumentNode(
                object: [
                    ("number", .integer(Int64(index + 1))), ("title", .string(step.0)),
                    ("text", .string(step.1)),
                    ("path", .string(step.2)), ("isDone", .bool(step.3)),
                ]
            )
        }
    }

    // MARK: Numbers

    private func tiles(_ traffic: DocumentNode) -> [DocumentNode] {
        let (requests, refused) = (traffic.count("requests"), traffic.count("refused"))
        var tiles: [(String, String, String)] = [
            ("Requests", NumberWords.grouped(requests), ""),
            (
                "Admitted", NumberWords.grouped(requests - refused),
                NumberWords.share(requests - refused, of: requests)
            ),
            ("Refused", NumberWords.grouped(refused), NumberWords.share(refused, of: requests)),
        ]
        let latency = traffic["latency"]
        for (title, name, words) in [
            ("Median latency", "p50_us", "half took at most this"),
            ("99th percentile", "p99_us", "1 in 100 took longer"),
        ] {
            let value = latency?[name]?.value.number.map { NumberWords.duration(microseconds: $0) }
            tiles.append((title, value ?? "—", value == nil ? "" : words))
        }
        return tiles.map { title, number, words in
            DocumentNode(object: [
                ("title", .string(title)), ("number", .string(number)), ("words", .string(words)),
            ])
        }
    }

    private func requestChart(_ traffic: DocumentNode, _ window: Window) -> DocumentValue {
        let slots = (traffic["slots"]?.elements ?? []).map { slot in
            let refused = slot.count("refused")
            return Chart.Slot(
                time: window.label(slot["start"]?.value.text ?? ""),
                values: [Double(slot.count("requests") - refused), Double(refused)]
            )
        }
        let (requests, refused) = (traffic.count("requests"), traffic.count("refused"))
        return Chart(
            form: .bars,
            series: ["admitted", "refused"],
            slots: slots,
            words: { NumberWords.grouped(Int64($0.rounded())) },
            summary:
                "Requests over time: \(NumberWords.grouped(requests)) in all, \(NumberWords.grouped(refused)) refused"
        ).content
    }

    private func latencyChart(_ traffic: DocumentNode, _ window: Window) -> DocumentValue {
        let names = ["p50_us", "p90_us", "p99_us"]
        let slots = (traffic["slots"]?.elements ?? []).map { slot in
            Chart.Slot(
                time: window.label(slot["start"]?.value.text ?? ""),
                values: names.map { slot["latency"]?[$0]?.value.number.map { Double($0) } }
            )
        }
        return Chart(
            form: .lines,
            series: ["median", "90th percentile", "99th percentile"],
            slots: slots,
            words: { NumberWords.duration(microseconds: Int64($0.rounded())) },
            summary: "Latency over time: median, 90th and 99th percentile"
        ).content
    }

    private func rows(_ traffic: DocumentNode, _ window: Window) -> [DocumentNode] {
        (traffic["slots"]?.elements ?? []).filter { $0.count("requests") > 0 }.map { slot in
            let words = { (name: String) -> DocumentValue in
                .string(
                    slot["latency"]?[name]?.value.number.map { NumberWords.duration(microseconds: $0) } ?? "—"
                )
            }
            return DocumentNode(
                object: [
                    ("time", .string(window.label(slot["start"]?.value.text ?? ""))),
                    ("requests", .string(NumberWords.grouped(slot.count("requests")))),
                    ("refused", .string(NumberWords.grouped(slot.count("refused")))),
                    ("median", words("p50_us")), ("p90", words("p90_us")), ("p99", words("p99_us")),
                ]
            )
        }
    }

    private func refusals(_ traffic: DocumentNode) -> [DocumentNode] {
        let all = traffic.count("refused")
        return (traffic["refusals"]?.elements ?? []).map { refusal in
            let code = refusal["code"]?.value.text ?? ""
            let count = refusal.count("requests")
            return DocumentNode(
                object: [
                    ("code", .string(code)),
                    ("path", .string("/console/decisions?code=\(PathSegment.encoded(code))")),
                    ("count", .string(NumberWords.grouped(count))),
                    ("share", .string(NumberWords.share(count, of: all))),
                ]
            )
        }
    }

    private func shares(_ traffic: DocumentNode, _ list: String, _ filter: String) -> [DocumentNode] {
        (traffic[list]?.elements ?? []).map { share in
            let name = share["name"]?.value.text ?? ""
            let refused = share.count("refused")
            return DocumentNode(
                object: [
                    ("name", .string(name)),
                    (
                        "path",
                        .string("/console/decisions?outcome=all&\(filter)=\(PathSegment.encoded(name))")
                    ),
                    ("requests", .string(NumberWords.grouped(share.count("requests")))),
                    ("refused", .string(refused == 0 ? "" : NumberWords.grouped(refused))),
                    (
                        "median",
                        .string(
                            share["latency"]?["p50_us"]?.value.number
                                .map { NumberWords.duration(microseconds: $0) } ?? "—"
                        )
                    ),
                ]
            )
        }
    }

    private static func dropped(_ traffic: DocumentNode) -> String {
        let count = traffic.count("dropped_decisions")
        return count == 0
            ? ""
            : "\(NumberWords.grouped(count)) decisions were counted, but not kept one by one since the start: there were too many at once."
    }
}

extension DocumentNode {
    /// A whole number of an object; 0 where there is none.
    func count(_ name: String) -> Int64 { self[name]?.value.number ?? 0 }

    /// The elements of a list of an object; none where there is no list.
    func elements(_ name: String) -> [DocumentNode] { self[name]?.elements ?? [] }
}
