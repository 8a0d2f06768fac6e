/// A compact JWS whose form has been checked and whose signature has not (RFC 7515 §3.1, §5.2).
///
/// Nothing of it may be trusted. The only way to something that may be is ``verified(by:)``. The header
/// members `jwk`, `jku`, `x5u` and `x5c` are never used: keys come from the caller alone.
public struct UnverifiedToken: Sendable {
    /// The header's `alg`.
    public let algorithm: SignatureAlgorithm
    /// The header's `kid`.
    public let keyID: [UInt8]?
    /// The header's `typ`.
    public let type: [UInt8]?
    /// Whether the `typ` is one that an access token may have: absent, `JWT` or `at+jwt` (RFC 8725 §3.11,
    /// RFC 9068 §2.1), in any case, with or without `application/` before it.
    public let isAcceptableJWTType: Bool
    /// The header's `cty`.
    public let contentType: [UInt8]?
    /// The header, every member of it.
    public let header: JSONDocument
    /// The payload, decoded from Base64url.
    public let payload: [UInt8]
    /// The signature, decoded from Base64url.
    public let signature: [UInt8]
    /// The token as given.
    public let token: [UInt8]
    /// How many bytes of the token are signed: all before the last dot.
    public let signedLength: Int

    private let maximumDepth: Int
    private var parsedClaims: JSONDocument?

    /// Parses a compact token.
    ///
    /// - Parameters:
    ///   - token: the bytes of the token, without white space around it.
    ///   - limits: bounds on the token and its parts.
    /// - Returns: the token's parts, none of them verified.
    /// - Throws: ``TokenError`` for the first rule broken.
    public static func parse(
        _ token: Span<UInt8>,
        limits: TokenLimits = .default
    ) throws(TokenError) -> UnverifiedToken {
        var memory = TokenHeaderMemory(capacity: 0)
        return try UnverifiedToken(token, limits: limits, &memory)
    }

    /// Parses a compact token as ``parse(_:limits:)``, with the headers that were met before.
    ///
    /// - Parameters:
    ///   - token: as there.
    ///   - limits: as there; always the same for one memory.
    ///   - memory: what is remembered of headers that were accepted; a header with the same bytes is not
    ///     parsed again.
    /// - Returns: as there.
    /// - Throws: as there.
    public static func parse(
        _ token: Span<UInt8>,
        limits: TokenLimits,
        remembering memory: inout TokenHeaderMemory
    ) throws(TokenError) -> UnverifiedToken {
        try UnverifiedToken(token, limits: limits, &memory)
    }

    private init(
        _ token: Span<UInt8>,
        limits: TokenLimits,
        _ memory: inout TokenHeaderMemory
    ) throws(TokenError) {
        guard token.count <= limits.maximumTokenBytes else {
            throw .tooLarge(part: .token, found: token.count, limit: limits.maximumTokenBytes)
        }
        let dots = try Self.dots(in: token)
        let encodedHeader = token.extracting(0..<dots.first)
        let facts: HeaderFacts
        if let known = memory.find(encodedHeader) {
            facts = known
        } else {
            let header = try Self.part(.header, encodedHeader, limits.maximumHeaderBytes)
            facts = try HeaderFacts(header, maximumDepth: limits.maximumDepth)
            memory.keep(facts, of: encodedHeader)
        }
        let payload = try Self.part(
            .payload,
            token.extracting(dots.first + 1..<dots.second),
            limits.maximumPayloadBytes
        )
        guard dots.second + 1 < token.count else { throw .signatureMissing }
        self.signature = try Self.part(
            .signature,
            token.extracting(dots.second + 1..<token.count),
            limits.maximumTokenBytes
        )
        self.payload = payload
        self.header = facts.document
        self.algorithm = facts.algorithm
        self.keyID = facts.keyID
        self.type = facts.type
        self.isAcceptableJWTType = facts.isAcceptableJWTType
        self.contentType = facts.contentType
        self.signedLength = dots.second
        self.maximumDepth = limits.maximumDepth
        self.token = unsafe token.withUnsafeBufferPointer { unsafe Array($0) }
    }

    /// The payload as an object of claims.
    ///
    /// - Returns: the parsed payload; its root is an object.
    /// - Throws: ``TokenError/payloadNotJSON(_:)`` or ``TokenError/payloadNotObject(found:)``.
    public func claims() throws(TokenError) -> JSONDocument {
        if let parsedClaims { return parsedClaims }
        let document: JSONDocument
        do {
            document = try JSONDocument(
                parsing: payload,
                limits: JSONLimits(maximumBytes: payload.count, maximumDepth: maximumDepth)
            )
        } catch {
            throw .payloadNotJSON(error)
        }
        guard document.root.kind == .object else { throw .payloadNotObject(found: document.root.kind) }
        return document
    }

    /// The payload as an object of claims, kept so that neither asking again nor verifying parses it twice.
    ///
    /// - Returns: the parsed payload; its root is an object.
    /// - Throws: as ``claims()``.
    public mutating func readClaims() throws(TokenError) -> JSONDocument {
        let claims = try claims()
        parsedClaims = claims
        return claims
    }

