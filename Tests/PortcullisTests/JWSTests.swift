import Crypto
import Foundation
import JOSE
import Testing

/// `portcullis jws verify`: published vectors, no leniency, no confusion of keys.
struct JWSTests {
    private let place: Workplace

    init() throws {
        place = try Workplace()
    }

    private func verify(_ token: String, _ options: String...) async throws -> Run {
        try place.write("token", token)
        return try await place.run(
            try #require(Workplace.program),
            ["jws", "verify", "--token-file", "token"] + options
        )
    }

    // Wycheproof, json_web_signature_test: a secret of zeros and an EC key.
    private static let zeros =
        #"{"kty":"oct","kid":"hs256-key","use":"sig","alg":"HS256","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#
    private static let point =
        #""kty":"EC","crv":"P-256","kid":"kid-ec-sign","x":"04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY","#
        + #""y":"UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw""#
    private static let mac = "eyJraWQiOiJoczI1Ni1rZXkiLCJhbGciOiJIUzI1NiJ9"
    private static let signed = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImtpZC1lYy1zaWduIn0.Zm9v"
    private static let signature =
        "5cA0OHyMP7ezamUd5c9kV-FrGxdx4hbGXOdplQkutrqWrte5P-pAvsE3Ve6xSyU3YDQwUHjVVOtvcrEbbnZ8yA"

    @Test(arguments: [
        ("\(mac).VGVzdA.c1LROH7eNQwUT8KMVEO52VC3WZ9e_AnDWbZ7aMmowV8", 0, "sound"),
        ("\(mac).VDIxMzI1NjY4.AAAAtBuQqoI9HuBeAsgjL4nx8sCGYJa5-G2OrureLO4", 0, "code that begins with zeros"),
        (
            "eyAia2lkIiA6ICJoczI1Ni1rZXkiLCAiYWxnIiA6ICJIUzI1NiIgfQ.VGVzdA.3nl1C7dKVGLfNyALp4ZKkmNFBJlFP8M9VGzCyil9S1c",
            0, "white space in the header's JSON"
        ),
        ("\(mac).VGVzdA.    c1LROH7eNQwUT8KMVEO52VC3WZ9e_AnDWbZ7aMmowV8", 1, "spaces in the code"),
        ("\(mac).VGVzdA.c1LROH7eNQwUT8KMVEO52VC3WZ9e_AnDWbZ7aMmowV8?", 1, "a character after the code"),
        ("\(mac).AB.9phoKDvkBMAqTgeVIYeqAi6-lvC0pbKg9ER--3T97w0", 1, "spare bits in the payload"),
        ("\(mac).VGVzdA.", 1, "no code"), ("\(mac).VGVzdA", 1, "two parts"), ("", 1, "nothing"),
        ("\(mac)..c1LROH7eNQwUT8KMVEO52VC3WZ9e_AnDWbZ7aMmowV8", 1, "another payload"),
        ("eyJhbGciOiJub25lIn0.VGVzdA.", 1, "alg none"),
    ])
    func `published vectors with a secret`(token: String, status: Int32, why: String) async throws {
        try place.write("key", Self.zeros)
        let run = try await verify(token, "--key", "key")
        #expect(run.status == status, "\(why): \(run.errors)")
        #expect(run.errors.isEmpty == (status == 0))
        #expect(run.output.isEmpty == (status == 1))
    }

    @Test(arguments: [
        ("{\(point)}", "", 0, "sound"),
        ("{\"use\":\"sig\",\"alg\":\"ES256\",\(point)}", "\n", 0, "one line feed"),
        ("{\(point)}", "\n\n", 1, "two line feeds"), ("{\(point)}", "\r\n", 1, "a carriage return"),
        ("{\(point)}", " ", 1, "a space"), ("{\(point)}", "AA", 1, "a longer signature"),
        ("{\"key_ops\":[\"encrypt\"],\(point)}", "", 1, "a key for encryption"),
        ("{\"use\":\"enc\",\(point)}", "", 1, "a key for encryption"),
        ("{\"alg\":\"ES384\",\(point)}", "", 1, "a key for another algorithm"),
        ("{\"keys\":[\(zeros),{\(point)}]}", "", 0, "in a set"),
        ("{\"keys\":[\(zeros)]}", "", 1, "not in the set"),
    ])
    func `published vectors with a public key`(
        key: String,
        end: String,
        status: Int32,
        why: String
    ) async throws {
        try place.write("key", key)
        let run = try await verify("\(Self.signed).\(Self.signature)\(end)", "--key", "key")
        #expect(run.status == status, "\(why): \(run.errors)")
    }

    @Test func `the algorithm asked for is the only one`() async throws {
        try place.write("key", "{\(Self.point)}")
        let token = "\(Self.signed).\(Self.signature)"
        #expect(try await verify(token, "--key", "key", "--alg", "ES256").status == 0)
        let run = try await verify(token, "--key", "key", "--alg", "ES384")
        #expect(run.status == 1)
        #expect(run.errors == "refused: alg is ES256, expected ES384\n")
        #expect(try await verify(token, "--key", "key", "--alg", "es256").status == 2)
    }

