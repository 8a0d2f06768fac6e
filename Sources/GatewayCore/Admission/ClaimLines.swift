import JOSE

/// Renders claims as header fields of their own.
enum ClaimLines {
    /// The longest value, in bytes as written; a claim that needs more is left out.
    static let maximumValueBytes = 8192

    /// Appends a field for each claim that is there and has something to say, each ended by CRLF.
    ///
    /// - Parameters:
    ///   - fields: which claims go into which fields.
    ///   - claims: the claims, those with the API token left out.
    ///   - headers: where to write.
    static func append(_ fields: CallerFields, _ claims: JSONDocument, to headers: inout [UInt8]) {
        for field in fields.claims {
            guard let element = claims.root[member: field.name],
                let value = value(of: element, in: claims, field.separator), !value.isEmpty,
                value.count <= maximumValueBytes
            else { continue }
            headers += field.start
            headers += value
            headers += [13, 10]
        }
    }

    private static func value(
        of element: JSONElement,
        in claims: JSONDocument,
        _ separator: [UInt8]
    ) -> [UInt8]? {
        guard element.kind == .array else { return single(element, in: claims, besides: nil) }
        var value: [UInt8] = []
        var isFirst = true
        for part in element.elements {
            guard let text = single(part, in: claims, besides: separator.first) else { continue }
            if !isFirst { value += separator }
            isFirst = false
            value += text
            // The claims are bounded, but there is no use in going on.
            guard value.count <= maximumValueBytes else { return nil }
        }
        return value
    }

    /// A text, number or boolean; `nil` for everything else.
    ///
    /// The first byte of the separator is encoded wherever it occurs within an element, so that no element can
    /// pretend to be two.
    private static func single(
        _ element: JSONElement,
        in claims: JSONDocument,
        besides special: UInt8?
    ) -> [UInt8]? {
        var value: [UInt8] = []
        switch element.kind {
        case .string:
            IdentityHeaders.appendValue(element.stringBytes ?? [], besides: special, to: &value)
        case .number, .bool:
            IdentityHeaders.appendValue(claims.source[element.byteRange], besides: special, to: &value)
        case .object, .array, .null: return nil
        }
        return value
    }
}
