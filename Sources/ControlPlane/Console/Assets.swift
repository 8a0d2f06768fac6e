import Crypto
import GatewayCore

/// What pages load besides themselves: styles, a script, icons; in the program, so that nothing is fetched.
enum Assets {
    /// One file.
    struct Asset: Sendable {
        let contentType: String
        let bytes: [UInt8]
        /// Its path, which changes with what it holds, so that browsers may keep it.
        let path: String

        init(_ name: String, _ contentType: String, _ bytes: [UInt8]) {
            self.contentType = contentType
            self.bytes = bytes
            let digest = Hex.encode(SHA256.hash(data: bytes).prefix(8))
            path = "\(Console.root)/assets/\(digest)/\(name)"
        }
    }

    /// The styles.
    static let stylesheet = Asset("console.css", "text/css; charset=utf-8", PackageResources.console_css)
    /// The script.
    static let script = Asset("console.js", "text/javascript; charset=utf-8", PackageResources.console_js)
    /// The icons, each a symbol.
    static let icons = Asset("icons.svg", "image/svg+xml", PackageResources.icons_svg)

    /// The asset that a path names.
    static func answer(_ target: AdminTarget, _ request: AdminRequest) -> AdminAnswer? {
        guard request.method == "GET" || request.method == "HEAD" else { return nil }
        let path = "/" + target.segments.joined(separator: "/")
        guard let asset = [stylesheet, script, icons].first(where: { $0.path == path }) else { return nil }
        var answer = AdminAnswer(
            withoutBody: 200,
            headers: [
                (name: "Content-Type", value: asset.contentType),
                (name: "Cache-Control", value: "public, max-age=31536000, immutable"),
            ]
        )
        answer.body = asset.bytes
        return answer
    }
}
