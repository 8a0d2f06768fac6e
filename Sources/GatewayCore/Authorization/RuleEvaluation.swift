import JOSE

/// The parts of a request that a rule may look at besides the decision's own.
package protocol RequestFields {
    /// The query without its `?`; empty when there is none.
    var queryBytes: [UInt8] { get }
    /// How many fields there are.
    var fieldCount: Int { get }
    /// The values of the fields of a name, which is given in lower case.
    func values(ofField name: [UInt8]) -> [[UInt8]]
}

/// Evaluates one rule for one call, within a budget.
struct RuleEvaluation<Fields: RequestFields> {
    let claims: JSONDocument?
    let clientName: String
    let profileName: String
    let method: [UInt8]
    let parameters: [[UInt8]]
    let fields: Fields
    /// What may still be looked at: a step is a member, an element, a node or a few bytes of text.
    ///
    /// A step takes up to 8 ns, so that the whole stays below 100 µs.
    var budget = AuthorizationRule.budget

    private enum Value {
        case missing
        case bool(Bool)
        case integer(Int64)
        case text([UInt8])
        case element(JSONElement)
    }

    /// Whether the rule lets the call through; false also when the budget is used up.
    mutating func allows(_ rule: AuthorizationRule) -> Bool {
        holds(rule.expression) && budget > 0
    }

    // The parser bounded the depth.
    private mutating func holds(_ expression: AuthorizationRule.Expression) -> Bool {
        budget -= 4
        guard budget > 0 else { return false }
        switch expression {
        case .or(let parts):
            for part in parts where holds(part) { return true }
            return false
        case .and(let parts):
            for part in parts where !holds(part) { return false }
            return true
        case .not(let part): return !holds(part)
        case .isTrue(let operand):
            switch value(operand) {
            case .bool(let bool): return bool
            case .element(let element): return element.bool == true
            case .missing, .integer, .text: return false
            }
        case .exists(let operand):
            switch value(operand) {
            case .missing: return false
            case .element(let element): return element.kind != .null
            case .bool, .integer, .text: return true
            }
        case .startsWith(let text, let prefix):
            guard let text = bytes(value(text)), let prefix = bytes(value(prefix)) else { return false }
            return text.starts(with: prefix)
        case .compare(let left, let comparison, let right):
            return compare(value(left), comparison, value(right))
        case .contains(let element, let list):
            let element = value(element)
            if case .missing = element { return false }
            return contains(list, element)
        }
    }

    // MARK: Values

    private mutating func value(_ operand: AuthorizationRule.Operand) -> Value {
        budget -= 4
        guard budget > 0 else { return .missing }
        switch operand {
        case .bool(let bool): return .bool(bool)
        case .integer(let integer): return .integer(integer)
        case .text(let text): return spend(text)
        case .claim(let names):
            guard var element = claims?.root else { return .missing }
            for name in names {
                guard element.kind == .object else { return .missing }
                budget -= element.count * 2
                guard budget > 0, let member = element[member: name] else { return .missing }
                element = member
            }
            return element.kind == .null ? .missing : .element(element)
        case .path(let index):
            return index < parameters.count ? single([parameters[index]], decodes: true) : .missing
        case .query(let name):
            let query = fields.queryBytes
            // A decoded name costs about four times as much.
            let isEncoded = query.contains { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }
            if isEncoded { budget -= query.count }
            return single(QueryParameters.values(query, of: name, &budget))
        case .header(let name):
            budget -= fields.fieldCount * 4
            return budget > 0 ? single(fields.values(ofField: name)) : .missing
        case .method: return .text(method)
        case .clientName: return .text(Array(clientName.utf8))
        case .profileName: return .text(Array(profileName.utf8))
        case .list, .scopes: return .missing
        }
    }

    /// What is there once; more than one could be read as one here and as another at the upstream.
    private mutating func single(_ values: [[UInt8]], decodes: Bool = false) -> Value {
        guard values.count == 1 else { return .missing }
        guard decodes else { return spend(values[0]) }
        budget -= values[0].count / 2
        guard budget > 0 else { return .missing }
        return PercentEncoding.decoded(values[0][...], plusIsSpace: false).map { spend($0) } ?? .missing
    }

    private mutating func spend(_ text: [UInt8]) -> Value {
        budget -= text.count / 8
        return .text(text)
    }

    private mutating func bytes(_ value: Value) -> [UInt8]? {
        switch value {
        case .text(let text): return text
        case .element(let element):
            budget -= element.byteRange.count / 4
            return budget > 0 ? element.stringBytes : nil
        case .missing, .bool, .integer: return nil
        }
    }

