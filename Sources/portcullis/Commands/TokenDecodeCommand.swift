import ArgumentParser
import GatewayCore
import JOSE

/// `portcullis token decode`: shows what a token says, without believing it.
struct TokenDecodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode",
        abstract: "Show what a token says. Nothing is verified.",
        discussion: """
            Ends with exit code 1 when the token cannot be decoded. A token that every gateway refuses for its \
            form alone (alg none, say) is shown all the same, with the reason.

            Examples:
              portcullis token decode "$TOKEN"
              pbpaste | portcullis token decode -
              portcullis token decode --token-file token.txt
            """
    )

    @OptionGroup var argument: TokenArgument

    func run() throws {
        let token = try argument.read()
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map(
            Array.init
        )
        guard parts.count == 3 else {
            throw CommandFailure.refused(
                "a compact token has 3 parts separated by dots, this one has \(parts.count)"
            )
        }
        let style = TerminalStyle(for: .output)
        let header = try Self.decode(parts[0], "header")
        let payload = try Self.decode(parts[1], "payload")
        let claims = Self.document(payload)
        var lines = [
            style.yellow("NOT VERIFIED") + ": anybody can write this; portcullis token verify checks it",
            style.bold("header"), Self.pretty(header),
            style.bold("payload"), Self.pretty(payload),
        ]
        if let claims, claims.root.kind == .object {
            lines.append(style.bold("times"))
            lines += TokenTimes.lines(claims, now: Timestamp.systemNow.secondsSinceEpoch)
        }
        lines.append(style.bold("signature"))
        do {
            lines.append("\(try Base64URL.decode(parts[2]).count) bytes")
        } catch {
            lines.append("not Base64url: \(error)")
        }
        do {
            _ = try UnverifiedToken.parse(token.span)
        } catch {
            lines.append(style.red("a gateway refuses this token by its form: \(error)"))
        }
        try Terminal.print(lines.joined(separator: "\n"))
    }

    private static func decode(_ part: [UInt8], _ name: String) throws(CommandFailure) -> [UInt8] {
        do {
            return try Base64URL.decode(part)
        } catch {
            throw .refused("the \(name) is not Base64url: \(error)")
        }
    }

    private static func document(_ bytes: [UInt8]) -> JSONDocument? {
        // What is no JSON is shown as bytes.
        try? JSONDocument(parsing: bytes, limits: JSONLimits(maximumBytes: bytes.count))
    }

    private static func pretty(_ bytes: [UInt8]) -> String {
        if let document = document(bytes) { return PrettyJSON.text(document.root, of: document) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return "\(bytes.count) bytes that are neither JSON nor UTF-8 text"
        }
        return "\(bytes.count) bytes, not strict JSON: \(Printable.text(text))"
    }
}
