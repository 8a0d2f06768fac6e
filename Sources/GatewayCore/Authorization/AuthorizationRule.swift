package import JOSE

/// What an endpoint asks of a call besides its credential: an expression over claims and request, compiled.
///
/// It has no side effects, and what is missing makes it false and never an error. The grammar is in
/// docs/authorization.md.
package struct AuthorizationRule: Sendable, Hashable {
    /// The longest rule, in bytes.
    package static let maximumBytes = 4096
    /// How deep parentheses, negations and the like may be nested.
    package static let maximumDepth = 32

    /// How many steps an evaluation may take; a step is a node, a member, an element or a few bytes of text.
    package static let budget = 8192

    /// The rule as written.
    package let text: String
    let expression: Expression

    /// Compiles a rule.
    ///
    /// - Parameters:
    ///   - text: the rule.
    ///   - parameters: the names of the path template's parameters.
    /// - Throws: ``AuthorizationRuleError`` with the column.
    package init(_ text: String, parameters: [String]) throws(AuthorizationRuleError) {
        var parser = try RuleParser(text, parameters: parameters)
        self.text = text
        expression = try parser.rule()
    }

    /// The rule that lets nobody in.
    static let never = AuthorizationRule()

    private init() {
        text = "false"
        expression = .isTrue(.bool(false))
    }

    /// Makes the rule of an endpoint of its two parts, which must both hold; `nil` when there are none.
    ///
    /// - Parameters:
    ///   - rule: the rule as written.
    ///   - scopes: all of them must be in the claim `scope` or `scp`.
    init?(_ rule: AuthorizationRule?, scopes: [String]) {
        guard rule != nil || !scopes.isEmpty else { return nil }
        let needed = scopes.map { scope in
            Expression.or(
                ["scope", "scp"].map { claim in
                    .contains(.text(Array(scope.utf8)), in: .scopes(.claim([Array(claim.utf8)])))
                }
            )
        }
        text = rule?.text ?? ""
        expression = .and(needed + (rule.map { [$0.expression] } ?? []))
    }

    /// Evaluates the rule for one call.
    ///
    /// - Parameters:
    ///   - claims: the verified claims; `nil` when the credential has none.
    ///   - clientName: the name of the client.
    ///   - profileName: the name of the profile.
    ///   - method: the method.
    ///   - parameters: what stood in the place of the path template's parameters, as written.
    ///   - fields: query and headers.
    /// - Returns: whether it holds, and how many steps it took: more than ``budget`` never holds.
    package func evaluate(
        claims: JSONDocument?,
        clientName: String,
        profileName: String,
        method: [UInt8],
        parameters: [[UInt8]],
        fields: some RequestFields
    ) -> (holds: Bool, steps: Int) {
        var evaluation = RuleEvaluation(
            claims: claims,
            clientName: clientName,
            profileName: profileName,
            method: method,
            parameters: parameters,
            fields: fields
        )
        let holds = evaluation.allows(self)
        return (holds, Self.budget - evaluation.budget)
    }

    package static func == (left: Self, right: Self) -> Bool { left.text == right.text }
    package func hash(into hasher: inout Hasher) { hasher.combine(text) }

    /// A node of the compiled rule.
    indirect enum Expression: Sendable {
        case or([Expression])
        case and([Expression])
        case not(Expression)
        case compare(Operand, Comparison, Operand)
        case contains(Operand, in: Operand)
        case startsWith(Operand, Operand)
        case exists(Operand)
        /// True when the operand is the truth value true.
        case isTrue(Operand)
    }

    /// A value of the request or the token, or a constant.
    indirect enum Operand: Sendable {
        case bool(Bool)
        case integer(Int64)
        case text([UInt8])
        case list([Operand])
        /// A member of the claims, by the names that lead to it.
        case claim([[UInt8]])
        /// The parameter of the path template with this index.
        case path(Int)
        case query([UInt8])
        /// A header, its name in lower case.
        case header([UInt8])
        case method
        case clientName
        case profileName
        /// The words of a text, or the texts of a list.
        case scopes(Operand)
    }

    enum Comparison: Sendable {
        case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
    }
}

/// Why a rule was not compiled.
package struct AuthorizationRuleError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where, in characters from 1 on.
    package let column: Int
    /// What was expected and found.
    package let message: String

    package var description: String { "column \(column): \(message)" }
}
