/// Check 1: host, path and method.
extension Diagnosis {
    /// At most this many endpoints are compared with the path.
    private static let maximumEndpoints = 20_000

    /// What differs between the path that was called and one that there is.
    private enum Difference: Int, Comparable {
        case nothing
        case slash
        case letterCase
        case handle

        static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    private struct Candidate {
        let collection: Collection
        let endpoint: Endpoint
        let difference: Difference
    }

    mutating func diagnoseRoute() {
        let candidates = candidates()
        if rejection.code == .methodNotAllowed { return tellMethod(candidates) }
        let exact = candidates.filter { $0.difference == .nothing }
        if let found = exact.first(where: { !$0.collection.isActive || !$0.endpoint.isActive }) {
            return tellInactive(found)
        }
        if let found = exact.first { return tellHost(found.collection) }
        // The smallest difference, and of several the one that answers the method.
        let best = candidates.min { left, right in
            (left.difference.rawValue, answers(left.endpoint) ? 0 : 1)
                < (right.difference.rawValue, answers(right.endpoint) ? 0 : 1)
        }
        guard let best else { return tellUnknown() }
        tellPath(best)
    }

    private func answers(_ endpoint: Endpoint) -> Bool {
        endpoint.methods.contains(request.method)
            || request.method == "HEAD" && endpoint.methods.contains("GET")
    }

    // MARK: Comparing

    /// The endpoints whose path is the one that was called, or nearly.
    private mutating func candidates() -> [Candidate] {
        let path = findings.normalPath.map { String(decoding: $0, as: UTF8.self) } ?? request.path
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(
            String.init
        )
        var found: [Candidate] = []
        var compared = 0
        for shared in snapshot.catalog.collections.sharedValues {
            let collection = shared.value
            for endpoint in collection.endpoints {
                compared += 1
                guard compared <= Self.maximumEndpoints else { break }
                guard let difference = Self.difference(segments, collection, endpoint) else { continue }
                found.append(Candidate(collection: collection, endpoint: endpoint, difference: difference))
                if found.count == 100 { return found }
            }
        }
        _ = effort.spend(min(compared, Self.maximumEndpoints) / 3)
        return found
    }

    private static func difference(
        _ segments: [String],
        _ collection: Collection,
        _ endpoint: Endpoint
    ) -> Difference? {
        if segments.first == collection.handle
            || segments.first?.lowercased() == collection.handle.lowercased()
        {
            let rest = Array(segments.dropFirst())
            guard let below = difference(rest, endpoint.path.segments) else { return nil }
            return segments.first == collection.handle ? below : max(below, .letterCase)
        }
        return difference(segments, endpoint.path.segments) == .nothing ? .handle : nil
    }

    private static func difference(_ segments: [String], _ template: [PathTemplate.Segment]) -> Difference? {
        if let exact = compare(segments, template) { return exact }
        let other = segments.last == "" ? Array(segments.dropLast()) : segments + [""]
        return compare(other, template).map { max($0, .slash) }
    }

    private static func compare(_ segments: [String], _ template: [PathTemplate.Segment]) -> Difference? {
        guard segments.count == template.count else { return nil }
        var difference = Difference.nothing
        for (text, segment) in zip(segments, template) {
            switch segment {
            case .parameter:
                guard !text.isEmpty else { return nil }
            case .literal(let literal):
                if literal.utf8.elementsEqual(text.utf8) { continue }
                guard literal.lowercased() == text.lowercased() else { return nil }
                difference = .letterCase
            }
        }
        return difference
    }

    // MARK: Telling

    private mutating func tellInactive(_ found: Candidate) {
        let (collection, endpoint) = (found.collection, found.endpoint)
        if !collection.isActive {
            tell(
                .collectionInactive,
                "the collection \(PrintableText.quoted(collection.handle)) is inactive",
                .activateCollection(collection.id)
            )
        }
        guard !endpoint.isActive else { return }
        tell(
            .endpointInactive,
            "the endpoint \(PrintableText.quoted("\(collection.handle)/\(endpoint.name)")) is inactive",
            .activateEndpoint(collection.id, endpoint.id)
        )
    }

