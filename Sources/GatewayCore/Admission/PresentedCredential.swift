import JOSE

/// The one credential that a request carries.
enum PresentedCredential: Sendable {
    /// A signed token in `Authorization: Bearer`, as a range of the field's value.
    case bearer(Range<Int>)
    /// An API token by itself; `nil` when it does not have the form of one.
    case apiToken(APITokenDigest?, in: Place)

    /// Where an API token can stand by itself.
    enum Place: Sendable {
        /// The header `API-Token`.
        case header
        /// The password of HTTP Basic.
        case basic

        /// The place for messages.
        var words: String {
            switch self {
            case .header: "the header API-Token"
            case .basic: "the password of HTTP Basic"
            }
        }
    }
}

/// `Authorization: Basic <user:password>` (RFC 7617 §2), where the user is `api-token`.
enum BasicCredential {
    private static let scheme = Array("basic ".utf8)
    private static let user = Array("api-token:".utf8)
    // The Base64 form of the longest value that can be right.
    private static let maximumLength = (user.count + APITokenDigest.tokenLength + 2) / 3 * 4

    /// Finds the API token in the value of an `Authorization` field.
    ///
    /// - Returns: `nil` when the scheme is another one or the user is not `api-token`; otherwise the credential.
    static func find(in value: Span<UInt8>) -> PresentedCredential? {
        guard value.count > scheme.count else { return nil }
        // Scheme names are compared without regard to case (RFC 9110 §11.1).
        for index in scheme.indices where value[index] | 0x20 != scheme[index] { return nil }
        let encoded = value.withUnsafeBufferPointer { bytes in
            Array(bytes[scheme.count...].drop { $0 == UInt8(ascii: " ") })
        }
        guard encoded.count <= maximumLength, let text = try? Base64.decode(encoded),
            text.starts(with: user)
        else { return nil }
        let password = text[user.count...]
        return .apiToken(APITokenDigest(token: password), in: .basic)
    }
}
