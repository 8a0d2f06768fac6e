import JOSE
import Testing

/// Keys made at test time by the programs that people make them with.
@Suite struct KeyToolTests {
    private static let payload = bytes(#"{"sub":"d4aee74e","name":"John Doe"}"#)

    /// What `ssh-keygen` is asked for, and what must come of it.
    struct OpenSSHCase: Sendable, CustomTestStringConvertible {
        let options: String
        let kind: KeyKind

        var testDescription: String { options }
    }

    private static let openSSHCases = [
        OpenSSHCase(options: "-t rsa -b 2048", kind: .rsa(bits: 2_048)),
        OpenSSHCase(options: "-t rsa", kind: .rsa(bits: 3_072)),
        OpenSSHCase(options: "-t ecdsa -b 256", kind: .ec(.p256)),
        OpenSSHCase(options: "-t ecdsa -b 384", kind: .ec(.p384)),
        OpenSSHCase(options: "-t ecdsa -b 521", kind: .ec(.p521)),
        OpenSSHCase(options: "-t ed25519", kind: .ed25519),
    ]

    @Test(arguments: openSSHCases)
    func `a pair from ssh-keygen signs with the one file and verifies with the other`(row: OpenSSHCase) throws
    {
        let folder = try TemporaryFolder()
        try run("ssh-keygen -q \(row.options) -N '' -C 'jdoe@laptop Ünïcode' -f key", in: folder)
        let line = try folder.read("key.pub")
        let publicKey = try VerificationKey.publicKey(reading: line)
        #expect(publicKey.kind == row.kind)
        #expect(publicKey.form == .openSSHPublicKey)
        #expect(publicKey.comment == "jdoe@laptop Ünïcode")
        let listed = String(decoding: try run("ssh-keygen -lf key.pub", in: folder), as: UTF8.self)
        #expect(listed.split(separator: " ")[1] == publicKey.fingerprint)
        #expect(publicKey.openSSHPublicLine().map { bytes($0 + "\n") } == line)

        let privateKey = try SigningKey.read(try folder.read("key"))
        #expect(privateKey.fingerprint == publicKey.fingerprint)
        #expect(privateKey.comment == publicKey.comment)
        for algorithm in privateKey.algorithms {
            #expect(verifies(try privateKey.sign(payload: Self.payload, algorithm: algorithm), publicKey))
        }
        let anyKeys = try VerificationKey.anyKey(reading: try folder.read("key"))
        #expect(anyKeys.map(\.fingerprint) == [publicKey.fingerprint])
        #expect(throws: KeyReadingError.privateKeyGiven(.openSSHPrivateKey)) {
            try VerificationKey.publicKeys(reading: try folder.read("key"))
        }
        #expect(throws: KeyReadingError.publicKeyGiven(.openSSHPublicKey)) { try SigningKey.read(line) }
    }