    @Test func `a missing file is trouble, a key that cannot be used is a refusal`() async throws {
        let token = "\(Self.signed).\(Self.signature)"
        #expect(try await verify(token, "--key", "absent").status == 2)
        #expect(try await verify(token).status == 2)
        #expect(
            try await place.portcullis("jws", "verify", "--key", "absent", "--token-file", "absent").status
                == 2
        )
        try place.write("key", "no key at all")
        let unknown = try await verify(token, "--key", "key")
        #expect(unknown.status == 1)
        #expect(!unknown.errors.contains("no key at all"))
        try await place.tool("openssl", "genrsa", "-out", "weak", "1024")
        #expect(try await verify(token, "--key", "weak").errors.contains("1024 bits"))
    }

    @Test func `of a set, the key with the token's kid is the one, and without kid every key is tried`()
        async throws
    {
        var keys: [String] = []
        for name in ["a", "b"] {
            try await place.success("keygen", "ec", "--out", name, "--public-format", "jwk")
            keys.append(
                try place.read(name + ".pub").replacing("{\"kty\"", with: "{\"kid\":\"\(name)\",\"kty\"")
            )
        }
        try place.write("set", "{\"keys\":[\(keys.joined(separator: ","))]}")
        for (arguments, status) in [
            (["--kid", "b"], 0), (["--kid", "a"], 1), (["--kid", "c"], 0), ([], 0),
        ] {
            let minted = try await place.run(
                try #require(Workplace.program),
                ["token", "mint", "--key", "b"] + arguments
            )
            let run = try await verify(minted.line, "--key", "set")
            #expect(run.status == Int32(status), "\(arguments): \(run.errors)")
        }
    }

    // MARK: A public key as a secret

    /// A token for whose code the bytes of a file were the secret.
    private func forged(with secret: [UInt8]) -> String {
        let signed =
            Base64URL.encode(Array(#"{"alg":"HS256"}"#.utf8)) + "." + Base64URL.encode(Array("{}".utf8))
        let code = HMAC<SHA256>.authenticationCode(for: Data(signed.utf8), using: SymmetricKey(data: secret))
        return signed + "." + Base64URL.encode(Array(code))
    }

    @Test(arguments: [
        ("cp key.pub forged", "OpenSSH line"), ("cp key.pem forged", "PEM"), ("cp key.der forged", "DER"),
        ("sed s/-----BEGIN/----BEGIN/ key.pem > forged", "PEM with a dash missing"),
        ("head -3 key.pem > forged", "the beginning of a PEM"),
        ("grep -v -e --- key.pem > forged", "Base64 without frame"),
        ("cut -d' ' -f2 key.pub > forged", "OpenSSH Base64 alone"),
        ("(echo x; cat key.pub) > forged", "junk before the line"),
        ("od -An -v -tx1 key.der | tr -d ' \\n' > forged", "hexadecimal"),
        ("iconv -t UTF-16 key.pem > forged", "UTF-16"), ("ssh-keygen -e -f key.pub > forged", "RFC 4716"),
        ("base64 -w0 key.der > forged", "Base64 on one line"),
        ("base64 -w0 key.pem > forged", "Base64 of a PEM"),
        ("(cat key.der; echo x) > forged", "DER with more behind it"),
        ("(echo; cat key.pem) > forged", "PEM after an empty line"),
    ])
    func `a public key in whatever shape is never taken for a secret`(
        command: String,
        why: String
    ) async throws {
        try await place.tool("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", "key")
        let setup =
            "ssh-keygen -e -m PKCS8 -f key.pub > key.pem; openssl pkey -pubin -in key.pem -outform DER -out key.der; "
        try await place.tool("sh", "-c", setup + command)
        let bytes = [UInt8](try Data(contentsOf: place.url("forged")))
        for secret in [bytes, bytes.last == UInt8(ascii: "\n") ? Array(bytes.dropLast()) : bytes] {
            let token = forged(with: secret)
            #expect(try await verify(token, "--key", "forged").status == 1, "\(why)")
            #expect(try await verify(token, "--key", "forged", "--alg", "HS256").status == 1, "\(why)")
            #expect(try await verify(token, "--secret-file", "forged").status == 1, "\(why)")
        }
    }

    @Test func `a secret as text is taken less one final line break`() async throws {
        let secret = try await place.tool("openssl", "rand", "-base64", "48").line
        let token = forged(with: Array(secret.utf8))
        for end in ["", "\n", "\r\n"] {
            try place.write("secret", secret + end)
            #expect(try await verify(token, "--key", "secret").status == 0)
            #expect(try await verify(token, "--secret-file", "secret").status == 0)
        }
        try place.write("secret", secret + "\n\n")
        #expect(try await verify(token, "--key", "secret").status == 1)
        let tampered = try await verify(forged(with: Array(secret.utf8.reversed())), "--key", "secret")
        #expect(tampered.status == 1)
        #expect(!(tampered.output + tampered.errors).contains(secret))
    }
}
