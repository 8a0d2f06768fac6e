import AsyncHTTPClient
package import GatewayCore
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Calls the gateway's own listener over the network, as any caller does.
///
/// It goes to the address that this process listens on and nowhere else: what is asked for chooses the path and the
/// `Host` field, not the connection.
package struct GatewayCaller: Sendable {
    /// How long a call may take, in seconds.
    package static let timeLimitSeconds = 10
    private static let connectLimit = TimeAmount.seconds(2)

    private let base: String
    private let isTLS: Bool

    /// Takes where the gateway listens.
    ///
    /// - Parameters:
    ///   - host: the address that is listened on; one that stands for all is reached by loopback.
    ///   - port: the port.
    ///   - isTLS: whether the listener speaks TLS.
    package init(host: String, port: Int, isTLS: Bool) {
        let reached =
            switch host {
            case "0.0.0.0": "127.0.0.1"
            case "::": "::1"
            default: host
            }
        let authority = reached.contains(":") ? "[\(reached)]" : reached
        base = "\(isTLS ? "https" : "http")://\(authority):\(port)"
        self.isTLS = isTLS
    }

    /// Makes the call, and takes the beginning of the answer.
    ///
    /// - Throws: ``TrialFailure`` when there is none.
    package func call(_ call: TrialCall) async throws(TrialFailure) -> TrialAnswer {
        if let fault = call.fault { throw TrialFailure(fault) }
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: Self.connectLimit),
            decompression: .disabled
        )
        if isTLS {
            // The other end is this process, and its certificate is for the name that callers use.
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.certificateVerification = .none
            configuration.tlsConfiguration = tls
        }
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let result: Result<TrialAnswer, any Error>
        do {
            let deadline = NIODeadline.now() + .seconds(Int64(Self.timeLimitSeconds))
            result = .success(
                try await TimeLimit.perform(until: deadline) { try await exchange(client, call, deadline) }
            )
        } catch {
            result = .failure(error)
        }
        // A connection that is still open has nothing more to say.
        try? await client.shutdown()
        switch result {
        case .success(let answer): return answer
        case .failure(let error): throw Self.failure(error)
        }
    }

    private func exchange(
        _ client: HTTPClient,
        _ call: TrialCall,
        _ deadline: NIODeadline
    ) async throws -> TrialAnswer {
        var request = HTTPClientRequest(url: base + call.target)
        request.method = HTTPMethod(rawValue: call.method)
        request.headers.add(name: "User-Agent", value: "portcullis-trial")
        request.headers.add(name: "Accept", value: "*/*")
        if !call.host.isEmpty { request.headers.add(name: "Host", value: call.host) }
        for field in call.fields { request.headers.add(name: field.name, value: field.value) }
        if let body = call.body { request.body = .bytes(body) }
        let response = try await client.execute(request, deadline: deadline)
        var body: [UInt8] = []
        var isCut = false
        for try await part in response.body {
            let room = TrialAnswer.maximumBody - body.count
            body += part.readableBytesView.prefix(room)
            isCut = part.readableBytes > room
            if isCut { break }
        }
        return TrialAnswer(
            status: Int(response.status.code),
            fields: response.headers.map { (name: $0.name, value: $0.value) },
            body: body,
            isCut: isCut
        )
    }

    private static let late = TrialFailure("no whole answer within \(timeLimitSeconds) s")
    private static let closed = TrialFailure(
        "the gateway closed the connection before the answer's end; does it expect the PROXY protocol from this machine?"
    )

    private static func failure(_ error: any Error) -> TrialFailure {
        switch error {
        case is TimeLimit.Passed: late
        case let error as HTTPClientError where error == .deadlineExceeded: late
        case let error as HTTPClientError where error == .remoteConnectionClosed: closed
        case let error as HTTPParserError where error == .invalidEOFState: closed
        case let error as IOError where error.errnoCode == ECONNRESET: closed
        case let error as HTTPClientError where error == .connectTimeout:
            TrialFailure("the gateway's listener did not take the connection within 2 s")
        case is NIOConnectionError, is IOError:
            TrialFailure("the gateway's listener could not be reached: \(error)")
        default: TrialFailure("the call failed: \(error)")
        }
    }
}
