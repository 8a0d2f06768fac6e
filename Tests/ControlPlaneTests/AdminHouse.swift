import ControlPlane
import GatewayCore
import JOSE
import Logging
import Synchronization
import Testing

/// An admin API over a store in memory, and the ways in which tests call it.
struct AdminHouse {
    static let token = "the-admin-token-of-the-tests"
    static let secret = "kJ8nq0cWm2v5Xz7Lr4Tt6Yy9Ub1Ii3Oo"

    let api: AdminAPI
    let store: MemoryStore
    let service: CatalogService
    let log: LineLog
    let trials: TrialLog

    init(
        readOnly: Bool = false,
        listenHost: String = "127.0.0.1",
        decisions: [DecisionRecord] = [],
        unreadiness: String? = nil,
        operators: OperatorService? = nil,
        traffic: (any TrafficStore)? = nil
    ) {
        let store = MemoryStore()
        let log = LineLog()
        let trials = TrialLog()
        let service = CatalogService(store: store, catalog: Catalog()) { _, _ in }
        self.store = store
        self.service = service
        self.log = log
        self.trials = trials
        var dependencies = Self.dependencies(
            readOnly ? .file { Catalog() } : .service(service, audit: store),
            decisions: decisions,
            unreadiness: unreadiness,
            operators: operators,
            traffic: traffic,
            log: log
        )
        dependencies.callGateway = { call throws(TrialFailure) in try trials.answer(call) }
        api = AdminAPI(dependencies, hosts: HostRule(listenHost: listenHost))
    }

    static func dependencies(
        _ source: AdminAPI.Dependencies.Source,
        decisions: [DecisionRecord] = [],
        unreadiness: String? = nil,
        operators: OperatorService? = nil,
        traffic: (any TrafficStore)? = nil,
        log: LineLog = LineLog()
    ) -> AdminAPI.Dependencies {
        let expected = Array(token.utf8)
        return AdminAPI.Dependencies(
            source: source,
            decisions: FixedDecisions(records: decisions),
            authenticate: { ConstantTime.equal($0, expected) ? .adminToken : nil },
            explain: { question in
                let record = DecisionRecord(
                    requestID: "",
                    at: Timestamp(secondsSinceEpoch: 1_800_000_000),
                    method: question.method,
                    path: question.url,
                    clientAddress: question.clientAddress.map { "\($0.isV4)" } ?? "",
                    endpoint: nil,
                    client: nil,
                    profile: nil,
                    status: 404,
                    code: .endpointNotFound,
                    checks: [CheckOutcome(.route, .failed, "no active endpoint matches")]
                )
                return (record, [])
            },
            operators: operators
                ?? OperatorService(
                    store: MemoryOperatorStore(),
                    isAdminToken: { ConstantTime.equal($0, expected) },
                    logger: Logger(label: "test") { _ in log.handler }
                ),
            observation: traffic.map {
                Observation(traffic: $0, totals: { TelemetryTotals() }, metrics: { [] })
            },
            unreadiness: { unreadiness },
            now: { Timestamp(secondsSinceEpoch: 1_800_000_000) },
            logger: Logger(label: "test") { _ in log.handler }
        )
    }

    /// Calls the API with the admin token, on the loopback host.
    func call(
        _ method: String,
        _ target: String,
        _ body: String? = nil,
        change: (inout AdminRequest) -> Void = { _ in }
    ) async -> AdminAnswer {
        var request = AdminRequest(
            method: method,
            target: target,
            authority: "127.0.0.1:8081",
            clientAddress: "192.0.2.7"
        )
        request.authorization = "Bearer \(Self.token)"
        if body != nil { request.contentType = "application/json" }
        change(&request)
        let bytes = Array((body ?? "").utf8)
        return await api.answer(request) { _ in bytes }
    }

    /// Makes something, and gives what was answered.
    func make(_ target: String, _ body: String) async throws -> DocumentNode {
        let answer = await call("POST", target, body)
        #expect(answer.status == 201, "\(target): \(answer.text)")
        return try answer.json
    }

