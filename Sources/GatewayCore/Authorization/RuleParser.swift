/// Reads an authorisation rule by descent, checking names and types as it goes.
struct RuleParser {
    private typealias Expression = AuthorizationRule.Expression
    private typealias Operand = AuthorizationRule.Operand

    /// What kinds of value an operand can be.
    private enum Kind: String {
        case bool = "a truth value"
        case integer = "a number"
        case text = "a text"
        case list = "a list"
        /// Only the token tells.
        case claim = "a claim"
    }

    private struct Token {
        enum Kind: Equatable {
            case name(String), text([UInt8]), integer(Int64), sign(String), end
        }

        let kind: Kind
        let column: Int

        var words: String {
            switch kind {
            case .name(let name): "\"\(name)\""
            case .text: "a text"
            case .integer(let number): "\(number)"
            case .sign(let sign): "\"\(sign)\""
            case .end: "the end"
            }
        }
    }

    private var tokens: [Token]
    private var next = 0
    private let parameters: [String]
    private var depth = 0

    init(_ text: String, parameters: [String]) throws(AuthorizationRuleError) {
        guard text.utf8.count <= AuthorizationRule.maximumBytes else {
            throw AuthorizationRuleError(
                column: 1,
                message:
                    "the rule has \(text.utf8.count) bytes, expected at most \(AuthorizationRule.maximumBytes)"
            )
        }
        self.parameters = parameters
        tokens = try Self.tokens(text)
    }

    /// Reads the whole rule.
    mutating func rule() throws(AuthorizationRuleError) -> AuthorizationRule.Expression {
        let expression = try disjunction()
        guard token.kind == .end else { throw unexpected("an operator or the end") }
        return expression
    }

    // MARK: Logic

    private mutating func disjunction() throws(AuthorizationRuleError) -> Expression {
        try descend()
        defer { depth -= 1 }
        var parts = [try conjunction()]
        while take("||") { parts.append(try conjunction()) }
        return parts.count == 1 ? parts[0] : .or(parts)
    }

    private mutating func descend() throws(AuthorizationRuleError) {
        guard depth < AuthorizationRule.maximumDepth else {
            throw error("nested deeper than \(AuthorizationRule.maximumDepth) levels")
        }
        depth += 1
    }

    private mutating func conjunction() throws(AuthorizationRuleError) -> Expression {
        var parts = [try negation()]
        while take("&&") { parts.append(try negation()) }
        return parts.count == 1 ? parts[0] : .and(parts)
    }

    private mutating func negation() throws(AuthorizationRuleError) -> Expression {
        var isNegated = false
        while take("!") { isNegated.toggle() }
        let expression = try comparison()
        return isNegated ? .not(expression) : expression
    }

    private mutating func comparison() throws(AuthorizationRuleError) -> Expression {
        if take("(") {
            let expression = try disjunction()
            try expect(")")
            if let sign = comparisonSign {
                throw error("\(sign) compares values, not what stands in parentheses")
            }
            return expression
        }
        switch token.kind {
        case .name("has"): return .exists(try call(of: [.claim, .text], "a claim, header or parameter")[0])
        case .name("starts_with"):
            let operands = try call(count: 2, of: [.claim, .text], "a text")
            return .startsWith(operands[0], operands[1])
        default: break
        }
        let column = token.column
        let (left, leftKind) = try operand()
        if take("in") {
            guard leftKind != .list, leftKind != .bool else {
                throw AuthorizationRuleError(
                    column: column,
                    message: "\(leftKind.rawValue) cannot be in a list, expected a text, number or claim"
                )
            }
            let listColumn = token.column
            let (list, kind) = try operand()
            guard kind == .list || kind == .claim else {
                throw AuthorizationRuleError(
                    column: listColumn,
                    message: "expected a list or a claim behind in, found \(kind.rawValue)"
                )
            }
            return .contains(left, in: list)
        }
        guard let sign = comparisonSign, let comparison = Self.comparisons[sign] else {
            guard leftKind == .bool || leftKind == .claim else {
                throw AuthorizationRuleError(
                    column: column,
                    message: "\(leftKind.rawValue) is no condition, expected a comparison"
                )
            }
            return .isTrue(left)
        }
        next += 1
        let rightColumn = token.column
        let (right, rightKind) = try operand()
        try check(leftKind, sign, rightKind, column, rightColumn)
        if let another = comparisonSign {
            throw error("\(another) follows a comparison; join the two with &&")
        }
        return .compare(left, comparison, right)
    }

