import Foundation
import Glibc
import Testing

/// `portcullis token explain`, against answers of a gateway.
struct ExplainTests {
    private let place: Workplace

    init() throws {
        place = try Workplace()
    }

    private static let checks =
        #"{"check":"well_formed","result":"passed","detail":"HTTP/1.1"},"#
        + #"{"check":"time","result":"failed","detail":"exp 1, now 200"},"#
        + #"{"check":"claims","result":"skipped","detail":"not reached"}"#

    private static func record(status: String, code: String, checks: String) -> String {
        #"{"request_id":"r","at":"2026-01-01T00:00:00Z","method":"GET","path":"/a/b","client_address":"127.0.0.1","#
            + #""endpoint":"a/b","client":"Acme","profile":"acme-rsa","status":\#(status),"code":\#(code),"#
            + #""checks":[\#(checks)]}"#
    }

    private func explain(
        _ status: String,
        _ body: some StringProtocol,
        _ options: String...
    ) async throws -> (run: Run, request: String) {
        let server = try OneAnswerServer(status: status, body: String(body))
        let arguments = [
            "token", "explain", "aaa.bbb.ccc", "--url", "/a/b", "--address", "203.0.113.7", "--method",
            "POST",
            "--admin", "http://127.0.0.1:\(server.port)",
        ]
        let run = try await place.run(
            try #require(Workplace.program),
            arguments + options,
            environment: ["PORTCULLIS_ADMIN_TOKEN": "0123abc"]
        )
        return (run, await server.request)
    }

    @Test func `a refusal is told check by check`() async throws {
        let body = Self.record(status: "401", code: #""token_expired""#, checks: Self.checks)
        let (run, request) = try await explain("200 OK", body)
        #expect(run.status == 1)
        #expect(
            run.output == """
                ✓ well_formed  HTTP/1.1
                ✗ time         exp 1, now 200
                – claims       not reached
                endpoint: a/b
                client: Acme
                profile: acme-rsa
                refused: 401 token_expired

                """
        )
        #expect(run.errors.isEmpty)
        #expect(request.hasPrefix("POST /api/v1/explain HTTP/1.1\r\n"))
        #expect(request.lowercased().contains("authorization: bearer 0123abc\r\n"))
        for member in [
            #""token":"aaa.bbb.ccc""#, #""method":"POST""#, #""url":"/a/b""#,
            #""client_address":"203.0.113.7""#,
        ] {
            #expect(request.contains(member), "\(request)")
        }
    }

    private static let causes =
        #","likely_causes":[{"code":"token_expired","text":"the token expired 3 min ago","remedy":{"action":"mint_another"},"#
        + #""then":{"outcome":"not_tried","code":null,"check":null}},{"code":"clock_behind","text":"clocks differ","#
        + #""remedy":{"action":"raise_leeway","seconds":190},"then":{"outcome":"admitted","code":null,"check":null}},"#
        + #"{"code":"key_inactive","text":"a \u001b[31mkey","remedy":{"action":"none"},"#
        + #""then":{"outcome":"refused","code":"client_inactive","check":"active"}}]}"#

    @Test func `likely causes are told with what would happen then`() async throws {
        let body = Self.record(status: "401", code: #""token_expired""#, checks: Self.checks)
        let (run, _) = try await explain("200 OK", body.dropLast() + Self.causes)
        #expect(run.status == 1)
        let lines = run.output.split(separator: "\n").filter { $0.hasPrefix("likely cause") }
        #expect(
            lines == [
                "likely cause: the token expired 3 min ago",
                "likely cause: clocks differ; then the call would be let in",
                #"likely cause: a \u{1B}[31mkey; then the call would be turned away at active with client_inactive"#,
            ]
        )
    }

    @Test func `the answer is printed as it came for scripts`() async throws {
        let body = Self.record(status: "401", code: #""token_expired""#, checks: Self.checks)
        let whole = body.dropLast() + Self.causes
        let (run, _) = try await explain("200 OK", String(whole), "--json")
        #expect(run.status == 1)
        #expect(run.output == whole + "\n")
    }

    @Test func `an admission ends with 0`() async throws {
        let check = #"{"check":"route","result":"passed","detail":"a/b"}"#
        let (run, _) = try await explain("200 OK", Self.record(status: "0", code: "null", checks: check))
        #expect(run.status == 0)
        #expect(run.output.hasSuffix("admitted\n"))
    }

    @Test(arguments: [
        ("401 Unauthorized", #"{"detail":"no such token"}"#, "the admin token was not accepted"),
        ("200 OK", "<html>", "something else than JSON"), ("200 OK", "{}", "has no checks"),
        ("200 OK", #"{"checks":[]}"#, "has no code"),
        ("200 OK", #"{"checks":[{"check":"x","result":"perhaps"}],"code":null}"#, "unknown result"),
    ])
    func `an answer that explains nothing is trouble`(
        status: String,
        body: String,
        words: String
    ) async throws {
        let (run, _) = try await explain(status, body)
        #expect(run.status == 2)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains(words), "\(run.errors)")
        #expect(!run.errors.contains("0123abc"))
    }

    @Test func `no gateway is trouble`() async throws {
        // Port 1 is reserved, nothing listens there.
        let run = try await place.portcullis(
            "token",
            "explain",
            "a.b.c",
            "--url",
            "/",
            "--admin",
            "http://127.0.0.1:1",
            "--admin-token",
            "x"
        )
        #expect(run.status == 2)
        #expect(run.errors.hasPrefix("error: no answer from http://127.0.0.1:1"))
    }

    @Test func `a settings file says where the gateway is`() async throws {
        try place.write("settings.yaml", "admin: http://127.0.0.1:1\nadmin-token: x\n")
        let run = try await place.portcullis(
            "token",
            "explain",
            "a.b.c",
            "--url",
            "/",
            "--config",
            place.url("settings.yaml").path()
        )
        #expect(run.status == 2)
        #expect(run.errors.hasPrefix("error: no answer from http://127.0.0.1:1"), "\(run.errors)")
    }
}

/// Answers one request over HTTP and keeps what was asked.
private final class OneAnswerServer: Sendable {
    let port: Int
    private let asked: Task<String, Never>

    /// The request as it came.
    var request: String {
        get async { await asked.value }
    }

    init(status: String, body: String) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isReady = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 1) == 0
                    && getsockname(listener, $0, &length) == 0
            }
        }
        try #require(isReady)
        port = Int(UInt16(bigEndian: address.sin_port))
        let answer =
            "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
            + "Connection: close\r\n\r\n\(body)"
        let (stream, continuation) = AsyncStream<String>.makeStream()
        // A thread of its own, as it blocks.
        Thread.detachNewThread {
            continuation.yield(Self.serve(listener, answer))
            continuation.finish()
        }
        asked = Task {
            for await request in stream { return request }
            return ""
        }
    }

    private static func serve(_ listener: Int32, _ answer: String) -> String {
        let connection = accept(listener, nil, nil)
        defer {
            close(connection)
            close(listener)
        }
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        // The bodies sent here are objects without nesting, so that the last brace ends the request.
        while received.last != UInt8(ascii: "}") {
            let count = read(connection, &buffer, buffer.count)
            guard count > 0 else { break }
            received += buffer[..<count]
        }
        let bytes = Array(answer.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { write(connection, $0.baseAddress, $0.count) }
            guard count > 0 else { break }
            sent += count
        }
        return String(decoding: received, as: UTF8.self)
    }
}
