import Foundation
import Testing

/// `portcullis keygen`, checked with ssh-keygen and openssl.
struct KeygenTests {
    private let place: Workplace

    init() throws {
        place = try Workplace()
    }

    private static let kinds: [[String]] = [
        ["rsa", "--bits", "2048"], ["ec"], ["ec", "--curve", "P-384"], ["ec", "--curve", "P-521"],
        ["ed25519"],
    ]

    private func keygen(_ arguments: [String]) async throws -> Run {
        try await place.run(try #require(Workplace.program), ["keygen"] + arguments)
    }

    @Test(arguments: kinds)
    func `other tools read the key pairs`(kind: [String]) async throws {
        let run = try await keygen(kind + ["--out", "key", "--comment", "jdoe@laptop"])
        #expect(run.status == 0)
        #expect(run.output.isEmpty)
        let listed = try await place.tool("ssh-keygen", "-l", "-f", "key.pub").output.split(separator: " ")
        #expect(run.errors.contains(listed[1]))
        #expect(listed[2] == "jdoe@laptop")
        // OpenSSL derives the same public key from the private one.
        let again = try await keygen(kind + ["--out", "other", "--public-format", "pem"])
        #expect(again.status == 0)
        let derived = try await place.tool("openssl", "pkey", "-in", "other", "-pubout").output
        #expect(try place.read("other.pub") == derived)
    }

    @Test(arguments: kinds + [["ml-dsa-65"], ["ml-dsa-87"]])
    func `a token signed with the private key verifies with the public one in each form`(
        kind: [String]
    ) async throws {
        let isPostQuantum = kind[0].hasPrefix("ml-dsa")
        for format in isPostQuantum ? ["pem", "jwk"] : ["openssh", "pem", "jwk"] {
            let made = try await keygen(kind + ["--out", "key", "--public-format", format, "--force"])
            #expect(made.status == 0)
            let token = try await place.success("token", "mint", "--key", "key").line
            let verified = try await place.portcullis("token", "verify", "--key", "key.pub", token)
            #expect(verified.status == 0, "\(format): \(verified.errors)")
        }
    }

    @Test func `the private key is for its owner alone, whatever the umask`() async throws {
        let program = try #require(Workplace.program).path()
        let run = try await place.run(
            URL(filePath: "/bin/sh"),
            ["-c", "umask 0; \(program) keygen ec --out key; stat -c %a key key.pub"]
        )
        #expect(run.output == "600\n644\n")
        let strict = try await place.run(
            URL(filePath: "/bin/sh"),
            ["-c", "umask 0; \(program) keygen hmac --out secret; stat -c %a secret"]
        )
        #expect(strict.output == "600\n")
    }

    @Test func `no file is overwritten unasked`() async throws {
        try await place.success("keygen", "ed25519", "--out", "key")
        let (before, publicBefore) = (try place.read("key"), try place.read("key.pub"))
        let refused = try await place.portcullis("keygen", "ed25519", "--out", "key")
        #expect(refused.status == 2)
        #expect(refused.errors.contains("key exists and is not overwritten"))
        #expect(refused.errors.contains("--force"))
        try FileManager.default.removeItem(at: place.url("key"))
        let half = try await place.portcullis("keygen", "ed25519", "--out", "key")
        #expect(half.status == 2)
        #expect(!FileManager.default.fileExists(atPath: place.url("key").path()))
        #expect(try place.read("key.pub") == publicBefore)
        try await place.success("keygen", "ed25519", "--out", "key", "--force")
        #expect(try place.read("key") != before)
    }

    @Test func `without a file the private key is the only thing on standard output`() async throws {
        let run = try await place.success("keygen", "ec")
        #expect(run.output.hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
        #expect(run.output.hasSuffix("-----END PRIVATE KEY-----\n"))
        #expect(run.errors.hasPrefix("ecdsa-sha2-nistp256 "))
    }

    @Test(arguments: [
        ([], 44), (["--base64url"], 43), (["--encoding", "hex"], 64), (["--bytes", "64"], 88),
    ])
    func `a secret is one line of text`(options: [String], length: Int) async throws {
        let arguments = options == ["--base64url"] ? ["--encoding", "base64url"] : options
        let run = try await keygen(["hmac"] + arguments)
        #expect(run.status == 0)
        #expect(run.line.utf8.count == length)
        #expect(!run.errors.contains(run.line))
        #expect(try await keygen(["hmac"] + arguments).line != run.line)
    }

    @Test(arguments: [
        (["hmac", "--bytes", "31"], "expected a number from 32"),
        (["rsa", "--bits", "1024"], "from 2048 to 8192"),
        (["rsa", "--bits", "2050"], "in steps of 256"), (["ec", "--curve", "P-257"], "P-256, P-384, P-521"),
        (["ec", "--public-format", "der"], "openssh, pem, jwk"),
        (["ml-dsa-65", "--public-format", "openssh"], "pem or jwk"),
        (["ec", "--comment", "a\nssh-rsa AAAA"], "line break"),
        (["ec", "--out", "absent/key"], "No such file"),
    ])
    func `what cannot be made is refused with what can`(arguments: [String], words: String) async throws {
        let run = try await keygen(arguments)
        #expect(run.status == 2)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains(words))
    }
}
