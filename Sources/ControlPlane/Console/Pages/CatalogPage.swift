import GatewayCore

/// One step of the way back.
struct Crumb: Sendable {
    let title: String
    let path: String

    init(_ title: String, _ path: String) {
        self.title = title
        self.path = path
    }
}

/// An entity as the API answered it, with its entity tag.
struct CatalogEntity: Sendable {
    let document: DocumentNode
    let tag: String

    var id: String { text("id") }
    var name: String { text("name") }
    var isActive: Bool { document["active"]?.value.isTrue ?? true }

    /// A field's text; empty when there is none.
    func text(_ field: String) -> String { document[field]?.value.text ?? "" }

    /// Whether the entity has something in this field that its form cannot show, and so must not send.
    func isUnwritable(_ field: CatalogField) -> Bool { !field.canShow(document) }
}

extension ConsoleAPI {
    /// Reads an entity with its entity tag.
    ///
    /// - Throws: ``ConsoleProblem``.
    func entity(_ path: String) async throws -> CatalogEntity {
        let answer = await answer("GET", path)
        let document = try DocumentNode(json: answer.body, limits: DocumentNode.catalogJSONLimits)
        guard answer.status == 200 else { throw ConsoleProblem(status: answer.status, document) }
        return CatalogEntity(document: document, tag: answer.header("ETag") ?? "")
    }

    /// Reads the entities of a list, at most so many pages of 200.
    ///
    /// - Throws: ``ConsoleProblem``.
    func all(_ path: String, _ query: [(String, String?)] = [], pages: Int = 5) async throws -> [DocumentNode]
    {
        try await beginning(of: path, query, pages: pages).items
    }

    /// Reads the entities of a list, at most so many pages of 200, and whether these are all.
    ///
    /// - Throws: ``ConsoleProblem``.
    func beginning(
        of path: String,
        _ query: [(String, String?)] = [],
        pages: Int = 5
    ) async throws -> (items: [DocumentNode], isWhole: Bool, total: Int) {
        var items: [DocumentNode] = []
        var cursor: String?
        var total = 0
        for _ in 0..<pages {
            let page = try await get(path, query + [("limit", "200"), ("cursor", cursor)])
            items += page["items"]?.elements ?? []
            total = Int(page["total"]?.value.number ?? 0)
            cursor = page["next_cursor"]?.value.text
            if cursor == nil { break }
        }
        return (items, cursor == nil, total)
    }

    /// How many entities a list has.
    ///
    /// - Throws: ``ConsoleProblem``.
    func count(_ path: String, _ query: [(String, String?)]) async throws -> Int64 {
        try await get(path, query + [("limit", "1")])["total"]?.value.number ?? 0
    }
}

/// What pages of the catalog have in common.
enum CatalogPage {
    /// The way back, for the template `crumbs`.
    static func crumbs(_ crumbs: [Crumb]) -> [(String, DocumentValue)] {
        [
            ("hasCrumbs", .bool(!crumbs.isEmpty)),
            (
                "crumbs",
                .array(
                    crumbs.map {
                        DocumentNode(object: [("title", .string($0.title)), ("path", .string($0.path))])
                    }
                )
            ),
        ]
    }

    /// A list of sentences, each as `text`.
    static func texts(_ texts: [String]) -> DocumentValue {
        .array(texts.map { DocumentNode(object: [("text", .string($0))]) })
    }

    /// A word with a colour: `good`, `bad`, `warn`, `info`, or none.
    static func badge(_ colour: String, _ words: String) -> DocumentValue {
        .fields([("colour", .string(colour)), ("words", .string(words))])
    }

    /// Whether something is active, as a badge.
    static func state(_ isActive: Bool) -> DocumentValue {
        isActive ? badge("good", "active") : badge("", "inactive")
    }

    /// A moment as people read it, for the template `moment`; null for none.
    static func moment(_ text: String?, _ now: Timestamp) -> DocumentValue {
        guard let text, let time = Timestamp(rfc3339: text) else { return .null }
        return .fields([("iso", .string(text)), ("words", .string(distance(time, now)))])
    }

    /// How far a moment lies from now: `3 min ago`, `in 14 days`.
    static func distance(_ time: Timestamp, _ now: Timestamp) -> String {
        let seconds = time.secondsSinceEpoch - now.secondsSinceEpoch
        let length: String
        switch abs(seconds) {
        case ..<60: length = "\(abs(seconds)) s"
        case ..<3600: length = "\(abs(seconds) / 60) min"
        case ..<172_800: length = "\(abs(seconds) / 3600) h"
        default: length = "\(abs(seconds) / 86_400) days"
        }
        if seconds == 0 { return "just now" }
        return seconds < 0 ? "\(length) ago" : "in \(length)"
    }

    /// When something was used, in words that end a sentence.
    static func lastUse(_ text: String?, _ now: Timestamp) -> String {
        guard let text, let time = Timestamp(rfc3339: text) else { return "never used, as far as is known" }
        return "last used \(distance(time, now))"
    }

    /// So many of something.
    static func count(_ number: Int, _ noun: String, _ plural: String? = nil) -> String {
        number == 1 ? "1 \(noun)" : "\(number) \(plural ?? noun + "s")"
    }

    /// A name of people's making within a sentence: apart from its surroundings, whatever its direction.
    static func quoted(_ name: String) -> String {
        let scalars = name.unicodeScalars.filter { scalar in
            !(0x202a...0x202e).contains(scalar.value) && !(0x2066...0x2069).contains(scalar.value)
        }
        return "“\u{2068}\(String(String.UnicodeScalarView(scalars)))\u{2069}”"
    }

    /// A page that asks before something is destroyed.
    static func confirm(
        _ title: String,
        _ section: ConsoleSection,
        _ crumbs: [Crumb],
        question: String,
        consequences: [String] = [],
        action: String,
        submit: String,
        cancel: String,
        tag: String = "",
        hidden: [(name: String, value: String)] = [],
        cancelButton: String = ""
    ) -> ConsoleAnswer {
        let all: [(name: String, value: String)] =
            (tag.isEmpty ? [] : [(name: "_tag", value: tag)]) + hidden
        return .page(
            ConsolePage(
                "confirm",
                title: title,
                section: section,
                self.crumbs(crumbs) + [
                    ("question", .string(question)),
                    ("hasConsequences", .bool(!consequences.isEmpty)),
                    ("consequences", texts(consequences)),
                    ("action", .string(action)), ("submit", .string(submit)), ("cancel", .string(cancel)),
                    ("cancelButton", .string(cancelButton)),
                    (
                        "hidden",
                        .array(
                            all.map {
                                DocumentNode(object: [
                                    ("name", .string($0.name)), ("value", .string($0.value)),
                                ])
                            }
                        )
                    ),
                ]
            )
        )
    }

    /// Deletes something as a form confirmed it, only if it still is what the page showed.
    static func delete(_ visit: Visit, _ path: String, then next: String) async throws -> ConsoleAnswer {
        let tag = visit.form.text("_tag")
        try await visit.api.send("DELETE", path, [], nil, ifMatch: tag.isEmpty ? nil : tag)
        return .redirect(to: next)
    }

    /// Switches something on or off.
    static func setActive(
        _ isActive: Bool,
        _ visit: Visit,
        _ path: String,
        then next: String
    ) async throws -> ConsoleAnswer {
        try await visit.api.send("PATCH", path, [], .fields([("active", .bool(isActive))]))
        return .redirect(to: next)
    }
}
