import Foundation
import Testing

/// The program as a whole: help, version, exit codes, colours.
struct RootTests {
    private let place: Workplace

    init() throws {
        place = try Workplace()
    }

    @Test func `the version is one line`() async throws {
        #expect(try await place.success("--version").output == "0.1.0\n")
    }

    @Test func `the help of the program is the golden text`() async throws {
        let golden = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/help.txt")
        let expected = try String(contentsOf: golden, encoding: .utf8)
        #expect(try await place.success("--help").output == expected)
    }

    @Test(arguments: [
        ["keygen"], ["keygen", "hmac"], ["keygen", "rsa"], ["keygen", "ec"], ["keygen", "ed25519"],
        ["keygen", "ml-dsa-65"], ["token"], ["token", "mint"], ["token", "decode"], ["token", "verify"],
        ["token", "explain"], ["jws", "verify"],
    ])
    func `every command's help has an example`(command: [String]) async throws {
        let program = try #require(Workplace.program)
        let run = try await place.run(program, command + ["--help"])
        #expect(run.status == 0)
        #expect(run.output.contains("Example"))
        #expect(run.output.contains("portcullis " + command.joined(separator: " ")))
    }

    @Test(arguments: [
        ["frobnicate"], ["--frobnicate"], ["token", "mint", "--frobnicate"], ["jws", "verify"],
        ["keygen", "dsa"],
        ["token", "verify", "--key", "absent", "x.y.z"], ["token", "decode"], ["jws", "verify", "--key"],
    ])
    func `wrong usage ends with 2 and says so on standard error alone`(arguments: [String]) async throws {
        let run = try await place.run(try #require(Workplace.program), arguments)
        #expect(run.status == 2)
        #expect(run.output.isEmpty)
        #expect(run.errors.hasPrefix("error: "))
    }

    @Test func `an answer that cannot be written is not a success`() async throws {
        let shell = URL(filePath: "/bin/sh")
        let program = try #require(Workplace.program).path()
        let full = try await place.run(shell, ["-c", "\(program) keygen ed25519 > /dev/full"])
        #expect(full.status == 2)
        #expect(full.errors.contains("cannot write to standard output"))
        let closed = try await place.run(
            shell,
            ["-c", "(\(program) keygen rsa --bits 2048; echo $? > status) | true; cat status"]
        )
        #expect(closed.output == "141\n")
    }

    @Test func `colours are for terminals, and not even there when they are not wanted`() async throws {
        try await place.success("keygen", "ed25519", "--out", "key")
        let token = try await place.success("token", "mint", "--key", "key").line
        let program = try #require(Workplace.program).path()
        let command = "\(program) token verify --key key.pub \(token)"
        let escape = "\u{1B}["
        let piped = try await place.portcullis("token", "verify", "--key", "key.pub", token)
        #expect(!piped.output.contains(escape))
        // `script` runs the command on a terminal of its own.
        let script = URL(filePath: "/usr/bin/script")
        let coloured = try await place.run(
            script,
            ["-qec", command, "/dev/null"],
            environment: ["TERM": "xterm"]
        )
        #expect(coloured.output.contains(escape + "32mverified"))
        let plain = try await place.run(
            script,
            ["-qec", command, "/dev/null"],
            environment: ["TERM": "xterm", "NO_COLOR": "1"]
        )
        #expect(plain.output.contains("verified: "))
        #expect(!plain.output.contains(escape))
    }
}
