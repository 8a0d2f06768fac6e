import ControlPlane
import DataPlane
import GatewayCore
import Logging
import SQLiteStore
import ServiceLifecycle

/// The admin listener while it runs.
struct RunningAdmin {
    /// The port that is listened on.
    let port: Int
    /// Who may come in.
    let operators: OperatorService
    private let group: ServiceGroup
    private let serving: Task<Void, any Error>

    private struct Listener: Service {
        let server: AdminServer

        func run() async throws {
            try await server.run()
        }
    }

    /// Begins to listen.
    ///
    /// - Throws: what the system says when the address cannot be listened on.
    static func start(
        _ options: ServeOptions,
        _ source: CatalogSource,
        _ apiSource: AdminAPI.Dependencies.Source,
        _ snapshots: SnapshotSource,
        _ tokens: TokenRecords,
        _ keys: ProviderKeys,
        _ certificate: ListenerCertificate?,
        gatewayPort: Int,
        telemetry: TelemetryReader,
        metrics: GatewayMetrics,
        logger: Logger
    ) async throws -> RunningAdmin {
        let (ports, continuation) = AsyncThrowingStream<Int, any Error>.makeStream()
        let operators = operatorService(options, source, logger)
        var configuration = AdminServer.Configuration(
            host: options.adminListen.host,
            port: options.adminListen.port
        )
        configuration.publicAuthority = options.adminURL?.authority
        configuration.clientAddress.trustsLoopback = options.adminURL != nil
        configuration.clientAddress.proxies = options.adminTrustedProxies
        Task { await operators.prepare() }
        let (host, isTLS) = (options.listen.host, certificate != nil)
        var dependencies = dependencies(
            operators,
            apiSource,
            snapshots,
            tokens,
            keys,
            certificate,
            telemetry,
            metrics,
            logger
        )
        dependencies.callGateway = GatewayCaller(host: host, port: gatewayPort, isTLS: isTLS).call
        let server = AdminServer(
            configuration,
            dependencies,
            Console.Dependencies(
                findSession: { try await operators.session($0, at: $1, isUse: $2) },
                isReadOnly: source.isFile,
                operators: operators,
                gateway: GatewayAddress(host: host, port: gatewayPort, isTLS: isTLS),
                now: { .systemNow },
                logger: logger
            ),
            onListening: { continuation.yield($0) }
        )
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .notice)
        let group = ServiceGroup(services: [Listener(server: server)], logger: quiet)
        let serving = Task {
            do {
                try await group.run()
                continuation.finish()
            } catch {
                continuation.finish(throwing: error)
                throw error
            }
        }
        for try await port in ports {
            return RunningAdmin(port: port, operators: operators, group: group, serving: serving)
        }
        throw CommandFailure.trouble("the admin listener ended before it began")
    }

    /// Stops listening and ends.
    func stop() async {
        await group.triggerGracefulShutdown()
        // It was told to end; how it did changes nothing any more.
        _ = await serving.result
    }

    private static func operatorService(
        _ options: ServeOptions,
        _ source: CatalogSource,
        _ logger: Logger
    ) -> OperatorService {
        let store: any OperatorStore
        let isReadOnly: Bool
        switch source {
        case .store(let kept, _): (store, isReadOnly) = (kept, false)
        case .file:
            // There is no audit log beside the file: who signed in and out is in the program's.
            let memory = MemoryOperatorStore { entry in
                logger.info(
                    "the console was used",
                    metadata: ["action": "\(entry.action)", "client_address": "\(entry.origin)"]
                )
            }
            (store, isReadOnly) = (memory, true)
        }
        return OperatorService(
            store: store,
            isReadOnly: isReadOnly,
            consoleURL: options.adminURL?.text,
            isAdminToken: { try await isAdminToken($0, source) },
            logger: logger
        )
    }

    private static func dependencies(
        _ operators: OperatorService,
        _ apiSource: AdminAPI.Dependencies.Source,
        _ snapshots: SnapshotSource,
        _ tokens: TokenRecords,
        _ keys: ProviderKeys,
        _ certificate: ListenerCertificate?,
        _ telemetry: TelemetryReader,
        _ metrics: GatewayMetrics,
        _ logger: Logger
    ) -> AdminAPI.Dependencies {
        AdminAPI.Dependencies(
            source: apiSource,
            decisions: telemetry,
            authenticate: { try await operators.authenticate($0, at: .systemNow) },
            explain: { request in
                var explained = explanation(request, snapshots, tokens, keys)
                if let key = explained.neededKey {
                    // As a request would wait for it.
                    await keys.service.need(key)
                    explained = explanation(request, snapshots, tokens, keys)
                }
                return (explained.record, explained.likelyCauses())
            },
            operators: operators,
            keySets: AdminAPI.Dependencies.KeySets(
                fault: { url in keys.rule.fault(url) },
                status: { source in keys.service.status(of: source) }
            ),
            certificates: { catalog in notices(certificate, catalog) },
            snapshot: { snapshots.current },
            lastUses: tokens.lastUses,
            observation: Observation(
                traffic: telemetry,
                totals: { await telemetry.totals() },
                metrics: { await metrics.families() }
            ),
            now: { .systemNow },
            logger: logger
        )
    }

    /// The certificates that something rests on.
    private static func notices(_ listener: ListenerCertificate?, _ catalog: Catalog) -> [CertificateNotice] {
        func notice(
            _ use: String,
            _ profile: ProfileID?,
            _ certificate: CertificateSummary
        ) -> CertificateNotice {
            CertificateNotice(
                use: use,
                profile: profile,
                subject: certificate.subject,
                alternativeNames: certificate.alternativeNames,
                notAfter: certificate.notAfter
            )
        }
        let own = (listener?.source.certificate).map { [notice("listener", nil, $0)] } ?? []
        return own
            + catalog.profiles.values.flatMap { profile in
                (profile.clientCertificate.map { CertificateSummary.all(in: $0.roots) } ?? [])
                    .map { notice("profile", profile.id, $0) }
            }
    }

    private static func explanation(
        _ request: ExplainRequest,
        _ snapshots: SnapshotSource,
        _ tokens: TokenRecords,
        _ keys: ProviderKeys
    ) -> Explained {
        var generator = SystemRandomNumberGenerator()
        return Explanation.explain(
            ExplainedRequest(
                method: request.method,
                url: request.url,
                token: request.token.map { Array($0.utf8) },
                clientAddress: request.clientAddress
            ),
            snapshots.current,
            keys.service.keySets.current,
            usedTokens: tokens.used,
            requestID: Hex.encode(generator.next() as UInt64) + Hex.encode(generator.next() as UInt64),
            now: .systemNow
        )
    }

    /// Where the admin API, and whatever else changes the catalog, finds it.
    static func apiSource(
        _ source: CatalogSource,
        _ snapshots: SnapshotSource,
        _ keys: ProviderKeys
    ) -> AdminAPI.Dependencies.Source {
        switch source {
        case .file: return .file { snapshots.current.catalog }
        case .store(let store, let catalog):
            let service = CatalogService(store: store, catalog: catalog) {
                snapshots.publish($0, $1)
                keys.use(snapshots.current)
            }
            return .service(service, audit: store)
        }
    }

    private static func isAdminToken(_ presented: [UInt8], _ source: CatalogSource) async throws -> Bool {
        guard let digest = APITokenDigest(token: presented) else { return false }
        switch source {
        case .file(_, let token): return digest.isEqualInConstantTime(token.digest)
        case .store(let store, _):
            // Read each time: a token that was reset beside the running gateway counts at once.
            guard let known = try await store.adminTokenDigest() else { return false }
            return digest.isEqualInConstantTime(known)
        }
    }
}
