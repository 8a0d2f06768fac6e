import JOSE
import Testing

@testable import ControlPlane

@Suite struct PasswordTests {
    /// Little work, so that the tests are quick.
    static let cost = PasswordHash.Cost(logarithm: 4, blockSize: 8, parallelism: 1)

    @Test func `a hash knows its password, and no other`() throws {
        let hash = try PasswordHash(of: Secret("a long password"), cost: Self.cost, using: .system)
        #expect(hash.text.hasPrefix("$scrypt$ln=4,r=8,p=1$"))
        let read = try #require(PasswordHash(hash.text))
        #expect(try read.matches(Secret("a long password")))
        #expect(try !read.matches(Secret("a long passwore")))
        #expect(try !read.matches(Secret("")))
        #expect(read.text == hash.text)
    }

    @Test func `the same password has another hash each time, and hides it`() throws {
        let texts = try (0..<3).map { _ in
            try PasswordHash(of: Secret("a long password"), cost: Self.cost, using: .system).text
        }
        #expect(Set(texts).count == 3)
        #expect(texts.allSatisfy { !$0.contains("password") })
    }

    @Test func `the hash is that of another implementation of RFC 7914`() throws {
        // Computed with Python's hashlib.scrypt (OpenSSL); the vectors of §12 have salts of other lengths.
        let kept = "$scrypt$ln=14,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$wOBlTLx2kTvDnlM7GeRqLPJSaL8dgO6Mbiarn6WFHEI"
        let hash = try #require(PasswordHash(kept))
        #expect(try hash.matches(Secret("pleaseletmein")))
    }

    @Test func `a letter as one scalar and as two is the same password`() throws {
        let hash = try PasswordHash(of: Secret("caf\u{e9} au lait"), cost: Self.cost, using: .system)
        #expect(try hash.matches(Secret("cafe\u{301} au lait")))
    }

    @Test(arguments: [
        "", "$", "$scrypt$", "$bcrypt$ln=4,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
        "$scrypt$ln=40,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=4,r=8000,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=4,r=8,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=4,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
        "$scrypt$ln=4,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA$",
    ]) func `what is no hash of ours, or asks for endless work, is none`(_ text: String) {
        #expect(PasswordHash(text) == nil)
    }

    @Test(arguments: [
        ("correct horse", true), ("elevenchars", false), ("twelve chars", true),
        (String(repeating: "ab-", count: 341), false), (String(repeating: "a", count: 1025), false),
        ("password1234", false), ("PassWord1234", false), ("aaaaaaaaaaaa", false), ("abcabcabcabc", false),
        ("abcdefghijklm", false), ("mlkjihgfedcba", false), ("123456789012", false),
        ("890123456789", false), ("an operator!", false), ("AN OPERATOR!", false),
        ("日本語のとても長い合言葉です", true), ("qwertyuiop123", false),
    ]) func `a new password is long, and not the first guess`(_ password: String, _ isAccepted: Bool) {
        let fault = PasswordRule.fault(password, of: "an operator!")
        #expect((fault == nil) == isAccepted, "\(fault ?? "accepted")")
        #expect(fault?.contains(password) != true)
    }

    @Test func `beyond so many at once people are told to try again`() async throws {
        let hasher = PasswordHasher(cost: Self.cost, random: .system)
        let kept = try await hasher.hash(Secret("a long password"))
        let slow = PasswordHasher(
            cost: PasswordHash.Cost(logarithm: 12, blockSize: 8, parallelism: 1),
            random: .system
        )
        let outcomes = await withTaskGroup(of: String.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    do {
                        _ = try await slow.hash(Secret("a long password"))
                        return "done"
                    } catch {
                        return (error as? Problem)?.code.rawValue ?? "\(error)"
                    }
                }
            }
            return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(Set(outcomes.keys).isSubset(of: ["done", "too_many_attempts"]))
        #expect((outcomes["done"] ?? 0) >= PasswordHasher.maximumPending)
        #expect(try await hasher.matches(Secret("a long password"), kept))
        #expect(try await !hasher.matches(Secret("a long password"), nil))
    }
}
