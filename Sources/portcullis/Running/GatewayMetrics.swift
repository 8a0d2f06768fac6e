import DataPlane
import GatewayCore

/// What is watched of a running gateway besides its requests.
struct GatewayMetrics: Sendable {
    let server: GatewayServer
    let snapshots: SnapshotSource
    let keys: ProviderKeys
    let accessLog: AccessLogFile?

    // What a watching machine has room for.
    private static let maximumTargets = 1000

    /// The numbers now.
    func families() async -> [MetricFamily] {
        let loops = await server.statistics()
        return connections(loops) + tokenMemory(loops) + upstreams(loops) + keySets() + accessLogLosses()
            + build()
    }

    private func connections(_ loops: [LoopStatistics]) -> [MetricFamily] {
        [
            MetricFamily(
                "portcullis_connections",
                .gauge,
                "Connections of callers that are open.",
                [MetricFamily.Sample(Double(loops.reduce(0) { $0 + $1.connections }))]
            ),
            MetricFamily(
                "portcullis_event_loop_lag_seconds",
                .gauge,
                "The longest that an event waited for its event loop in the last seconds.",
                loops.enumerated().map { index, loop in
                    MetricFamily.Sample(Double(loop.lagNanoseconds) / 1e9, [("loop", "\(index)")])
                }
            ),
        ]
    }

    private func tokenMemory(_ loops: [LoopStatistics]) -> [MetricFamily] {
        [
            MetricFamily(
                "portcullis_verified_tokens",
                .gauge,
                "Verified tokens that are remembered.",
                [MetricFamily.Sample(Double(loops.reduce(0) { $0 + $1.rememberedTokens }))]
            ),
            MetricFamily(
                "portcullis_verified_token_hits_total",
                .counter,
                "Requests whose token was remembered as verified.",
                [MetricFamily.Sample(Double(loops.reduce(0) { $0 + $1.tokenHits }))]
            ),
            MetricFamily(
                "portcullis_verified_token_misses_total",
                .counter,
                "Requests whose token had to be verified.",
                [MetricFamily.Sample(Double(loops.reduce(0) { $0 + $1.tokenMisses }))]
            ),
        ]
    }

    private func upstreams(_ loops: [LoopStatistics]) -> [MetricFamily] {
        var states: [String: (connections: Int, isDown: Bool)] = [:]
        for (target, state) in loops.flatMap(\.targets) {
            let known = states[target] ?? (0, false)
            states[target] = (known.connections + state.connections, known.isDown || state.isDown)
        }
        var owners: [String: Set<String>] = [:]
        for upstream in snapshots.current.catalog.upstreams.values {
            for target in upstream.targets { owners[target.authority, default: []].insert(upstream.name) }
        }
        var open: [MetricFamily.Sample] = []
        var isUp: [MetricFamily.Sample] = []
        for (target, state) in states.sorted(by: { $0.key < $1.key }) {
            for owner in (owners[target] ?? []).sorted() where open.count < Self.maximumTargets {
                let labels = [("upstream", owner), ("target", target)]
                open.append(MetricFamily.Sample(Double(state.connections), labels))
                isUp.append(MetricFamily.Sample(state.isDown ? 0 : 1, labels))
            }
        }
        return [
            MetricFamily(
                "portcullis_upstream_up",
                .gauge,
                "Whether an upstream's target answered when it was called last (1), or failed just now (0).",
                isUp
            ),
            MetricFamily(
                "portcullis_upstream_connections",
                .gauge,
                "Connections to an upstream's target; targets that several upstreams name are shared.",
                open
            ),
        ]
    }

    private func keySets() -> [MetricFamily] {
        var counts: [MetricFamily.Sample] = []
        var failures: [MetricFamily.Sample] = []
        let sources = snapshots.current.keySetSources.keys.sorted { "\($0.url)" < "\($1.url)" }
        for source in sources.prefix(Self.maximumTargets) {
            guard let status = keys.service.status(of: source) else { continue }
            let labels = [("issuer", source.issuer), ("url", "\(source.url)")]
            counts.append(MetricFamily.Sample(Double(status.keySet?.keys.count ?? 0), labels))
            failures.append(MetricFamily.Sample(Double(status.failures), labels))
        }
        return [
            MetricFamily(
                "portcullis_key_set_keys",
                .gauge,
                "Keys of an identity provider that are in force.",
                counts
            ),
            MetricFamily(
                "portcullis_key_set_failures",
                .gauge,
                "Fetches of an identity provider's keys that failed since the last good one.",
                failures
            ),
        ]
    }

    private func accessLogLosses() -> [MetricFamily] {
        guard let accessLog else { return [] }
        return [
            MetricFamily(
                "portcullis_access_log_lines_dropped_total",
                .counter,
                "Lines of the access log that could not be written, or not soon enough.",
                [MetricFamily.Sample(Double(accessLog.droppedLines))]
            )
        ]
    }

    private func build() -> [MetricFamily] {
        [
            MetricFamily(
                "portcullis_build_info",
                .gauge,
                "Always 1; the labels say what runs.",
                [MetricFamily.Sample(1, [("version", Portcullis.version)])]
            ),
            MetricFamily(
                "portcullis_catalog_revision",
                .gauge,
                "The revision of the catalog in force.",
                [MetricFamily.Sample(Double(snapshots.current.catalog.revision.number))]
            ),
        ]
    }
}
