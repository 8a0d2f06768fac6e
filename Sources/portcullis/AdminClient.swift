import ArgumentParser
import Foundation
import GatewayCore

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Where the admin API is and what it is asked with.
struct AdminOptions: ParsableArguments {
    @Option(help: "The admin API's address (PORTCULLIS_ADMIN; default http://127.0.0.1:8081).")
    var admin: String?

    @Option(
        help: "The admin token (PORTCULLIS_ADMIN_TOKEN, or the file admin-token in PORTCULLIS_DATA_DIR)."
    )
    var adminToken: String?

    @Option(help: "A settings file with options as lines `name: value` (PORTCULLIS_CONFIG).")
    var config: String?
}

/// Asks the admin API of a running gateway.
struct AdminClient: Sendable {
    /// The address, for messages.
    let address: String
    private let base: URL
    private let token: String
    private let session: URLSession

    /// Finds address and token: from the options, the environment, the settings file, else their defaults.
    ///
    /// - Throws: ``CommandFailure`` of kind trouble when the address is none, no token is to be found, or the
    ///   settings file cannot be read.
    init(
        _ options: AdminOptions,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws {
        let settings = try SettingsSource(
            config: options.config,
            commandLine: ["admin": options.admin, "admin-token": options.adminToken, "data-dir": nil],
            environment: environment
        )
        address = try settings.string("admin") ?? "http://127.0.0.1:8081"
        guard let base = URL(string: address), let scheme = base.scheme, ["http", "https"].contains(scheme),
            base.host != nil, base.user == nil, base.query == nil
        else {
            throw CommandFailure.trouble(
                "the admin address is \"\(address)\", expected http://host:port or https://host:port"
            )
        }
        self.base = base
        token = try Self.token(settings)
        let configuration = URLSessionConfiguration.ephemeral
        // A whole catalog may take the gateway a while; a request without an answer must still end.
        configuration.timeoutIntervalForRequest = 300
        session = URLSession(configuration: configuration)
    }

    private static func token(_ settings: SettingsSource) throws -> String {
        let directory = try settings.string("data-dir") ?? "./portcullis-data"
        let path = directory + "/admin-token"
        // A file that is not there is no fault: it is only the last of three places.
        let file = try? String(contentsOfFile: path, encoding: .utf8)
        let found = try settings.string("admin-token") ?? file
        guard let token = found?.trimmingCharacters(in: .whitespacesAndNewlines), !token.isEmpty else {
            throw CommandFailure.trouble(
                """
                no admin token: give --admin-token, set PORTCULLIS_ADMIN_TOKEN, or put it into \(path) \
                (portcullis admin-token reset makes a new one)
                """
            )
        }
        guard token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw CommandFailure.trouble(
                "the admin token has white space or other characters that no token has"
            )
        }
        return token
    }

    /// Sends one request and reads the JSON of the answer, whatever its status; an empty body reads as null.
    ///
    /// - Throws: ``CommandFailure`` of kind trouble when there is no answer, or one that is not JSON.
    func send(
        method: String,
        path: String,
        query: [(name: String, value: String)] = [],
        json: DocumentNode? = nil
    ) async throws -> (status: Int, document: DocumentNode) {
        guard var parts = URLComponents(url: base, resolvingAgainstBaseURL: false) else {
            throw CommandFailure.trouble("the admin address is \"\(address)\", expected http://host:port")
        }
        while parts.path.hasSuffix("/") { parts.path.removeLast() }
        parts.path += path
        if !query.isEmpty { parts.queryItems = query.map { URLQueryItem(name: $0.name, value: $0.value) } }
        guard let url = parts.url else { throw CommandFailure.trouble("\(path) is no path of a URL") }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        request.setValue("application/json", forHTTPHeaderField: "Accept")
        if let json {
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
            request.httpBody = Data(json.jsonBytes())
        }
        let (body, response) = try await answer(request)
        guard let response = response as? HTTPURLResponse else {
            throw CommandFailure.trouble("\(address) did not answer in HTTP")
        }
        guard !body.isEmpty else { return (response.statusCode, DocumentNode(.null)) }
        do {
            return (
                response.statusCode,
                try DocumentNode(json: Array(body), limits: DocumentNode.catalogJSONLimits)
            )
        } catch {
            throw CommandFailure.trouble(
                "\(address) answered \(response.statusCode) with something else than JSON; is it the admin API?"
            )
        }
    }

    private func answer(_ request: URLRequest) async throws -> (Data, URLResponse) {
        do {
            return try await session.data(for: request)
        } catch let error as URLError {
            let reason =
                switch error.code {
                case .cannotConnectToHost: "the connection was refused"
                case .cannotFindHost: "the host name is not known"
                case .timedOut: "it took too long"
                default: error.localizedDescription
                }
            throw CommandFailure.trouble(
                "no answer from \(address): \(reason); is the gateway running, and is --admin right?"
            )
        }
    }

    /// Sends one request that must succeed (2xx).
    ///
    /// - Throws: ``CommandFailure`` of kind trouble, ``AdminProblem`` when the answer is another status.
    func require(
        method: String,
        path: String,
        query: [(name: String, value: String)] = [],
        json: DocumentNode? = nil
    ) async throws -> DocumentNode {
        let (status, document) = try await send(method: method, path: path, query: query, json: json)
        guard (200..<300).contains(status) else { throw AdminProblem(status: status, document) }
        return document
    }
}

/// A refusal of the admin API: `application/problem+json` (RFC 9457).
struct AdminProblem: Error, CustomStringConvertible {
    /// The status of the answer.
    let status: Int
    /// What is wrong, for people.
    let detail: String
    /// The fields that are wrong, as paths of the document that was sent.
    let errors: [(field: String, detail: String)]

    /// Reads what the answer says; every part may be missing.
    init(status: Int, _ document: DocumentNode) {
        self.status = status
        let words = document["detail"]?.value.text ?? document["title"]?.value.text ?? "no reason was given"
        detail = status == 401 ? "the admin token was not accepted (\(words))" : words
        errors = (document["errors"]?.elements ?? []).map { error in
            (error["field"]?.value.text ?? "", error["detail"]?.value.text ?? "")
        }
    }

    var description: String {
        guard !errors.isEmpty else { return "\(detail) (status \(status))" }
        return errors.map { $0.field.isEmpty ? $0.detail : "\($0.field): \($0.detail)" }.joined(
            separator: "\n"
        )
    }
}
