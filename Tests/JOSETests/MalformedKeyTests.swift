import Foundation
import FuzzTargets
import JOSE
import Testing

/// Keys cut short and damaged at every byte: refused or the same key, never a trap.
@Suite(.tags(.security)) struct MalformedKeyTests {
    private static let sources: [(name: String, command: String)] = [
        ("OpenSSH RSA", "ssh-keygen -q -t rsa -b 2048 -N '' -f key"),
        ("OpenSSH EC", "ssh-keygen -q -t ecdsa -b 521 -N '' -f key"),
        ("OpenSSH Ed25519", "ssh-keygen -q -t ed25519 -N '' -f key"),
        ("PKCS#8 RSA", "openssl genrsa -out key 2048 && openssl rsa -in key -pubout -out key.pub"),
        (
            "PKCS#1 DER",
            "openssl genrsa -traditional -out p 2048 && openssl rsa -traditional -in p -outform DER -out key && openssl rsa -in p -RSAPublicKey_out -outform DER -out key.pub"
        ),
        (
            "SEC1 EC",
            "openssl ecparam -name secp384r1 -genkey -out key && openssl ec -in key -pubout -outform DER -out key.pub"
        ),
        (
            "PKCS#8 DER",
            "openssl genpkey -algorithm ED25519 -outform DER -out key && openssl pkey -inform DER -in key -pubout -outform DER -out key.pub"
        ),
        (
            "certificate",
            "openssl req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -subj /CN=a -out key.pub"
        ),
    ]

    @Test(arguments: sources.map(\.command))
    func `a key cut anywhere is refused or still itself`(command: String) throws {
        let folder = try TemporaryFolder()
        try run(command, in: folder)
        let (secret, open) = (try folder.read("key"), try folder.read("key.pub"))
        let fingerprint = try VerificationKey.publicKey(reading: open).fingerprint
        #expect(try SigningKey.read(secret).fingerprint == fingerprint)
        for length in 0..<open.count {
            // Refusal is expected.
            let keys = try? VerificationKey.publicKeys(reading: Array(open.prefix(length)))
            #expect(keys?.first.map { $0.fingerprint == fingerprint } ?? true, "public, cut to \(length)")
            if length < open.count / 2 { #expect(keys == nil, "public, cut to \(length)") }
        }
        for length in 0..<secret.count {
            let key = try? SigningKey.read(Array(secret.prefix(length)))  // as above
            #expect(key.map { $0.fingerprint == fingerprint } ?? true, "private, cut to \(length)")
            if length < secret.count / 2 { #expect(key == nil, "private, cut to \(length)") }
        }
    }

    @Test(arguments: sources.map(\.command))
    func `a key with one byte changed keeps what was promised of it`(command: String) throws {
        let folder = try TemporaryFolder()
        try run(command, in: folder)
        for (name, check) in [("key", JOSEFuzzTargets.privateKey), ("key.pub", JOSEFuzzTargets.publicKey)] {
            let whole = try folder.read(name)
            // Every third byte with one of several changes keeps the time short and meets every field.
            for (round, index) in stride(from: 0, to: whole.count, by: 3).enumerated() {
                var changed = whole
                changed[index] = [changed[index] ^ 1, 0x00, 0xFF, 0x30, changed[index] &+ 1][round % 5]
                check(changed)
            }
            var inserted = whole
            inserted.insert(0x30, at: whole.count / 2)
            check(inserted)
        }
        #expect(try folder.read("key").isEmpty == false)
    }

    @Test(arguments: [FuzzTarget.token, .json, .publicKey, .privateKey, .base64url])
    func `the corpora hold what they should and keep the invariants`(target: FuzzTarget) throws {
        let corpora = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Fuzzing/corpus")
        let seeds = try target.seeds(in: corpora)
        #expect(seeds.count >= 8)
        for seed in seeds {
            target.run(seed)
            for length in stride(from: 0, to: seed.count, by: max(1, seed.count / 50)) {
                target.run(Array(seed.prefix(length)))
                var changed = seed
                changed[length] ^= 0x11
                target.run(changed)
            }
        }
        var mutator = Mutator(target, seeds: seeds, from: 1)
        for _ in 0..<500 { target.run(mutator.next()) }
    }
}
