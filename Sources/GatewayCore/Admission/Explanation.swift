import JOSE

/// A request that somebody asks about, whether it would be let in, and if not, why not.
package struct ExplainedRequest: Sendable {
    /// The method.
    package var method: String
    /// The authority, with or without port; empty when it does not matter.
    package var host: String
    /// The path without the query.
    package var path: String
    /// The query without its `?`; empty when there is none.
    package var query = ""
    /// Whether the path is followed by a `?`, with or without a query behind it.
    private var hasQueryMark = false
    /// The signed token, or an API token by itself; `nil` for a request without either.
    package var token: [UInt8]?
    /// The address that the call would come from.
    package var clientAddress: IPAddress
    /// Whether nobody said where the call would come from.
    package var isAddressAssumed = false

    /// Takes the parts.
    package init(method: String, host: String, path: String, token: [UInt8]?, clientAddress: IPAddress) {
        self.method = method
        self.host = host
        self.path = path
        self.token = token
        self.clientAddress = clientAddress
    }
}

extension ExplainedRequest {
    /// Takes a path, a path with query or an absolute URL apart as the gateway's listener would see it.
    ///
    /// The fragment of a URL is left out, since no client sends it; what begins with a path is what is sent, and
    /// may hold none. Without an address the call comes from 127.0.0.1.
    package init(method: String, url: String, token: [UInt8]?, clientAddress: IPAddress?) {
        var rest = url[...]
        var host = ""
        if let start = Self.schemeLength(url) {
            rest = rest[rest.utf8.index(rest.startIndex, offsetBy: start)...].prefix { $0 != "#" }
            let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
            host = String(rest[..<end])
            rest = rest[end...]
        }
        let path = rest.prefix { $0 != "?" }
        self.init(
            method: method,
            host: host,
            path: path.isEmpty ? "/" : String(path),
            token: token,
            clientAddress: clientAddress ?? IPAddress(v4: 0x7f00_0001)
        )
        isAddressAssumed = clientAddress == nil
        query = String(rest.dropFirst(path.count + 1))
        hasQueryMark = rest.count > path.count
    }

    /// The request target: the path with its query.
    package var target: String { hasQueryMark || !query.isEmpty ? "\(path)?\(query)" : path }

    /// Whether a text can be a method, known or not: a token (RFC 9110 §5.6.2 and §9.1).
    package static func isMethod(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
                case UInt8(ascii: "0")...UInt8(ascii: "9"): true
                default: "!#$%&'*+.^_`|~-".utf8.contains(byte)
                }
            }
    }

    /// How many bytes the scheme of an absolute URL has, with its `://`; schemes know no case (RFC 3986 §3.1).
    package static func schemeLength(_ url: String) -> Int? {
        let start = String(decoding: url.utf8.prefix(8), as: UTF8.self).lowercased()
        return ["http://", "https://"].first { start.utf8.starts(with: $0.utf8) }?.utf8.count
    }
}

/// A call that was asked about, decided and explained.
package struct Explained: Sendable {
    /// The decision, check by check.
    package let record: DecisionRecord
    /// The key that is missing, and may be fetched: then the call can be decided once more.
    package let neededKey: NeededKey?
    private let findCauses: @Sendable () -> [LikelyCause]

    fileprivate init(
        record: DecisionRecord,
        neededKey: NeededKey?,
        findCauses: @escaping @Sendable () -> [LikelyCause]
    ) {
        self.record = record
        self.neededKey = neededKey
        self.findCauses = findCauses
    }

    /// What probably went wrong, the likeliest first: found by trying now, within the bounds of ``Effort``.
    package func likelyCauses() -> [LikelyCause] { findCauses() }
}