    private mutating func integer(_ value: Value) -> Int64? {
        switch value {
        case .integer(let integer): return integer
        case .element(let element):
            guard element.kind == .number else { return nil }
            // A number can be as long as the payload.
            budget -= element.byteRange.count / 2
            return budget > 0 ? element.number?.integer : nil
        case .missing, .bool, .text: return nil
        }
    }

    private func bool(_ value: Value) -> Bool? {
        switch value {
        case .bool(let bool): bool
        case .element(let element): element.bool
        case .missing, .integer, .text: nil
        }
    }

    // MARK: Comparisons

    private mutating func compare(
        _ left: Value,
        _ comparison: AuthorizationRule.Comparison,
        _ right: Value
    ) -> Bool {
        if let left = integer(left), let right = integer(right) {
            return switch comparison {
            case .equal: left == right
            case .notEqual: left != right
            case .less: left < right
            case .lessOrEqual: left <= right
            case .greater: left > right
            case .greaterOrEqual: left >= right
            }
        }
        guard comparison == .equal || comparison == .notEqual, !isMissing(left), !isMissing(right) else {
            return false
        }
        let isEqual: Bool
        switch (left, right) {
        case (.element(let element), .text(let text)), (.text(let text), .element(let element)):
            isEqual = isText(element, text)
        default:
            if let left = bytes(left), let right = bytes(right) {
                isEqual = left == right
            } else if let left = bool(left), let right = bool(right) {
                isEqual = left == right
            } else {
                isEqual = false
            }
        }
        return budget > 0 && isEqual == (comparison == .equal)
    }

    /// Whether a claim is this text; lists of claims are long, so nothing is decoded or copied.
    private mutating func isText(_ element: JSONElement, _ text: [UInt8]) -> Bool {
        guard element.kind == .string else { return false }
        budget -= element.byteRange.count / 16
        return element.isString(text)
    }

    private func isMissing(_ value: Value) -> Bool {
        if case .missing = value { return true }
        return false
    }

    private mutating func contains(_ list: AuthorizationRule.Operand, _ wanted: Value) -> Bool {
        switch list {
        case .list(let elements):
            for element in elements where compare(value(element), .equal, wanted) { return true }
            return false
        case .scopes(let operand):
            guard let wanted = bytes(wanted) else { return false }
            let found = value(operand)
            if let text = bytes(found) {
                budget -= text.count / 4
                return Self.hasWord(wanted, text)
            }
            return isElement(.text(wanted), of: found)
        case .claim:
            let found = value(list)
            if case .element(let element) = found, element.kind == .array {
                return isElement(wanted, of: found)
            }
            // One text or a list of texts, as with `aud` (RFC 7519 §4.1.3).
            return compare(found, .equal, wanted)
        case .bool, .integer, .text, .path, .query, .header, .method, .clientName, .profileName:
            return false
        }
    }

    /// Whether a text of words between spaces has this one (RFC 6749 §3.3).
    private static func hasWord(_ wanted: [UInt8], _ text: [UInt8]) -> Bool {
        var start = 0
        for end in 0...text.count where end == text.count || text[end] == UInt8(ascii: " ") {
            if end - start == wanted.count, end > start, text[start..<end].elementsEqual(wanted) {
                return true
            }
            start = end + 1
        }
        return false
    }

    private mutating func isElement(_ wanted: Value, of list: Value) -> Bool {
        guard case .element(let list) = list, list.kind == .array else { return false }
        for element in list.elements {
            budget -= 4
            guard budget > 0 else { return false }
            if compare(.element(element), .equal, wanted) { return true }
        }
        return false
    }
}

/// The parameters of a query (`a=1&b=2`), as HTML forms write them.
enum QueryParameters {
    /// The decoded values of a name; empty as well when one of them is not soundly encoded.
    static func values(_ query: [UInt8], of name: [UInt8], _ budget: inout Int) -> [[UInt8]] {
        budget -= query.count / 2
        guard budget > 0 else { return [] }
        var values: [[UInt8]] = []
        var start = 0
        for end in 0...query.count where end == query.count || query[end] == UInt8(ascii: "&") {
            let pair = query[start..<end]
            start = end + 1
            let sign = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            guard let isNamed = isEqual(pair[..<sign], name) else { return [] }
            guard isNamed, !pair.isEmpty else { continue }
            guard let value = PercentEncoding.decoded(pair[sign...].dropFirst(), plusIsSpace: true) else {
                return []
            }
            values.append(value)
        }
        return values
    }

    /// Whether a name as written is this one; `nil` when it is not soundly encoded.
    private static func isEqual(_ written: ArraySlice<UInt8>, _ name: [UInt8]) -> Bool? {
        if written.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) {
            return PercentEncoding.decoded(written, plusIsSpace: true).map { $0 == name }
        }
        return written.elementsEqual(name)
    }
}
