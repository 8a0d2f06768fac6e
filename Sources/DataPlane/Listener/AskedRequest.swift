import GatewayCore

/// A request that a trusted proxy asks about at `/-/authorize`, having kept it back meanwhile.
///
/// nginx (`auth_request`) and Traefik (`forwardAuth`) name method and target in headers, Envoy (`ext_authz` over
/// HTTP) asks with the method itself and the target behind the path.
package struct AskedRequest {
    let method: [UInt8]
    let host: [UInt8]
    /// The path as the caller wrote it, without the query.
    let path: [UInt8]
    /// The query without its `?`.
    let query: [UInt8]

    private static let prefix: StaticString = "/-/authorize"

    /// Whether a request is such a question by its path, whoever asks.
    @inline(__always)
    static func isAsked(by head: RequestHead) -> Bool {
        guard head.path.count >= prefix.utf8CodeUnitCount else { return false }
        return head.bytes(head.path) { path in
            // Most paths differ in the second byte.
            guard path[1] == UInt8(ascii: "-") else { return false }
            for index in 0..<prefix.utf8CodeUnitCount where path[index] != prefix.utf8Start[index] {
                return false
            }
            return path.count == prefix.utf8CodeUnitCount
                || path[prefix.utf8CodeUnitCount] == UInt8(ascii: "/")
        }
    }

    /// Reads what is asked about.
    ///
    /// - Throws: ``Rejection`` 400 unless method and target are named exactly once.
    init(_ head: RequestHead) throws(Rejection) {
        let host = head.host.map { head.array($0) } ?? []
        if head.path.count > Self.prefix.utf8CodeUnitCount {
            method = head.array(head.method)
            path = Array(head.array(head.path).dropFirst(Self.prefix.utf8CodeUnitCount))
            self.host = host
            query = head.queryBytes
            return
        }
        let original = (head.values("x-original-method"), head.values("x-original-uri"))
        let forwarded = (head.values("x-forwarded-method"), head.values("x-forwarded-uri"))
        let targets = original.1 + forwarded.1
        let methods = original.0 + forwarded.0
        guard targets.count == 1, methods.count == 1, original.1.count == original.0.count else {
            throw Rejection(
                .badRequest,
                operatorDetail: """
                    expected X-Original-Method and X-Original-URI, or X-Forwarded-Method and X-Forwarded-Uri, \
                    each once
                    """
            )
        }
        guard targets[0].first == UInt8(ascii: "/") else {
            throw Rejection(
                .badRequest,
                operatorDetail: "the target that is asked about does not begin with /"
            )
        }
        method = methods[0]
        path = Array(targets[0].prefix { $0 != UInt8(ascii: "?") })
        query = Array(targets[0].dropFirst(path.count + 1))
        let hosts = original.1.isEmpty ? head.values("x-forwarded-host") : []
        guard hosts.count <= 1 else {
            throw Rejection(.badRequest, operatorDetail: "X-Forwarded-Host is there more than once")
        }
        self.host = hosts.first ?? host
    }
}

/// What a rule may look at of a request that is asked about: its own query, and the fields of the question.
struct AskedFields: RequestFields {
    let head: RequestHead
    let queryBytes: [UInt8]
    var fieldCount: Int { head.fieldCount }
    func values(ofField name: [UInt8]) -> [[UInt8]] { head.values(ofField: name) }
}

extension RequestHead: RequestFields {
    package var queryBytes: [UInt8] { query.map { array($0) } ?? [] }
    package var fieldCount: Int { headers.count }
    package func values(ofField name: [UInt8]) -> [[UInt8]] {
        headers.filter { field in
            bytes(field.name) { written in
                guard written.count == name.count else { return false }
                for index in written.indices {
                    let byte = written[index]
                    guard (byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte) == name[index] else {
                        return false
                    }
                }
                return true
            }
        }.map { array($0.value) }
    }
}

extension RequestHead {
    fileprivate func array(_ range: ByteRange) -> [UInt8] {
        bytes(range) { span in span.withUnsafeBufferPointer { Array($0) } }
    }

    /// The values of the fields of a name, which is given in lower case.
    fileprivate func values(_ name: StaticString) -> [[UInt8]] {
        headers.filter { equals($0.name, lowercased: name) }.map { array($0.value) }
    }
}