    private func check(
        _ left: Kind,
        _ sign: String,
        _ right: Kind,
        _ leftColumn: Int,
        _ rightColumn: Int
    ) throws(AuthorizationRuleError) {
        for (kind, column) in [(left, leftColumn), (right, rightColumn)] {
            guard kind != .list else {
                throw AuthorizationRuleError(
                    column: column,
                    message: "a list is compared with in, not with \(sign)"
                )
            }
            let isOrder = sign != "==" && sign != "!="
            guard !isOrder || kind == .integer || kind == .claim else {
                throw AuthorizationRuleError(
                    column: column,
                    message: "\(sign) compares numbers, found \(kind.rawValue)"
                )
            }
        }
        guard left == right || left == .claim || right == .claim else {
            throw AuthorizationRuleError(
                column: rightColumn,
                message: "\(left.rawValue) is never equal to \(right.rawValue)"
            )
        }
    }

    // MARK: Values

    private mutating func operand() throws(AuthorizationRuleError) -> (Operand, Kind) {
        let found = token
        next += 1
        switch found.kind {
        case .text(let text): return (.text(text), .text)
        case .integer(let number): return (.integer(number), .integer)
        case .sign("["):
            next -= 1
            return (try list(), .list)
        case .name("true"): return (.bool(true), .bool)
        case .name("false"): return (.bool(false), .bool)
        case .name("method"): return (.method, .text)
        case .name("scopes"):
            next -= 1
            return (.scopes(try call(of: [.claim, .text], "a claim or text")[0]), .list)
        case .name("claims"):
            var names = [try member("claims")]
            while isSign(".") || isSign("[") { names.append(try member("claims")) }
            return (.claim(names), .claim)
        case .name("headers"): return (.header(try member("headers").map(Self.lowered)), .text)
        case .name("query"): return (.query(try member("query")), .text)
        case .name("path"):
            let column = token.column + 1
            let name = String(decoding: try member("path"), as: UTF8.self)
            guard let index = parameters.firstIndex(of: name) else {
                let known = parameters.map { "{\($0)}" }.joined(separator: ", ")
                throw AuthorizationRuleError(
                    column: column,
                    message: "the path has no parameter {\(name)}, it has \(known.isEmpty ? "none" : known)"
                )
            }
            return (.path(index), .text)
        case .name("client"), .name("profile"):
            let isClient = found.kind == .name("client")
            let column = token.column + 1
            guard try member(isClient ? "client" : "profile") == Array("name".utf8) else {
                throw AuthorizationRuleError(column: column, message: "expected name")
            }
            return (isClient ? .clientName : .profileName, .text)
        case .name, .sign, .end:
            next -= 1
            throw unexpected(
                "a text, number, list, claims, path, query, headers, method, client, profile, scopes, has or starts_with"
            )
        }
    }

    private static func lowered(_ byte: UInt8) -> UInt8 {
        byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
    }

    /// A list of texts and numbers.
    private mutating func list() throws(AuthorizationRuleError) -> Operand {
        try expect("[")
        var elements: [Operand] = []
        while !isSign("]") {
            if !elements.isEmpty { try expect(",") }
            switch token.kind {
            case .text(let text): elements.append(.text(text))
            case .integer(let number): elements.append(.integer(number))
            case .name, .sign, .end: throw unexpected("a text or number")
            }
            next += 1
        }
        try expect("]")
        return .list(elements)
    }

    /// `.name` or `["name"]`.
    private mutating func member(_ owner: String) throws(AuthorizationRuleError) -> [UInt8] {
        if take(".") {
            guard case .name(let name) = token.kind else { throw unexpected("a name behind \(owner).") }
            next += 1
            return Array(name.utf8)
        }
        guard take("[") else { throw unexpected(". or [ behind \(owner)") }
        guard case .text(let name) = token.kind else { throw unexpected("a text in \(owner)[…]") }
        next += 1
        try expect("]")
        return name
    }

