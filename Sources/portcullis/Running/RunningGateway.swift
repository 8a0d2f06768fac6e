import ControlPlane
import DataPlane
import Foundation
import GatewayCore
import Glibc
import Logging
import SQLiteStore

/// A gateway that runs: its listeners, and where its catalog comes from.
struct RunningGateway {
    private let options: ServeOptions
    private let server: GatewayServer
    private let admin: RunningAdmin
    private let snapshots: SnapshotSource
    private let signingKeys: SigningKeyKeeper
    private let tokens: TokenRecords
    private let keys: ProviderKeys
    private let certificate: ListenerCertificate?
    private let telemetry: TelemetryKeeper
    private let accessLog: AccessLogFile?
    private let signals: AsyncStream<Signals.Request>
    private let logger: Logger

    /// Loads the catalog and begins to listen; whoever reads standard output sees both addresses.
    static func start(_ options: ServeOptions) async throws -> RunningGateway {
        let signals = Signals.listen()
        let logger = makeLogger(options.logLevel)
        let files = OpenFiles.raiseLimit()
        logger.debug("open files", metadata: ["limit": "\(files)"])

        let source = try await CatalogSource.open(options, logger)
        let snapshots = SnapshotSource(Snapshot(try SigningKeyKeeper.signed(source, at: .systemNow)))
        let tokens = TokenRecords(source, startedAt: .systemNow, logger)
        let accessLog = try options.accessLog.map { try AccessLogFile($0, options.accessLogFormat, logger) }
        let telemetry = TelemetryKeeper.start(options, logger)
        let keys = try await ProviderKeys.start(options, source, snapshots.current, logger)
        let certificate = try options.tls.map { try ListenerCertificate.start($0, snapshots, logger) }
        let apiSource = RunningAdmin.apiSource(source, snapshots, keys)
        let signingKeys = SigningKeyKeeper(source: apiSource, snapshots: snapshots, logger: logger)
        await signingKeys.check(at: .systemNow)
        var configuration = Self.configuration(options, tokens, keys)
        configuration.tls = certificate?.source
        configuration.accessLog = accessLog
        configuration.telemetry = telemetry.telemetry
        let server = try await listening(on: options.listen, "--listen") {
            try await GatewayServer.start(configuration, snapshots: snapshots, logger: logger)
        }
        let admin = try await listening(on: options.adminListen, "--admin-listen") {
            try await RunningAdmin.start(
                options,
                source,
                apiSource,
                snapshots,
                tokens,
                keys,
                certificate,
                gatewayPort: server.port,
                telemetry: TelemetryReader(server: server, keeper: telemetry),
                metrics: GatewayMetrics(
                    server: server,
                    snapshots: snapshots,
                    keys: keys,
                    accessLog: accessLog
                ),
                logger: logger
            )
        }
        try await announce(options, server, admin)
        logger.info(
            "serving",
            metadata: [
                "revision": "\(source.catalog.revision)", "clients": "\(source.catalog.clients.count)",
                "profiles": "\(source.catalog.profiles.count)", "threads": "\(options.threads)",
            ]
        )
        StartUpMemory.release()
        return RunningGateway(
            options: options,
            server: server,
            admin: admin,
            snapshots: snapshots,
            signingKeys: signingKeys,
            tokens: tokens,
            keys: keys,
            certificate: certificate,
            telemetry: telemetry,
            accessLog: accessLog,
            signals: signals,
            logger: logger
        )
    }

    private static func configuration(
        _ options: ServeOptions,
        _ tokens: TokenRecords,
        _ keys: ProviderKeys
    ) -> DataPlaneConfiguration {
        var configuration = DataPlaneConfiguration(now: { .systemNow })
        configuration.host = options.listen.host
        configuration.port = options.listen.port
        configuration.threads = options.threads
        configuration.headerTimeoutSeconds = Int64(options.headerTimeoutSeconds)
        configuration.usedTokens = tokens.used
        configuration.lastUses = tokens.lastUses
        configuration.keySets = keys.service
        return configuration
    }

    /// Tells whoever started it where it listens, and how the first owner is set up.
    private static func announce(
        _ options: ServeOptions,
        _ server: GatewayServer,
        _ admin: RunningAdmin
    ) async throws {
        let authority = "\(options.adminListen.with(port: admin.port))"
        try Terminal.print("gateway listening on \(options.listen.with(port: server.port))")
        try Terminal.print("admin listening on \(authority)")
        guard let token = try await admin.operators.openSetUp(at: .systemNow) else { return }
        try Terminal.print("console: \(admin.operators.link("setup", token: token, authority: authority))")
    }

