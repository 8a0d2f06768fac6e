import Crypto
import GatewayCore

/// What keeps other pages from using the console in an operator's name.
enum PageSecurity {
    /// The fields that every answer of the console has.
    static let headers: [(name: String, value: String)] = [
        (
            "Content-Security-Policy",
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
                + "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        ),
        ("X-Frame-Options", "DENY"),
        ("X-Content-Type-Options", "nosniff"),
        // Not `no-referrer`: with that browsers say `Origin: null` of our own forms.
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ]

    /// The value of the cookie of this name (RFC 6265 §4.2.1); `nil` when it is missing or there twice.
    static func cookie(_ field: String?, named name: String) -> String? {
        let values = (field ?? "").utf8.split(separator: UInt8(ascii: ";")).compactMap { pair -> String? in
            let pair = pair.drop { $0 == UInt8(ascii: " ") }
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")),
                pair[..<equals].elementsEqual(name.utf8)
            else { return nil }
            return String(Substring(pair[pair.index(after: equals)...]))
        }
        // A second one was set by somebody else, and nobody can say which: RFC 6265 §8.6.
        return values.count == 1 ? values[0] : nil
    }

    /// Refuses what a page of another origin posts.
    ///
    /// - Parameters:
    ///   - request: the request.
    ///   - publicAuthority: the host of a proxy before the listener, which may pass on another `Host`.
    /// - Throws: ``Problem`` 403.
    static func checkOrigin(_ request: AdminRequest, publicAuthority: String? = nil) throws(Problem) {
        let refusal = Problem(
            .forbidden,
            "the form was sent by another site; open the page here, and send it again"
        )
        if let site = request.fetchSite, site != "same-origin" { throw refusal }
        guard let origin = request.origin else { return }
        let host = origin.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).last ?? ""
        guard origin.hasPrefix("http://") || origin.hasPrefix("https://"),
            host.lowercased() == request.authority?.lowercased() || host.lowercased() == publicAuthority
        else { throw refusal }
    }

    /// Refuses a form that does not carry its session's token.
    ///
    /// - Throws: ``Problem`` 403.
    static func checkFormToken(_ form: Form, _ session: ConsoleSession) throws(Problem) {
        let (sent, expected) = (Array((form["_csrf"] ?? "").utf8), Array(session.formToken.utf8))
        // Digests, so that the time to compare says nothing about where two differ.
        guard !expected.isEmpty, SHA256.hash(data: sent) == SHA256.hash(data: expected) else {
            throw Problem(
                .forbidden,
                "the form is older than your session; open the page again, and send it once more"
            )
        }
    }

    /// A path to go to after signing in: only pages of the console, whatever was asked for.
    static func ownPath(_ wanted: String?) -> String {
        guard let wanted, wanted.hasPrefix(Console.root + "/") || wanted.hasPrefix(Console.root + "?"),
            wanted.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\\") }),
            !wanted.contains("//"), !wanted.contains("/."),
            !wanted.prefix(while: { $0 != "?" }).contains("%"), !wanted.hasPrefix(Console.root + "/sign-")
        else { return Console.root }
        return wanted
    }
}
