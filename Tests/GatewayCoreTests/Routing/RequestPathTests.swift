import GatewayCore
import Testing

@Suite struct `The normal form of a path` {
    @Test(arguments: [
        "/", "/a", "/a/b", "/a/", "/a//b", "/orders/42", "/a;x=1", "/a:b@c", "/!$&'()*+,=", "/...",
        "/.well-known/x",
        "/a..b", "/..a", "/a.;x",
    ])
    func `a path without escapes and dot segments is normal as written`(path: String) throws {
        #expect(try RequestPath.isNormal(path.utf8.span))
        #expect(try RequestPath.normalize(path.utf8.span) == Array(path.utf8))
    }

    @Test(arguments: [
        ("/%61bc", "/abc"), ("/%7Euser", "/~user"), ("/a%2db", "/a-b"), ("/%c3%a4", "/%C3%A4"),
        ("/a%20b", "/a%20b"),
        ("/%3b", "/%3B"), ("/%25", "/%25"), ("/%252e", "/%252e"),
    ])
    func `escapes of unreserved characters are undone, others are written in upper case`(
        path: String,
        normal: String
    ) throws {
        #expect(try !RequestPath.isNormal(path.utf8.span))
        #expect(try RequestPath.normalize(path.utf8.span) == Array(normal.utf8))
    }

    @Test(arguments: [
        ("/a/../b", RequestPath.Refusal.dotSegment), ("/.", .dotSegment), ("/..", .dotSegment),
        ("/./a", .dotSegment),
        ("/%2e%2e/a", .dotSegment), ("/.%2E/a", .dotSegment), ("/a/%2e", .dotSegment),
        ("/..;x/a", .dotSegment),
        ("/.;/a", .dotSegment), ("/%2e%2e;x", .dotSegment), ("/..%3bx", .dotSegment),
        ("/a%2fb", .encodedSlash), ("/a%2Fb", .encodedSlash), ("/a%5cb", .encodedSlash),
        ("/%00", .encodedControl),
        ("/a%0d%0a", .encodedControl), ("/a%7f", .encodedControl),
        ("/%c0%af", .encodedNonText), ("/%e4", .encodedNonText), ("/%", .badEscape), ("/%4", .badEscape),
        ("/%zz", .badEscape), ("/%4/", .badEscape), ("/a\\b", .badCharacter), ("/a b", .badCharacter),
        ("/a\"b", .badCharacter), ("/é", .badCharacter), ("/a#b", .badCharacter), ("/{id}", .badCharacter),
        ("a/b", .noLeadingSlash), ("", .noLeadingSlash), ("*", .noLeadingSlash),
    ])
    func `what upstreams read in different ways is refused`(path: String, refusal: RequestPath.Refusal) {
        #expect(throws: refusal) {
            if try RequestPath.isNormal(path.utf8.span) { return }
            _ = try RequestPath.normalize(path.utf8.span)
        }
    }

    @Test func `the normal form of a normal form is itself, for every escape`() throws {
        for byte in 0...255 {
            let hex = Hex.encode([UInt8(byte)])
            guard let once = try? RequestPath.normalize("/a%\(hex)b".utf8.span) else { continue }
            #expect(try RequestPath.normalize(once.span) == once)
        }
    }

    @Test func `a path longer than 65,535 bytes is refused, not cut`() throws {
        let longest = [UInt8(ascii: "/")] + Array(repeating: UInt8(ascii: "a"), count: 65_534)
        #expect(try RequestPath.isNormal(longest.span))
        let longer = longest + [UInt8(ascii: "a")]
        #expect(throws: RequestPath.Refusal.tooLong) { try RequestPath.isNormal(longer.span) }
    }
}
