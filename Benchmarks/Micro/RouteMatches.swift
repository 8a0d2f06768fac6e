import GatewayCore
import Measuring
import PortcullisTestSupport

extension Benchmark {
    /// Finding the endpoint of a path in normal form.
    static let routeMatches = [
        routeMatch(endpoints: 10, collections: 1),
        routeMatch(endpoints: 10_000, collections: 10),
    ]

    private static func routeMatch(endpoints: Int, collections: Int) -> Benchmark {
        Benchmark(
            name: "route/\(endpoints)",
            summary: "a path of two to four segments among \(endpoints) endpoints",
            period: 500
        ) {
            let table = RouteTable(try catalog(endpoints: endpoints, collections: collections))
            // Spread over the table, so that not one way through it stays in the processor's cache.
            let paths = (0..<500).map { index in
                path(index &* 7919 % endpoints, perCollection: endpoints / collections)
            }
            let host = Array("gateway.example:8080".utf8)
            let method = Array("GET".utf8)
            return { count in
                var good = 0
                var next = 0
                for _ in 0..<count {
                    let path = paths[next]
                    next = next + 1 == paths.count ? 0 : next + 1
                    if case .found = table.match(host: host.span, method: method.span, path: path.span) {
                        good += 1
                    }
                }
                return good
            }
        }
    }

    /// Half of the templates have a parameter in the middle.
    private static func catalog(endpoints: Int, collections: Int) throws -> Catalog {
        var draft = CatalogDraft(Catalog())
        let upstream = Upstream(
            id: .test(1),
            name: "orders",
            targets: [try UpstreamTarget(url: "http://127.0.0.1:9")]
        )
        try draft.put(upstream)
        let each = endpoints / collections
        for number in 0..<collections {
            var collection = Collection(id: .test(number), name: "API \(number)", handle: "api-\(number)")
            collection.endpoints = try (0..<each).map { index in
                let path = index.isMultiple(of: 2) ? "/resource-\(index)" : "/resource-\(index)/{id}/lines"
                return try .test(number * each + index, "endpoint-\(index)", ["GET"], path, upstream)
            }
            try draft.put(collection)
        }
        return draft.finished()
    }

    private static func path(_ endpoint: Int, perCollection each: Int) -> [UInt8] {
        let (collection, index) = (endpoint / each, endpoint % each)
        let path = index.isMultiple(of: 2) ? "/resource-\(index)" : "/resource-\(index)/4711/lines"
        return Array("/api-\(collection)\(path)".utf8)
    }
}
