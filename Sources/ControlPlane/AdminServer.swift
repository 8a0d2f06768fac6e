import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore

/// The admin listener: the admin API and the console over HTTP, on a port of its own.
///
/// `run()` serves until the surrounding service group shuts down gracefully, or its task is cancelled.
package struct AdminServer: Sendable {
    /// Where it listens, and what it puts up with.
    package struct Configuration: Sendable {
        /// The address to listen on.
        package var host: String
        /// The port to listen on; 0 lets the system choose one.
        package var port: Int
        /// The host and port under which a proxy before it is reached, if there is one: `console.example`.
        package var publicAuthority: String?
        /// Whom requests come from, where a proxy stands before the listener.
        package var clientAddress = AdminClientAddress()
        /// How long a connection may be silent, a request's head take, or a body pause.
        package var idleTimeout = Duration.seconds(30)
        /// How long the body of a request may take as a whole.
        package var bodyTimeout = Duration.seconds(300)
        /// At most so many connections at once; the others wait.
        package var maximumConnections = 512
        /// The longest head of a request, in bytes.
        package var maximumHeadBytes = 64 * 1024

        /// Takes the address; the rest is at its default.
        package init(host: String = "127.0.0.1", port: Int = 8081) {
            self.host = host
            self.port = port
        }
    }

    private let configuration: Configuration
    private let api: AdminAPI
    private let console: Console
    private let logger: Logger
    private let onListening: @Sendable (_ port: Int) -> Void

    /// Makes the server.
    ///
    /// - Parameters:
    ///   - configuration: where it listens, and what it puts up with.
    ///   - dependencies: what the API works on.
    ///   - console: what the console works with besides.
    ///   - onListening: is told the port once the server takes connections.
    package init(
        _ configuration: Configuration,
        _ dependencies: AdminAPI.Dependencies,
        _ console: Console.Dependencies,
        onListening: @escaping @Sendable (_ port: Int) -> Void = { _ in }
    ) {
        self.configuration = configuration
        let hosts = HostRule(listenHost: configuration.host, publicAuthority: configuration.publicAuthority)
        api = AdminAPI(dependencies, hosts: hosts)
        self.console = Console(api, console)
        logger = dependencies.logger
        self.onListening = onListening
    }

    /// Listens and serves until it is shut down.
    ///
    /// - Throws: when the address cannot be listened on.
    package func run() async throws {
        try await application.run()
    }

    var application: Application<AdminResponder> {
        let limits = HTTP1Channel.Configuration.DecoderConfiguration(
            maxHeaderFieldSize: configuration.maximumHeadBytes,
            maxHeaderListSize: configuration.maximumHeadBytes,
            maxHeaderFieldCount: 100
        )
        let channel = HTTP1Channel.Configuration(
            idleTimeout: TimeAmount(configuration.idleTimeout),
            httpDecoderConfiguration: limits
        )
        let onListening = onListening
        let configuredPort = configuration.port
        // The framework's own lines at `info` are for its developers.
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .notice)
        return Application(
            responder: AdminResponder(
                api: api,
                console: console,
                bodyTimeout: configuration.bodyTimeout,
                clientAddress: configuration.clientAddress
            ),
            server: .http1(configuration: channel),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port),
                serverName: nil,
                availableConnectionsDelegate: .maximum(configuration.maximumConnections, logger: quiet)
            ),
            onServerRunning: { channel in onListening(channel.localAddress?.port ?? configuredPort) },
            logger: quiet
        )
    }
}

/// Hands requests of the HTTP server to the admin API or the console, and their answers back.
struct AdminResponder: HTTPResponder {
    /// What is known of the connection that a request came on.
    struct Context: InitializableFromSource, Sendable {
        let channel: any Channel

        init(source: ApplicationRequestContextSource) {
            channel = source.channel
        }
    }

    private static let fetchSite = HTTPField.Name("Sec-Fetch-Site")
    private static let forwardedFor = HTTPField.Name("X-Forwarded-For")
    /// How much of a body that nobody wants is read, so that the connection stays open.
    private static let unwantedBodyBytes = 256 * 1024
    /// How long a caller may still send after the last answer of its connection, so that it gets to read it.
    private static let lingering = TimeAmount.seconds(5)

    let api: AdminAPI
    let console: Console
    let bodyTimeout: Duration
    let clientAddress: AdminClientAddress

    func respond(to request: Request, context: Context) async throws -> Response {
        var body = BodyCollector(request.body, timeout: bodyTimeout)
        let announced = request.headers[.contentLength].flatMap { Int($0) }
        let answer = await answer(adminRequest(request, context)) { limit in
            // An announced length that is too large is refused before anything is read.
            if let announced, announced > limit { throw Problem.tooLarge(limit: limit) }
            return try await body.collect(upTo: limit)
        }
        let isSmall = announced.map { $0 <= Self.unwantedBodyBytes } ?? true
        let isAtEnd = isSmall ? await body.isDiscarded(upTo: Self.unwantedBodyBytes) : body.isAtEnd
        return response(answer, isHead: request.method == .head, context, closes: !isAtEnd)
    }

