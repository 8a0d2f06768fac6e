/// A token whose signature has been checked with a key that allows its algorithm.
///
/// Only ``UnverifiedToken/verified(by:)`` makes one, so holding it is the proof. It says nothing about time,
/// issuer or audience: see ``TimeWindow``.
public final class VerifiedToken: Sendable {
    /// The algorithm that it was verified with.
    public let algorithm: SignatureAlgorithm
    /// The header's `kid`.
    public let keyID: [UInt8]?
    /// The header's `typ`.
    public let type: [UInt8]?
    /// Whether the `typ` is one that an access token may have; see ``UnverifiedToken/isAcceptableJWTType``.
    public let isAcceptableJWTType: Bool
    /// The header, every member of it.
    public let header: JSONDocument
    /// The payload's bytes.
    public let payload: [UInt8]
    /// The payload as an object of claims; nil when it is something else, which a JWS may carry.
    public let claims: JSONDocument?

    /// To be called with the result of a successful signature check only.
    init(verified token: UnverifiedToken, claims: JSONDocument?) {
        algorithm = token.algorithm
        keyID = token.keyID
        type = token.type
        isAcceptableJWTType = token.isAcceptableJWTType
        header = token.header
        payload = token.payload
        self.claims = claims
    }
}
