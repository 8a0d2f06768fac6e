import JOSE
import Testing

struct TokenMaskTests {
    private static let digits = String(repeating: "0aF9", count: 16)

    @Test func `runs of 64 hex digits and more are hidden, whatever is around them`() {
        let token = Self.digits
        let rows = [
            (token, "<64 hex digits>"), ("tok:\(token)/x", "tok:<64 hex digits>/x"),
            ("\(token)00", "<64 hex digits>"), (String(token.dropLast()), String(token.dropLast())),
            ("é\(token)é\(token)", "é<64 hex digits>é<64 hex digits>"), ("", ""), ("beef", "beef"),
        ]
        for (text, masked) in rows {
            #expect(TokenMask.masked(text) == masked)
            #expect(TokenMask.hasRun(text.utf8) == (masked != text))
        }
    }

    @Test func `a token that a cut went through is hidden at the end alone`() {
        let part = String(Self.digits.prefix(40))
        #expect(TokenMask.masked("/a/\(part)", isCut: true) == "/a/<64 hex digits>")
        #expect(TokenMask.masked("/\(part)/a", isCut: true) == "/\(part)/a")
        #expect(TokenMask.masked("/cafe", isCut: true) == "/cafe")
    }
}
