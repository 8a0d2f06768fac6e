import DataPlane
import Testing

@Suite struct `The scheme behind a proxy` {
    @Test(arguments: [
        ("https", ForwardedScheme.https), ("HTTP", .http), ("http, https", .https), ("https,\thttp ", .http),
        ("", nil), ("https,", nil), ("ftp", nil), ("https://x", nil), ("https x", nil),
    ])
    func `is the last one of X-Forwarded-Proto`(_ field: String, _ expected: ForwardedScheme?) {
        #expect(ForwardedScheme(xForwardedProto: Array(field.utf8)) == expected)
    }

    @Test(arguments: [
        ("for=192.0.2.1;proto=https", ForwardedScheme.https), ("Proto=\"HTTPS\"; for=x", .https),
        ("proto=http, for=x;proto=https", .https), ("for=\"a,proto=http\";proto=https", .https),
        ("proto=https, for=x", nil), ("proto=http;proto=https", nil), ("for=\";proto=https\"", nil),
        ("proto", nil), ("proto=", nil), ("", nil), ("xproto=https", nil),
    ])
    func `is that of the last element of Forwarded`(_ field: String, _ expected: ForwardedScheme?) {
        #expect(ForwardedScheme(forwarded: Array(field.utf8)) == expected)
    }
}
