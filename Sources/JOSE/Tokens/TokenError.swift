/// Why bytes are not a compact JWS that may be verified (RFC 7515 §3.1, §4.1, §5.2).
public enum TokenError: Error, Hashable, Sendable {
    /// A part of a token, for messages.
    public enum Part: String, Hashable, Sendable {
        case token, header, payload, signature
    }

    /// A part is larger than the limit; both in bytes.
    case tooLarge(part: Part, found: Int, limit: Int)
    /// The token does not consist of three parts with two dots between them.
    case notThreeParts(found: Int)
    /// The header is not strict Base64url.
    case headerNotBase64URL(Base64URLError)
    /// The payload is not strict Base64url.
    case payloadNotBase64URL(Base64URLError)
    /// The signature is not strict Base64url.
    case signatureNotBase64URL(Base64URLError)
    /// The signature part is empty.
    case signatureMissing
    /// The header is not a strict JSON text.
    case headerNotJSON(JSONError)
    /// The header is JSON, but not an object.
    case headerNotObject(found: JSONKind)
    /// The header has no `alg`.
    case algorithmMissing
    /// The header's `alg` is `none`, in whatever spelling.
    case algorithmNone
    /// The header's `alg` is not one that this library knows; given up to its first 40 bytes.
    case algorithmUnknown([UInt8])
    /// A header parameter has the wrong JSON type.
    case headerParameterNotString(name: String, found: JSONKind)
    /// The header has `crit`: no extension is understood here (RFC 7515 §4.1.11).
    case criticalHeaders
    /// The header has `b64` with a value other than true (RFC 7797 §3).
    case unencodedPayload
    /// The payload is not a strict JSON text.
    case payloadNotJSON(JSONError)
    /// The payload is JSON, but not an object, so that it holds no claims.
    case payloadNotObject(found: JSONKind)
}

extension TokenError: CustomStringConvertible {
    /// The reason in words, with what was expected and found.
    public var description: String {
        switch self {
        case .tooLarge(let part, let found, let limit):
            "the \(part.rawValue) has \(found) bytes, at most \(limit) are accepted"
        case .notThreeParts(let found):
            "a compact token has 3 parts separated by dots, this one has \(found)"
        case .headerNotBase64URL(let error): "the header is not Base64url: \(error)"
        case .payloadNotBase64URL(let error): "the payload is not Base64url: \(error)"
        case .signatureNotBase64URL(let error): "the signature is not Base64url: \(error)"
        case .signatureMissing: "the signature is empty"
        case .headerNotJSON(let error): "the header is not strict JSON: \(error)"
        case .headerNotObject(let found): "the header is \(found.words), expected an object"
        case .algorithmMissing: "the header has no alg"
        case .algorithmNone: "alg is none, and unsigned tokens are never accepted"
        case .algorithmUnknown(let found):
            "alg is \(PrintableBytes.quote(found)), known are "
                + SignatureAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
        case .headerParameterNotString(let name, let found):
            "header parameter \(name) is \(found.words), expected a string"
        case .criticalHeaders: "the header has crit, and no critical extension is understood"
        case .unencodedPayload: "the header has b64 other than true, and unencoded payloads are not accepted"
        case .payloadNotJSON(let error): "the payload is not strict JSON: \(error)"
        case .payloadNotObject(let found): "the payload is \(found.words), expected an object of claims"
        }
    }
}
