import JOSE
import Testing

@Suite struct KeyReadingTests {
    private static let ec = try? SigningKey.generate(.ec(.p256))
    private static let other = try? SigningKey.generate(.ed25519)

    private func line(_ key: SigningKey?) throws -> String {
        try #require(key?.openSSHPublicLine(comment: "jdoe@laptop"))
    }

    private func pem(_ key: SigningKey?) throws -> String {
        try #require(key?.verificationKey.subjectPublicKeyInfoPEM)
    }

    @Test func `line breaks, blank lines and a byte order mark around a key do no harm`() throws {
        let expected = try #require(Self.ec?.fingerprint)
        for key in [try line(Self.ec), try pem(Self.ec), String(try pem(Self.ec).dropLast())] {
            let windows = key.replacing("\n", with: "\r\n")
            for text in [
                key, windows, "\n\n" + key + "\n\n", "  " + key + "  ", "\u{FEFF}" + key, key + "\r\n",
            ] {
                #expect(try VerificationKey.publicKey(reading: bytes(text)).fingerprint == expected)
            }
        }
        let commented = "# my keys\n\n" + (try line(Self.ec)) + "\n# end\n"
        #expect(try VerificationKey.publicKey(reading: bytes(commented)).fingerprint == expected)
    }

    @Test func `several keys are read together, and refused where one is expected`() throws {
        let text = bytes(try line(Self.ec) + "\n" + line(Self.other) + "\n")
        #expect(try VerificationKey.publicKeys(reading: text).map(\.kind) == [.ec(.p256), .ed25519])
        #expect(throws: KeyReadingError.severalKeys(2)) { try VerificationKey.publicKey(reading: text) }
        let blocks = bytes(try pem(Self.ec) + pem(Self.other))
        #expect(try VerificationKey.publicKeys(reading: blocks).map(\.kind) == [.ec(.p256), .ed25519])
    }

