import ArgumentParser
import DataPlane
import Foundation
import FoundationNetworking
import GatewayCore
import JOSE
import Logging

/// `portcullis demo`: a gateway with an upstream, two profiles and signed calls to try, all in one process.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Try the gateway: an upstream, two access profiles and signed calls, in one process.",
        discussion: """
            Nothing is kept: keys, API tokens and the catalog are made anew and end with the process. It runs until \
            Ctrl-C; with --once it makes the calls and ends, with exit code 1 when one was not answered as expected.

            Examples:
              portcullis demo
              portcullis demo --listen 127.0.0.1:9090
              portcullis demo --once
            """
    )

    @Option(help: "The address of the gateway (PORTCULLIS_LISTEN; default 127.0.0.1:8080).")
    var listen: String?

    @Option(help: "A settings file (PORTCULLIS_CONFIG).")
    var config: String?

    @Flag(help: "Make the calls and end.")
    var once = false

    func run() async throws {
        let signals = Signals.listen()
        let settings = try SettingsSource(config: config, commandLine: ["listen": listen])
        let address = try ListenAddress(try settings.string("listen") ?? "127.0.0.1:8080", option: "listen")
        let upstream = try await DemoUpstream.start()
        let demo = try Demo(upstreamPort: upstream.port)
        var configuration = DataPlaneConfiguration(now: { .systemNow })
        configuration.host = address.host
        configuration.port = address.port
        let server: GatewayServer
        do {
            server = try await GatewayServer.start(
                configuration,
                snapshots: SnapshotSource(Snapshot(demo.catalog)),
                logger: RunningGateway.makeLogger(.warning)
            )
        } catch {
            throw CommandFailure.trouble(
                "cannot listen on \(address): \(error); give another address with --listen"
            )
        }
        let base = "http://\(address.with(port: server.port))/api-endpoints-v1/call"
        let allAsExpected = try await makeCalls(demo, base, decisions: server)
        if !once {
            try Terminal.print("\nThe gateway runs until Ctrl-C.")
            for await request in signals where request == .terminate { break }
        }
        try await server.drain(within: .seconds(5))
        try await upstream.stop()
        if !allAsExpected { throw CommandFailure.refused("a call was not answered as expected") }
    }

    private func makeCalls(_ demo: Demo, _ base: String, decisions: GatewayServer) async throws -> Bool {
        let style = TerminalStyle(for: .output)
        var allAsExpected = true
        for call in try demo.calls() {
            try Terminal.print("\n" + style.bold(call.title))
            try Terminal.print(
                "curl -H 'Authorization: Bearer \(call.token)' '\(base)?email=john-doe%40acme.com'"
            )
            let answer = try await Self.send(call.token, base)
            allAsExpected = allAsExpected && answer.status == call.expectedStatus
            let status = "HTTP \(answer.status)"
            let isExpected = answer.status == call.expectedStatus
            try Terminal.print(
                isExpected ? style.green(status) : style.red("\(status), expected \(call.expectedStatus)")
            )
            try Terminal.print(Printable.lines(answer.body))
            guard answer.status != 200, let record = await decisions.decision(requestID: answer.requestID)
            else { continue }
            for check in record.checks where check.result == .failed {
                try Terminal.print(
                    style.yellow("why: ") + "\(check.check.rawValue): \(Printable.text(check.detail))"
                )
            }
        }
        return allAsExpected
    }

    private static func send(
        _ token: String,
        _ base: String
    ) async throws -> (status: Int, requestID: String, body: String) {
        guard let url = URL(string: base + "?email=john-doe%40acme.com") else {
            throw CommandFailure.trouble("\(base) is no URL")
        }
        var request = URLRequest(url: url)
        request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        let (data, response) = try await URLSession.shared.data(for: request)
        let answer = response as? HTTPURLResponse
        let body = String(validating: data, as: UTF8.self) ?? "(\(data.count) bytes that are no text)"
        return (answer?.statusCode ?? 0, answer?.value(forHTTPHeaderField: "X-Request-Id") ?? "", body)
    }
}

/// What the demo shows: a client with an RSA profile and an HMAC one, and calls signed by them.
private struct Demo {
    struct Call {
        let title: String
        let token: String
        let expectedStatus: Int
    }

    let catalog: Catalog
    private let rsaKey: SigningKey
    private let hmacKey: SigningKey
    private let rsaToken = AdminToken.generate()
    private let hmacToken = AdminToken.generate()

    init(upstreamPort: Int) throws {
        var generator = SystemRandomNumberGenerator()
        rsaKey = try SigningKey.generate(.rsa(bits: 3072))
        let secret = Secret(
            Array(
                Data((0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) })
                    .base64EncodedString().utf8
            )
        )
        hmacKey = try SigningKey.hmac(secret: secret)

        var draft = CatalogDraft(Catalog())
        let target = try UpstreamTarget(url: "http://127.0.0.1:\(upstreamPort)")
        let upstream = Upstream(id: UpstreamID(using: &generator), name: "demo", targets: [target])
        try draft.put(upstream)
        var collection = GatewayCore.Collection(
            id: CollectionID(using: &generator),
            name: "API endpoints",
            handle: "api-endpoints-v1"
        )
        let path = try PathTemplate("/call")
        collection.endpoints = [
            Endpoint(id: EndpointID(using: &generator), name: "call", path: path, upstreamID: upstream.id)
        ]
        try draft.put(collection)
        let client = Client(id: ClientID(using: &generator), name: "Acme")
        try draft.put(client)
        let publicKey = ProfileKey.Material.publicKey(rsaKey.openSSHPublicLine(comment: "demo") ?? "")
        let profiles = [
            ("acme-rsa", publicKey, rsaToken), ("acme-hmac", .secret(secret, isBase64: false), hmacToken),
        ]
        for (name, material, token) in profiles {
            var profile = AccessProfile(id: ProfileID(using: &generator), clientID: client.id, name: name)
            let now = Timestamp.systemNow
            let id = KeyID(using: &generator)
            profile.keys = [try ProfileKey(id: id, name: "demo", material: material, createdAt: now)]
            let tokenID = APITokenID(using: &generator)
            profile.apiTokens = [APIToken(id: tokenID, name: "demo", digest: token.digest, createdAt: now)]
            profile.grantedCollections = [collection.id]
            try draft.put(profile)
        }
        catalog = draft.finished()
    }

    func calls() throws -> [Call] {
        let signed = try sign(rsaKey, rsaToken, .rs256)
        return [
            Call(title: "Signed with the RSA key (RS256)", token: signed, expectedStatus: 200),
            Call(
                title: "Signed with the HMAC secret (HS256)",
                token: try sign(hmacKey, hmacToken, .hs256),
                expectedStatus: 200
            ),
            Call(title: "The first token, tampered with", token: Self.tampered(signed), expectedStatus: 401),
        ]
    }

    private func sign(
        _ key: SigningKey,
        _ token: AdminToken,
        _ algorithm: SignatureAlgorithm
    ) throws -> String {
        let now = Timestamp.systemNow.secondsSinceEpoch
        let payload = #"{"sub":"\#(token.text)","name":"John Doe","iat":\#(now),"exp":\#(now + 900)}"#
        return try key.sign(payload: Array(payload.utf8), algorithm: algorithm)
    }

    /// The token with another first letter in its signature.
    private static func tampered(_ token: String) -> String {
        guard let dot = token.lastIndex(of: ".") else { return token }
        let first = token.index(after: dot)
        return token.replacingCharacters(in: first...first, with: token[first...].hasPrefix("A") ? "B" : "A")
    }
}
