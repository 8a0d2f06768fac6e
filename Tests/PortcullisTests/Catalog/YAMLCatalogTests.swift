import Foundation
import GatewayCore
import Testing

@testable import portcullis

struct YAMLCatalogTests {
    private static let secret = "Zk3mT1vQ8s7uXo2aPq9LrE5yWc4HbN6dJf0GiKtVxYM="

    private func parse(_ text: String) throws -> DocumentNode {
        try YAMLCatalog.parse(Array(text.utf8))
    }

    @Test(arguments: [
        ("clients: [{name: yes, active: true}]", #"{"clients":[{"name":"yes","active":true}]}"#),
        ("version: 1", #"{"version":"1"}"#),
        ("version: 1.10", #"{"version":"1.10"}"#),
        ("version: 0x10", #"{"version":"0x10"}"#),
        ("issuers: [1, 2]", #"{"issuers":["1","2"]}"#),
        ("leeway_seconds: 30", #"{"leeway_seconds":30}"#),
        ("leeway_seconds: \"30\"", #"{"leeway_seconds":"30"}"#),
        ("leeway_seconds: 030", #"{"leeway_seconds":"030"}"#),
        ("leeway_seconds: 1.5", #"{"leeway_seconds":1.5}"#),
        ("expires_at: 2027-01-01T00:00:00Z", #"{"expires_at":"2027-01-01T00:00:00Z"}"#),
        ("a: ~\nb:\nc: null\nd: ''", #"{"a":null,"b":null,"c":null,"d":""}"#),
        ("a: &x [1]\nb: *x", #"{"a":["1"],"b":["1"]}"#),
        ("a: |\n  one\n  two\n", #"{"a":"one\ntwo\n"}"#),
        ("\u{feff}a: b\r\n", #"{"a":"b"}"#),
        (#"{"a": 1, "leeway_seconds": 2}"#, #"{"a":1,"leeway_seconds":2}"#),
        ("{a: b}", #"{"a":"b"}"#),
    ])
    func `plain words mean what they mean in YAML 1_2, and numbers are text where text belongs`(
        text: String,
        json: String
    ) throws {
        #expect(try parse(text).json() == json)
    }

    @Test(arguments: [
        ("a: 1\na: 2", "line 1, column 1: a: the field is there twice"),
        ("a: 1\n---\nb: 2", "not a YAML text: expected a single document"),
        ("a:\n\t- b", "line 2, column 1: not a YAML text: "),
        ("a: *b", "line 1, column 4: not a YAML text: found undefined alias"),
        ("a: !!int '3'", "line 1, column 4: tag tag:yaml.org,2002:int is not accepted"),
        ("x: &x {a: 1}\ny:\n  <<: *x", "line 3, column 3: merging (<<) is not part of YAML 1.2"),
        ("[a]: b", "a field's name is a list or an object, expected a text"),
        ("a: \"\u{7}", "not a YAML text: "),
    ])
    func `what is not a plain tree is refused with its line`(text: String, expected: String) {
        let error = #expect(throws: DocumentError.self) { try YAMLCatalog.parse(Array(text.utf8)) }
        #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
    }

    @Test func `a parser's error shows nothing of the line that it stumbled over`() {
        let text = "clients:\n  - {name: a, secret: \"\(Self.secret)\" : x}\n"
        let error = #expect(throws: DocumentError.self) { try YAMLCatalog.parse(Array(text.utf8)) }
        #expect(error?.description.contains(Self.secret.prefix(8)) == false)
    }

    @Test func `aliases cannot make a small file large`() {
        var text = "a0: &a0 [x, x]\n"
        for level in 1..<30 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        let error = #expect(throws: DocumentError.self) { try YAMLCatalog.parse(Array(text.utf8)) }
        #expect(error?.message == "aliases (*name) repeat more than the file could hold")
    }

    @Test(arguments: ["[", "{a: ", "- ", "? "])
    func `deep nesting is refused`(opening: String) {
        let text = String(repeating: opening, count: 50_000)
        #expect(throws: DocumentError.self) { try YAMLCatalog.parse(Array(text.utf8)) }
    }

    @Test(arguments: ["", "\n", "# only a comment\n"])
    func `a file that was cut short is no empty catalog`(text: String) {
        #expect(throws: DocumentError.self) { try YAMLCatalog.parse(Array(text.utf8)) }
    }

    @Test(arguments: ["{}", "--- {}\n", "# nothing\n{}\n"])
    func `an empty catalog is written as an empty object`(text: String) throws {
        #expect(try parse(text).value == .object([]))
    }

    @Test func `bytes that are not UTF-8 are refused with their line`() {
        let bytes = Array("a: b\nc: ".utf8) + [0xff, 0x0a]
        let error = #expect(throws: DocumentError.self) { try YAMLCatalog.parse(bytes) }
        #expect(error?.description == "line 2, column 1: the line is not UTF-8 text")
    }

    @Test(arguments: [
        "plain", "", " leading", "trailing ", "yes", "No", "null", "~", "1", "1.5", "0x1f", "2026-01-01",
        "a: b", "a #b",
        "- a", "*a", "&a", "!a", "%a", "@a", "`a", "{a}", "[a]", "'a'", "\"a\"", "a\\b", "line\nbreak",
        "line\n", "\n",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n", "tab\there", "ä 😀",
        "\u{7f}\u{85}\u{2028}", "<<",
        "=", ".inf", "+1", "_1", "12:30:45", "a\u{0}b", "|", ">", "?", "  \n  two\n",
    ])
    func `every text is written so that it is read back`(text: String) throws {
        let node = DocumentNode(.object([DocumentMember("description", DocumentNode(.string(text)))]))
        let written = try YAMLCatalog.write(node, header: ["A comment."])
        #expect(try parse(written).value == node.value, "\(written)")
    }

    @Test func `files and variables are put where they are named`() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "portcullis-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }  // The system removes it otherwise.
        try Data("\(Self.secret)\n".utf8).write(to: directory.appending(path: "secret"))
        try Data("ssh-ed25519 AAAA\n".utf8).write(to: directory.appending(path: "key.pub"))
        let text = """
            keys:
              - { secret_file: secret }
              - { public_key_file: "\(directory.path)/key.pub" }
              - { secret_env: SECRET }
            api_tokens: [{ token_env: TOKEN }]
            """
        let path = directory.appending(path: "catalog.yaml").path
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        let node = try YAMLCatalog.read(path, environment: ["SECRET": " s ", "TOKEN": "t"])
        #expect(
            node.json()
                == #"{"keys":[{"secret":"\#(Self.secret)"},{"public_key":"ssh-ed25519 AAAA\n"},{"secret":" s "}],"#
                + #""api_tokens":[{"token":"t"}]}"#
        )
        let error = #expect(throws: CatalogFileError.self) {
            try YAMLCatalog.read(path, environment: ["SECRET": "s"])
        }
        #expect(
            error?.description
                == "\(path):5:27: api_tokens[0].token_env: the environment variable TOKEN is not set, or empty"
        )
    }

    @Test(arguments: [
        (
            "- { secret_file: nope }",
            "[0].secret_file: cannot open the secret file ./nope: No such file or directory"
        ),
        ("- { secret_env: A, secret: b }", "[0].secret_env: there is secret too, expected one of the two"),
        (
            "- { secret_env: A, secret_file: b }",
            "[0].secret_env: there is secret_file too, expected one of the two"
        ),
        ("- { secret_env: 5 }", "[0].secret_env: the environment variable 5 is not set, or empty"),
        (
            "- { secret_env: [] }",
            "[0].secret_env: expected the name of an environment variable, found a list"
        ),
    ])
    func `what a file names must be there, once`(text: String, expected: String) throws {
        let node = try parse(text)
        let sources = CredentialSources(directory: ".", environment: ["A": "x"])
        let error = #expect(throws: DocumentError.self) { try sources.resolve(node) }
        #expect(
            error?.description == "line 1, column 5: \(expected)"
                || error?.description.hasSuffix(expected) == true
        )
        #expect(error?.position?.line == 1)
    }

    @Test func `a plan is printed a line for each step, without what a terminal would obey`() throws {
        let steps = try parse(
            """
            - { action: create, kind: client, name: Acme, changes: [] }
            - { action: update, kind: api_token, name: "a/b\\e[31m", changes: [{ field: active, before: null, after: false }] }
            - { action: delete, kind: key, name: a/b/c, changes: [] }
            - { action: update, kind: key, name: k, changes: [{ field: secret, before: (secret), after: (secret) }] }
            """
        ).elements
        #expect(
            PlanPrinter.text(steps, style: TerminalStyle(for: .output)) == """
                + client "Acme"
                ~ api token "a/b\\u{1B}[31m"
                    active: (default) → false
                - key "a/b/c"
                ~ key "k"
                    secret: (secret) → (secret)

                """
        )
        #expect(PlanPrinter.counts(steps) == "1 to create, 2 to update, 1 to delete")
    }
}
