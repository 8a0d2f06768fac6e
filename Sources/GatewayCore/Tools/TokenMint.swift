package import JOSE

/// Signing a token with claims that somebody wrote.
package enum TokenMint {
    /// Why nothing was minted.
    package enum Refusal: Error, Sendable, CustomStringConvertible {
        /// The claims are no object that a gateway would accept.
        case claims(String)
        /// The key does not sign with the algorithm.
        case signing(SigningError)
        /// The token is longer than a gateway accepts; both in bytes.
        case tooLong(Int, limit: Int)

        /// The reason in words.
        package var description: String {
            switch self {
            case .claims(let words): "a gateway would not accept these claims: \(words)"
            case .signing(let error): "\(error)"
            case .tooLong(let found, let limit):
                "the token has \(found) bytes, a gateway accepts at most \(limit)"
            }
        }
    }

    /// Claims with the times that they lack.
    ///
    /// - Parameters:
    ///   - claims: a JSON object; what is in it stays as written.
    ///   - now: the time of issue, unless there is an `iat`.
    ///   - lifetime: how long the token lives in seconds, unless there is an `exp`; nil leaves `exp` out.
    /// - Returns: the payload.
    /// - Throws: ``Refusal/claims(_:)``.
    package static func payload(
        _ claims: [UInt8],
        now: Int64,
        lifetime: Int64?
    ) throws(Refusal) -> [UInt8] {
        let document = try read(claims)
        var members: [String] = []
        if document.root[member: "iat"] == nil { members.append("\"iat\":\(now)") }
        if let lifetime, document.root[member: "exp"] == nil { members.append("\"exp\":\(now + lifetime)") }
        guard !members.isEmpty else { return claims }
        var payload = claims
        let separator = document.root.count == 0 ? "" : ","
        payload.insert(
            contentsOf: Array((separator + members.joined(separator: ",")).utf8),
            at: document.root.byteRange.upperBound - 1
        )
        _ = try read(payload)
        return payload
    }

    private static func read(_ claims: [UInt8]) throws(Refusal) -> JSONDocument {
        let limits = TokenLimits.default
        let document: JSONDocument
        do throws(JSONError) {
            document = try JSONDocument(
                parsing: claims,
                limits: JSONLimits(
                    maximumBytes: limits.maximumPayloadBytes,
                    maximumDepth: limits.maximumDepth
                )
            )
        } catch {
            throw .claims("\(error)")
        }
        guard document.root.kind == .object else {
            throw .claims("they are \(document.root.kind.words), expected an object")
        }
        return document
    }

    /// Signs a payload.
    ///
    /// - Throws: ``Refusal``.
    package static func sign(
        _ payload: [UInt8],
        with key: SigningKey,
        algorithm: SignatureAlgorithm?,
        keyID: String?
    ) throws(Refusal) -> String {
        let token: String
        do throws(SigningError) {
            token = try key.sign(payload: payload, algorithm: algorithm, keyID: keyID)
        } catch {
            throw .signing(error)
        }
        let limit = TokenLimits.default.maximumTokenBytes
        guard token.utf8.count <= limit else { throw .tooLong(token.utf8.count, limit: limit) }
        return token
    }
}
