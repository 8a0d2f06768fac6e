import ArgumentParser
import DataPlane
import Foundation
import GatewayCore
import Logging

/// `portcullis serve`: the gateway and its admin API.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the gateway and its admin API.",
        discussion: """
            Without --catalog the gateway keeps its catalog in an embedded database in the data directory, and the \
            admin API changes it. At the first start the admin token is printed, once (PORTCULLIS_ADMIN_TOKEN in \
            the environment of the first start sets it instead), and while there is no owner who can sign in, each \
            start prints a link to set one up in the console.

            With --catalog FILE the gateway runs from that file alone; the admin API then only reads, and SIGHUP \
            reads the file again.

            Every option can come from the environment (PORTCULLIS_LISTEN, PORTCULLIS_DATA_DIR, …) or from a \
            settings file (--config). SIGTERM lets every request that has begun end.

            Examples:
              portcullis serve
              portcullis serve --listen 0.0.0.0:8080 --admin-listen 127.0.0.1:8081 \\
                  --data-dir /var/lib/portcullis
              portcullis serve --catalog catalog.yaml --listen 127.0.0.1:0
            """
    )

    @Option(help: "The address of the gateway's listener (PORTCULLIS_LISTEN; default 0.0.0.0:8080).")
    var listen: String?

    @Option(help: "The address of the admin listener (PORTCULLIS_ADMIN_LISTEN; default 127.0.0.1:8081).")
    var adminListen: String?

    @Option(
        help: """
            Where people reach the admin listener, when not there: https://console.example, which makes the console's \
            cookie one for TLS alone (PORTCULLIS_ADMIN_URL).
            """
    )
    var adminUrl: String?

    @Option(
        help: """
            Ranges, CIDR and comma-separated, of proxies before the admin listener whose X-Forwarded-For says whom calls \
            come from; with --admin-url those on this machine do (PORTCULLIS_ADMIN_TRUSTED_PROXIES).
            """
    )
    var adminTrustedProxies: String?

    @Option(
        help:
            "The directory of the database and the master key (PORTCULLIS_DATA_DIR; default ./portcullis-data)."
    )
    var dataDir: String?

    @Option(help: "Run from this catalog file, without a database (PORTCULLIS_CATALOG).")
    var catalog: String?

    @Option(help: "The number of event loops, 1 to 1024 (PORTCULLIS_THREADS; default one per core).")
    var threads: String?

    @Option(
        help: "trace, debug, info, notice, warning, error or critical (PORTCULLIS_LOG_LEVEL; default info)."
    )
    var logLevel: String?

    @Option(
        help:
            "How long requests may take to end after SIGTERM, in seconds (PORTCULLIS_DRAIN_SECONDS; default 30)."
    )
    var drainSeconds: String?

    @Option(
        help:
            "How long a request's head may take, in seconds (PORTCULLIS_HEADER_TIMEOUT_SECONDS; default 10)."
    )
    var headerTimeoutSeconds: String?

    @Option(
        help:
            "The certificate chain (PEM) of the gateway's listener, which then speaks TLS (PORTCULLIS_TLS_CERTIFICATE)."
    )
    var tlsCertificate: String?

    @Option(help: "The private key (PEM) of that certificate (PORTCULLIS_TLS_KEY).")
    var tlsKey: String?

    @Option(
        help: """
            Whether callers are asked for a client certificate: auto, when some profile demands one, or always \
            (PORTCULLIS_TLS_CLIENT_CERTIFICATES; default auto).
            """
    )
    var tlsClientCertificates: String?

    @Option(
        help: """
            Ranges, CIDR and comma-separated, that keys of identity providers may be fetched from although they are not \
            public (PORTCULLIS_KEY_FETCH_ALLOW).
            """
    )
    var keyFetchAllow: String?

    @Option(
        help:
            "Further roots (PEM) that identity providers' certificates may end in (PORTCULLIS_KEY_FETCH_CA)."
    )
    var keyFetchCa: String?

    @Option(
        help: """
            For how long the keys of an identity provider that does not answer are still believed, in seconds \
            (PORTCULLIS_STALE_KEYS_SECONDS; default 86400).
            """
    )
    var staleKeysSeconds: String?

    @Option(
        help: """
            The file that a line is added to for each request, or - for standard output; SIGUSR1 and SIGHUP open it \
            again (PORTCULLIS_ACCESS_LOG).
            """
    )
    var accessLog: String?

    @Option(
        help: "How those lines are written, json or common (PORTCULLIS_ACCESS_LOG_FORMAT; default json)."
    )
    var accessLogFormat: String?

    @Option(
        help: """
            How many decisions are kept in the database, about 1 KB each (PORTCULLIS_KEEP_DECISIONS; default 1000000).
            """
    )
    var keepDecisions: String?

    @Option(help: "A settings file with these options as `name: value` lines (PORTCULLIS_CONFIG).")
    var config: String?

    func run() async throws {
        let settings = try SettingsSource(
            config: config,
            commandLine: [
                "listen": listen, "admin-listen": adminListen, "admin-url": adminUrl,
                "admin-trusted-proxies": adminTrustedProxies, "data-dir": dataDir,
                "catalog": catalog,
                "threads": threads, "log-level": logLevel, "drain-seconds": drainSeconds,
                "header-timeout-seconds": headerTimeoutSeconds, "key-fetch-allow": keyFetchAllow,
                "tls-certificate": tlsCertificate, "tls-key": tlsKey,
                "tls-client-certificates": tlsClientCertificates, "key-fetch-ca": keyFetchCa,
                "stale-keys-seconds": staleKeysSeconds, "access-log": accessLog,
                "access-log-format": accessLogFormat, "keep-decisions": keepDecisions,
            ]
        )
        let options = try ServeOptions(settings)
        let gateway = try await RunningGateway.start(options)
        try await gateway.runUntilTerminated()
    }
}

