package import Foundation

/// One entry point with its corpus: a name, what is done with any bytes, and what attacks on it are made of.
package enum FuzzTarget: String, CaseIterable, Sendable {
    case token
    case json
    case publicKey = "public-key"
    case privateKey = "private-key"
    case base64url
    case requestHead = "http-request-head"
    case responseHead = "http-response-head"
    case chunked = "http-chunked"
    case rule = "authorization-rule"
    case proxyHeader = "proxy-header"
    case tokenRequest = "token-request"

    /// Gives the bytes to the entry point, which stops the process when an invariant does not hold.
    package func run(_ bytes: [UInt8]) {
        switch self {
        case .token: JOSEFuzzTargets.token(bytes)
        case .json: JOSEFuzzTargets.json(bytes)
        case .publicKey: JOSEFuzzTargets.publicKey(bytes)
        case .privateKey: JOSEFuzzTargets.privateKey(bytes)
        case .base64url: JOSEFuzzTargets.base64url(bytes)
        case .requestHead: HTTP1FuzzTargets.requestHead(bytes)
        case .responseHead: HTTP1FuzzTargets.responseHead(bytes)
        case .chunked: HTTP1FuzzTargets.chunked(bytes)
        case .rule: RuleFuzzTarget.rule(bytes)
        case .proxyHeader: ProxyHeaderFuzzTarget.header(bytes)
        case .tokenRequest: TokenRequestFuzzTarget.request(bytes)
        }
    }

    /// The seeds: the files of the target's folder in `corpora`, in the order of their names.
    ///
    /// - Throws: when there are none, which would make any run look good.
    package func seeds(in corpora: URL) throws -> [[UInt8]] {
        let folder = corpora.appending(path: rawValue)
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        guard !files.isEmpty else { throw EmptyCorpus(folder: folder.path) }
        return try files.sorted { $0.path < $1.path }.map { Array(try Data(contentsOf: $0)) }
    }

    /// What is put in now and then, because single bytes seldom make it.
    var fragments: [String] {
        switch self {
        case .token:
            [
                ".", "..", "=", "e30", "eyJhbGciOiJub25lIn0", "{", "}", "\"alg\":\"none\"",
                "\"alg\":\"HS256\"",
                "\"crit\":[\"exp\"]", "\"b64\":false", "\"exp\":1e400", "\"exp\":-1", "\"kid\":\"\"", ",",
                ":",
                "\u{0}", "\u{FEFF}",
            ]
        case .json:
            [
                "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud800", "\\u0000", "null", "true",
                "1e400",
                "-0", "0.", "1E+", "9223372036854775808", "[[[[[[[[[[[[[[[[[", "{\"a\":", "\"a\":1,\"a\":2",
                "\u{0}",
                "\u{FEFF}", " ", "\n",
            ]
        case .publicKey, .privateKey:
            [
                "-----BEGIN PUBLIC KEY-----\n", "-----END PUBLIC KEY-----\n", "-----BEGIN PRIVATE KEY-----\n",
                "-----BEGIN OPENSSH PRIVATE KEY-----\n", "ssh-rsa ", "ssh-ed25519 ", "\n", "\r\n", "=", " ",
                "{\"kty\":\"RSA\",", "\"kty\":\"oct\"", "\"alg\":\"RS256\"", "\"k\":\"\"", "\u{0}",
                "\u{0}\u{0}\u{0}\u{7F}", "\u{30}\u{80}",
            ]
        case .rule:
            [
                "claims.", "claims[\"", "\"]", "scopes(", "has(", "starts_with(", ")", "(", "!", "&&", "||",
                "==",
                "!=", "<=", " in ", "[1, \"a\"]", "path.id", "query.q", "headers[\"x\"]",
                "-9223372036854775808",
                "'", "\\", "\n", "{\"a\":[", "true", "\u{0}",
            ]
        case .proxyHeader:
            [
                "PROXY ", "TCP4 ", "TCP6 ", "UNKNOWN", "\r\n", " ", "192.0.2.1", "::1", "65535", "65536", "0",
                "\u{0}",
                "\r\n\r\n\u{0}\r\nQUIT\n", "!", "\u{11}", "\u{C}",
            ]
        case .tokenRequest:
            [
                "grant_type=client_credentials", "&", "=", "client_id=", "&client_secret=", "&scope=", "%",
                "%2",
                "%00", "%ff", "+", "\n", "application/json\n", "application/x-www-form-urlencoded\n",
                "Basic ",
                "Bearer ", "{\"grant_type\":\"client_credentials\"", ",\"client_id\":", "\"scope\":null", "}",
                "\\u",
                "\u{0}", ";",
            ]
        case .base64url: ["=", "==", "-", "_", "+", "/", " ", "\n", "A", "AA", "AAA", "\u{0}"]
        case .requestHead, .responseHead, .chunked:
            [
                "\r\n", "\n", "\r", "\r\n\r\n", " ", "\t", "\0", ":", ",", ";", "\u{7F}", "chunked", "0",
                "ffffffff", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Host: b\r\n",
                "Connection: close\r\n", "Portcullis-Client: x\r\n", "_", "GET / HTTP/1.1\r\n", "\"", "\\",
                "?",
                "http://",
            ]
        }
    }

    private struct EmptyCorpus: Error, CustomStringConvertible {
        let folder: String
        var description: String { "the corpus \(folder) has no file, expected seeds" }
    }
}