    /// A client, an upstream, a collection with an endpoint, and a profile with both kinds of key.
    func furnish() async throws -> Furniture {
        let client = try await make("/api/v1/clients", #"{"name":"Acme","contact_email":"api@acme.example"}"#)
        let upstream = try await make(
            "/api/v1/upstreams",
            #"{"name":"orders","targets":[{"url":"http://127.0.0.1:9000"}]}"#
        )
        let collection = try await make(
            "/api/v1/collections",
            #"{"name":"API endpoints","handle":"api-endpoints-v1"}"#
        )
        let endpoint = try await make(
            "/api/v1/endpoints",
            #"{"collection":"api-endpoints-v1","name":"call","path":"/call","upstream":"orders"}"#
        )
        let profile = try await make(
            "/api/v1/profiles",
            #"{"client":"Acme","name":"acme-hmac","collections":["api-endpoints-v1"]}"#
        )
        let profilePath = "/api/v1/profiles/\(profile.text("id"))"
        let key = try await make("\(profilePath)/keys", #"{"name":"shared","secret":"\#(Self.secret)"}"#)
        let token = try await make("\(profilePath)/api-tokens", #"{"name":"default"}"#)
        return Furniture(
            paths: [
                "/api/v1/clients/\(client.text("id"))", "/api/v1/upstreams/\(upstream.text("id"))",
                "/api/v1/collections/\(collection.text("id"))", "/api/v1/endpoints/\(endpoint.text("id"))",
                profilePath, "\(profilePath)/keys/\(key.text("id"))",
                "\(profilePath)/api-tokens/\(token.text("id"))",
            ],
            apiToken: token.text("token")
        )
    }
}

/// What ``AdminHouse/furnish()`` made.
struct Furniture {
    let paths: [String]
    let apiToken: String

    var client: String { paths[0] }
    var upstream: String { paths[1] }
    var collection: String { paths[2] }
    var endpoint: String { paths[3] }
    var profile: String { paths[4] }
    var key: String { paths[5] }
    var token: String { paths[6] }
}

extension AdminAnswer {
    var text: String { String(decoding: body, as: UTF8.self) }

    var json: DocumentNode {
        get throws { try DocumentNode(json: body, limits: DocumentNode.catalogJSONLimits) }
    }
}

extension DocumentNode {
    /// The text of a field; empty when there is none.
    func text(_ field: String) -> String { self[field]?.value.text ?? "" }
}

/// A catalog store in memory, which can be told to fail.
final class MemoryStore: CatalogStore {
    private let state = Mutex<(entries: [AuditRecord], revision: CatalogRevision, error: CatalogStoreError?)>(
        ([], CatalogRevision(0), nil)
    )

    /// What the next commits are refused with.
    func fail(with error: CatalogStoreError?) { state.withLock { $0.error = error } }

    var entries: [AuditRecord] { state.withLock { $0.entries } }

    func load() async throws -> Catalog { Catalog() }

    func commit(
        _ change: CatalogChange,
        expecting expected: CatalogRevision,
        audit: [AuditEntry]
    ) async throws {
        try state.withLock { state in
            if let error = state.error { throw error }
            state.revision = expected.next
            for entry in audit {
                let sequence = Int64(state.entries.count + 1)
                state.entries.append(AuditRecord(sequence: sequence, revision: expected.next, entry: entry))
            }
        }
    }

    func append(_ entry: AuditEntry) async throws {
        try state.withLock { state in
            if let error = state.error { throw error }
            let sequence = Int64(state.entries.count + 1)
            state.entries.append(AuditRecord(sequence: sequence, revision: nil, entry: entry))
        }
    }

    func auditEntries(_ query: AuditQuery) async throws -> [AuditRecord] {
        Array(entries.reversed().filter { query.wants($0) }.prefix(query.limit))
    }
}

/// Decisions that are always the same.
struct FixedDecisions: DecisionLog {
    let records: [DecisionRecord]

    func decision(requestID: String) async -> DecisionRecord? {
        records.first { $0.requestID == requestID }
    }

    func decisions(_ query: DecisionQuery) async throws -> DecisionPage {
        let wanted = records.filter { query.wants($0) }
        return DecisionPage(records: Array(wanted.prefix(query.limit)), next: nil, newest: nil)
    }
}

/// A gateway that says what it was called with; the real one is tried end to end.
final class TrialLog: Sendable {
    private let state = Mutex<(calls: [TrialCall], failure: String?)>(([], nil))

    var calls: [TrialCall] { state.withLock { $0.calls } }

    /// Why the next calls get no answer.
    func fail(with failure: String) { state.withLock { $0.failure = failure } }

    func answer(_ call: TrialCall) throws(TrialFailure) -> TrialAnswer {
        let failure = state.withLock { state in
            state.calls.append(call)
            return state.failure
        }
        if let failure { throw TrialFailure(failure) }
        let body = "called \(call.method) \(call.target)"
        let id = "0123456789abcdef0123456789abcdef"
        return TrialAnswer(
            status: 200,
            fields: [("X-Request-Id", id), ("Server", "<b>echo</b>")],
            body: Array(body.utf8),
            isCut: false
        )
    }
}

/// The lines that were logged.
final class LineLog: Sendable {
    private let state = Mutex<[String]>([])

    var lines: [String] { state.withLock { $0 } }
    var handler: any LogHandler { Handler(log: self) }

    private struct Handler: LogHandler {
        let log: LineLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            log.state.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") }
        }
    }
}
