import HashTreeCollections

/// Host, path and method → endpoint, compiled once per snapshot.
///
/// A look-up allocates nothing: literals are found by binary search over their bytes, and a parameter is
/// tried only where no literal led to an endpoint. Each node is visited at most once.
package struct RouteTable: Sendable {
    /// What a look-up found.
    package enum Match {
        /// An active endpoint, and what stood for its parameters.
        case found(Route, PathParameters)
        /// The path is known, with these methods.
        case otherMethods([String])
        /// Nothing answers there.
        case notFound
    }

    private struct Node: Sendable {
        var literals: [(text: [UInt8], node: Int)] = []
        var parameter: Int?
        var routes: [(method: [UInt8], route: Route)] = []
    }

    private var nodes: [Node] = []
    // By the node of a collection's handle: the host names that it answers under.
    private var hosts: [Int: [[UInt8]]] = [:]

    /// Compiles the active endpoints of the active collections.
    package init(_ catalog: Catalog) {
        var builder = Builder()
        // One for each upstream, not for each route: what is remembered of a caller serves them all.
        let callerFields = CallerFields.compiled(catalog)
        for collection in catalog.collections.values where collection.isActive {
            let start = builder.child(of: 0, literal: Array(collection.handle.utf8))
            if !collection.hosts.isEmpty {
                hosts[start] = collection.hosts.map { Array($0.lowercased().utf8) }
            }
            for endpoint in collection.endpoints where endpoint.isActive {
                guard let upstream = catalog.upstreams[endpoint.upstreamID] else { continue }
                builder.add(
                    Route(
                        endpoint: endpoint,
                        collection: collection,
                        upstream: upstream,
                        callerFields: callerFields[upstream.id]
                    ),
                    from: start
                )
            }
        }
        nodes = builder.nodes.map { draft in
            let literals = draft.literals.map { (text: $0.key, node: $0.value) }
                .sorted { $0.text.lexicographicallyPrecedes($1.text) }
            return Node(literals: literals, parameter: draft.parameter, routes: draft.routes)
        }
    }

    /// Finds the endpoint for a path in normal form.
    ///
    /// `host` is compared without its port and without regard to case (RFC 9110 §4.2.3).
    package func match(host: Span<UInt8>, method: Span<UInt8>, path: Span<UInt8>) -> Match {
        var search = Search()
        guard let (first, end) = Self.segment(path, from: 0), let start = child(of: 0, path, first..<end),
            answers(start, host)
        else { return .notFound }
        if let route = find(from: start, path, at: end, method, &search) {
            return .found(route, search.parameters)
        }
        return search.otherMethods.isEmpty ? .notFound : .otherMethods(search.otherMethods.sorted())
    }

    private struct Search {
        var parameters = PathParameters()
        var otherMethods: [String] = []
    }

    // Templates are at most 1,024 bytes long, so the recursion is at most as deep as their segments: 512.
    private func find(
        from node: Int,
        _ path: Span<UInt8>,
        at position: Int,
        _ method: Span<UInt8>,
        _ search: inout Search
    ) -> Route? {
        guard let (start, end) = Self.segment(path, from: position) else {
            return route(at: node, method, &search)
        }
        if let literal = child(of: node, path, start..<end),
            let route = find(from: literal, path, at: end, method, &search)
        {
            return route
        }
        // A parameter stands for one segment that is not empty.
        guard let parameter = nodes[node].parameter, start < end else { return nil }
        search.parameters.push(start..<end)
        if let route = find(from: parameter, path, at: end, method, &search) { return route }
        search.parameters.pop()
        return nil
    }

    private func route(at node: Int, _ method: Span<UInt8>, _ search: inout Search) -> Route? {
        for candidate in nodes[node].routes {
            let name = candidate.method
            if Self.order(method, name.span) == 0 { return candidate.route }
        }
        for candidate in nodes[node].routes {
            let name = String(decoding: candidate.method, as: UTF8.self)
            if !search.otherMethods.contains(name) { search.otherMethods.append(name) }
        }
        return nil
    }

    private func child(of node: Int, _ path: Span<UInt8>, _ range: Range<Int>) -> Int? {
        let wanted = path.extracting(range)
        var low = 0
        var high = nodes[node].literals.count
        while low < high {
            let middle = (low + high) / 2
            let literal = nodes[node].literals[middle]
            let order = Self.order(wanted, literal.text.span)
            if order == 0 { return literal.node }
            if order < 0 { high = middle } else { low = middle + 1 }
        }
        return nil
    }

    private func answers(_ collection: Int, _ host: Span<UInt8>) -> Bool {
        guard !hosts.isEmpty, let names = hosts[collection] else { return true }
        // The last colon outside of brackets begins the port.
        var end = host.count
        var index = host.count - 1
        while index >= 0, host[index] != UInt8(ascii: "]") {
            if host[index] == UInt8(ascii: ":") { end = index }
            index -= 1
        }
        return names.contains { name in
            guard name.count == end else { return false }
            for index in 0..<end where Self.lowercase(host[index]) != name[index] { return false }
            return true
        }
    }

    /// The segment that begins behind the slash at `position`; `nil` at the path's end.
    private static func segment(_ path: Span<UInt8>, from position: Int) -> (Int, Int)? {
        guard position < path.count, path[position] == UInt8(ascii: "/") else { return nil }
        var end = position + 1
        while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
        return (position + 1, end)
    }

    private static func order(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Int {
        let common = min(left.count, right.count)
        for index in 0..<common where left[index] != right[index] {
            return left[index] < right[index] ? -1 : 1
        }
        return left.count - right.count
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    /// The tree while it grows: literals in a dictionary, so that 10,000 endpoints compile in milliseconds.
    private struct Builder {
        struct Draft {
            var literals: [[UInt8]: Int] = [:]
            var parameter: Int?
            var routes: [(method: [UInt8], route: Route)] = []
        }

        var nodes = [Draft()]

        mutating func add(_ route: Route, from start: Int) {
            var node = start
            for segment in route.endpoint.path.segments {
                switch segment {
                case .literal(let text): node = child(of: node, literal: Array(text.utf8))
                case .parameter: node = parameterChild(of: node)
                }
            }
            let methods = route.endpoint.methods
            // An endpoint of its own for HEAD comes before the HEAD that a GET implies (RFC 9110 §9.3.2).
            nodes[node].routes.insert(contentsOf: methods.map { (Array($0.utf8), route) }, at: 0)
            if methods.contains("GET"), !methods.contains("HEAD") {
                nodes[node].routes.append((Array("HEAD".utf8), route))
            }
        }

        mutating func child(of parent: Int, literal text: [UInt8]) -> Int {
            if let known = nodes[parent].literals[text] { return known }
            nodes.append(Draft())
            nodes[parent].literals[text] = nodes.count - 1
            return nodes.count - 1
        }

        private mutating func parameterChild(of parent: Int) -> Int {
            if let known = nodes[parent].parameter { return known }
            nodes.append(Draft())
            nodes[parent].parameter = nodes.count - 1
            return nodes.count - 1
        }
    }
}
