/// An endpoint compiled for the request path.
package final class Route: Sendable {
    /// A piece of the upstream's path.
    package enum PathPart: Sendable {
        /// These bytes as they are.
        case bytes([UInt8])
        /// What stood in the place of the parameter with this index.
        case parameter(Int)
    }

    /// At most this many parameters are in one template.
    package static let maximumParameters = 16

    /// The endpoint as managers see it.
    package let endpoint: Endpoint
    /// The collection that it belongs to.
    package let collectionID: CollectionID
    /// What a call must fulfil; `nil` for nothing.
    let rule: AuthorizationRule?
    /// Whether it asks for no credential.
    let isOpen: Bool
    /// `handle/name`, for logs and decisions.
    package let label: String
    /// Where its calls go.
    package let upstream: Upstream
    /// What the upstream is told of the caller besides the identity headers; `nil` for nothing.
    package let callerFields: CallerFields?
    /// The upstream's path after the target's prefix, piece by piece.
    package let upstreamPath: [PathPart]

    init(endpoint: Endpoint, collection: Collection, upstream: Upstream, callerFields: CallerFields? = nil) {
        self.callerFields = callerFields
        self.endpoint = endpoint
        collectionID = collection.id
        isOpen = endpoint.authentication == .none
        // Compiled anew: a parameter is known by its place in this very path.
        let names = endpoint.path.parameterNames
        // The catalog's rules made sure that it compiles; what did not would let nobody in.
        let compiled = endpoint.rule.map { (try? AuthorizationRule($0.text, parameters: names)) ?? .never }
        rule = AuthorizationRule(compiled, scopes: endpoint.scopes)
        label = "\(collection.handle)/\(endpoint.name)"
        self.upstream = upstream
        var parts: [PathPart] = []
        var bytes: [UInt8] = []
        for segment in (endpoint.upstreamPath ?? endpoint.path).segments {
            bytes.append(UInt8(ascii: "/"))
            switch segment {
            case .literal(let text):
                bytes += Array(text.utf8)
            case .parameter(let name):
                parts.append(.bytes(bytes))
                bytes = []
                // The catalog's rules made sure that the name is there.
                parts.append(.parameter(names.firstIndex(of: name) ?? 0))
            }
        }
        if !bytes.isEmpty { parts.append(.bytes(bytes)) }
        upstreamPath = parts
    }
}

/// What a path put in the place of a template's parameters, as ranges of the normal path.
package struct PathParameters: Sendable {
    private var ranges = InlineArray<16, UInt32>(repeating: 0)
    /// How many there are.
    package private(set) var count = 0

    init() {}

    /// The range of a parameter in the normal path.
    package subscript(index: Int) -> Range<Int> {
        guard index < count else { return 0..<0 }
        let packed = ranges[index]
        return Int(packed >> 16)..<Int(packed & 0xffff)
    }

    mutating func push(_ range: Range<Int>) {
        guard count < Route.maximumParameters else { return }
        ranges[count] = UInt32(range.lowerBound) << 16 | UInt32(range.upperBound & 0xffff)
        count += 1
    }

    mutating func pop() {
        count -= 1
    }
}