    private func answer(_ request: AdminRequest, _ body: AdminAPI.BodyReader) async -> AdminAnswer {
        let path = request.target.prefix { $0 != "?" }
        if path == "/" {
            return AdminAnswer(withoutBody: 303, headers: [(name: "Location", value: Console.root)])
        }
        guard path == Console.root || path.hasPrefix(Console.root + "/") else {
            return await api.answer(request, body: body)
        }
        return await console.answer(request, body: body)
    }

    private func adminRequest(_ request: Request, _ context: Context) -> AdminRequest {
        var result = AdminRequest(
            method: request.method.rawValue,
            target: request.head.path ?? "",
            authority: request.head.authority,
            clientAddress: clientAddress.address(
                behind: context.channel.remoteAddress?.ipAddress ?? "unknown",
                Self.forwardedFor.map { request.headers[values: $0] } ?? []
            )
        )
        result.authorization = request.headers[.authorization]
        result.contentType = request.headers[.contentType]
        result.ifMatch = request.headers[.ifMatch]
        result.ifNoneMatch = request.headers[.ifNoneMatch]
        result.cookies = request.headers[values: .cookie].joined(separator: "; ")
        result.origin = request.headers[.origin]
        result.fetchSite = Self.fetchSite.flatMap { request.headers[$0] }
        result.userAgent = request.headers[.userAgent]
        return result
    }

    private func response(_ answer: AdminAnswer, isHead: Bool, _ context: Context, closes: Bool) -> Response {
        var fields = HTTPFields()
        for (name, value) in answer.headers {
            guard let name = HTTPField.Name(name) else { continue }
            // Cookies come in a field each (RFC 6265 §3).
            fields.append(HTTPField(name: name, value: value))
        }
        let status = HTTPResponse.Status(code: answer.status)
        if closes { fields[.connection] = "close" }
        // Neither has a body, and only the one for HEAD would have had one (RFC 9110 §8.6).
        guard answer.status != 204, answer.status != 304 else {
            return Response(status: status, headers: fields)
        }
        guard !isHead else {
            fields[.contentLength] = String(answer.body.count)
            return Response(status: status, headers: fields)
        }
        let buffer = ByteBuffer(bytes: answer.body)
        guard closes else {
            return Response(status: status, headers: fields, body: ResponseBody(byteBuffer: buffer))
        }
        let channel = context.channel
        let body = ResponseBody(contentLength: buffer.readableBytes) { writer in
            try await writer.write(buffer)
            try await writer.finish(nil)
            // Closing at once would reset the connection under what the caller still sends.
            channel.close(mode: .output, promise: nil)
            channel.eventLoop.scheduleTask(in: Self.lingering) { channel.close(promise: nil) }
        }
        return Response(status: status, headers: fields, body: body)
    }
}

/// Reads a request's body in pieces, with bounds on its size and on the time that it takes.
private struct BodyCollector {
    private var iterator: RequestBody.AsyncIterator
    private let deadline: ContinuousClock.Instant
    /// Whether all of it was read.
    private(set) var isAtEnd = false
    private var isBroken = false

    init(_ body: RequestBody, timeout: Duration) {
        iterator = body.makeAsyncIterator()
        deadline = .now + timeout
    }

    /// The whole body.
    ///
    /// - Throws: ``Problem`` 408 or 413.
    mutating func collect(upTo limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let part = try await next() {
            guard bytes.count + part.readableBytes <= limit else { throw Problem.tooLarge(limit: limit) }
            bytes.append(contentsOf: part.readableBytesView)
        }
        return bytes
    }

    /// Reads on without keeping anything; says whether the end was reached.
    mutating func isDiscarded(upTo limit: Int) async -> Bool {
        var count = 0
        do {
            while count <= limit, let part = try await next() { count += part.readableBytes }
        } catch {
            // A body that breaks off ends the connection, which is what the answer says.
            isBroken = true
        }
        return isAtEnd && !isBroken
    }

    private mutating func next() async throws -> ByteBuffer? {
        guard !isAtEnd else { return nil }
        // The pause before each piece is bounded by the connection's idle timeout.
        guard ContinuousClock.now < deadline else {
            throw Problem(.requestTimeout, "the body did not arrive in time")
        }
        guard let part = try await iterator.next() else {
            isAtEnd = true
            return nil
        }
        return part
    }
}

extension Problem {
    fileprivate static func tooLarge(limit: Int) -> Problem {
        Problem(.bodyTooLarge, "the body is larger than the limit of \(limit) bytes")
    }
}
