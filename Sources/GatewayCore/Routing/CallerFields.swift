/// What an upstream is told of a caller besides the identity headers: compiled once for each upstream.
package final class CallerFields: Sendable {
    /// One claim and the field that it goes into.
    struct Claim: Sendable {
        let name: [UInt8]
        /// The field's name, the colon and a space.
        let start: [UInt8]
        let separator: [UInt8]
    }

    /// The names of the fields in lower case: what a caller sends under one of them is not passed on.
    package let names: [[UInt8]]
    let claims: [Claim]
    let assertion: AssertionRules?
    /// The name of the assertion's field, the colon and a space.
    let assertionStart: [UInt8]

    /// - Returns: `nil` for an upstream that is told nothing.
    init?(_ upstream: Upstream) {
        guard !upstream.claimHeaders.isEmpty || upstream.assertion != nil else { return nil }
        assertion = upstream.assertion
        let headers = upstream.claimHeaders.map(\.header) + (assertion.map { [$0.header] } ?? [])
        names = headers.map { Array($0.lowercased().utf8) }
        claims = upstream.claimHeaders.map { header in
            Claim(
                name: Array(header.claim.utf8),
                start: Array("\(header.header): ".utf8),
                separator: Array(header.separator.utf8)
            )
        }
        assertionStart = assertion.map { Array("\($0.header): ".utf8) } ?? []
    }

    /// Those of all upstreams that have any.
    static func compiled(_ catalog: Catalog) -> [UpstreamID: CallerFields] {
        var compiled: [UpstreamID: CallerFields] = [:]
        for upstream in catalog.upstreams.values {
            if let fields = CallerFields(upstream) { compiled[upstream.id] = fields }
        }
        return compiled
    }
}