    @Test(arguments: [
        ("", "no key was given"), (" \r\n\t ", "no key was given"),
        ("# nothing but a comment\n", "no key was given"),
        ("hello", "that are no key"), ("ssh-rsa", "copy the whole line"), ("ssh-rsa AAAA", "does not"),
        ("ssh-rsa A", "Base64 is broken"),
        ("ssh-ed25519 AAAAC3NzaC1yc2EAAAADAQABAAAB x", "does not"),
        ("ssh-dss AAAAB3NzaC1kc3MAAACBA x", "DSA"), ("sk-ssh-ed25519@openssh.com AAAA x", "security token"),
        ("sk-ecdsa-sha2-nistp256@openssh.com AAAA x", "security token"),
        ("ssh-rsa-cert-v01@openssh.com AAAA x", "OpenSSH certificate"),
        (#"command="ls",no-pty ssh-rsa AAAAB3NzaC1yc2E= x"#, "options before the key"),
        ("restrict ssh-ed25519 AAAA x", "options before the key"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "PuTTY"),
        ("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n", "RFC 4716"),
        ("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A", "without its frame"),
        ("MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "without its frame"),
        (
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQEN\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n",
            "OpenPGP"
        ),
        ("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n", "DSA"),
        ("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "X509 CRL"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n", "END line is missing"),
        ("-----BEGIN PUBLIC KEY----- AAAA -----END PUBLIC KEY", "keep the line breaks"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n", "does not match"),
        ("-----BEGIN PUBLIC KEY-----\nA*AA\n-----END PUBLIC KEY-----\n", "Base64"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "not a complete DER"),
        ("-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n", "not a key"),
        ("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", "not a complete DER"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "private key"),
        ("0", "that are no key"), ("{", "not strict JSON"),
        ("[]", "expected an object"), ("{}", "kty is missing"), (#"{"keys":[]}"#, "has no keys"),
        (#"{"keys":{}}"#, "expected an array"),
        (#"{"keys":[1,{"kty":"x"}]}"#, "no key of the JWK set"), (#"{"kty":1}"#, "kty is a number"),
        (#"{"kty":"oct","k":"AAAA"}"#, "symmetric"),
        (#"{"kty":"EC","crv":"secp256k1"}"#, "secp256k1"), (#"{"kty":"OKP","crv":"X25519"}"#, "X25519"),
        (#"{"kty":"AKP","alg":"ML-DSA-44"}"#, "ML-DSA-44"),
        (#"{"kty":"RSA","n":"AQ","e":"AQAB"}"#, "1 bits"),
        (#"{"kty":"RSA","n":"AQ==","e":"AQAB"}"#, "Base64url"),
        (#"{"kty":"RSA","e":"AQAB"}"#, "n is missing"),
        (#"{"kty":"OKP","crv":"Ed25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#, "small order"),
        (#"{"kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA"}"#, "small order"),
        (#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}"#, "x has 3 bytes, expected 32"),
        (
            #"{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
            "not on the curve"
        ),
    ])
    func `what is no public key is refused with what was found and what to do`(text: String, words: String) {
        let refusal = #expect(throws: KeyReadingError.self) {
            try VerificationKey.publicKeys(reading: bytes(text))
        }
        #expect(refusal?.description.contains(words) == true, "\(String(describing: refusal))")
    }

    @Test func `binary rubbish and giants are refused`() {
        for rubbish in [
            [0x30], [0x30, 0x00], [0x30, 0x80, 0, 0], [0x30, 0x82, 0xFF, 0xFF], [0x00], [0xFF, 0xFE],
            Array(repeating: 0x30, count: 9_000),
        ] as [[UInt8]] {
            #expect(throws: KeyReadingError.self) { try VerificationKey.publicKeys(reading: rubbish) }
            #expect(throws: KeyReadingError.self) { try SigningKey.read(rubbish) }
        }
        #expect(throws: KeyReadingError.tooLarge(found: 65_537, limit: 65_536)) {
            try VerificationKey.publicKeys(reading: Array(repeating: 0x20, count: 65_537))
        }
    }

    @Test(
        arguments: [
            ("", [SignatureAlgorithm.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]),
            (#","alg":"PS384""#, [.ps384]),
            (#","use":"sig""#, [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]),
            (#","key_ops":["verify"]"#, [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]),
            (#","key_ops":["wrapKey","verify"],"alg":"RS512""#, [.rs512]),
            (#","alg":"ES256""#, nil), (#","alg":"HS256""#, nil), (#","alg":"RSA-OAEP""#, nil),
            (#","alg":"none""#, nil), (#","alg":"rs256""#, nil), (#","alg":7"#, nil),
            (#","use":"enc""#, nil), (#","use":"SIG""#, nil), (#","use":null"#, nil),
            (#","key_ops":[]"#, nil), (#","key_ops":["sign"]"#, nil),
            (#","key_ops":"verify""#, nil), (#","kid":1"#, nil), (#","d":1"#, nil), (#","n":"AQ""#, nil),
        ] as [(String, [SignatureAlgorithm]?)]
    )
    func `a JWK's own words about its use are obeyed`(more: String, algorithms: [SignatureAlgorithm]?) throws
    {
        let jwk = Self.rsaJWK.dropLast() + more + "}"
        // Nil is one of the expected answers.
        let key = try? VerificationKey.publicKey(reading: bytes(String(jwk)))
        #expect(key?.algorithms == algorithms)
    }

    private static let rsaJWK =
        #"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#

    @Test(arguments: ["AA", "AQ", "Ag", "BA", "AQAC", "A____w", "gICAgIE"])
    func `an RSA exponent that is even, too small or too long is refused`(exponent: String) {
        let jwk = Self.rsaJWK.replacing("AQAB\"}", with: exponent + "\"}")
        let isSound = exponent == "A____w"
        let key = try? VerificationKey.publicKey(reading: bytes(jwk))  // refusal is expected
        #expect((key != nil) == isSound)
    }

    @Test func `a set keeps what can be used, with equal names, and reports the rest`() throws {
        let kid = { (jwk: String) in jwk.dropLast() + #","kid":"same"}"# }
        let set =
            #"{"keys":[\#(kid(Self.rsaJWK)),{"kty":"oct","k":"AAAA"},\#(kid(Self.rsaJWK)),{"kty":"new"},7,{"kty":"RSA","kid":"broken"}]}"#
        let withoutSecret = set.replacing(#"{"kty":"oct","k":"AAAA"},"#, with: "")
        let reading = try VerificationKey.readPublicKeys(bytes(withoutSecret))
        #expect(reading.keys.map(\.keyID) == ["same", "same"])
        #expect(reading.skipped.count == 3)
        #expect(reading.skipped.last?.contains("broken") == true)
        #expect(throws: KeyReadingError.symmetricKeyGiven) { try VerificationKey.readPublicKeys(bytes(set)) }
    }

    @Test func `post-quantum keys are read as PEM and JWK`() throws {
        for (kind, name) in [(KeyKind.mlDSA65, "ML-DSA-65"), (.mlDSA87, "ML-DSA-87")] {
            let key = try SigningKey.generate(kind)
            let pem = try #require(key.verificationKey.subjectPublicKeyInfoPEM)
            let fromPEM = try VerificationKey.publicKey(reading: bytes(pem))
            #expect(fromPEM.fingerprint == key.fingerprint)
            #expect(fromPEM.openSSHPublicLine() == nil)
            let der = try Base64.decode(bytes(pem.split(separator: "\n").dropFirst().dropLast().joined()))
            let raw = Base64URL.encode(Array(der.dropFirst(22)))
            let jwk = #"{"kty":"AKP","alg":"\#(name)","pub":"\#(raw)"}"#
            let fromJWK = try VerificationKey.publicKey(reading: bytes(jwk))
            #expect(fromJWK.fingerprint == key.fingerprint)
            let privatePEM = try #require(key.pkcs8PEM).reveal()
            let again = try SigningKey.read(bytes(privatePEM))
            #expect(again.fingerprint == key.fingerprint)
            #expect(verifies(try again.sign(payload: bytes("x")), fromJWK))
            let seed = try Base64.decode(
                bytes(privatePEM.split(separator: "\n").dropFirst().dropLast().joined())
            ).suffix(32)
            let privateJWK =
                #"{"kty":"AKP","alg":"\#(name)","pub":"\#(raw)","priv":"\#(Base64URL.encode(Array(seed)))"}"#
            #expect(try SigningKey.read(bytes(privateJWK)).fingerprint == key.fingerprint)
        }
    }

    @Test func `sizes of new keys are bounded`() {
        for kind in [
            KeyKind.rsa(bits: 1_024), .rsa(bits: 2_049), .rsa(bits: 16_384), .rsa(bits: -8), .rsa(bits: .max),
            .hmac(bytes: 31), .hmac(bytes: -1), .hmac(bytes: .max),
        ] {
            #expect(throws: KeyReadingError.self) { try SigningKey.generate(kind) }
        }
    }
}

@Suite(.tags(.security)) struct SecretReadingTests {
    @Test(arguments: [
        "secret", "your-256-bit-secret", "your-384-bit-secret", "your-512-bit-secret",
        "a-string-secret-at-least-256-bits-long",
        "A-String-Secret-At-Least-256-Bits-Long", "secretsecretsecretsecretsecretsecret",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "abababababababababababababababababab", "0123456789abcdef0123456789abcdef",
        "12345678901234567890123456789012",
        "qwertyuiopasdfghjklzxcvbnm123456", "changeme-changeme-changeme-changeme!",
        "my-super-secret-key-that-nobody-knows-1",
        "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",
        "abcdefghijklmnopqrstuvwxyz{|}~\u{7F}",
        "super-secret-jwt-token-with-at-least-32-characters-long",
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    ])
    func `a secret that anybody would try is refused`(secret: String) {
        let refusal = #expect(throws: KeyReadingError.self) {
            try VerificationKey.hmac(secret: Secret(bytes(secret)))
        }
        guard case .wellKnownSecret = refusal else {
            Issue.record("\(String(describing: refusal))")
            return
        }
        let encoded = Base64.encode(bytes(secret))
        #expect(throws: KeyReadingError.self) {
            try VerificationKey.hmac(secret: Secret(bytes(encoded)), secretIsBase64: true)
        }
        // One that was taken before it became known is still a key of the gateway that has it.
        guard bytes(secret).count >= 32 else { return }
        #expect(throws: Never.self) {
            try VerificationKey.hmac(
                secret: Secret(bytes(encoded)),
                secretIsBase64: true,
                wasAccepted: true
            )
        }
    }

    @Test(arguments: [(31, 0), (32, 1), (47, 1), (48, 2), (63, 2), (64, 3), (4_096, 3)])
    func `the length of a secret decides about its algorithms`(length: Int, count: Int) {
        let secret = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 7 &+ $0 / 3) }
        // Too short is refused, which counts as none.
        let key = try? VerificationKey.hmac(secret: Secret(secret))
        #expect(key?.algorithms ?? [] == Array([SignatureAlgorithm.hs256, .hs384, .hs512].prefix(count)))
    }

    @Test func `a pasted secret is its text unless it is marked as Base64`() throws {
        let text = "q0cJ3mVwX8sLr2TzB5uNfYhPkDgAe7RQ1xWoMvIiSjE="
        let asText = try VerificationKey.hmac(secret: Secret(bytes(text)))
        let decoded = try VerificationKey.hmac(secret: Secret(bytes(text)), secretIsBase64: true)
        let urlSafe = try VerificationKey.hmac(
            secret: Secret(bytes(String(text.dropLast()))),
            secretIsBase64: true
        )
        #expect(asText.kind == .hmac(bytes: 44))
        #expect(decoded.kind == .hmac(bytes: 32))
        #expect(decoded.fingerprint == urlSafe.fingerprint)
        #expect(asText.fingerprint != decoded.fingerprint)
        #expect(asText.fingerprint.hasPrefix("HMAC:"))
        #expect(!"\(asText)".contains(text.prefix(8)))
        #expect(asText.subjectPublicKeyInfoPEM == nil)
        #expect(throws: KeyReadingError.secretNotBase64(.byteOutsideAlphabet(found: 0x21, position: 36))) {
            try VerificationKey.hmac(
                secret: Secret(
                    bytes("this is no Base64".replacing(" ", with: "") + "AAAAAAAAAAAAAAAAAAAAAA!")
                ),
                secretIsBase64: true
            )
        }
    }

    @Test func `a file's final line break is no part of a secret`() throws {
        let secret = "q0cJ3mVwX8sLr2TzB5uNfYhPkDgAe7RQ1xWoMvIiSjE="
        let expected = try VerificationKey.hmac(secret: Secret(bytes(secret))).fingerprint
        for ending in ["", "\n", "\r\n"] {
            let keys = try VerificationKey.anyKey(reading: bytes(secret + ending), algorithm: .hs256)
            #expect(keys.map(\.fingerprint) == [expected])
        }
        #expect(
            try VerificationKey.anyKey(reading: bytes(secret + "\n\n"), algorithm: .hs256).first?.fingerprint
                != expected
        )
        #expect(throws: KeyReadingError.self) {
            try VerificationKey.anyKey(reading: bytes(secret), algorithm: .rs256)
        }
        #expect(throws: KeyReadingError.self) {
            try VerificationKey.anyKey(reading: bytes("short\n"), algorithm: .hs256)
        }
    }

    @Test(
        arguments: [
            ("", 64, [SignatureAlgorithm.hs256, .hs384, .hs512]), (#","alg":"HS256""#, 32, [.hs256]),
            (#","alg":"HS512""#, 64, [.hs512]),
            (#","alg":"HS512""#, 63, nil), (#","alg":"HS384""#, 47, nil), ("", 31, nil), ("", 0, nil),
            (#","alg":"RS256""#, 64, nil),
            (#","use":"enc""#, 64, nil), (#","key_ops":["encrypt"]"#, 64, nil),
            (#","key_ops":["sign"]"#, 64, [.hs256, .hs384, .hs512]), (#","alg":"A128KW""#, 64, nil),
        ] as [(String, Int, [SignatureAlgorithm]?)]
    )
    func `a JWK of a secret is held to its length and words`(
        more: String,
        length: Int,
        algorithms: [SignatureAlgorithm]?
    ) {
        let secret = Base64URL.encode([UInt8](repeating: 0x61, count: length))
        let jwk = bytes(#"{"kty":"oct","k":"\#(secret)"\#(more)}"#)
        let keys = try? VerificationKey.anyKey(reading: jwk)  // nil is one of the expected answers
        #expect(keys?.first?.algorithms == algorithms)
        #expect(throws: KeyReadingError.self) { try VerificationKey.publicKeys(reading: jwk) }
    }
}
