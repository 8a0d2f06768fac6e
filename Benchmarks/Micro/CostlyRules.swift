import GatewayCore
import JOSE
import Measuring

/// A request as long as one may be: its query has 60 KiB of short parameters, and there are 900 fields.
private struct LongRequest: RequestFields {
    let queryBytes: [UInt8]
    let fieldCount = 900
    func values(ofField name: [UInt8]) -> [[UInt8]] { [Array(repeating: UInt8(ascii: "a"), count: 16_000)] }

    init(_ parameter: String) {
        queryBytes = Array(repeating: Array(parameter.utf8), count: 61_440 / parameter.utf8.count).flatMap {
            $0
        }
    }
}

extension Benchmark {
    /// Rules of nearly 4 KiB made to cost as much as they can: a budget of steps ends each, and none is to take more
    /// than 100 µs.
    static let costlyRules = [
        costlyRule("texts", repeating: #"claims.t=="x""#, claims: #"{"t":"\#(text(9000))"}"#),
        costlyRule(
            "escapes",
            repeating: "starts_with(claims.t,client.name)",
            claims: #"{"t":"\#(escapes(1600))"}"#
        ),
        costlyRule("list", repeating: #""a" in claims.g"#, claims: #"{"g":[\#(list(2400))]}"#),
        costlyRule("members", repeating: "claims.z", claims: "{\(members(1000))}"),
        costlyRule("nested", repeating: "claims.a.a.a.a.a.a.a.b", claims: nested(8)),
        costlyRule("scopes", repeating: #""a" in scopes(claims.s)"#, claims: #"{"s":"\#(scopes(4500))"}"#),
        costlyRule(
            "numbers",
            repeating: "claims.n<claims.n",
            claims: #"{"n":\#(String(repeating: "9", count: 9000))}"#
        ),
        costlyRule("query", repeating: #"query.b=="x""#, parameter: "a=1&"),
        costlyRule("encoded", repeating: #"query.b=="x""#, parameter: "%61=%62&"),
        costlyRule("short-query", repeating: #"query.b=="x""#, parameter: "b=%62&", isShort: true),
        costlyRule("headers", repeating: #"headers["x-a"]=="x""#),
        costlyRule("path", repeating: #"path.id=="x""#),
        costlyRule("short-path", repeating: #"path.id=="x""#, isShort: true),
        costlyRule("logic", repeating: "!!!!!!!!true&&!true"),
        costlyRule("literals", repeating: "method in [\(list(40))]"),
    ]

    private static func text(_ count: Int) -> String { String(repeating: "x", count: count) }
    private static func escapes(_ count: Int) -> String { String(repeating: #"\u0041"#, count: count) }
    private static func scopes(_ count: Int) -> String { String(repeating: "b ", count: count) }
    private static func list(_ count: Int) -> String {
        Array(repeating: #""b""#, count: count).joined(separator: ",")
    }
    private static func members(_ count: Int) -> String {
        (0..<count).map { #""m\#($0)":1"# }.joined(separator: ",")
    }
    private static func nested(_ depth: Int) -> String {
        depth == 0 ? "1" : #"{\#(members(100)),"a":\#(nested(depth - 1))}"#
    }

    private static func costlyRule(
        _ name: String,
        repeating part: String,
        claims: String = "{}",
        parameter: String = "a=1&",
        isShort: Bool = false
    ) -> Benchmark {
        Benchmark(name: "rule/\(name)", summary: "a rule made to be costly: \(part.prefix(40)) …", period: 1)
        {
            let count = (AuthorizationRule.maximumBytes + 2) / (part.utf8.count + 2)
            let text = Array(repeating: part, count: count).joined(separator: "||")
            let rule = try AuthorizationRule(text, parameters: ["id"])
            let document = try JSONDocument(parsing: Array(claims.utf8))
            let request = LongRequest(parameter)
            let short = ShortRequest()
            let method = Array("GET".utf8)
            let path = [Array(String(repeating: "%61", count: isShort ? 100 : 20_000).utf8)]
            return { count in
                var good = 0
                for _ in 0..<count {
                    let holds =
                        isShort
                        ? rule.evaluate(
                            claims: document,
                            clientName: "Acme",
                            profileName: "acme",
                            method: method,
                            parameters: path,
                            fields: short
                        ).holds
                        : rule.evaluate(
                            claims: document,
                            clientName: "Acme",
                            profileName: "acme",
                            method: method,
                            parameters: path,
                            fields: request
                        ).holds
                    if !holds { good += 1 }
                }
                return good
            }
        }
    }
}

/// A query that is short enough to be looked at many times.
private struct ShortRequest: RequestFields {
    let queryBytes = Array(String(repeating: "a=%62&", count: 8).utf8)
    let fieldCount = 0
    func values(ofField name: [UInt8]) -> [[UInt8]] { [] }
}
