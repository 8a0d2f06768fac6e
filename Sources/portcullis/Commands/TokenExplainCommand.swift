import ArgumentParser
import GatewayCore

/// `portcullis token explain`: asks a running gateway what it would say to a call with a token.
struct TokenExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Ask a running gateway why it lets a call in or turns it away.",
        discussion: """
            The gateway decides about the call as if it had come in, with the very code that calls go through, and \
            tells every check. Of a refusal it tells likely causes, found by trying, and what would happen if they were \
            mended. Nothing is forwarded to an upstream, and nothing is recorded.

            Exit codes: 0 admitted, 1 refused, 2 no answer or wrong options.

            Examples:
              portcullis token explain "$TOKEN" --url /api-endpoints-v1/call
              portcullis token explain --token-file token.txt --method POST \\
                  --url /orders-v1/orders/7 --address 203.0.113.7 \\
                  --admin https://gateway.example:8081
            """
    )

    @OptionGroup var argument: TokenArgument

    @Option(help: "The call's method.")
    var method = "GET"

    @Option(help: "The call's URL, or its path with the collection's handle: /api-endpoints-v1/call.")
    var url: String

    @Option(help: "The address that the call would come from (default 127.0.0.1).")
    var address: String?

    @Flag(help: "Print the gateway's answer as JSON.")
    var json = false

    @OptionGroup var adminOptions: AdminOptions

    func run() async throws {
        let token = try argument.read()
        guard let text = String(validating: token, as: UTF8.self) else {
            throw CommandFailure.refused("the token is not UTF-8 text")
        }
        let members =
            [("token", text), ("method", method), ("url", url)]
            + (address.map { [("client_address", $0)] } ?? [])
        let question = DocumentNode(
            .object(members.map { DocumentMember($0.0, DocumentNode(.string($0.1))) })
        )
        let answer: DocumentNode
        do {
            answer = try await AdminClient(adminOptions).require(
                method: "POST",
                path: "/api/v1/explain",
                json: question
            )
        } catch let problem as AdminProblem {
            throw CommandFailure.trouble("the gateway did not explain: \(problem)")
        }
        let explanation = try ExplainedDecision(answer)
        try Terminal.print(
            json ? answer.json() : explanation.text(style: TerminalStyle(for: .output))
        )
        if explanation.isRefused { throw ExitCode(CommandFailure.Kind.refused.rawValue) }
    }
}

/// A decision record as the admin API answers it.
private struct ExplainedDecision {
    /// Whether the call would be turned away.
    var isRefused: Bool { code != nil }

    private let code: String?
    private let status: String
    private let facts: [(name: String, value: String)]
    private let checks: [(check: String, result: CheckOutcome.Result, detail: String)]
    private let causes: [String]

    init(_ document: DocumentNode) throws(CommandFailure) {
        guard let checks = document["checks"]?.elements else {
            throw .trouble("the gateway's answer has no checks; is it another version of the gateway?")
        }
        self.checks = try checks.map { node throws(CommandFailure) in
            guard let check = Self.text(node["check"]), let word = Self.text(node["result"]),
                let result = CheckOutcome.Result(rawValue: word)
            else { throw .trouble("a check in the gateway's answer has no name or an unknown result") }
            return (check, result, Self.text(node["detail"]) ?? "")
        }
        guard let code = document["code"] else {
            throw .trouble("the gateway's answer has no code; is it another version of the gateway?")
        }
        self.code = Self.text(code)
        status = Self.text(document["status"]) ?? "?"
        facts = ["endpoint", "client", "profile"].compactMap { name in
            Self.text(document[name]).map { (name, $0) }
        }
        // A gateway of an earlier version tells none.
        causes = (document["likely_causes"]?.elements ?? []).compactMap(Self.cause)
    }

    /// A likely cause in one line, with what would happen after its remedy.
    private static func cause(_ node: DocumentNode) -> String? {
        guard let cause = text(node["text"]) else { return nil }
        switch text(node["then"]?["outcome"]) {
        case "admitted": return "\(cause); then the call would be let in"
        case "refused":
            let (check, code) = (text(node["then"]?["check"]), text(node["then"]?["code"]))
            return "\(cause); then the call would be turned away at \(check ?? "?") with \(code ?? "?")"
        default: return cause
        }
    }

    /// One line for each check, then the outcome.
    func text(style: TerminalStyle) -> String {
        let width = checks.map(\.check.count).max() ?? 0
        var lines = checks.map { check, result, detail in
            let name = check + String(repeating: " ", count: width - check.count)
            return switch result {
            case .passed: "\(style.green("✓")) \(name)  \(detail)"
            case .failed: "\(style.red("✗")) \(name)  \(detail)"
            case .skipped: style.dim("– \(name)  \(detail)")
            }
        }
        lines += facts.map { "\($0.name): \($0.value)" }
        lines += causes.map { "\(style.yellow("likely cause")): \($0)" }
        lines.append(code.map { "\(style.red("refused")): \(status) \($0)" } ?? style.green("admitted"))
        return lines.joined(separator: "\n")
    }

    /// A text or number; nil for null and everything else.
    private static func text(_ node: DocumentNode?) -> String? {
        switch node?.value {
        case .string(let text): Printable.text(text)
        case .integer(let number): String(number)
        case .null, .bool, .decimal, .array, .object, nil: nil
        }
    }
}
