/// Builds the tape of a ``JSONDocument``: one pass, one loop, no recursion.
struct JSONParser {
    private(set) var nodes: [JSONNode] = []
    private let limits: JSONLimits
    var position = 0
    private var depth = 0
    /// The innermost open container.
    private var container: Int?

    /// Objects with more members than this are checked for duplicates through hashes, not pair by pair.
    private static let pairwiseLimit = 8

    init(limits: JSONLimits) {
        self.limits = limits
    }

    private enum State {
        case value, valueOrEnd, name, nameOrEnd, afterValue
    }

    mutating func parse(_ text: Span<UInt8>) throws(JSONError) {
        // Offsets on the tape have 32 bits.
        let limit = min(limits.maximumBytes, Int(UInt32.max))
        guard text.count <= limit else { throw error(.tooLarge(found: text.count, limit: limit)) }
        if text.count >= 3, text[0] == 0xEF, text[1] == 0xBB, text[2] == 0xBF { throw error(.byteOrderMark) }
        nodes.reserveCapacity(min(text.count / 4 + 2, 64))
        var state = State.value
        repeat {
            skipWhiteSpace(text)
            state = try step(from: state, text)
        } while container != nil || state != .afterValue
        skipWhiteSpace(text)
        if position < text.count { throw error(.trailingBytes(found: text[position])) }
    }

    private mutating func step(from state: State, _ text: Span<UInt8>) throws(JSONError) -> State {
        switch state {
        case .value:
            return try value(text)
        case .valueOrEnd:
            return try closeIf(UInt8(ascii: "]"), text) ? .afterValue : value(text)
        case .nameOrEnd:
            if try closeIf(UInt8(ascii: "}"), text) { return .afterValue }
            try name(text, expected: .memberNameOrEnd)
            return .value
        case .name:
            try name(text, expected: .memberName)
            return .value
        case .afterValue:
            return try separator(text)
        }
    }

