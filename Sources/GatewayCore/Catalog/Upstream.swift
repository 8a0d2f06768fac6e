/// A named set of targets that calls are forwarded to.
package struct Upstream: Sendable, Hashable {
    /// The identity, given once.
    package let id: UpstreamID
    /// The name, unique among upstreams; 1 to 200 characters.
    package var name: String
    /// Where calls go, in turn; at least one, at most 64.
    package var targets: [UpstreamTarget] = []
    /// How long a connection may take to be made, in seconds, 1 to 60.
    package var connectTimeoutSeconds = 5

    /// Makes an upstream.
    package init(id: UpstreamID, name: String, targets: [UpstreamTarget]) {
        self.id = id
        self.name = name
        self.targets = targets
    }
}

/// One server of an upstream: `http://host[:port][/prefix]`.
package struct UpstreamTarget: Sendable, Hashable {
    /// The URL as written.
    package let url: String
    /// The host name or address, without brackets.
    package let host: String
    /// The port, 1 to 65535.
    package let port: Int
    /// What the upstream's `Host` header says.
    package let authority: String
    /// The path that comes before the endpoint's upstream path; empty or `/…` without a final slash.
    package let pathPrefix: String

    /// Reads a target's URL.
    ///
    /// - Throws: a sentence that says what was expected and found.
    package init(url: String) throws(InvalidValue) {
        let scheme = "http://"
        guard url.utf8.starts(with: scheme.utf8) else {
            throw InvalidValue(
                "target URL is \"\(url)\", expected http://host[:port][/prefix] (https targets are not offered yet)"
            )
        }
        let rest = url.dropFirst(scheme.count)
        let authority = String(rest.prefix { $0 != "/" })
        let path = String(rest.dropFirst(authority.count))
        guard let (host, port) = Self.hostAndPort(authority) else {
            throw InvalidValue(
                "target URL \"\(url)\" has authority \"\(authority)\", expected host or host:port"
            )
        }
        let template = try PathTemplate(path.isEmpty ? "/" : path)
        guard template.parameterNames.isEmpty else {
            throw InvalidValue("target URL \"\(url)\" has a {parameter}, expected a plain path")
        }
        self.url = url
        self.host = host
        self.port = port
        self.authority = authority
        var prefix = path
        while prefix.hasSuffix("/") { prefix.removeLast() }
        pathPrefix = prefix
    }

    private static func hostAndPort(_ authority: String) -> (String, Int)? {
        let bytes = Array(authority.utf8)
        guard !bytes.isEmpty, bytes.count <= 260 else { return nil }
        var portText: ArraySlice<UInt8> = []
        let host: ArraySlice<UInt8>
        if bytes[0] == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            host = bytes[1..<close]
            portText = bytes[(close + 1)...]
            guard IPAddress(String(decoding: host, as: UTF8.self)) != nil else { return nil }
        } else {
            let colon = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
            host = bytes[..<colon]
            portText = bytes[colon...]
            guard !host.isEmpty, host.allSatisfy(isHostCharacter) else { return nil }
        }
        guard !portText.isEmpty else { return (String(decoding: host, as: UTF8.self), 80) }
        let digits = portText.dropFirst()
        guard portText.first == UInt8(ascii: ":"), !digits.isEmpty, digits.count <= 5,
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = Int(String(decoding: digits, as: UTF8.self)), (1...65_535).contains(port)
        else { return nil }
        return (String(decoding: host, as: UTF8.self), port)
    }

    private static func isHostCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

/// A value that cannot be what it is meant to be, with a sentence that says both sides.
package struct InvalidValue: Error, Sendable, CustomStringConvertible {
    /// What was expected and found; lower case, no full stop.
    package let description: String

    /// Takes the sentence.
    package init(_ description: String) {
        self.description = description
    }
}
