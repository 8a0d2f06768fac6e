import JOSE
import Testing

@Suite(.tags(.security)) struct TokenFormTests {
    private static let header = Base64URL.encode(bytes(#"{"alg":"HS256"}"#))

    @Test(
        arguments: [
            ("", .notThreeParts(found: 1)), ("a", .notThreeParts(found: 1)),
            ("a.b", .notThreeParts(found: 2)),
            ("a.b.c.d", .notThreeParts(found: 4)), ("a.b.c.d.e", .notThreeParts(found: 5)),
            ("\(header).e30.c2ln.", .notThreeParts(found: 4)),
            (".e30.c2ln", .headerNotJSON(JSONError(problem: .unexpectedEnd(expected: .value), offset: 0))),
            ("\(header).e30.", .signatureMissing),
            ("\(header)=.e30.c2ln", .headerNotBase64URL(.byteOutsideAlphabet(found: 0x3D, position: 20))),
            (" \(header).e30.c2ln", .headerNotBase64URL(.byteOutsideAlphabet(found: 0x20, position: 0))),
            ("\(header).e30=.c2ln", .payloadNotBase64URL(.byteOutsideAlphabet(found: 0x3D, position: 3))),
            ("\(header).e31.c2ln", .payloadNotBase64URL(.spareBitsSet(position: 2))),
            ("\(header).e30.c2ln\n", .signatureNotBase64URL(.byteOutsideAlphabet(found: 0x0A, position: 4))),
            ("\(header).e30.c2l", .signatureNotBase64URL(.spareBitsSet(position: 2))),
            ("\(header).e30.c2l+", .signatureNotBase64URL(.byteOutsideAlphabet(found: 0x2B, position: 3))),
            ("{\"payload\":\"e30\",\"signature\":\"c2ln\"}", .notThreeParts(found: 1)),
        ] as [(String, TokenError)]
    )
    func `what is not a compact token is refused with the reason`(token: String, reason: TokenError) {
        #expect(refusal(token) == reason)
    }

    @Test(
        arguments: [
            (#"{}"#, .algorithmMissing), (#"[]"#, .headerNotObject(found: .array)),
            (#""HS256""#, .headerNotObject(found: .string)),
            (#"{"alg":null}"#, .headerParameterNotString(name: "alg", found: .null)),
            (#"{"alg":["HS256"]}"#, .headerParameterNotString(name: "alg", found: .array)),
            (#"{"alg":1}"#, .headerParameterNotString(name: "alg", found: .number)),
            (#"{"alg":"none"}"#, .algorithmNone), (#"{"alg":"None"}"#, .algorithmNone),
            (#"{"alg":"NONE"}"#, .algorithmNone),
            (#"{"alg":"nOnE"}"#, .algorithmNone), (#"{"alg":"\u006eone"}"#, .algorithmNone),
            (#"{"alg":"none "}"#, .algorithmUnknown(bytes("none "))), (#"{"alg":""}"#, .algorithmUnknown([])),
            (#"{"alg":"hs256"}"#, .algorithmUnknown(bytes("hs256"))),
            (#"{"alg":"HS256\u0000"}"#, .algorithmUnknown(bytes("HS256\0"))),
            (#"{"alg":"RSA-OAEP"}"#, .algorithmUnknown(bytes("RSA-OAEP"))),
            (#"{"alg":"ES256K"}"#, .algorithmUnknown(bytes("ES256K"))),
            (#"{"alg":"HS256","crit":["exp"]}"#, .criticalHeaders),
            (#"{"alg":"HS256","crit":[]}"#, .criticalHeaders),
            (#"{"alg":"HS256","crit":null}"#, .criticalHeaders),
            (#"{"alg":"HS256","b64":false,"crit":["b64"]}"#, .criticalHeaders),
            (#"{"alg":"HS256","b64":false}"#, .unencodedPayload),
            (#"{"alg":"HS256","b64":"true"}"#, .unencodedPayload),
            (#"{"alg":"HS256","kid":1}"#, .headerParameterNotString(name: "kid", found: .number)),
            (#"{"alg":"HS256","typ":{}}"#, .headerParameterNotString(name: "typ", found: .object)),
            (#"{"alg":"HS256","cty":true}"#, .headerParameterNotString(name: "cty", found: .bool)),
            (
                #"{"alg":"none","alg":"HS256"}"#,
                .headerNotJSON(JSONError(problem: .duplicateMember(name: bytes("alg")), offset: 14))
            ),
        ] as [(String, TokenError)]
    )
    func `a header that breaks a rule is refused`(header: String, reason: TokenError) {
        #expect(refusal(unsigned(header: header)) == reason)
        #expect(!reason.description.isEmpty)
    }

    @Test func `a sound header gives its facts`() throws {
        let header =
            #"{"alg":"RS256","typ":"JWT","kid":"k\u0031","cty":"x","jwk":{"kty":"oct"},"b64":true,"zip":"DEF"}"#
        let text = unsigned(header: header, payload: #"{"sub":"a"}"#)
        let token = try parse(text)
        #expect(token.algorithm == .rs256)
        #expect(token.keyID == bytes("k1"))
        #expect(token.type == bytes("JWT"))
        #expect(token.contentType == bytes("x"))
        #expect(token.payload == bytes(#"{"sub":"a"}"#))
        #expect(token.signature == bytes("signature"))
        #expect(text.utf8.prefix(token.signedLength).last != UInt8(ascii: "."))
        #expect(Array(text.utf8)[token.signedLength] == UInt8(ascii: "."))
        #expect(try token.claims().root[member: "sub"]?.string == "a")
        #expect(try parse(unsigned(header: #"{"alg":"Ed25519"}"#)).algorithm == .edDSA)
    }

    @Test(
        arguments: [
            (nil, true), ("JWT", true), ("jwt", true), ("at+jwt", true), ("AT+JWT", true),
            ("application/at+jwt", true),
            ("APPLICATION/JWT", true), ("JOSE", false), ("secevent+jwt", false), ("dpop+jwt", false),
            ("", false), ("JWT ", false),
            ("text/jwt", false), ("application/application/jwt", false), ("j\u{212A}wt", false),
        ] as [(String?, Bool)]
    )
    func `only types of access tokens are acceptable`(type: String?, isAcceptable: Bool) throws {
        let header = type.map { #"{"alg":"HS256","typ":"\#($0)"}"# } ?? #"{"alg":"HS256"}"#
        #expect(try parse(unsigned(header: header)).isAcceptableJWTType == isAcceptable)
    }

    @Test(
        arguments: [
            ("[]", .payloadNotObject(found: .array)), ("1", .payloadNotObject(found: .number)),
            ("", .payloadNotJSON(JSONError(problem: .unexpectedEnd(expected: .value), offset: 0))),
            (
                #"{"sub":"a","sub":"b"}"#,
                .payloadNotJSON(JSONError(problem: .duplicateMember(name: bytes("sub")), offset: 11))
            ),
            ("{} ", nil),
        ] as [(String, TokenError?)]
    )
    func `claims are an object of strict JSON`(payload: String, reason: TokenError?) throws {
        let token = try parse(unsigned(header: #"{"alg":"HS256"}"#, payload: payload))
        let found = JOSETests.refusal { () throws(TokenError) in _ = try token.claims() }
        #expect(found == reason)
    }

    @Test func `sizes are bounded and refused before they are decoded`() {
        let wide = #"{"sub":"\#(String(repeating: "a", count: 10_240))"}"#
        #expect(
            refusal(unsigned(header: #"{"alg":"HS256"}"#, payload: wide))
                == .tooLarge(part: .payload, found: 10_250, limit: 10_240)
        )
        let header = #"{"alg":"HS256","x":"\#(String(repeating: "a", count: 4_096))"}"#
        #expect(
            refusal(unsigned(header: header))
                == .tooLarge(part: .header, found: header.utf8.count, limit: 4_096)
        )
        let giant = String(repeating: ".", count: 40_000)
        #expect(refusal(giant) == .tooLarge(part: .token, found: 40_000, limit: 32_768))
        let fits = #"{"sub":"\#(String(repeating: "a", count: 10_230))"}"#
        #expect(refusal(unsigned(header: #"{"alg":"HS256"}"#, payload: fits)) == nil)
        let deep = String(repeating: "[", count: 1_000)
        #expect(
            refusal(unsigned(header: #"{"alg":"HS256","x":\#(deep)"#))
                == .headerNotJSON(JSONError(problem: .tooDeep(limit: 16), offset: 34))
        )
    }

    private func refusal(_ token: String) -> TokenError? {
        JOSETests.refusal { () throws(TokenError) in _ = try parse(token) }
    }
}

@Suite(.tags(.security)) struct VerificationTests {
    private static let secret = Secret(bytes("q7Jm2xVb0c9LwTzR4uKeYh6NpAsDfGhQ"))

    @Test func `one bit changed anywhere makes a token worthless`() throws {
        let key = try SigningKey.hmac(secret: Self.secret)
        let token = bytes(try key.sign(payload: bytes(#"{"sub":"d4aee74e","name":"John Doe"}"#)))
        let verification = key.verificationKey
        #expect(verifies(String(decoding: token, as: UTF8.self), verification))
        for index in token.indices {
            for bit in 0..<8 {
                var changed = token
                changed[index] ^= 1 << UInt8(bit)
                let parsed = try? UnverifiedToken.parse(changed.span)  // a refused token is refused
                #expect(parsed?.verified(by: verification) == nil, "bit \(bit) of byte \(index)")
            }
        }
        for length in 0..<token.count {
            let parsed = try? UnverifiedToken.parse(token.span.extracting(first: length))  // as above
            #expect(parsed?.verified(by: verification) == nil, "cut to \(length) bytes")
        }
    }

    @Test func `a verified token carries its header, payload and claims`() throws {
        let key = try SigningKey.hmac(secret: Self.secret)
        let text = try key.sign(payload: bytes(#"{"sub":"a"}"#), keyID: "k\"1")
        var token = try parse(text)
        #expect(try token.readClaims().root[member: "sub"]?.string == "a")
        let verified = try #require(check(token, key, text))
        #expect(verified.claims?.root[member: "sub"]?.string == "a")
        #expect(verified.keyID == bytes("k\"1"))
        #expect(verified.algorithm == .hs256)
        #expect(verified.isAcceptableJWTType)
        let other = try key.sign(payload: bytes(#"{"sub":"b"}"#))
        #expect(check(token, key, other) == nil)
    }

    private func check(_ token: UnverifiedToken, _ key: SigningKey, _ text: String) -> VerifiedToken? {
        token.verified(by: key.verificationKey, token: bytes(text).span)
    }

    @Test(arguments: ["", "not JSON", "[1]", "\0\u{FFFD}"])
    func `a signed payload need not be claims`(payload: String) throws {
        let key = try SigningKey.hmac(secret: Self.secret)
        let verified = try #require(
            try parse(try key.sign(payload: bytes(payload), type: nil)).verified(by: key.verificationKey)
        )
        #expect(verified.payload == bytes(payload))
        #expect(verified.claims == nil)
    }

    @Test(arguments: [
        KeyKind.hmac(bytes: 64), .rsa(bits: 2_048), .ec(.p256), .ec(.p384), .ec(.p521), .ed25519, .mlDSA65,
        .mlDSA87,
    ])
    func `every algorithm signs, verifies, and takes no other's signature`(kind: KeyKind) throws {
        let key = try SigningKey.generate(kind)
        let stranger = try SigningKey.generate(kind)
        #expect(key.kind == kind)
        #expect(key.fingerprint != stranger.fingerprint)
        for algorithm in SignatureAlgorithm.allCases {
            guard key.algorithms.contains(algorithm) else {
                #expect(throws: SigningError.self) { try key.sign(payload: [1], algorithm: algorithm) }
                continue
            }
            let token = try key.sign(payload: bytes("payload"), algorithm: algorithm)
            #expect(verifies(token, key.verificationKey))
            #expect(!verifies(token, stranger.verificationKey))
            let parsed = try parse(token)
            for other in SignatureAlgorithm.allCases where other != algorithm {
                let signed = Array(bytes(token).prefix(parsed.signedLength))
                let isValid = key.verificationKey.accepts(parsed.signature, for: signed, other)
                #expect(!isValid, "\(algorithm) taken as \(other)")
            }
        }
    }

    @Test(arguments: [
        KeyKind.hmac(bytes: 64), .rsa(bits: 2_048), .ec(.p256), .ec(.p384), .ec(.p521), .ed25519, .mlDSA65,
    ])
    func `a signature has exactly the length of its key`(kind: KeyKind) throws {
        let key = try SigningKey.generate(kind)
        let signed = bytes("header.payload")
        for algorithm in key.algorithms {
            let signature = try key.signature(for: signed, algorithm: algorithm)
            let verification = key.verificationKey
            #expect(verification.accepts(signature, for: signed, algorithm))
            let half = signature.count / 2
            let zero = [UInt8](repeating: 0, count: signature.count)
            let variants: [[UInt8]] = [
                [], [0] + signature, signature + [0], Array(signature.dropLast()),
                Array(signature.dropFirst()), zero,
                Array(signature.prefix(half)) + zero.prefix(half),
                Array(zero.prefix(half)) + signature.suffix(half),
                zero.map { _ in 0xFF }, der(signature),
            ]
            for variant in variants where variant != signature {
                #expect(
                    !verification.accepts(variant, for: signed, algorithm),
                    "\(algorithm)"
                )
            }
        }
    }

    /// The two halves as a DER sequence of integers, as ECDSA signatures are elsewhere.
    private func der(_ signature: [UInt8]) -> [UInt8] {
        func integer(_ magnitude: ArraySlice<UInt8>) -> [UInt8] {
            let digits = magnitude.drop { $0 == 0 }
            let padded = (digits.first ?? 0x80) & 0x80 == 0 ? Array(digits) : [0] + digits
            return [0x02, UInt8(truncatingIfNeeded: padded.count)] + padded
        }
        let half = signature.count / 2
        let contents = integer(signature.prefix(half)) + integer(signature.suffix(half))
        return [0x30, UInt8(truncatingIfNeeded: contents.count)] + contents
    }

    @Test(arguments: [EllipticCurve.p256, .p384, .p521])
    func `ECDSA numbers outside of the group's order are refused`(curve: EllipticCurve) throws {
        let key = try SigningKey.generate(.ec(curve))
        let signed = bytes("header.payload")
        let algorithm = try #require(key.defaultAlgorithm)
        let order = try Base64URL.decode(bytes(Self.orders[curve] ?? ""))
        let one = [UInt8](repeating: 0, count: curve.coordinateBytes - 1) + [1]
        let zero = [UInt8](repeating: 0, count: curve.coordinateBytes)
        let signature = try key.signature(for: signed, algorithm: algorithm)
        let (r, s) = (
            Array(signature.prefix(curve.coordinateBytes)), Array(signature.suffix(curve.coordinateBytes))
        )
        for forged in [order + s, r + order, order + order, zero + zero, one + one, zero + one, one + zero] {
            #expect(
                !key.verificationKey.accepts(forged, for: signed, algorithm)
            )
        }
    }

    private static let orders: [EllipticCurve: String] = [
        .p256: "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE",
        .p384: "________________________________x2NNgfQ3Ld9YGg2ySLCneuzsGWrMxSlz",
        .p521: "Af__________________________________________-lGGh4O_L5ZrfMwJpfcJpdA7tckJnG-3tMR3nQ6_JLRj",
    ]

    @Test func `a public key in any writing is no HMAC secret`() throws {
        let signer = try SigningKey.generate(.rsa(bits: 2_048))
        let pem = try #require(signer.verificationKey.subjectPublicKeyInfoPEM)
        let line = try #require(signer.openSSHPublicLine(comment: "jdoe@laptop"))
        let body = pem.split(separator: "\n").dropFirst().dropLast().joined()
        let der = try Base64.decode(bytes(body))
        let writings = [
            bytes(pem), bytes(String(pem.dropLast())), bytes(line), bytes(line + "\n"), bytes(body), der,
        ]
        for writing in writings {
            let jwk = #"{"kty":"oct","k":"\#(Base64URL.encode(writing))"}"#
            let forger = try SigningKey.read(bytes(jwk))
            for algorithm in forger.algorithms {
                let forged = try forger.sign(payload: bytes(#"{"sub":"a"}"#), algorithm: algorithm)
                #expect(!verifies(forged, signer.verificationKey))
            }
            // Nor does naming the algorithm turn a public key's file into a secret.
            // To be refused is well, too.
            let keys = try? VerificationKey.anyKey(reading: writing, algorithm: .hs256)
            for key in keys ?? [] { #expect(key.secret == nil) }
        }
        for writing in [bytes(pem), bytes(line)] {
            #expect(throws: KeyReadingError.self) { try VerificationKey.hmac(secret: Secret(writing)) }
        }
    }

    @Test func `an embedded key is never used`() throws {
        let attacker = try SigningKey.generate(.ed25519)
        let owner = try SigningKey.generate(.ed25519)
        let pem = try #require(attacker.verificationKey.subjectPublicKeyInfoPEM)
        let point = try Base64.decode(bytes(pem.split(separator: "\n").dropFirst().dropLast().joined()))
            .suffix(32)
        let jwk = #"{"kty":"OKP","crv":"Ed25519","x":"\#(Base64URL.encode(Array(point)))"}"#
        #expect(try VerificationKey.publicKey(reading: bytes(jwk)).fingerprint == attacker.fingerprint)
        let header = Base64URL.encode(
            bytes(#"{"alg":"EdDSA","jwk":\#(jwk),"jku":"https://evil.example","x5c":["MII"]}"#)
        )
        let signed = bytes(header + "." + Base64URL.encode(bytes("{}")))
        let signature = try attacker.signature(for: signed, algorithm: .edDSA)
        let token = String(decoding: signed, as: UTF8.self) + "." + Base64URL.encode(signature)
        #expect(verifies(token, attacker.verificationKey))
        #expect(!verifies(token, owner.verificationKey))
    }
}
