/// What the gateway answers itself on the gateway's listener, to anybody.
package enum OwnEndpoint: String, Sendable, CaseIterable {
    /// Where access tokens are asked for (RFC 6749 §3.2).
    case token = "/oauth2/token"
    /// The public halves of the keys that it signs with.
    case keySet = "/oauth2/jwks"
    /// What a client library wants to know (RFC 8414 §3).
    case metadata = "/.well-known/oauth-authorization-server"

    /// The methods that it answers.
    package var methods: [String] {
        switch self {
        case .token: ["POST"]
        case .keySet, .metadata: ["GET", "HEAD"]
        }
    }
}

extension Snapshot {
    /// Whether an endpoint of the gateway's own is there: where nobody has a use for it, nothing is.
    package func offers(_ endpoint: OwnEndpoint) -> Bool {
        switch endpoint {
        case .token, .metadata: !oauth2Clients.isEmpty
        case .keySet: !oauth2Clients.isEmpty || hasAssertions
        }
    }
}

/// The documents that the gateway publishes about itself.
package enum OwnDocuments {
    /// Whether an issuer says where others reach it.
    package static func isURL(_ issuer: String) -> Bool {
        issuer.hasPrefix("https://") || issuer.hasPrefix("http://")
    }

    /// The metadata of the token endpoint (RFC 8414 §2).
    ///
    /// - Parameters:
    ///   - issuer: what the gateway calls itself; a URL is where others reach it.
    ///   - origin: scheme and authority that the request named, for an issuer that is no URL.
    /// - Returns: the document.
    package static func metadata(issuer: String, origin: String) -> DocumentNode {
        var base = isURL(issuer) ? issuer : origin
        while base.hasSuffix("/") { base.removeLast() }
        return DocumentNode(
            object: [
                ("issuer", .string(issuer)),
                ("token_endpoint", .string(base + OwnEndpoint.token.rawValue)),
                ("jwks_uri", .string(base + OwnEndpoint.keySet.rawValue)),
                ("grant_types_supported", .texts([TokenRequest.grantType])),
                (
                    "token_endpoint_auth_methods_supported",
                    .texts(["client_secret_basic", "client_secret_post"])
                ),
                // There is no authorisation endpoint, and this member must be there.
                ("response_types_supported", .texts([])),
            ]
        )
    }
}