/// The options of `serve`, from whichever source each one came.
struct ServeOptions {
    var listen: ListenAddress
    var adminListen: ListenAddress
    var adminURL: AdminURL?
    var adminTrustedProxies: [AddressRange]
    var dataDirectory: String
    var catalogFile: String?
    var threads: Int
    var logLevel: Logger.Level
    var drainSeconds: Int
    var headerTimeoutSeconds: Int
    var tls: TLSOptions?
    var keyFetchAllowed: [AddressRange]
    var keyFetchRoots: String?
    var staleKeysSeconds: Int
    var accessLog: String?
    var accessLogFormat: AccessLogFormat
    var keptDecisions: Int

    init(_ settings: SettingsSource) throws {
        listen = try ListenAddress(try settings.string("listen") ?? "0.0.0.0:8080", option: "listen")
        adminListen = try ListenAddress(
            try settings.string("admin-listen") ?? "127.0.0.1:8081",
            option: "admin-listen"
        )
        adminURL = try AdminURL(settings)
        adminTrustedProxies = try Self.ranges(
            try settings.string("admin-trusted-proxies") ?? "",
            "admin-trusted-proxies"
        )
        dataDirectory = try settings.string("data-dir") ?? "./portcullis-data"
        catalogFile = try settings.string("catalog")
        threads = try settings.integer("threads", 1...1024) ?? ProcessInfo.processInfo.activeProcessorCount
        drainSeconds = try settings.integer("drain-seconds", 0...3600) ?? 30
        headerTimeoutSeconds = try settings.integer("header-timeout-seconds", 1...300) ?? 10
        tls = try TLSOptions(settings)
        keyFetchAllowed = try Self.ranges(try settings.string("key-fetch-allow") ?? "", "key-fetch-allow")
        keyFetchRoots = try settings.string("key-fetch-ca")
        staleKeysSeconds = try settings.integer("stale-keys-seconds", 0...31_536_000) ?? 86_400
        accessLog = try settings.string("access-log")
        accessLogFormat = try settings.choice("access-log-format", of: AccessLogFormat.self) ?? .json
        keptDecisions = try settings.integer("keep-decisions", 0...100_000_000) ?? 1_000_000
        logLevel = try settings.choice("log-level", of: Logger.Level.self) ?? .info
    }

    private static func ranges(_ text: String, _ option: String) throws -> [AddressRange] {
        try text.split(separator: ",").map { part in
            do {
                return try AddressRange(part.trimmingCharacters(in: .whitespaces))
            } catch {
                throw CommandFailure.trouble("--\(option): \(error)")
            }
        }
    }
}

/// The certificate of the gateway's listener.
struct TLSOptions {
    /// When callers are asked for a client certificate.
    enum ClientCertificates: String, CaseIterable {
        case auto, always
    }

    let certificate: String
    let key: String
    let clientCertificates: ClientCertificates

    /// - Returns: `nil` when no certificate is given.
    /// - Throws: ``CommandFailure`` when only one of certificate and key is given.
    init?(_ settings: SettingsSource) throws {
        let asked = try settings.choice("tls-client-certificates", of: ClientCertificates.self)
        switch (try settings.string("tls-certificate"), try settings.string("tls-key")) {
        case (let certificate?, let key?):
            (self.certificate, self.key) = (certificate, key)
            clientCertificates = asked ?? .auto
        case (nil, nil):
            guard asked == nil else {
                throw CommandFailure.trouble(
                    "--tls-client-certificates needs --tls-certificate and --tls-key"
                )
            }
            return nil
        case (.some, nil): throw CommandFailure.trouble("--tls-certificate needs --tls-key, its private key")
        case (nil, .some): throw CommandFailure.trouble("--tls-key needs --tls-certificate, its chain")
        }
    }
}

/// `host:port`, `[address]:port` or `:port` for all addresses; port 0 lets the system choose.
struct ListenAddress: CustomStringConvertible {
    let host: String
    let port: Int

    init(_ text: String, option: String) throws {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw CommandFailure.trouble(
                "--\(option) is \"\(text)\", expected host:port, for instance 127.0.0.1:8080"
            )
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            throw CommandFailure.trouble(
                "--\(option) is \"\(text)\", expected brackets around an IPv6 address: [::1]:8080"
            )
        }
        self.host = host.isEmpty ? "0.0.0.0" : host
        self.port = Int(port)
    }

    private init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// The same host with the port that the system chose.
    func with(port: Int) -> ListenAddress {
        ListenAddress(host: host, port: port)
    }

    var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
