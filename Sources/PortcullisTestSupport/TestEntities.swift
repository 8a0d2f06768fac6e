package import GatewayCore

extension EntityID {
    /// An identity that tests can tell at a glance.
    package static func test(_ number: Int) -> EntityID {
        let digits = String(number)
        guard let id = EntityID(String(repeating: "0", count: max(0, 32 - digits.count)) + digits) else {
            preconditionFailure("\(number) has more than 32 digits, or a sign")
        }
        return id
    }
}

extension Endpoint {
    /// An endpoint of a test.
    ///
    /// - Throws: what the path template's reader says.
    package static func test(
        _ number: Int,
        _ name: String,
        _ methods: [String],
        _ path: String,
        _ upstream: Upstream
    ) throws -> Endpoint {
        var endpoint = Endpoint(
            id: .test(number),
            name: name,
            path: try PathTemplate(path),
            upstreamID: upstream.id
        )
        endpoint.methods = methods
        return endpoint
    }
}
