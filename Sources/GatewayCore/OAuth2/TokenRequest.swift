package import JOSE

/// A request for an access token as it came, for ``TokenRequest`` to read.
package struct TokenRequestParts: Sendable {
    /// The values of the `Content-Type` fields.
    package var contentTypes: [[UInt8]]
    /// The values of the `Authorization` fields.
    package var authorizations: [[UInt8]]
    /// Whether the target has a query.
    package var hasQuery: Bool
    /// The whole body; empty when it is too long.
    package var body: [UInt8]
    /// Whether the body is longer than ``TokenRequest/maximumBodyBytes``, and was not read to its end.
    package var isTooLong: Bool

    /// Takes the parts.
    package init(
        contentTypes: [[UInt8]],
        authorizations: [[UInt8]],
        hasQuery: Bool,
        body: [UInt8],
        isTooLong: Bool = false
    ) {
        self.isTooLong = isTooLong
        self.contentTypes = contentTypes
        self.authorizations = authorizations
        self.hasQuery = hasQuery
        self.body = body
    }
}

/// A well-formed request for an access token with client credentials (RFC 6749 §4.4.2); who sent it is not proved.
package struct TokenRequest: Sendable {
    /// The longest body that is read, in bytes.
    package static let maximumBodyBytes = 16_384
    /// The only grant type.
    static let grantType = "client_credentials"

    /// How the client presented its secret (RFC 6749 §2.3.1).
    package enum Way: String, Sendable {
        /// HTTP Basic.
        case basic = "HTTP Basic"
        /// `client_id` and `client_secret` in the body.
        case body = "the body"
    }

    /// The client that it says it is.
    package let unverifiedClientID: [UInt8]
    /// What shall prove it.
    package let secret: Secret<[UInt8]>
    /// How both were presented.
    package let way: Way
    /// The scopes that are asked for, each once, in order; empty when none is named.
    package let scopes: [String]

    /// Reads a request.
    ///
    /// - Throws: ``OAuth2Refusal``.
    package init(_ parts: TokenRequestParts) throws(OAuth2Refusal) {
        guard !parts.hasQuery else {
            throw .malformed("Parameters belong into the body, not into the query.")
        }
        let parameters = try TokenParameters(parts)
        guard let grantType = parameters.take("grant_type") else {
            throw .malformed("The parameter grant_type is missing.")
        }
        guard grantType.elementsEqual(Self.grantType.utf8) else {
            throw OAuth2Refusal(
                .unsupportedGrantType,
                .badRequest,
                "The only grant type here is client_credentials.",
                detail: "grant_type is another than client_credentials"
            )
        }
        (unverifiedClientID, secret, way) = try Self.client(parts.authorizations, parameters)
        scopes = try Self.scopes(parameters.take("scope") ?? [])
    }

    // MARK: Who asks

    private static func client(
        _ authorizations: [[UInt8]],
        _ parameters: TokenParameters
    ) throws(OAuth2Refusal) -> ([UInt8], Secret<[UInt8]>, Way) {
        let id = parameters.take("client_id")
        let secret = parameters.take("client_secret")
        guard authorizations.count <= 1 else {
            throw .malformed("The field Authorization is there more than once.")
        }
        guard let authorization = authorizations.first else {
            guard let id, let secret else {
                throw .unknownClient("neither HTTP Basic nor client_id and client_secret are there")
            }
            return (id, Secret(secret), .body)
        }
        guard secret == nil else {
            throw .malformed("The client authenticates in two ways; use exactly one.")
        }
        let (user, password) = try basic(authorization)
        guard id == nil || id == user else {
            throw .malformed("The client_id in the body is not the user of HTTP Basic.")
        }
        return (user, Secret(password), .basic)
    }

    private static let basicScheme = Array("basic ".utf8)

    /// User and password of HTTP Basic (RFC 7617 §2), each form-encoded before it was joined (RFC 6749 §2.3.1).
    private static func basic(_ value: [UInt8]) throws(OAuth2Refusal) -> (user: [UInt8], password: [UInt8]) {
        guard value.count > basicScheme.count,
            zip(value, basicScheme).allSatisfy({ $0 | 0x20 == $1 })
        else { throw .unknownClient("Authorization has another scheme, expected Basic") }
        let encoded = Array(value.dropFirst(basicScheme.count).drop { $0 == UInt8(ascii: " ") })
        // What is no Base64 is refused like a wrong secret: the reason is told to the operator alone.
        guard let text = try? Base64.decode(encoded), let colon = text.firstIndex(of: UInt8(ascii: ":")),
            let user = PercentEncoding.decoded(text[..<colon], plusIsSpace: true),
            let password = PercentEncoding.decoded(text[(colon + 1)...], plusIsSpace: true)
        else { throw .unknownClient("Authorization: Basic does not hold the Base64 of user:password") }
        return (user, password)
    }

    // MARK: What is asked for

    /// RFC 6749 §3.3: visible characters but the quotation mark and the backslash, one space between two scopes.
    private static func scopes(_ text: [UInt8]) throws(OAuth2Refusal) -> [String] {
        guard !text.isEmpty else { return [] }
        var scopes: [String] = []
        var known: Set<String> = []
        for scope in text.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false) {
            guard !scope.isEmpty, scope.allSatisfy(isScopeByte) else {
                throw OAuth2Refusal(
                    .invalidScope,
                    .badRequest,
                    "The scope is malformed.",
                    detail: "scope is no list of scope tokens with one space between two of them"
                )
            }
            let name = String(decoding: scope, as: UTF8.self)
            if known.insert(name).inserted { scopes.append(name) }
        }
        return scopes
    }

    private static func isScopeByte(_ byte: UInt8) -> Bool {
        (0x21...0x7e).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }
}

