/// Where a call would go, and why not.
package struct RouteTest: Sendable {
    /// The endpoint, as `handle/name`; `nil` when none answers.
    package let endpoint: String?
    /// The identity of the endpoint.
    package let endpointID: EndpointID?
    /// The names and values of the path's parameters, as written.
    package let parameters: [(name: String, value: String)]
    /// Where the call would be sent; `nil` when no endpoint answers.
    package let upstreamURL: String?
    /// Why no endpoint answers; `nil` when one does.
    package let rejection: Rejection?
    /// What probably is wrong.
    package let likelyCauses: [LikelyCause]

    /// Finds the endpoint of a call.
    package init(_ request: ExplainedRequest, _ snapshot: Snapshot, requestID: String, now: Timestamp) {
        var anonymous = request
        // The route is found before any credential is looked at.
        anonymous.token = nil
        let explained = Explanation.explain(anonymous, snapshot, requestID: requestID, now: now)
        let decision = Explanation.decide(anonymous, snapshot, KeySets(), nil, now: now)
        guard let route = decision.findings.route else {
            endpoint = nil
            endpointID = nil
            parameters = []
            upstreamURL = nil
            likelyCauses = explained.likelyCauses()
            switch decision.outcome {
            case .admitted: rejection = nil
            case .rejected(let found): rejection = found
            }
            return
        }
        let path = decision.findings.normalPath.map { String(decoding: $0, as: UTF8.self) } ?? request.path
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        let pairs = zip(route.endpoint.path.segments, segments)
        parameters = pairs.compactMap { template, text in
            guard case .parameter(let name) = template else { return nil }
            return (name, String(text))
        }
        endpoint = route.label
        endpointID = route.endpoint.id
        var target = route.upstream.targets.first?.url ?? ""
        while target.hasSuffix("/") { target.removeLast() }
        let values = parameters.map(\.value)
        for part in route.upstreamPath {
            switch part {
            case .bytes(let bytes): target += String(decoding: bytes, as: UTF8.self)
            case .parameter(let index): target += index < values.count ? values[index] : ""
            }
        }
        upstreamURL = target + (request.query.isEmpty ? "" : "?\(request.query)")
        rejection = nil
        likelyCauses = []
    }
}