    private mutating func tellHost(_ collection: Collection) {
        let names = collection.hosts.prefix(5).map { PrintableText.quoted($0) }.joined(separator: ", ")
        let host = Self.withoutPort(request.host)
        let found =
            host.isEmpty ? "the call names no host" : "the call's host is \(PrintableText.quoted(host))"
        let text =
            "\(found), the collection \(PrintableText.quoted(collection.handle)) answers under \(names)"
        guard !host.isEmpty else { return tell(.hostNotAnswered, text, .none, then: .notTried) }
        tell(.hostNotAnswered, text, .addHost(collection.id, host))
    }

    private static func withoutPort(_ host: String) -> String {
        guard let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") else { return host }
        return String(host[..<colon])
    }

    private mutating func tellPath(_ best: Candidate) {
        let called = (findings.normalPath.map { String(decoding: $0, as: UTF8.self) } ?? request.path)
        let proper = properPath(called, best)
        let label = PrintableText.quoted("\(best.collection.handle)/\(best.endpoint.name)")
        var changed = request
        changed.path = proper
        let then = consequence(of: changed, snapshot)
        let shown = PrintableText.shortened(proper, to: 200)
        switch best.difference {
        case .nothing: tellUnknown()
        case .slash:
            tell(
                .pathTrailingSlash,
                "the path differs from that of endpoint \(label) only in a slash at its end: call \(shown)",
                .usePath(proper),
                then: then
            )
        case .letterCase:
            tell(
                .pathCase,
                "the path differs from that of endpoint \(label) in case, which counts: call \(shown)",
                .usePath(proper),
                then: then
            )
        case .handle:
            tell(
                .pathWithoutHandle,
                "the path lacks the collection's handle before that of endpoint \(label): call \(shown)",
                .usePath(proper),
                then: then
            )
        }
    }

    /// The path as the endpoint has it, with what was called in the place of parameters.
    private func properPath(_ called: String, _ best: Candidate) -> String {
        var segments = called.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(
            String.init
        )
        if best.difference != .handle { segments = Array(segments.dropFirst()) }
        var proper = "/\(best.collection.handle)"
        for (index, segment) in best.endpoint.path.segments.enumerated() {
            switch segment {
            case .literal(let text): proper += "/\(text)"
            case .parameter: proper += "/\(index < segments.count ? segments[index] : "")"
            }
        }
        return proper
    }

    private mutating func tellMethod(_ candidates: [Candidate]) {
        let exact = candidates.filter { $0.difference == .nothing && $0.collection.isActive }
        if let sleeping = exact.first(where: { !$0.endpoint.isActive && answers($0.endpoint) }) {
            return tellInactive(sleeping)
        }
        guard let found = exact.first(where: { $0.endpoint.isActive }) else { return }
        if tellMethodCase() { return }
        let methods = findings.allowedMethods.joined(separator: ", ")
        tell(
            .methodNotAnswered,
            "the path answers \(methods), not \(PrintableText.quoted(request.method))",
            .addMethod(found.collection.id, found.endpoint.id, request.method)
        )
    }

    /// Methods know case (RFC 9110 §9.1): tells it when the path answers the one that was meant.
    private mutating func tellMethodCase() -> Bool {
        let meant = request.method.uppercased()
        guard meant != request.method, findings.allowedMethods.contains(meant) else { return false }
        var changed = request
        changed.method = meant
        tell(
            .methodCase,
            "the method is \(PrintableText.quoted(request.method)), and methods are written in capitals: send \(meant)",
            .sendCorrected,
            then: consequence(of: changed, snapshot)
        )
        return true
    }

    private mutating func tellUnknown() {
        let handle = request.path.dropFirst().prefix { $0 != "/" }
        let text: String
        if let collection = snapshot.catalog.collection(handle: String(handle)) {
            text = "the collection \(PrintableText.quoted(collection.handle)) has no endpoint with this path"
        } else {
            text = "no collection has the handle \(PrintableText.quoted(String(handle)))"
        }
        tell(.pathUnknown, text, .none, then: .notTried)
    }
}