    /// Checks the signature.
    ///
    /// - Parameter key: the key to check with.
    /// - Returns: the verified token; nil if the key does not allow the algorithm or the signature is wrong.
    public func verified(by key: VerificationKey) -> VerifiedToken? {
        guard
            key.isValidSignature(
                signature.span,
                for: token.span.extracting(0..<signedLength),
                algorithm: algorithm
            )
        else { return nil }
        // A JWS may carry any payload; only a JWT's is an object of claims.
        return VerifiedToken(verified: self, claims: parsedClaims ?? (try? claims()))
    }

    /// Checks the signature, as ``verified(by:)``, of a token whose bytes must be those that were parsed.
    public func verified(by key: VerificationKey, token: Span<UInt8>) -> VerifiedToken? {
        // Otherwise the signature of one token could vouch for the payload of another.
        guard ConstantTime.equal(token, self.token.span) else { return nil }
        return verified(by: key)
    }
}

extension UnverifiedToken {
    private static func dots(in token: Span<UInt8>) throws(TokenError) -> (first: Int, second: Int) {
        let first = index(ofDotIn: token, from: 0)
        let second = index(ofDotIn: token, from: first + 1)
        var found = 0
        if second < token.count, index(ofDotIn: token, from: second + 1) >= token.count {
            return (first, second)
        }
        for index in token.indices where token[index] == UInt8(ascii: ".") { found += 1 }
        throw .notThreeParts(found: found + 1)
    }

    /// The first index of a dot, from one on; not below the count when there is none.
    private static func index(ofDotIn token: Span<UInt8>, from start: Int) -> Int {
        let dots = UInt64(0x2E2E_2E2E_2E2E_2E2E)
        let ones = UInt64(0x0101_0101_0101_0101)
        var index = start
        // Eight bytes that are all within the token are a number; a byte of it that is a dot becomes zero.
        while index + 8 <= token.count {
            let bytes = unsafe token.bytes
            let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self) ^ dots
            if (word &- ones) & ~word & (ones &* 0x80) != 0 { break }
            index += 8
        }
        while index < token.count, token[index] != UInt8(ascii: ".") { index += 1 }
        return index
    }

    private static func part(
        _ part: TokenError.Part,
        _ text: Span<UInt8>,
        _ limit: Int
    ) throws(TokenError) -> [UInt8] {
        // Four characters hold three bytes; divided first, so that no length can overflow.
        let length = text.count / 4 * 3 + text.count % 4 * 3 / 4
        guard length <= limit else { throw .tooLarge(part: part, found: length, limit: limit) }
        do {
            return try Base64URL.decode(text)
        } catch {
            switch part {
            case .payload: throw .payloadNotBase64URL(error)
            case .signature: throw .signatureNotBase64URL(error)
            case .header, .token: throw .headerNotBase64URL(error)
            }
        }
    }
}

/// What the header says, with its rules checked.
struct HeaderFacts: Sendable {
    let document: JSONDocument
    let algorithm: SignatureAlgorithm
    let keyID: [UInt8]?
    let type: [UInt8]?
    let contentType: [UInt8]?
    let isAcceptableJWTType: Bool

    init(_ bytes: [UInt8], maximumDepth: Int) throws(TokenError) {
        let document: JSONDocument
        do {
            let limits = JSONLimits(maximumBytes: bytes.count, maximumDepth: maximumDepth)
            document = try JSONDocument(parsing: bytes, limits: limits)
        } catch {
            throw .headerNotJSON(error)
        }
        let root = document.root
        guard root.kind == .object else { throw .headerNotObject(found: root.kind) }
        guard root[member: "crit"] == nil else { throw .criticalHeaders }
        if let encoded = root[member: "b64"], encoded.bool != true { throw .unencodedPayload }
        self.document = document
        algorithm = try Self.algorithm(root[member: "alg"])
        keyID = try Self.string("kid", root[member: "kid"])
        type = try Self.string("typ", root[member: "typ"])
        contentType = try Self.string("cty", root[member: "cty"])
        isAcceptableJWTType = type.map(Self.isAcceptable) ?? true
    }

    private static func isAcceptable(_ type: [UInt8]) -> Bool {
        let lowered = type.map { $0 &- UInt8(ascii: "A") < 26 ? $0 | 0x20 : $0 }
        let prefix = Array("application/".utf8)
        let bare = lowered.starts(with: prefix) ? Array(lowered.dropFirst(prefix.count)) : lowered
        return bare == Array("jwt".utf8) || bare == Array("at+jwt".utf8)
    }

    private static func algorithm(_ element: JSONElement?) throws(TokenError) -> SignatureAlgorithm {
        guard let name = try string("alg", element) else { throw .algorithmMissing }
        if let algorithm = SignatureAlgorithm(headerValue: name) { return algorithm }
        let lowered = name.map { $0 &- UInt8(ascii: "A") < 26 ? $0 | 0x20 : $0 }
        if lowered == Array("none".utf8) { throw .algorithmNone }
        throw .algorithmUnknown(Array(name.prefix(PrintableBytes.limit)))
    }

    private static func string(_ name: String, _ element: JSONElement?) throws(TokenError) -> [UInt8]? {
        guard let element else { return nil }
        guard let bytes = element.stringBytes else {
            throw .headerParameterNotString(name: name, found: element.kind)
        }
        return bytes
    }
}