    private mutating func separator(_ text: Span<UInt8>) throws(JSONError) -> State {
        let isObject = container.map { nodes[$0].kind == .object } ?? false
        let expected: JSONError.Expectation = isObject ? .commaOrObjectEnd : .commaOrArrayEnd
        if try closeIf(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"), text) { return .afterValue }
        try expect(UInt8(ascii: ","), expected, text)
        return isObject ? .name : .value
    }

    private mutating func value(_ text: Span<UInt8>) throws(JSONError) -> State {
        guard position < text.count else { throw error(.unexpectedEnd(expected: .value)) }
        switch text[position] {
        case UInt8(ascii: "{"):
            try open(.object)
            return .nameOrEnd
        case UInt8(ascii: "["):
            try open(.array)
            return .valueOrEnd
        case UInt8(ascii: "\""):
            try string(text)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            try number(text)
        case UInt8(ascii: "t"):
            try literal("true", .bool, text)
        case UInt8(ascii: "f"):
            try literal("false", .bool, text)
        case UInt8(ascii: "n"):
            try literal("null", .null, text)
        case let found:
            throw error(.unexpectedByte(found: found, expected: .value))
        }
        countInContainer()
        return .afterValue
    }

    private mutating func name(_ text: Span<UInt8>, expected: JSONError.Expectation) throws(JSONError) {
        guard position < text.count else { throw error(.unexpectedEnd(expected: expected)) }
        guard text[position] == UInt8(ascii: "\"") else {
            throw error(.unexpectedByte(found: text[position], expected: expected))
        }
        try string(text)
        skipWhiteSpace(text)
        try expect(UInt8(ascii: ":"), .colon, text)
    }

    private mutating func open(_ kind: JSONKind) throws(JSONError) {
        guard depth < limits.maximumDepth else { throw error(.tooDeep(limit: limits.maximumDepth)) }
        depth += 1
        let index = nodes.count
        // Until it is closed, `next` holds the parent; the root is its own.
        append(kind, start: position, end: position, next: container ?? index)
        container = index
        position += 1
    }

    private mutating func closeIf(_ closing: UInt8, _ text: Span<UInt8>) throws(JSONError) -> Bool {
        guard position < text.count, text[position] == closing, let index = container else { return false }
        if nodes[index].kind == .object { try refuseDuplicates(in: index, text) }
        position += 1
        let parent = Int(nodes[index].next)
        nodes[index].next = UInt32(nodes.count)
        nodes[index].end = UInt32(position)
        container = parent == index ? nil : parent
        depth -= 1
        countInContainer()
        return true
    }

    private mutating func countInContainer() {
        if let container { nodes[container].count += 1 }
    }

    mutating func append(
        _ kind: JSONKind,
        start: Int,
        end: Int,
        next: Int? = nil,
        isEscaped: Bool = false
    ) {
        nodes.append(
            JSONNode(
                kind: kind,
                isEscaped: isEscaped,
                start: UInt32(start),
                end: UInt32(end),
                next: UInt32(next ?? nodes.count + 1)
            )
        )
    }

    private mutating func skipWhiteSpace(_ text: Span<UInt8>) {
        while position < text.count {
            switch text[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private mutating func expect(
        _ byte: UInt8,
        _ expectation: JSONError.Expectation,
        _ text: Span<UInt8>
    ) throws(JSONError) {
        guard position < text.count else { throw error(.unexpectedEnd(expected: expectation)) }
        guard text[position] == byte else {
            throw error(.unexpectedByte(found: text[position], expected: expectation))
        }
        position += 1
    }

    private mutating func literal(
        _ word: StaticString,
        _ kind: JSONKind,
        _ text: Span<UInt8>
    ) throws(JSONError) {
        let start = position
        for index in 0..<word.utf8CodeUnitCount {
            let byte = word.withUTF8Buffer { unsafe $0[index] }
            try expect(byte, .literal, text)
        }
        append(kind, start: start, end: position)
    }

    private mutating func number(_ text: Span<UInt8>) throws(JSONError) {
        let start = position
        if text[position] == UInt8(ascii: "-") { position += 1 }
        if position < text.count, text[position] == UInt8(ascii: "0") {
            position += 1
        } else {
            try digits(text)
        }
        if position < text.count, text[position] == UInt8(ascii: ".") {
            position += 1
            try digits(text)
        }
        if position < text.count, text[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < text.count,
                text[position] == UInt8(ascii: "+") || text[position] == UInt8(ascii: "-")
            {
                position += 1
            }
            try digits(text)
        }
        append(.number, start: start, end: position)
    }

    private mutating func digits(_ text: Span<UInt8>) throws(JSONError) {
        let start = position
        while position < text.count, text[position] &- UInt8(ascii: "0") < 10 { position += 1 }
        guard position == start else { return }
        guard position < text.count else { throw error(.unexpectedEnd(expected: .digit)) }
        throw error(.unexpectedByte(found: text[position], expected: .digit))
    }

    func error(_ problem: JSONError.Problem) -> JSONError {
        JSONError(problem: problem, offset: position)
    }
}

// MARK: - Member names

extension JSONParser {
    /// Whether a string node, escapes decoded, consists of exactly these bytes.
    static func isEqual(_ node: JSONNode, to bytes: Span<UInt8>, in text: Span<UInt8>) -> Bool {
        if node.isEscaped { return isSame(decoded(node, in: text).span, bytes) }
        return isSame(text.extracting(Int(node.start)..<Int(node.end)), bytes)
    }

    private static func isSame(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
        guard a.count == b.count else { return false }
        for index in a.indices where a[index] != b[index] { return false }
        return true
    }

    private static func isSameName(_ a: JSONNode, _ b: JSONNode, in text: Span<UInt8>) -> Bool {
        if !a.isEscaped, !b.isEscaped, a.end - a.start != b.end - b.start { return false }
        if b.isEscaped { return isEqual(a, to: decoded(b, in: text).span, in: text) }
        return isEqual(a, to: text.extracting(Int(b.start)..<Int(b.end)), in: text)
    }

    /// Refuses an object, about to be closed, that names a member twice.
    private func refuseDuplicates(in object: Int, _ text: Span<UInt8>) throws(JSONError) {
        let count = Int(nodes[object].count)
        guard count > 1 else { return }
        if count > Self.pairwiseLimit { return try refuseDuplicatesByHash(in: object, text) }
        var first = object + 1
        for _ in 1..<count {
            var second = Int(nodes[first + 1].next)
            let following = second
            while second < nodes.count {
                if Self.isSameName(nodes[first], nodes[second], in: text) { throw duplicate(second, text) }
                second = Int(nodes[second + 1].next)
            }
            first = following
        }
    }

    /// The same for many members, in n·log n: a crafted object must not cost a quadratic time.
    private func refuseDuplicatesByHash(in object: Int, _ text: Span<UInt8>) throws(JSONError) {
        var names: [(hash: Int, node: Int)] = []
        names.reserveCapacity(Int(nodes[object].count))
        var index = object + 1
        while index < nodes.count {
            var hasher = Hasher()
            let node = nodes[index]
            if node.isEscaped {
                for byte in Self.decoded(node, in: text) { hasher.combine(byte) }
            } else {
                for offset in Int(node.start)..<Int(node.end) { hasher.combine(text[offset]) }
            }
            names.append((hasher.finalize(), index))
            index = Int(nodes[index + 1].next)
        }
        names.sort { ($0.hash, $0.node) < ($1.hash, $1.node) }
        // Hasher is seeded per process, so runs of one hash but different names cannot be prepared.
        for later in names.indices.dropFirst() {
            var earlier = later - 1
            while earlier >= 0, names[earlier].hash == names[later].hash {
                if Self.isSameName(nodes[names[earlier].node], nodes[names[later].node], in: text) {
                    throw duplicate(names[later].node, text)
                }
                earlier -= 1
            }
        }
    }

    private func duplicate(_ index: Int, _ text: Span<UInt8>) -> JSONError {
        let name = Self.decoded(nodes[index], in: text).prefix(PrintableBytes.limit)
        return JSONError(problem: .duplicateMember(name: Array(name)), offset: Int(nodes[index].start) - 1)
    }
}
