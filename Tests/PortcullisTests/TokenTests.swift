import Foundation
import JOSE
import Testing

/// `portcullis token mint`, `verify` and `decode`, with keys and signatures of other people's tools.
struct TokenTests {
    private let place: Workplace

    init() throws {
        place = try Workplace()
    }

    /// How a private key is made, and how its public half; both with the tools that people have.
    struct ForeignKey: Sendable, CustomTestStringConvertible {
        let name: String
        let commands: [[String]]
        var testDescription: String { name }
    }

    private static let foreignKeys: [ForeignKey] =
        [("rsa", "2048"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("ed25519", "256")].map {
            type,
            bits in
            ForeignKey(
                name: "ssh-keygen -t \(type) -b \(bits)",
                commands: [["ssh-keygen", "-q", "-t", type, "-b", bits, "-N", "", "-f", "key"]]
            )
        }
        + [
            ("openssl PKCS#8 RSA", ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
            ("openssl PKCS#1 RSA", ["genrsa", "-traditional"]),
            ("openssl SEC1 EC", ["ecparam", "-name", "secp384r1", "-genkey"]),
            ("openssl Ed25519", ["genpkey", "-algorithm", "ed25519"]),
        ].map { name, arguments in
            ForeignKey(
                name: name,
                commands: [
                    ["openssl"] + arguments + ["-out", "key"],
                    ["openssl", "pkey", "-in", "key", "-pubout", "-out", "key.pub"],
                ]
            )
        }

    private func make(_ key: ForeignKey) async throws {
        for command in key.commands {
            let run = try await place.run(URL(filePath: "/usr/bin/env"), command)
            try #require(run.status == 0, "\(command): \(run.errors)")
        }
    }

    @Test(arguments: foreignKeys)
    func `a token signed with any key verifies with its public half and no other`(
        key: ForeignKey
    ) async throws {
        try await make(key)
        let token = try await place.success("token", "mint", "--key", "key", "--api-token", "abc").line
        for file in ["key.pub", "key"] {
            let run = try await place.portcullis("token", "verify", "--key", file, token)
            #expect(run.status == 0, "\(file): \(run.errors)")
            #expect(run.output.hasPrefix("verified: "))
        }
        for file in ["key.pub", "key"] { try FileManager.default.removeItem(at: place.url(file)) }
        try await make(key)
        let other = try await place.portcullis("token", "verify", "--key", "key.pub", token)
        #expect(other.status == 1)
        #expect(other.output.isEmpty)
        #expect(other.errors.hasPrefix("refused: the signature is wrong"))
    }

    @Test(arguments: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
    func `an RSA key signs with each of its algorithms, and verify holds to the one asked for`(
        algorithm: String
    ) async throws {
        try await place.success("keygen", "rsa", "--bits", "2048", "--out", "key")
        let token = try await place.success("token", "mint", "--key", "key", "--alg", algorithm).line
        #expect(
            try await place.portcullis("token", "verify", "--key", "key.pub", "--alg", algorithm, token)
                .status == 0
        )
        let other = algorithm == "RS256" ? "PS256" : "RS256"
        let run = try await place.portcullis("token", "verify", "--key", "key.pub", "--alg", other, token)
        #expect(run.status == 1)
        #expect(run.errors == "refused: alg is \(algorithm), expected \(other)\n")
    }

    @Test func `openssl accepts what mint signed`() async throws {
        try await place.tool("openssl", "genrsa", "-out", "key", "2048")
        try await place.tool("openssl", "rsa", "-in", "key", "-pubout", "-out", "key.pem")
        let token = try await place.success("token", "mint", "--key", "key", "--claim", "sub=x").line
        let parts = token.split(separator: ".").map(String.init)
        try place.write("signed", parts[0] + "." + parts[1])
        try Data(Base64URL.decode(Array(parts[2].utf8))).write(to: place.url("signature"))
        let run = try await place.tool(
            "openssl",
            "dgst",
            "-sha256",
            "-verify",
            "key.pem",
            "-signature",
            "signature",
            "signed"
        )
        #expect(run.output == "Verified OK\n")
    }

    @Test func `verify accepts what openssl signed with a pasted secret`() async throws {
        let secret = try await place.tool("openssl", "rand", "-base64", "32").line
        try place.write("secret", secret + "\n")
        let signed =
            Base64URL.encode(Array(#"{"alg":"HS256"}"#.utf8)) + "."
            + Base64URL.encode(Array(#"{"sub":"x"}"#.utf8))
        let digest = try await place.tool(
            "openssl",
            "dgst",
            "-sha256",
            "-hmac",
            secret,
            "-binary",
            "-out",
            "mac",
            "/dev/stdin",
            input: signed
        )
        #expect(digest.output.isEmpty)
        let token = signed + "." + Base64URL.encode(Array(try Data(contentsOf: place.url("mac"))))
        let run = try await place.portcullis("token", "verify", "--secret-file", "secret", token)
        #expect(run.status == 0)
        #expect(run.output.contains("exp  is missing: the token never expires"))
        #expect(!(run.output + run.errors).contains(secret))
        let decoded = try await place.portcullis(
            "token",
            "verify",
            "--secret-file",
            "secret",
            "--secret-is-base64",
            token
        )
        #expect(decoded.status == 1)
        #expect(decoded.errors.contains("if the secret is taken as text: leave --secret-is-base64 out"))
        let other = try await place.success(
            "token",
            "mint",
            "--secret-file",
            "secret",
            "--secret-is-base64"
        ).line
        let hint = try await place.portcullis("token", "verify", "--secret-file", "secret", other)
        #expect(hint.status == 1)
        #expect(hint.errors.contains("if the secret is Base64-decoded: say --secret-is-base64"))
    }

    // MARK: Claims

    private func payload(_ arguments: String...) async throws -> String {
        try await place.success("keygen", "ed25519", "--out", "key", "--force")
        let run = try await place.run(
            try #require(Workplace.program),
            ["token", "mint", "--key", "key"] + arguments
        )
        try #require(run.status == 0, "\(run.errors)")
        let part = try #require(run.line.split(separator: ".").dropFirst().first)
        return String(decoding: try Base64URL.decode(Array(part.utf8)), as: UTF8.self)
    }

    @Test func `claims come in the order given, texts stay texts`() async throws {
        let payload = try await payload(
            "--claim",
            "z=1",
            "--claim-json",
            #"a={"n":[1,2.50]}"#,
            "--api-token",
            "t0",
            "--claim",
            "b=é\"\n=x",
            "--claim-json",
            "iat=5",
            "--claim-json",
            "exp=6"
        )
        #expect(payload == #"{"z":"1","a":{"n":[1,2.50]},"sub":"t0","b":"é\"\n=x","iat":5,"exp":6}"#)
    }

    @Test(arguments: [(nil, 900), ("90s", 90), ("1h30m", 5_400), ("7d", 604_800)] as [(String?, Int64)])
    func `a token says when it was issued and when it expires`(lifetime: String?, seconds: Int64) async throws
    {
        let before = Int64(Date().timeIntervalSince1970)
        let text =
            if let lifetime { try await payload("--expires-in", lifetime) } else { try await payload() }
        let claims = try JSONDocument(parsing: Array(text.utf8))
        let issued = try #require(claims.root[member: "iat"]?.number?.integer)
        let expiry = try #require(claims.root[member: "exp"]?.number?.integer)
        #expect((before...before + 60).contains(issued))
        #expect(expiry - issued == seconds)
    }

    @Test func `a token without expiry is made only on demand, with a warning`() async throws {
        try await place.success("keygen", "ed25519", "--out", "key")
        let run = try await place.success("token", "mint", "--key", "key", "--no-expiry")
        #expect(run.errors.hasPrefix("warning: this token never expires"))
        let shown = try await place.success("token", "decode", run.line)
        #expect(shown.output.contains("exp  is missing: the token never expires"))
    }

    @Test(arguments: [
        (["--claim", "a=1", "--claim-json", "a=1"], "claim \"a\" is given twice"),
        (["--claim", "sub=1", "--api-token", "x"], "claim \"sub\" is given twice"),
        (["--claim", "a"], "expected name=value"), (["--claim", "=1"], "expected name=value"),
        (["--claim-json", "a={"], "is not JSON"), (["--claim-json", #"a={"b":1,"b":2}"#], "appears twice"),
        (["--claim-json", "a=1,\"exp\":9"], "is not JSON"), (["--expires-in", "15"], "with its unit"),
        (["--expires-in", "0s"], "with its unit"),
        (["--expires-in", "99999999999999999999d"], "with its unit"),
        (["--expires-in", "1h", "--no-expiry"], "expected one"),
        (["--expires-in", "1h", "--claim-json", "exp=1"], "expected one"),
        (["--alg", "none"], "expected one of HS256"),
        (["--claim", "a=\(String(repeating: "x", count: 10_241))"], "10240"),
        (["--secret-file", "key"], "are both given"),
    ])
    func `claims that no gateway could take are refused before signing`(
        arguments: [String],
        words: String
    ) async throws {
        try await place.success("keygen", "ed25519", "--out", "key")
        let run = try await place.run(
            try #require(Workplace.program),
            ["token", "mint", "--key", "key"] + arguments
        )
        #expect(run.status == 2)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains(words), "\(run.errors)")
    }

    @Test func `keys that must not sign are refused with what to do`() async throws {
        try await place.success("keygen", "ed25519", "--out", "key")
        let publicKey = try await place.portcullis("token", "mint", "--key", "key.pub")
        #expect(publicKey.status == 1)
        #expect(publicKey.errors.contains("signing needs the private key"))
        try await place.tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "passphrase", "-f", "locked")
        let locked = try await place.portcullis("token", "mint", "--key", "locked")
        #expect(locked.status == 1)
        #expect(locked.errors.contains("ssh-keygen -p"))
        try place.write("short", "too short to be a secret\n")
        let short = try await place.portcullis("token", "mint", "--secret-file", "short")
        #expect(short.status == 1)
        #expect(short.errors.contains("24 bytes, HS256 needs at least 32"))
        #expect(!short.errors.contains("too short to be a secret"))
        let unfit = try await place.portcullis("token", "mint", "--key", "key", "--alg", "RS256")
        #expect(unfit.status == 1)
        #expect(unfit.errors.contains("it allows EdDSA"))
    }

    // MARK: Decoding and times

    private func token(header: String, payload: String, signature: String = "AAAA") -> String {
        [header, payload].map { Base64URL.encode(Array($0.utf8)) }.joined(separator: ".") + "." + signature
    }

    @Test func `decode shows what is there, times in words, and that nothing is verified`() async throws {
        let now = Int64(Date().timeIntervalSince1970)
        let text = token(
            header: #"{"alg":"RS256","kid":"k"}"#,
            payload: #"{"sub":"x","exp":\#(now - 190),"nbf":"1"}"#
        )
        for run in [
            try await place.portcullis("token", "decode", text),
            try await place.portcullis("token", "decode", "-", input: text + "\n"),
        ] {
            #expect(run.status == 0)
            #expect(run.output.hasPrefix("NOT VERIFIED: "))
            #expect(run.output.contains("{\n  \"alg\": \"RS256\",\n  \"kid\": \"k\"\n}"))
            #expect(run.output.contains("expired 3 min ago"))
            #expect(run.output.contains("nbf  not a time: a string"))
        }
    }

    @Test func `decode shows tokens that every gateway refuses, and why`() async throws {
        let run = try await place.portcullis(
            "token",
            "decode",
            token(header: #"{"alg":"none"}"#, payload: "{}", signature: "")
        )
        #expect(run.status == 0)
        #expect(run.output.contains("alg is none"))
        let text = token(header: #"{"alg":"HS256"}"#, payload: "plain \u{1B}[31mtext\u{202E}")
        let plain = try await place.portcullis("token", "decode", text)
        #expect(plain.output.contains(#"not strict JSON: plain \u{1B}[31mtext\u{202E}"#))
        let hidden = token(header: #"{"alg":"HS256"}"#, payload: "{\"a\":\"\u{9B}31m\u{202E}\"}")
        #expect(try await place.portcullis("token", "decode", hidden).output.contains(#""\u009B31m\u202E""#))
    }

    @Test(arguments: ["", "abc", "a.b", "a.b.c.d", "!!.e30.AAAA", "e30.e30=.AAAA"])
    func `decode refuses what is no token`(text: String) async throws {
        let run = try await place.portcullis("token", "decode", "-", input: text)
        #expect(run.status == 1)
        #expect(run.output.isEmpty)
        #expect(run.errors.hasPrefix("refused: "))
    }

    @Test(arguments: [
        ("exp=1", "expired "), ("exp=\"9999999999\"", "exp is a string"), ("exp=1e400", "year 9999"),
        ("nbf=99999999999", "nbf lies ahead"), ("iat=99999999999", "iat lies ahead"),
        ("exp=null", "exp is null"),
        ("exp=-1", "expired "),
    ])
    func `verify looks at the times once the signature is right`(claim: String, words: String) async throws {
        try await place.success("keygen", "ed25519", "--out", "key")
        let token = try await place.success("token", "mint", "--key", "key", "--claim-json", claim).line
        let run = try await place.portcullis("token", "verify", "--key", "key.pub", token)
        #expect(run.status == 1)
        #expect(run.output.isEmpty)
        #expect(run.errors.hasPrefix("refused: the signature is right, but the time is not: "))
        #expect(run.errors.contains(words), "\(run.errors)")
    }
}
