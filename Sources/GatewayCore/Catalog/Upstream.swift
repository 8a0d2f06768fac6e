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
    /// The claims that it gets as headers of their own.
    package var claimHeaders: [ClaimHeader] = []
    /// The assertion that it gets with each call of a known caller; `nil` for none.
    package var assertion: AssertionRules?

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
        guard let (host, port) = HostAndPort.parse(authority, defaultPort: 80) else {
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
