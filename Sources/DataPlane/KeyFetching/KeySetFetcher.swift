import AsyncHTTPClient
package import GatewayCore
import JOSE
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// What is fetched for a key set, and for how long it is good.
package struct FetchedKeySet: Sendable {
    /// The JWK set as it came.
    package let text: [UInt8]
    /// For how long it need not be fetched again, in seconds.
    package let freshSeconds: Int64

    /// Takes the parts.
    package init(text: [UInt8], freshSeconds: Int64) {
        self.text = text
        self.freshSeconds = freshSeconds
    }
}

/// Why a key set could not be fetched; lower case, no full stop.
package struct KeySetFailure: Error, Sendable, CustomStringConvertible {
    package let description: String
    /// Whether another address of the same name might do.
    var isUnreachable = false
    /// Whether the source was not even asked, for want of a place.
    let isOurs: Bool

    /// Takes the words, and whether they are about the gateway itself.
    package init(description: String, isUnreachable: Bool = false, isOurs: Bool = false) {
        self.description = description
        self.isUnreachable = isUnreachable
        self.isOurs = isOurs
    }
}

/// Fetches key sets over HTTPS from public addresses, within limits of time and size.
///
/// Every name is resolved here, every one of its addresses is judged, and the connection goes to one that was judged:
/// nobody can let a name point elsewhere in between. Redirects are followed the same way.
package struct KeySetFetcher: Sendable {
    /// How long a whole fetch may take, in milliseconds.
    static let timeLimit = TimeAmount.seconds(5)
    private static let connectLimit = TimeAmount.seconds(2)
    private static let maximumBytes = 65_536
    private static let maximumRedirects = 3

    private let rule: KeyAddressRule
    private let tls: TLSConfiguration

    /// Takes what may be connected to, and the file of further roots (PEM) that certificates may be issued by.
    ///
    /// - Throws: ``KeySetFailure`` when the file cannot be read.
    package init(_ rule: KeyAddressRule, roots: String? = nil) throws(KeySetFailure) {
        self.rule = rule
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let roots {
            do {
                tls.additionalTrustRoots = [.certificates(try NIOSSLCertificate.fromPEMFile(roots))]
            } catch {
                throw KeySetFailure(description: "\(roots): expected PEM certificates (\(error))")
            }
        }
        self.tls = tls
    }

    /// Fetches the key set of a source; with fewer places for its names when it has failed.
    ///
    /// - Throws: ``KeySetFailure``.
    package func fetch(
        _ source: KeySetSource,
        isFailing: Bool
    ) async throws(KeySetFailure) -> FetchedKeySet {
        let deadline = NIODeadline.now() + Self.timeLimit
        var url = source.url
        if source.isDiscovery {
            let document = try await get(url, deadline, isFailing)
            url = try Self.keySetURL(in: document.body, issuer: source.issuer)
        }
        let answer = try await get(url, deadline, isFailing)
        return FetchedKeySet(text: answer.body, freshSeconds: answer.freshSeconds)
    }

    /// What a discovery document says of where the keys are (OpenID Connect Discovery 1.0 §4.3).
    static func keySetURL(in document: [UInt8], issuer: String) throws(KeySetFailure) -> KeyURL {
        let root: JSONElement
        do {
            root = try JSONDocument(parsing: document, limits: JSONLimits(maximumBytes: maximumBytes)).root
        } catch {
            throw KeySetFailure(description: "the discovery document is not strict JSON: \(error)")
        }
        guard root[member: "issuer"]?.isString(Array(issuer.utf8)) == true else {
            throw KeySetFailure(
                description: "the discovery document is of another issuer, expected \"\(issuer)\""
            )
        }
        guard let text = root[member: "jwks_uri"]?.string else {
            throw KeySetFailure(description: "the discovery document has no jwks_uri")
        }
        do {
            return try KeyURL(text)
        } catch {
            throw KeySetFailure(description: "jwks_uri of the discovery document: \(error)")
        }
    }

    // MARK: One document

    private struct Answer {
        let body: [UInt8]
        let freshSeconds: Int64
    }

    private func get(
        _ first: KeyURL,
        _ deadline: NIODeadline,
        _ isFailing: Bool
    ) async throws(KeySetFailure) -> Answer {
        var url = first
        for _ in 0...Self.maximumRedirects {
            let addresses = try await addresses(of: url, deadline, isFailing)
            switch try await ask(url, at: addresses, deadline) {
            case .answer(let answer): return answer
            case .redirect(let target): url = target
            }
        }
        throw KeySetFailure(description: "\(first): more than \(Self.maximumRedirects) redirects")
    }

    /// The addresses to connect to, the best first.
    private func addresses(
        of url: KeyURL,
        _ deadline: NIODeadline,
        _ isFailing: Bool
    ) async throws(KeySetFailure) -> [IPAddress] {
        if let fault = rule.fault(url) { throw KeySetFailure(description: fault) }
        if let address = IPAddress(url.host) { return [address] }
        let addresses = try await Resolution.addresses(of: url, deadline, isFailing: isFailing)
        // All of them: which one is used must not be a matter of luck.
        for address in addresses where !rule.allows(address) {
            throw KeySetFailure(
                description:
                    "\(url.host) has the address \(address), which is not public; the operator can allow it with --key-fetch-allow"
            )
        }
        guard !addresses.isEmpty else { throw KeySetFailure(description: "\(url.host) has no address") }
        return addresses
    }

    // A name has rarely more of each family.
    private static let maximumAddresses = 4

    /// Asks at one address after another until one can be connected to.
    private func ask(
        _ url: KeyURL,
        at addresses: [IPAddress],
        _ deadline: NIODeadline
    ) async throws(KeySetFailure) -> Outcome {
        var failure = KeySetFailure(description: "\(url): there is no address to ask")
        for address in addresses.prefix(Self.maximumAddresses) where NIODeadline.now() < deadline {
            do throws(KeySetFailure) {
                return try await ask(url, at: address, deadline)
            } catch {
                guard error.isUnreachable else { throw error }
                failure = error
            }
        }
        throw failure
    }

    private enum Outcome {
        case answer(Answer)
        case redirect(KeyURL)
    }

    private func ask(
        _ url: KeyURL,
        at address: IPAddress,
        _ deadline: NIODeadline
    ) async throws(KeySetFailure) -> Outcome {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls,
            redirectConfiguration: .disallow,
            timeout: .init(connect: Self.connectLimit, read: Self.timeLimit),
            decompression: .disabled
        )
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        if IPAddress(url.host) == nil { configuration.dnsOverride = [url.host: address.description] }
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let outcome: Result<Outcome, any Error>
        do {
            outcome = .success(
                try await TimeLimit.perform(until: deadline) {
                    try await Self.exchange(client, url, deadline)
                }
            )
        } catch {
            outcome = .failure(error)
        }
        // A connection that is still open has nothing more to say.
        try? await client.shutdown()
        switch outcome {
        case .success(let outcome): return outcome
        case .failure(let failure as KeySetFailure): throw failure
        case .failure(is NIOTooManyBytesError):
            throw KeySetFailure(description: "\(url): the answer is longer than \(Self.maximumBytes) bytes")
        case .failure(is TimeLimit.Passed):
            throw KeySetFailure(
                description: "\(url): no whole answer within \(Self.timeLimit.nanoseconds / 1_000_000_000) s"
            )
        case .failure(let error):
            let isUnreachable =
                error is IOError || error is NIOConnectionError
                || (error as? HTTPClientError) == .connectTimeout
            throw KeySetFailure(description: "\(url): \(error)", isUnreachable: isUnreachable)
        }
    }

    private static func exchange(
        _ client: HTTPClient,
        _ url: KeyURL,
        _ deadline: NIODeadline
    ) async throws -> Outcome {
        var request = HTTPClientRequest(url: url.description)
        request.headers = ["Accept": "application/json", "User-Agent": "portcullis"]
        let response = try await client.execute(request, deadline: deadline)
        switch response.status.code {
        case 200:
            let body = try await response.body.collect(upTo: maximumBytes)
            let fresh = freshSeconds(response.headers[canonicalForm: "cache-control"].map { String($0) })
            return .answer(Answer(body: Array(body.readableBytesView), freshSeconds: fresh))
        case 301, 302, 303, 307, 308:
            guard let location = response.headers.first(name: "location") else {
                throw KeySetFailure(description: "\(url): redirect without Location")
            }
            return .redirect(try target(location, from: url))
        default:
            throw KeySetFailure(description: "\(url): status \(response.status.code), expected 200")
        }
    }

    /// Where a redirect leads: a whole URL, or a path on the same host.
    static func target(_ location: String, from url: KeyURL) throws(KeySetFailure) -> KeyURL {
        do {
            guard location.hasPrefix("/"), !location.hasPrefix("//") else { return try KeyURL(location) }
            let host = url.host.contains(":") ? "[\(url.host)]" : url.host
            return try KeyURL("https://\(host):\(url.port)\(location)")
        } catch {
            throw KeySetFailure(description: "\(url): redirect to a place that is not asked: \(error)")
        }
    }

    /// For how long an answer is good (RFC 9111 §5.2.2.1), within our bounds.
    static func freshSeconds(_ cacheControl: [String]) -> Int64 {
        let bounds = KeySetSchedule.freshSeconds
        for part in cacheControl.joined(separator: ",").lowercased().split(separator: ",") {
            let directive = part.trimmingPrefix { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
            if directive == "no-store" || directive == "no-cache" { return bounds.lowerBound }
            guard directive.hasPrefix("max-age=") else { continue }
            let digits = directive.dropFirst("max-age=".count).filter { $0 != "\"" }
            guard let seconds = Int64(digits), seconds >= 0 else { continue }
            return min(max(seconds, bounds.lowerBound), bounds.upperBound)
        }
        return KeySetSchedule.defaultFreshSeconds
    }
}