/// The parameters of a body, whichever of the two media types it has; none is there twice.
struct TokenParameters {
    private var values: [[UInt8]: [UInt8]] = [:]

    /// Reads a body.
    ///
    /// - Throws: ``OAuth2Refusal``.
    init(_ parts: TokenRequestParts) throws(OAuth2Refusal) {
        guard !parts.isTooLong, parts.body.count <= TokenRequest.maximumBodyBytes else {
            throw .malformed("The body is longer than \(TokenRequest.maximumBodyBytes) bytes.")
        }
        let types = "application/x-www-form-urlencoded or application/json"
        guard parts.contentTypes.count == 1 else {
            throw .malformed("Content-Type is not there exactly once, expected \(types).")
        }
        switch Self.mediaType(parts.contentTypes[0]) {
        case "application/x-www-form-urlencoded": try readForm(parts.body)
        case "application/json": try readJSON(parts.body)
        default: throw .malformed("Content-Type is another, expected \(types).")
        }
    }

    /// A parameter's value; one without a value counts as left out (RFC 6749 §3.2).
    func take(_ name: String) -> [UInt8]? {
        guard let value = values[Array(name.utf8)], !value.isEmpty else { return nil }
        return value
    }

    /// The type without its parameters, in lower case (RFC 9110 §8.3.1).
    private static func mediaType(_ value: [UInt8]) -> String {
        let type = value.prefix { $0 != UInt8(ascii: ";") }
        let trimmed = type.filter { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
        return String(decoding: trimmed, as: UTF8.self).lowercased()
    }

    private mutating func readForm(_ body: [UInt8]) throws(OAuth2Refusal) {
        for part in body.split(separator: UInt8(ascii: "&")) {
            let equals = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            guard let name = Self.decoded(part[..<equals]),
                let value = Self.decoded(part[equals...].dropFirst())
            else {
                throw .malformed("The form has a broken percent escape, or one that gives no UTF-8.")
            }
            try put(value, name)
        }
    }

    private static func decoded(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard let bytes = PercentEncoding.decoded(text, plusIsSpace: true),
            String(validating: bytes, as: UTF8.self) != nil
        else { return nil }
        return bytes
    }

    private mutating func readJSON(_ body: [UInt8]) throws(OAuth2Refusal) {
        let document: JSONDocument
        do {
            let limits = JSONLimits(maximumBytes: TokenRequest.maximumBodyBytes, maximumDepth: 16)
            document = try JSONDocument(parsing: body, limits: limits)
        } catch {
            throw .malformed("The body is not a JSON text.", detail: "the body is no JSON text: \(error)")
        }
        guard document.root.kind == .object else { throw .malformed("The body is no JSON object.") }
        for member in document.root.members {
            let name = member.nameBytes
            if let value = member.value.stringBytes {
                try put(value, name)
            } else if Self.texts.contains(name), member.value.kind != .null {
                throw .malformed("A parameter of the body is no text.")
            }
        }
    }

    private static let texts = Set(
        ["grant_type", "client_id", "client_secret", "scope"].map { Array($0.utf8) }
    )

    private mutating func put(_ value: [UInt8], _ name: [UInt8]) throws(OAuth2Refusal) {
        guard values.updateValue(value, forKey: name) == nil else {
            throw .malformed("A parameter is there more than once.")
        }
    }
}
