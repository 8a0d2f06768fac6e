/// Where the gateway listens, as pages tell it.
package struct GatewayAddress: Sendable {
    private let scheme: String
    private let host: String?
    private let port: Int

    /// Takes the address that is listened on.
    ///
    /// - Parameters:
    ///   - host: the address; one that stands for all is told as the name by which the console was reached.
    ///   - port: the port.
    ///   - isTLS: whether the listener speaks TLS.
    package init(host: String, port: Int, isTLS: Bool) {
        self.host = ["0.0.0.0", "::"].contains(host) ? nil : host.contains(":") ? "[\(host)]" : host
        self.port = port
        scheme = isTLS ? "https" : "http"
    }

    /// The URL as somebody would reach it who reached the console under this authority.
    func url(seenFrom authority: String?) -> String {
        var name = authority ?? ""
        if let colon = name.lastIndex(of: ":"), !name.hasSuffix("]") { name = String(name[..<colon]) }
        return "\(scheme)://\(host ?? (name.isEmpty ? "127.0.0.1" : name)):\(port)"
    }
}