    private mutating func call(
        count: Int = 1,
        of kinds: [Kind],
        _ expected: String
    ) throws(AuthorizationRuleError) -> [Operand] {
        try descend()
        defer { depth -= 1 }
        next += 1
        try expect("(")
        var operands: [Operand] = []
        for index in 0..<count {
            if index > 0 { try expect(",") }
            let column = token.column
            let (operand, kind) = try self.operand()
            guard kinds.contains(kind) else {
                throw AuthorizationRuleError(
                    column: column,
                    message: "expected \(expected), found \(kind.rawValue)"
                )
            }
            operands.append(operand)
        }
        try expect(")")
        return operands
    }

    // MARK: Tokens

    private static let comparisons: [String: AuthorizationRule.Comparison] = [
        "==": .equal, "!=": .notEqual, "<": .less, "<=": .lessOrEqual, ">": .greater, ">=": .greaterOrEqual,
    ]

    private var token: Token { tokens[min(next, tokens.count - 1)] }

    private var comparisonSign: String? {
        guard case .sign(let sign) = token.kind, Self.comparisons[sign] != nil else { return nil }
        return sign
    }

    private func isSign(_ sign: String) -> Bool { token.kind == .sign(sign) }

    private mutating func take(_ sign: String) -> Bool {
        guard isSign(sign) || token.kind == .name(sign) else { return false }
        next += 1
        return true
    }

    private mutating func expect(_ sign: String) throws(AuthorizationRuleError) {
        guard take(sign) else { throw unexpected("\"\(sign)\"") }
    }

    private func unexpected(_ expected: String) -> AuthorizationRuleError {
        error("expected \(expected), found \(token.words)")
    }

    private func error(_ message: String) -> AuthorizationRuleError {
        AuthorizationRuleError(column: token.column, message: message)
    }

    private static func tokens(_ text: String) throws(AuthorizationRuleError) -> [Token] {
        var tokens: [Token] = []
        let characters = Array(text.unicodeScalars)
        var index = 0
        while index < characters.count {
            let first = characters[index]
            let column = index + 1
            if first == " " || first == "\t" || first == "\n" || first == "\r" {
                index += 1
            } else if isNameStart(first) {
                let start = index
                while index < characters.count, isNameStart(characters[index]) || isDigit(characters[index]) {
                    index += 1
                }
                var name = String.UnicodeScalarView()
                name.append(contentsOf: characters[start..<index])
                tokens.append(Token(kind: .name(String(name)), column: column))
            } else if isDigit(first) || first == "-" {
                let start = index
                index += 1
                while index < characters.count, isDigit(characters[index]) { index += 1 }
                var digits = String.UnicodeScalarView()
                digits.append(contentsOf: characters[start..<index])
                guard let number = Int64(String(digits)) else {
                    throw AuthorizationRuleError(
                        column: column,
                        message: "expected a whole number of 64 bits"
                    )
                }
                tokens.append(Token(kind: .integer(number), column: column))
            } else if first == "\"" || first == "'" {
                let (text, end) = try quoted(characters, from: index)
                tokens.append(Token(kind: .text(text), column: column))
                index = end
            } else {
                let two = index + 1 < characters.count ? "\(first)\(characters[index + 1])" : ""
                if ["&&", "||", "==", "!=", "<=", ">="].contains(two) {
                    tokens.append(Token(kind: .sign(two), column: column))
                    index += 2
                } else if "!<>()[],.".unicodeScalars.contains(first) {
                    tokens.append(Token(kind: .sign(String(first)), column: column))
                    index += 1
                } else {
                    throw AuthorizationRuleError(
                        column: column,
                        message: "there is no operator \(PrintableText.quoted(String(first)))"
                    )
                }
            }
        }
        tokens.append(Token(kind: .end, column: characters.count + 1))
        return tokens
    }

    /// A text in quotation marks of either kind; `\` takes the next character as it is.
    private static func quoted(
        _ characters: [Unicode.Scalar],
        from start: Int
    ) throws(AuthorizationRuleError) -> ([UInt8], Int) {
        var text = String.UnicodeScalarView()
        var index = start + 1
        while index < characters.count, characters[index] != characters[start] {
            if characters[index] == "\\", index + 1 < characters.count { index += 1 }
            text.append(characters[index])
            index += 1
        }
        guard index < characters.count else {
            throw AuthorizationRuleError(column: start + 1, message: "the text has no closing quotation mark")
        }
        return (Array(String(text).utf8), index + 1)
    }

    private static func isNameStart(_ scalar: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
        ("0"..."9").contains(scalar)
    }
}