/// Explains by deciding: the very function that the request path performs, with nothing remembered.
package enum Explanation {
    /// Decides the request and tells every check, and which key is missing when one may be fetched.
    package static func explain(
        _ request: ExplainedRequest,
        _ snapshot: Snapshot,
        _ keySets: KeySets = KeySets(),
        usedTokens: UsedTokens? = nil,
        requestID: String,
        now: Timestamp
    ) -> Explained {
        let decision = decide(request, snapshot, keySets, usedTokens, now: now)
        let rejection: Rejection? =
            switch decision.outcome {
            case .admitted: nil
            case .rejected(let rejection): rejection
            }
        let record = DecisionRecord(
            requestID: requestID,
            method: request.method,
            path: request.path,
            clientAddress: request.clientAddress.description,
            status: rejection?.code.status ?? 0,
            findings: decision.findings,
            rejection: rejection
        )
        return Explained(record: record, neededKey: decision.findings.neededKey) {
            guard let rejection else { return [] }
            return Diagnosis.causes(
                of: rejection,
                decision.findings,
                request,
                snapshot,
                keySets,
                usedTokens,
                now: now
            )
        }
    }

    /// Decides a call that is only asked about, with nothing remembered and no trace of use.
    static func decide(
        _ request: ExplainedRequest,
        _ snapshot: Snapshot,
        _ keySets: KeySets,
        _ usedTokens: UsedTokens?,
        now: Timestamp
    ) -> Decision {
        if let refusal = request.refusalOnTheWire {
            return Decision(outcome: .rejected(refusal), findings: Findings(now: now))
        }
        var admission = Admission(
            cache: VerifiedTokenCache(capacity: 1, maximumBytes: 1 << 20, seed: 0),
            usedTokens: usedTokens,
            isAsking: true
        )
        // An API token by itself has no dots; what is meant is the header API-Token.
        let isAPIToken = request.token.map { APITokenDigest(token: $0) != nil } ?? false
        let token = request.token ?? []
        let authorization = request.token == nil || isAPIToken ? [] : Array("Bearer ".utf8) + token
        let apiToken = isAPIToken ? token : []
        return admission.decide(
            snapshot,
            keySets,
            host: request.host.utf8.span,
            method: request.method.utf8.span,
            path: request.path.utf8.span,
            authorization: authorization.span,
            apiToken: apiToken.span,
            fields: ExplainedFields(queryBytes: Array(request.query.utf8)),
            AdmissionQuestion(
                clientAddress: request.clientAddress,
                authorizationFields: authorization.isEmpty ? 0 : 1,
                apiTokenFields: isAPIToken ? 1 : 0,
                now: now
            )
        )
    }
}

extension ExplainedRequest {
    /// What the gateway's listener accepts: of a method, of a header field's line, and of all of a head, in bytes.
    private static let (maximumMethod, maximumField, maximumHead) = (32, 16 * 1024, 64 * 1024)

    /// Why the call would not even be read: what HTTP itself does not let through is refused before any decision.
    fileprivate var refusalOnTheWire: Rejection? {
        let line = method.utf8.count + target.utf8.count + "  HTTP/1.1\r\n".utf8.count
        if method == "CONNECT" || method.utf8.count > Self.maximumMethod {
            return .malformed("the method is CONNECT, or longer than \(Self.maximumMethod) bytes")
        }
        if line > Self.maximumHead {
            return Rejection(
                .uriTooLong,
                operatorDetail: "the request line has \(line) bytes, at most \(Self.maximumHead) are accepted"
            )
        }
        if !target.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "#") }) {
            return .malformed("the request target holds a byte that is not visible ASCII, or a fragment")
        }
        return fieldRefusal(behind: line)
    }

    private func fieldRefusal(behind line: Int) -> Rejection? {
        let host = host.isEmpty ? "-" : host
        if let refusal = Self.lengthRefusal("Host", host.utf8.count) { return refusal }
        if Authority(host.utf8.span, 0..<host.utf8.count) == nil {
            return .malformed("the host is no name or address, with or without port")
        }
        var credentialLine = 0
        if let token {
            if let control = token.firstIndex(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7f }) {
                return .malformed(
                    "the token has a line break or another control byte at position \(control), which no header can carry"
                )
            }
            let length = "Bearer ".utf8.count + token.count
            if let refusal = Self.lengthRefusal("Authorization", length) { return refusal }
            credentialLine = "Authorization: \r\n".utf8.count + length
        }
        let head = line + "Host: \r\n\r\n".utf8.count + host.utf8.count + credentialLine
        guard head > Self.maximumHead else { return nil }
        return Rejection(
            .headersTooLarge,
            operatorDetail: "the head has \(head) bytes, at most \(Self.maximumHead) are accepted"
        )
    }

    private static func lengthRefusal(_ field: String, _ valueLength: Int) -> Rejection? {
        let length = field.utf8.count + 2 + valueLength
        guard length > maximumField else { return nil }
        return Rejection(
            .headersTooLarge,
            operatorDetail: "the field \(field) has \(length) bytes, at most \(maximumField) are accepted"
        )
    }
}

extension Rejection {
    fileprivate static func malformed(_ detail: String) -> Rejection {
        Rejection(.badRequest, operatorDetail: detail)
    }
}

/// What a rule may look at of a request that was only asked about: it has no headers but its credential.
private struct ExplainedFields: RequestFields {
    let queryBytes: [UInt8]
    var fieldCount: Int { 0 }
    func values(ofField name: [UInt8]) -> [[UInt8]] { [] }
}
