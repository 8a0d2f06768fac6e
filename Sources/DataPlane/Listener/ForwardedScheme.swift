import GatewayCore

/// The scheme that a caller used towards the proxy in front of the gateway.
package enum ForwardedScheme: String, Sendable {
    case http
    case https

    /// What a trusted proxy's header says; `nil` when it says nothing that is known.
    ///
    /// Only the last value counts, which the proxy itself wrote: what stands before it may be the caller's.
    init?(of head: RequestHead, in header: ClientAddressHeader) {
        let found: ForwardedScheme?
        switch header {
        case .xForwardedFor:
            found = head.values(ofField: Array("x-forwarded-proto".utf8)).last.flatMap(
                Self.init(xForwardedProto:)
            )
        case .forwarded:
            found = head.values(ofField: Array("forwarded".utf8)).last.flatMap(Self.init(forwarded:))
        case .proxyProtocol: found = nil
        }
        guard let found else { return nil }
        self = found
    }

    /// Reads the last value of an `X-Forwarded-Proto` field.
    package init?(xForwardedProto field: [UInt8]) {
        let last = field.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).last ?? []
        self.init(token: last)
    }

    /// Reads `proto` of the last element of a `Forwarded` field (RFC 7239 §5.4); `nil` unless it is there once.
    package init?(forwarded field: [UInt8]) {
        guard let last = Self.split(field[...], at: UInt8(ascii: ",")).last else { return nil }
        let values = Self.split(last, at: UInt8(ascii: ";")).compactMap { pair -> ArraySlice<UInt8>? in
            let parts = pair.split(
                separator: UInt8(ascii: "="),
                maxSplits: 1,
                omittingEmptySubsequences: false
            )
            guard parts.count == 2, Self.word(parts[0]) == "proto" else { return nil }
            return parts[1]
        }
        guard values.count == 1, var value = values.first else { return nil }
        if value.count >= 2, value.first == UInt8(ascii: "\""), value.last == UInt8(ascii: "\"") {
            value = value.dropFirst().dropLast()
        }
        self.init(token: value)
    }

    private init?(token: ArraySlice<UInt8>) {
        guard token.count <= 16 else { return nil }
        self.init(rawValue: Self.word(token))
    }

    private static func word(_ bytes: ArraySlice<UInt8>) -> String {
        let isSpace: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        var bytes = bytes.drop(while: isSpace)
        while let last = bytes.last, isSpace(last) { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self).lowercased()
    }

    private static func split(_ text: ArraySlice<UInt8>, at separator: UInt8) -> [ArraySlice<UInt8>] {
        var isQuoted = false
        return text.split(omittingEmptySubsequences: false) { byte in
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            return byte == separator && !isQuoted
        }
    }
}
