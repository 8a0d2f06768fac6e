import Measuring

extension Benchmark {
    /// All of them, in the order of the request path.
    static let all: [Benchmark] =
        headScans + routeMatches + admissionHits + cacheLookUps + admissionMisses + admissionRefusals
        + recordings + verifications + primitives + costlyRules
}
