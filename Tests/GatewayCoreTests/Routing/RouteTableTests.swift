import GatewayCore
import PortcullisTestSupport
import Testing

@Suite struct `The route table` {
    private let table: RouteTable

    init() throws {
        var draft = CatalogDraft(Catalog())
        let upstream = Upstream(
            id: .test(1),
            name: "u",
            targets: [try UpstreamTarget(url: "http://127.0.0.1:1")]
        )
        try draft.put(upstream)
        var orders = Collection(id: .test(2), name: "Orders", handle: "orders-v1")
        orders.endpoints = [
            try .test(1, "list", ["GET"], "/orders", upstream),
            try .test(2, "new", ["POST"], "/orders/new", upstream),
            try .test(3, "one", ["GET", "DELETE"], "/orders/{id}", upstream),
            try .test(4, "line", ["GET"], "/orders/{id}/lines/{line}", upstream),
            try .test(5, "slash", ["GET"], "/", upstream),
            try .test(6, "head", ["HEAD"], "/orders", upstream),
        ]
        orders.endpoints[3].upstreamPath = try PathTemplate("/v2/{line}/of/{id}")
        try draft.put(orders)
        var hosted = Collection(id: .test(3), name: "Hosted", handle: "hosted")
        hosted.hosts = ["API.example"]
        hosted.endpoints = [try .test(7, "call", ["GET"], "/call", upstream)]
        try draft.put(hosted)
        var off = Collection(id: .test(4), name: "Off", handle: "off")
        off.isActive = false
        off.endpoints = [try .test(8, "call", ["GET"], "/call", upstream)]
        try draft.put(off)
        table = RouteTable(draft.catalog)
    }

    private func find(_ method: String, _ path: String, host: String = "gateway.example") -> String {
        switch table.match(host: host.utf8.span, method: method.utf8.span, path: path.utf8.span) {
        case .found(let route, let parameters):
            let texts = (0..<parameters.count).map { index in
                String(decoding: Array(path.utf8)[parameters[index]], as: UTF8.self)
            }
            return ([route.endpoint.name] + texts).joined(separator: " ")
        case .otherMethods(let methods): return "405 " + methods.joined(separator: ",")
        case .notFound: return "404"
        }
    }

    @Test(arguments: [
        ("GET", "/orders-v1/orders", "list"),
        ("HEAD", "/orders-v1/orders", "head"),
        ("HEAD", "/orders-v1/orders/7", "one 7"),
        ("GET", "/orders-v1/orders/7", "one 7"),
        ("GET", "/orders-v1/orders/new", "one new"),
        ("POST", "/orders-v1/orders/new", "new"),
        ("PUT", "/orders-v1/orders/new", "405 DELETE,GET,HEAD,POST"),
        ("GET", "/orders-v1/orders/7/lines/8", "line 7 8"),
        ("GET", "/orders-v1/", "slash"),
        ("GET", "/orders-v1", "404"),
        ("GET", "/orders-v1/orders/", "404"),
        ("GET", "/orders-v1//orders", "404"),
        ("GET", "//orders-v1/orders", "404"),
        ("GET", "/Orders-v1/orders", "404"),
        ("GET", "/orders-v1/ORDERS", "404"),
        ("get", "/orders-v1/orders", "405 GET,HEAD"),
        ("GET", "/orders-v1/orders/7/lines", "404"),
        ("GET", "/off/call", "404"),
        ("GET", "/", "404"),
    ])
    func `finds exactly what the path names`(method: String, path: String, expected: String) {
        #expect(find(method, path) == expected)
    }

    @Test(arguments: [
        ("api.example", "call"), ("API.EXAMPLE", "call"), ("api.example:8080", "call"),
        ("api.example.org", "404"),
        ("xapi.example", "404"), ("", "404"), ("[::1]:80", "404"),
    ])
    func `a collection with hosts answers under those alone`(host: String, expected: String) {
        #expect(find("GET", "/hosted/call", host: host) == expected)
    }
}
