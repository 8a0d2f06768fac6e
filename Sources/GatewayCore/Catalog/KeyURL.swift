/// The URL that keys, or the document that names them, are fetched from: `https://host[:port]/path[?query]`.
///
/// Only HTTPS, no user information, no fragment, and no host that some resolvers read as an address in another
/// than the usual form (`https://2130706433/`, `https://0x7f.1/`).
package struct KeyURL: Sendable, Hashable, CustomStringConvertible {
    /// The longest URL, in bytes.
    package static let maximumBytes = 2000
    private static let scheme = "https://"

    /// The URL as written.
    package let description: String
    /// The host name or address, without brackets.
    package let host: String
    /// The port, 1 to 65535.
    package let port: Int
    /// Path and query as they are sent; begins with `/`.
    package let target: String

    /// Reads a URL.
    ///
    /// - Throws: a sentence that says what was expected and found.
    package init(_ text: String) throws(InvalidValue) {
        let shown = PrintableText.quoted(text)
        guard text.utf8.count <= Self.maximumBytes, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }),
            !text.contains("#"), !text.contains("\\")
        else {
            throw InvalidValue(
                "URL is \(shown), expected visible ASCII without # and \\, at most \(Self.maximumBytes) bytes"
            )
        }
        guard text.utf8.starts(with: Self.scheme.utf8) else {
            throw InvalidValue("URL is \(shown), expected https://host[:port]/path")
        }
        let rest = text.dropFirst(Self.scheme.count)
        let authority = String(rest.prefix { $0 != "/" && $0 != "?" })
        guard let (host, port) = HostAndPort.parse(authority, defaultPort: 443) else {
            throw InvalidValue("URL \(shown) has authority \"\(authority)\", expected host or host:port")
        }
        guard IPAddress(host) != nil || !Self.looksLikeAddress(host) else {
            throw InvalidValue(
                "URL \(shown) has the host \"\(host)\", which some systems read as an address; write it as a.b.c.d"
            )
        }
        let target = rest.dropFirst(authority.count)
        description = text
        self.host = host
        self.port = port
        self.target = target.first == "/" ? String(target) : "/\(target)"
    }

    /// Whether the last label is a number in any of the notations that inet_aton(3) reads.
    private static func looksLikeAddress(_ host: String) -> Bool {
        let labels = host.split(separator: ".", omittingEmptySubsequences: true)
        guard let last = labels.last else { return true }
        if last.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) { return true }
        return last.lowercased().hasPrefix("0x")
    }
}
