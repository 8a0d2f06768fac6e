import GatewayCore

/// A call of an endpoint: the method, the `Host` where one is needed, and the path with what is to be filled in.
struct TrialTarget {
    let method: String
    let host: String
    let path: String

    /// The first way in which an endpoint is called.
    init(_ collection: DocumentNode, _ endpoint: DocumentNode) {
        method = endpoint["methods"]?.elements.first?.value.text ?? "GET"
        host = collection["hosts"]?.elements.first?.value.text ?? ""
        path = "/\(collection.text("handle"))\(endpoint.text("path"))"
    }

    /// What was entered in a form: a path, or a URL.
    init(method: String, url: String) {
        let call = ExplainedRequest(method: method, url: url, token: nil, clientAddress: nil)
        self.method = method
        host = call.host
        path = call.target
    }

    /// The path, or the URL where the host matters.
    var url: String { host.isEmpty ? path : "http://\(host)\(path)" }

    /// The call as a command line, with the gateway in `$GATEWAY`.
    ///
    /// - Parameters:
    ///   - credential: the argument that carries the credential, quoted for the shell.
    ///   - body: what is sent; empty for nothing.
    /// - Returns: the line, over several lines of text.
    func curl(_ credential: String, body: String = "") -> String {
        let isPlain = method.utf8.allSatisfy { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
        let verb =
            method == "GET" && body.isEmpty
            ? "" : method == "HEAD" ? " --head" : " -X \(isPlain ? method : Shell.quoted(method))"
        // What curl would expand, or mend, is sent as it stands.
        let isLiteral = path.contains { "[]{}".contains($0) } ? " --globoff" : ""
        let isUnmended = path.contains("/.") ? " --path-as-is" : ""
        let named = host.isEmpty ? "" : " -H \(Shell.quoted("Host: \(host)"))"
        let content =
            body.isEmpty ? "" : " \\\n  -H 'Content-Type: application/json' --data-raw \(Shell.quoted(body))"
        return
            "curl -i\(isLiteral)\(isUnmended)\(verb)\(named) \(credential)\(content) \\\n  \"$GATEWAY\"\(Shell.quoted(path))"
    }
}

/// Texts in command lines.
enum Shell {
    /// The text as one word of a POSIX shell, whatever is in it.
    static func quoted(_ text: String) -> String {
        "'" + text.replacing("'", with: "'\\''") + "'"
    }

    /// The line that says where the gateway is; without an address it is left to be filled in.
    static func gateway(_ url: String) -> String {
        "GATEWAY=\(url.isEmpty ? "http://…" : Shell.quoted(url))"
    }
}
