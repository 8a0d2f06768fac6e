/// What a request is counted by, before there are texts: objects of the snapshot that decided it.
package struct TrafficKey: Sendable {
    /// The endpoint that was matched.
    package let route: Route?
    /// The profile that the token named.
    package let profile: CompiledProfile?
    /// Which of the gateway's own endpoints was called.
    package let own: OwnEndpoint?
    /// Why it was refused, if it was.
    package let code: Rejection.Code?
    /// The key that verified the token.
    let key: UseID?
    /// The API token of a caller who proved to be it.
    let apiToken: UseID?

    /// Takes what is counted by out of the findings: copying all of those costs more than counting.
    package init(_ findings: borrowing Findings, _ code: Rejection.Code?) {
        route = findings.route
        profile = findings.caller?.profile
        own = findings.ownEndpoint
        self.code = code
        key = findings.proof?.use
        let isProven = findings.proof != nil || findings.caller?.isProvenByAPIToken == true
        apiToken = isProven ? findings.caller?.use : nil
    }

    /// Makes a key of nothing.
    init() {
        (route, profile, own, code, key, apiToken) = (nil, nil, nil, nil, nil, nil)
    }

    /// Whether both count the same.
    @inline(__always)
    func isSame(as other: borrowing TrafficKey) -> Bool {
        route === other.route && profile === other.profile && own == other.own && code == other.code
    }

    /// A number of twelve bits that equal keys share.
    @inline(__always)
    var hash: Int {
        var hash = Self.address(route) &* 0x9e37_79b9_7f4a_7c15
        hash = (hash ^ Self.address(profile)) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ Self.number(own) << 8 ^ Self.number(code)) &* 0x94d0_49bb_1331_11eb
        return Int(truncatingIfNeeded: hash >> 52)
    }

    @inline(__always)
    private static func address(_ object: AnyObject?) -> UInt64 {
        object.map { UInt64(UInt(bitPattern: ObjectIdentifier($0))) } ?? 0
    }

    // The one byte that a case of an enum without values is kept as; `nil` is one more.
    @inline(__always)
    private static func number<Case>(_ value: Case?) -> UInt64 {
        withUnsafeBytes(of: value) { UInt64($0[0]) }
    }

    /// Its texts.
    var labels: TrafficLabels {
        TrafficLabels(
            endpoint: route?.label ?? own?.rawValue ?? TrafficLabels.none,
            client: profile?.client.name ?? TrafficLabels.none,
            profile: profile?.profile.name ?? TrafficLabels.none,
            code: code?.rawValue ?? TrafficLabels.none
        )
    }
}
