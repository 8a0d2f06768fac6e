import GatewayCore
import Mustache

/// Makes pages of templates.
///
/// Texts are escaped here, scalar by scalar, and not by the template library: that one goes by grapheme
/// clusters, so that a quotation mark with a combining mark behind it would pass as it is.
struct PageRenderer: Sendable {
    private let library: MustacheLibrary
    private let isReadOnly: Bool

    init(isReadOnly: Bool) {
        self.isReadOnly = isReadOnly
        var library = MustacheLibrary()
        for (name, text) in Templates.all {
            do {
                // The values are escaped already.
                try library.register("{{% CONTENT_TYPE:TEXT}}" + text, named: name)
            } catch {
                // A template is a part of the program: each is rendered by a test.
                preconditionFailure("the template \(name) cannot be read: \(error)")
            }
        }
        self.library = library
    }

    /// The page as it is sent.
    func render(_ page: ConsolePage, _ session: ConsoleSession?) -> AdminAnswer {
        var context = ["page": Self.value(.fields(page.content))]
        for (name, value) in page.content { context[name] = Self.value(value) }
        for (name, value) in frame(page, session) { context[name] = Self.value(value) }
        let text = library.render(context, withTemplate: page.template) ?? ""
        var answer = AdminAnswer(
            withoutBody: page.status,
            headers: [(name: "Content-Type", value: "text/html; charset=utf-8")]
                + page.headers + page.cookies.map { (name: "Set-Cookie", value: $0) }
        )
        answer.body = Array(text.utf8)
        return answer
    }

    /// What all pages show around their own content.
    private func frame(_ page: ConsolePage, _ session: ConsoleSession?) -> [(String, DocumentValue)] {
        let role = session?.principal.role
        let sections = ConsoleSection.allCases.filter { section in role.map { $0 >= section.role } ?? false }
        let navigation = sections.map { section in
            DocumentNode(
                object: [
                    ("title", .string(section.title)), ("path", .string(section.path)),
                    ("icon", .string(section.rawValue)), ("isCurrent", .bool(section == page.section)),
                ]
            )
        }
        return [
            ("title", .string(page.title)),
            ("navigation", .array(navigation)),
            ("isSignedIn", .bool(session != nil)),
            ("operator", .string(session?.name ?? "")),
            ("role", .string(role?.rawValue ?? "")),
            ("mayManage", .bool(!isReadOnly && (role ?? .viewer) >= .manager)),
            ("mayOwn", .bool(!isReadOnly && role == .owner)),
            ("isReadOnly", .bool(isReadOnly)),
            ("formToken", .string(session?.formToken ?? "")),
            ("stylesheet", .string(Assets.stylesheet.path)),
            ("script", .string(Assets.script.path)),
            ("icons", .string(Assets.icons.path)),
        ]
    }

    /// A value as templates see it: texts escaped; what is empty counts as not there, and hides what has the same
    /// name further out.
    static func value(_ value: DocumentValue) -> Any {
        switch value {
        case .null: Absent()
        case .bool(let bool): bool
        case .integer(let number): number
        case .decimal(let text): HTMLText.escaped(text)
        case .string(let text): text.isEmpty ? Absent() : HTMLText.escaped(text)
        case .array(let nodes): nodes.map { self.value($0.value) }
        case .object(let members):
            Dictionary((members + moments(of: members)).map { ($0.name, self.value($0.node.value)) }) {
                first,
                _ in
                first
            }
        }
    }

    /// For each moment of a document, `last_used_at`, the same for people: `last_used_at_words`.
    private static func moments(of members: [DocumentMember]) -> [DocumentMember] {
        members.filter { $0.name.hasSuffix("_at") }.map { member in
            let words = member.node.value.text.map { DocumentValue.string(NumberWords.moment($0)) } ?? .null
            return DocumentMember("\(member.name)_words", DocumentNode(words))
        }
    }

    private struct Absent: MustacheCustomRenderable {
        var renderText: String { "" }
        var isNull: Bool { true }
    }
}

/// Texts in HTML.
enum HTMLText {
    /// The text as it may stand between tags and in quoted attributes.
    static func escaped(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count + 16)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "&": result += "&amp;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "`": result += "&#96;"
            case "\t", "\n", "\r": result.unicodeScalars.append(scalar)
            case "\0"..<" ", "\u{7f}"..<"\u{a0}": result += "\u{fffd}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
