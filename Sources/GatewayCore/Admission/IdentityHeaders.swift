import JOSE

/// What the upstream is told of the caller: four header fields, made once for each verified token.
enum IdentityHeaders {
    /// Renders the fields, each ended by CRLF.
    ///
    /// The API token is in none of them.
    static func render(_ profile: CompiledProfile, claims: JSONDocument, hiding apiToken: [UInt8]) -> [UInt8]
    {
        var headers: [UInt8] = []
        headers.reserveCapacity(192 + claims.source.count * 2)
        append(client: profile.client.name, profile: profile.profile.name, to: &headers)
        if let name = claims.root[member: "name"]?.stringBytes, !name.isEmpty {
            append("Portcullis-Subject-Name: ", contains(apiToken, in: name) ? [] : name, to: &headers)
        }
        headers.append(contentsOf: "Portcullis-Claims: ".utf8)
        let claims = publicClaims(claims, hiding: apiToken)
        Base64URL.append(claims.span, to: &headers)
        headers.append(13)
        headers.append(10)
        return headers
    }

    /// Renders the fields of a caller who has no claims, each ended by CRLF.
    static func render(client: String, profile: String) -> [UInt8] {
        var headers: [UInt8] = []
        append(client: client, profile: profile, to: &headers)
        return headers
    }

    private static func append(client: String, profile: String, to headers: inout [UInt8]) {
        append("Portcullis-Client: ", client.utf8, to: &headers)
        append("Portcullis-Profile: ", profile.utf8, to: &headers)
    }

    private static func append(
        _ name: String,
        _ value: some Swift.Collection<UInt8>,
        to headers: inout [UInt8]
    ) {
        headers.append(contentsOf: name.utf8)
        appendValue(value, to: &headers)
        headers.append(13)
        headers.append(10)
    }

    /// Percent-encodes what a header field cannot carry unambiguously: all but visible ASCII and inner spaces, and
    /// one further byte where it has a meaning of its own.
    static func appendValue(
        _ value: some Swift.Collection<UInt8>,
        besides special: UInt8? = nil,
        to headers: inout [UInt8]
    ) {
        var left = value.count
        for byte in value {
            left -= 1
            let isInnerSpace = byte == UInt8(ascii: " ") && left > 0 && left < value.count - 1
            let isPlain = isInnerSpace || (0x21...0x7e).contains(byte) && byte != UInt8(ascii: "%")
            if isPlain, byte != special {
                headers.append(byte)
            } else {
                headers.append(UInt8(ascii: "%"))
                headers.append(contentsOf: Hex.encode([byte]).uppercased().utf8)
            }
        }
    }

    private static let claimsName = Array("\r\nPortcullis-Claims: ".utf8)

    /// The claims that rendered fields tell, those with the API token left out; `nil` for a caller without any.
    static func publicClaims(in headers: [UInt8]) -> JSONDocument? {
        // They are the last field, and no value has a line end in it.
        guard let lineEnd = headers.dropLast(2).lastIndex(of: 13),
            headers[lineEnd...].starts(with: claimsName),
            // Written here as Base64url of claims that were parsed before.
            let text = try? Base64URL.decode(
                Array(headers[(lineEnd + claimsName.count)...].dropLast(2))
            )
        else { return nil }
        let limits = TokenLimits.default
        return try? JSONDocument(
            parsing: text,
            limits: JSONLimits(maximumBytes: text.count, maximumDepth: limits.maximumDepth)
        )
    }

    /// The claims as they were signed, less every member that has the API token anywhere in it.
    private static func publicClaims(_ claims: JSONDocument, hiding apiToken: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(claims.source.count)
        result.append(UInt8(ascii: "{"))
        for member in claims.root.members {
            if mentions(apiToken, member.name) || mentions(apiToken, member.value) { continue }
            if result.count > 1 { result.append(UInt8(ascii: ",")) }
            result += claims.source[member.name.byteRange.lowerBound..<member.value.byteRange.upperBound]
        }
        result.append(UInt8(ascii: "}"))
        return result
    }

    private static func mentions(_ apiToken: [UInt8], _ element: JSONElement) -> Bool {
        // The reader has bounded the depth (16), so the descent is bounded too.
        switch element.kind {
        case .string:
            // With its quotation marks; decoding escapes makes it no longer.
            guard element.byteRange.count - 2 >= apiToken.count else { return false }
            return element.stringBytes.map { contains(apiToken, in: $0) } ?? false
        case .array: return element.elements.contains { mentions(apiToken, $0) }
        case .object:
            return element.members.contains {
                mentions(apiToken, $0.name) || mentions(apiToken, $0.value)
            }
        case .number, .bool, .null: return false
        }
    }

    private static func contains(_ needle: [UInt8], in haystack: [UInt8]) -> Bool {
        guard !needle.isEmpty, haystack.count >= needle.count else { return false }
        if haystack.count == needle.count { return haystack == needle }
        for start in 0...(haystack.count - needle.count)
        where haystack[start..<start + needle.count].elementsEqual(needle) {
            return true
        }
        return false
    }
}