    /// Serves until SIGTERM or SIGINT, then drains.
    func runUntilTerminated() async throws {
        let keeping = Task { try await signingKeys.run() }
        defer { keeping.cancel() }
        for await request in signals {
            switch request {
            case .reload:
                accessLog?.reopen()
                reload()
            case .reopenLogs: accessLog?.reopen()
            case .terminate:
                try await stop()
                return
            }
        }
    }

    private func stop() async throws {
        try await server.drain(within: .seconds(options.drainSeconds))
        await admin.stop()
        keys.stop()
        certificate?.stop()
        await tokens.stop()
        await telemetry.stop()
        accessLog?.flush()
        logger.info("stopped")
        LineLogHandler.sink.flush()
    }

    /// Reads the catalog file again; a bad one changes nothing.
    private func reload() {
        guard let file = options.catalogFile else {
            if accessLog == nil {
                logger.notice("SIGHUP: nothing to read again, the catalog is in the database")
            }
            return
        }
        do {
            let catalog = try CatalogFileLoader.load(file)
            // The keys that the gateway signs with are in no file.
            try snapshots.update { try catalog.signed(with: $0.signingKeys) }
            keys.use(snapshots.current)
            logger.notice(
                "catalog file read again",
                metadata: [
                    "file": "\(file)", "clients": "\(catalog.clients.count)",
                    "profiles": "\(catalog.profiles.count)",
                ]
            )
        } catch {
            logger.error(
                "catalog file refused, the old catalog stays",
                metadata: ["file": "\(file)", "reason": "\(error)"]
            )
        }
    }

    private static func listening<Server>(
        on address: ListenAddress,
        _ option: String,
        _ start: () async throws -> Server
    ) async throws -> Server {
        do {
            return try await start()
        } catch let error as CommandFailure {
            throw error
        } catch {
            throw CommandFailure.trouble(
                "cannot listen on \(address): \(reason(of: error)); give another address with \(option)"
            )
        }
    }

    /// The system's own words for its error number, where the network library's description ends with one.
    private static func reason(of error: any Error) -> String {
        let text = "\(error)"
        guard let mark = text.range(of: "(errno: "), text.hasSuffix(")"),
            let number = Int32(text[mark.upperBound...].dropLast())
        else { return text }
        return String(cString: strerror(number))
    }

    static func makeLogger(_ level: Logger.Level) -> Logger {
        Logger(label: "portcullis") { _ in LineLogHandler(logLevel: level) }
    }
}

/// Where the catalog comes from: the store, which can change it, or a file, which cannot.
enum CatalogSource {
    case store(SQLiteStore, Catalog)
    case file(Catalog, AdminToken)

    /// The variable that gives the admin token of the first start.
    private static let adminTokenVariable = "PORTCULLIS_ADMIN_TOKEN"

    /// The catalog to begin with.
    var catalog: Catalog {
        switch self {
        case .store(_, let catalog), .file(let catalog, _): catalog
        }
    }

    /// Whether it is a file, which cannot be changed from here.
    var isFile: Bool {
        switch self {
        case .store: false
        case .file: true
        }
    }

    /// Opens the store or reads the file, and sees to it that there is an admin token.
    static func open(_ options: ServeOptions, _ logger: Logger) async throws -> CatalogSource {
        if let file = options.catalogFile {
            // Nothing is kept beside the file, so the token is the environment's, or a new one at each start.
            return .file(try CatalogFileLoader.load(file), try givenToken() ?? shown(.generate()))
        }
        let store = try GatewayStore.open(options.dataDirectory, mustExist: false, isServing: true)
        let catalog = try await store.load()
        try await settleAdminToken(store, logger)
        return .store(store, catalog)
    }

    private static func settleAdminToken(_ store: SQLiteStore, _ logger: Logger) async throws {
        let given = try givenToken()
        if let known = try await store.adminTokenDigest() {
            // Never taken in silence: a reset token would come back with an old environment.
            if let given, given.digest != known {
                logger.warning(
                    "\(adminTokenVariable) is not the admin token in force, which stays; see portcullis admin-token reset"
                )
            }
            return
        }
        let entry = AuditEntry(
            at: .systemNow,
            actor: "local",
            origin: "local",
            action: "create",
            kind: "admin-token",
            id: "",
            name: ""
        )
        let token = try given ?? shown(.generate())
        try await store.replaceAdminTokenDigest(token.digest, audit: entry)
    }

    private static func shown(_ token: AdminToken) throws -> AdminToken {
        try Terminal.print("admin token: \(token.text)")
        return token
    }

    private static func givenToken() throws -> AdminToken? {
        let text = ProcessInfo.processInfo.environment[adminTokenVariable] ?? ""
        guard !text.isEmpty else { return nil }
        guard let token = AdminToken(text) else {
            throw CommandFailure.trouble(
                "\(adminTokenVariable) has \(text.utf8.count) characters, expected 64 lower-case hex digits;"
                    + " make them with openssl rand -hex 32"
            )
        }
        return token
    }
}