    @Test(arguments: openSSHCases.filter { $0.kind != .ed25519 })
    func `the other formats of ssh-keygen give the same key`(row: OpenSSHCase) throws {
        let folder = try TemporaryFolder()
        try run("ssh-keygen -q \(row.options) -N '' -f key", in: folder)
        let expected = try VerificationKey.publicKey(reading: try folder.read("key.pub")).fingerprint
        let spki = try run("ssh-keygen -e -m PKCS8 -f key.pub", in: folder)
        #expect(try VerificationKey.publicKey(reading: spki).fingerprint == expected)
        #expect(try VerificationKey.publicKey(reading: spki).subjectPublicKeyInfoPEM.map(bytes) == spki)
        if case .rsa = row.kind {
            let pkcs1 = try VerificationKey.publicKey(
                reading: try run("ssh-keygen -e -m PEM -f key.pub", in: folder)
            )
            #expect(pkcs1.fingerprint == expected)
            #expect(pkcs1.form == .pemPKCS1)
        }
        let refusal = #expect(throws: KeyReadingError.self) {
            try VerificationKey.publicKey(reading: try run("ssh-keygen -e -m RFC4716 -f key.pub", in: folder))
        }
        #expect(refusal?.description.contains("ssh-keygen -i") == true)
        for format in ["PEM", "PKCS8"] {
            try run("cp key copy && ssh-keygen -q -p -N '' -P '' -m \(format) -f copy", in: folder)
            let copy = try SigningKey.read(try folder.read("copy"))
            #expect(copy.fingerprint == expected, "\(format)")
            #expect(
                verifies(try copy.sign(payload: Self.payload), try VerificationKey.publicKey(reading: spki))
            )
        }
    }

    @Test(arguments: [
        ("ssh-keygen -q -t ed25519 -N secret -f key", "ssh-keygen -p", KeyForm.openSSHPrivateKey),
        ("ssh-keygen -q -t rsa -b 2048 -m PEM -N secret -f key", "openssl pkey", .privatePKCS1),
        ("ssh-keygen -q -t ecdsa -m PKCS8 -N secret -f key", "openssl pkey", .privatePKCS8),
        (
            "openssl genpkey -algorithm ED25519 -aes256 -pass pass:secret -out key", "openssl pkey",
            .privatePKCS8
        ),
        (
            "openssl genpkey -algorithm RSA -aes256 -pass pass:secret -out p && openssl pkcs8 -topk8 -in p -passin pass:secret -passout pass:x -outform DER -out key",
            "openssl pkey", .privatePKCS8
        ),
    ])
    func `a key with a passphrase is refused with the command that helps`(
        command: String,
        advice: String,
        form: KeyForm
    ) throws {
        let folder = try TemporaryFolder()
        try run(command, in: folder)
        let refusal = #expect(throws: KeyReadingError.self) { try SigningKey.read(try folder.read("key")) }
        #expect(refusal == .encryptedPrivateKey(form))
        #expect(refusal?.description.contains(advice) == true)
        #expect(throws: KeyReadingError.privateKeyGiven(form)) {
            try VerificationKey.publicKeys(reading: try folder.read("key"))
        }
    }

    private static let openSSLCases: [OpenSSHCase] = [
        OpenSSHCase(options: "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", kind: .rsa(bits: 2_048)),
        OpenSSHCase(
            options: "-algorithm RSA -pkeyopt rsa_keygen_bits:2056 -pkeyopt rsa_keygen_pubexp:3",
            kind: .rsa(bits: 2_056)
        ),
        OpenSSHCase(options: "-algorithm RSA -pkeyopt rsa_keygen_bits:2050", kind: .rsa(bits: 2_050)),
        OpenSSHCase(options: "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", kind: .ec(.p256)),
        OpenSSHCase(options: "-algorithm EC -pkeyopt ec_paramgen_curve:P-384", kind: .ec(.p384)),
        OpenSSHCase(options: "-algorithm EC -pkeyopt ec_paramgen_curve:P-521", kind: .ec(.p521)),
        OpenSSHCase(options: "-algorithm ED25519", kind: .ed25519),
    ]

    @Test(arguments: openSSLCases)
    func `a pair from openssl is read in PEM and DER, as key and as certificate`(row: OpenSSHCase) throws {
        let folder = try TemporaryFolder()
        try run("openssl genpkey \(row.options) -out key", in: folder)
        try run("openssl pkey -in key -pubout -out spki", in: folder)
        try run("openssl pkey -in key -pubout -outform DER -out spki.der", in: folder)
        try run("openssl pkey -in key -outform DER -out key.der", in: folder)
        try run(
            "openssl req -new -x509 -key key -subj '/CN=jdoe, Ünïcode' -utf8 -days 1 -out certificate",
            in: folder
        )
        try run("openssl x509 -in certificate -outform DER -out certificate.der", in: folder)
        try run("openssl x509 -in certificate -text -out explained", in: folder)
        let signer = try SigningKey.read(try folder.read("key"))
        #expect(signer.kind == row.kind)
        #expect(try SigningKey.read(try folder.read("key.der")).fingerprint == signer.fingerprint)
        let forms: [(String, KeyForm)] = [
            ("spki", .pemSPKI), ("spki.der", .derSPKI), ("certificate", .pemCertificate),
            ("certificate.der", .derCertificate), ("explained", .pemCertificate),
        ]
        for (name, form) in forms {
            let key = try VerificationKey.publicKey(reading: try folder.read(name))
            #expect(key.form == form)
            #expect(key.fingerprint == signer.fingerprint, "\(name)")
            #expect(verifies(try signer.sign(payload: Self.payload), key))
        }
        let pem = try #require(signer.verificationKey.subjectPublicKeyInfoPEM)
        #expect(try folder.read("spki") == bytes(pem))
        #expect(
            try VerificationKey.anyKey(reading: try folder.read("key")).map(\.fingerprint) == [
                signer.fingerprint
            ]
        )
    }

    @Test func `openssl's older and rarer writings are read`() throws {
        let folder = try TemporaryFolder()
        try run("openssl genrsa -traditional -out rsa 2048", in: folder)
        try run("openssl rsa -in rsa -RSAPublicKey_out -out rsa.pkcs1", in: folder)
        try run("openssl rsa -in rsa -RSAPublicKey_out -outform DER -out rsa.pkcs1.der", in: folder)
        let rsa = try SigningKey.read(try folder.read("rsa"))
        for (name, form) in [("rsa.pkcs1", KeyForm.pemPKCS1), ("rsa.pkcs1.der", .derPKCS1)] {
            let key = try VerificationKey.publicKey(reading: try folder.read(name))
            #expect(key.fingerprint == rsa.fingerprint)
            #expect(key.form == form)
        }
        for curve in ["prime256v1", "secp384r1", "secp521r1"] {
            try run("openssl ecparam -name \(curve) -genkey -out ec", in: folder)
            try run("openssl ec -in ec -pubout -conv_form compressed -out compressed", in: folder)
            let ec = try SigningKey.read(try folder.read("ec"))
            #expect(
                try VerificationKey.publicKey(reading: try folder.read("compressed")).fingerprint
                    == ec.fingerprint
            )
        }
        try run("openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out pss", in: folder)
        try run("openssl pkey -in pss -pubout -out pss.pub", in: folder)
        let pss = try VerificationKey.publicKey(reading: try folder.read("pss.pub"))
        #expect(pss.algorithms == [.ps256, .ps384, .ps512])
        #expect(try SigningKey.read(try folder.read("pss")).defaultAlgorithm == .ps256)
        #expect(verifies(try SigningKey.read(try folder.read("pss")).sign(payload: Self.payload), pss))
    }

    @Test(arguments: [
        ("openssl genpkey -algorithm X25519 -out p && openssl pkey -in p -pubout -out key", "X25519"),
        ("openssl genpkey -algorithm ED448 -out p && openssl pkey -in p -pubout -out key", "Ed448"),
        (
            "openssl ecparam -name secp256k1 -genkey -noout -out p && openssl ec -in p -pubout -out key",
            "secp256k1"
        ),
        (
            "openssl genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:1024 -out d && openssl genpkey -paramfile d -out p && openssl pkey -in p -pubout -out key",
            "DSA"
        ),
        ("openssl genrsa -out p 1024 && openssl rsa -in p -pubout -out key", "1024 bits"),
        ("openssl genrsa -out p 2048 && openssl req -new -key p -subj /CN=a -out key", "certificate request"),
        ("ssh-keygen -q -t rsa -b 1024 -N '' -f p && cp p.pub key", "1024 bits"),
        (
            "ssh-keygen -q -t ed25519 -N '' -f ca && ssh-keygen -q -t ed25519 -N '' -f u && ssh-keygen -q -s ca -I id u.pub && cp u-cert.pub key",
            "OpenSSH certificate"
        ),
        (
            "openssl req -new -x509 -newkey rsa:2048 -nodes -keyout p -subj /CN=a -out c && cat c c > key",
            "chain of 2 certificates"
        ),
        (
            "openssl ecparam -name prime256v1 -param_enc explicit -genkey -noout -out p && openssl ec -in p -pubout -param_enc explicit -out key",
            "named curve"
        ),
    ])
    func `what cannot be used is named`(command: String, words: String) throws {
        let folder = try TemporaryFolder()
        try run(command, in: folder)
        let refusal = #expect(throws: KeyReadingError.self) {
            try VerificationKey.publicKeys(reading: try folder.read("key"))
        }
        #expect(refusal?.description.contains(words) == true, "\(String(describing: refusal))")
    }

    @Test(arguments: [KeyKind.rsa(bits: 2_048), .ec(.p256), .ec(.p384), .ec(.p521), .ed25519])
    func `openssl and ssh-keygen read what is written here`(kind: KeyKind) throws {
        let folder = try TemporaryFolder()
        let key = try SigningKey.generate(kind)
        let pem = try #require(key.pkcs8PEM)
        let path = try folder.write("key", bytes(pem.reveal()))
        try run("chmod 600 \(path) && openssl pkey -in key -check -noout", in: folder)
        let spki = try #require(key.verificationKey.subjectPublicKeyInfoPEM)
        #expect(try run("openssl pkey -in key -pubout", in: folder) == bytes(spki))
        _ = try folder.write("key.pub", bytes(try #require(key.openSSHPublicLine(comment: "x")) + "\n"))
        let listed = String(decoding: try run("ssh-keygen -lf key.pub", in: folder), as: UTF8.self)
        #expect(listed.contains(key.fingerprint))
        #expect(try SigningKey.read(bytes(pem.reveal())).fingerprint == key.fingerprint)
    }

    @Test(arguments: [
        (SignatureAlgorithm.rs256, "sha256", ""), (.rs384, "sha384", ""), (.rs512, "sha512", ""),
        (.ps256, "sha256", "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest"),
        (.ps384, "sha384", "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest"),
        (.ps512, "sha512", "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest"),
    ])
    func `RSA signatures cross over to openssl and back`(
        algorithm: SignatureAlgorithm,
        digest: String,
        options: String
    ) throws {
        let folder = try TemporaryFolder()
        try run("openssl genrsa -out key 2048 && openssl rsa -in key -pubout -out key.pub", in: folder)
        let key = try SigningKey.read(try folder.read("key"))
        let signed = bytes("eyJhbGciOiJ4In0.e30")
        _ = try folder.write("signed", signed)
        _ = try folder.write("ours", try key.signature(for: signed, algorithm: algorithm))
        try run("openssl dgst -\(digest) \(options) -verify key.pub -signature ours signed", in: folder)
        try run("openssl dgst -\(digest) \(options) -sign key -out theirs signed", in: folder)
        let theirs = try folder.read("theirs")
        #expect(key.verificationKey.accepts(theirs, for: signed, algorithm))
    }

    @Test func `a PSS signature with a salt of another length than the digest is refused`() throws {
        let folder = try TemporaryFolder()
        try run("openssl genrsa -out key 2048", in: folder)
        let key = try SigningKey.read(try folder.read("key"))
        let signed = bytes("eyJhbGciOiJ4In0.e30")
        _ = try folder.write("signed", signed)
        for salt in ["0", "20", "max"] {
            try run(
                "openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:\(salt) -sign key -out theirs signed",
                in: folder
            )
            let theirs = try folder.read("theirs")
            #expect(
                !key.verificationKey.accepts(theirs, for: signed, .ps256),
                "\(salt)"
            )
        }
    }

    @Test func `Ed25519 and HMAC agree with openssl`() throws {
        let folder = try TemporaryFolder()
        try run("openssl genpkey -algorithm ED25519 -out key", in: folder)
        let key = try SigningKey.read(try folder.read("key"))
        let signed = bytes("eyJhbGciOiJ4In0.e30")
        _ = try folder.write("signed", signed)
        try run("openssl pkeyutl -sign -rawin -inkey key -in signed -out theirs", in: folder)
        #expect(try key.signature(for: signed, algorithm: .edDSA) == folder.read("theirs"))
        // The secret is the text that openssl prints, not what it decodes to.
        let secret = String(decoding: try run("openssl rand -base64 48", in: folder), as: UTF8.self).split(
            separator: "\n"
        ).joined()
        let hmac = try SigningKey.hmac(secret: Secret(bytes(secret)))
        for (algorithm, digest) in [
            (SignatureAlgorithm.hs256, "sha256"), (.hs384, "sha384"), (.hs512, "sha512"),
        ] {
            let theirs = try run(
                "openssl dgst -\(digest) -mac HMAC -macopt 'key:\(secret)' -binary signed",
                in: folder
            )
            #expect(try hmac.signature(for: signed, algorithm: algorithm) == theirs)
        }
    }
}
