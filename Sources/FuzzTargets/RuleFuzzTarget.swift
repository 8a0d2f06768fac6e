import GatewayCore
import JOSE

/// An authorisation rule, and the claims that it is evaluated over.
enum RuleFuzzTarget {
    private struct Fields: RequestFields {
        let queryBytes: [UInt8]
        var fieldCount: Int { 1 }
        func values(ofField name: [UInt8]) -> [[UInt8]] { name == Array("x".utf8) ? [queryBytes] : [] }
    }

    /// The first line is the rule, the second the query, the rest the claims: what compiles is evaluated within
    /// its budget, and means the same when it is compiled again.
    static func rule(_ bytes: [UInt8]) {
        let parts = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 2, omittingEmptySubsequences: false)
        let text = String(decoding: parts[0], as: UTF8.self)
        // A refusal is the expected outcome of most inputs; it points into the rule.
        let rule: AuthorizationRule
        do throws(AuthorizationRuleError) {
            rule = try AuthorizationRule(text, parameters: ["id"])
        } catch {
            precondition((1...text.unicodeScalars.count + 1).contains(error.column))
            return
        }
        let claims = parts.count > 2 ? try? JSONDocument(parsing: Array(parts[2])) : nil
        let query = parts.count > 1 ? Array(parts[1]) : []
        let outcomes = (0..<2).compactMap { _ in try? AuthorizationRule(text, parameters: ["id"]) }.map {
            $0.evaluate(
                claims: claims,
                clientName: "Acme",
                profileName: "acme",
                method: Array("GET".utf8),
                parameters: [query],
                fields: Fields(queryBytes: query)
            )
        }
        precondition(outcomes.count == 2 && outcomes[0] == outcomes[1])
        precondition(!outcomes[0].holds || outcomes[0].steps < AuthorizationRule.budget)
        precondition(rule.text == text)
    }
}
