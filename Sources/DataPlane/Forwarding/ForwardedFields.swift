import GatewayCore

/// The fields of RFC 7239, and the older ones that upstreams know better, for one caller's connection.
///
/// What the caller sent of them is not passed on: of what a trusted proxy says only the caller's address is, and
/// of anybody else nothing. A connection's requests mostly name the same caller and host, so the fields are made
/// anew only when not.
struct ForwardedFields {
    private var address = IPAddress.unknown
    private var host: [UInt8]?
    private var lines: [UInt8] = []
    private let scheme: String

    init(isSecure: Bool) {
        scheme = isSecure ? "https" : "http"
    }

    /// The fields, each with its line end, for a request to this host, which is none in HTTP/1.0 alone.
    mutating func lines(for client: IPAddress, host requested: Span<UInt8>) -> [UInt8] {
        if client == address, let host, equal(host.span, requested) { return lines }
        address = client
        let written = requested.withUnsafeBufferPointer { Array($0) }
        host = written
        let text = address.description
        let node = address.isV4 ? text : "\"[\(text)]\""
        var fields = "X-Forwarded-For: \(text)\r\nX-Forwarded-Proto: \(scheme)\r\n"
        if written.isEmpty {
            fields += "Forwarded: for=\(node);proto=\(scheme)\r\n"
        } else {
            // The head's parser let through what a host may hold and nothing else.
            let name = String(decoding: written, as: UTF8.self)
            fields +=
                "X-Forwarded-Host: \(name)\r\nForwarded: for=\(node);host=\"\(name)\";proto=\(scheme)\r\n"
        }
        lines = Array(fields.utf8)
        return lines
    }

    private func equal(_ known: Span<UInt8>, _ requested: Span<UInt8>) -> Bool {
        guard known.count == requested.count else { return false }
        for index in 0..<known.count where known[index] != requested[index] { return false }
        return true
    }
}
