import Foundation
import Yams

/// Where the values of options come from: the command line, then the environment, then a settings file, then
/// the command's own default.
///
/// An option `--data-dir` is `PORTCULLIS_DATA_DIR` in the environment and `data-dir: …` in the file. One file may
/// serve all commands: it may hold the options of other commands, but no name that no command has.
struct SettingsSource {
    /// A value and where it was found.
    private struct Found {
        let value: String
        let origin: String
        let rank: Int
    }

    /// The options of long-running and remote commands, which one settings file may hold together.
    private static let sharedNames: Set<String> = [
        "listen", "admin-listen", "admin-url", "admin-trusted-proxies", "data-dir", "catalog", "threads",
        "log-level", "drain-seconds",
        "header-timeout-seconds", "tls-certificate", "tls-key",
        "tls-client-certificates", "key-fetch-allow", "key-fetch-ca", "stale-keys-seconds", "access-log",
        "access-log-format", "keep-decisions", "admin",
        "admin-token", "key", "secret-file", "secret-is-base64", "alg",
        "expires-in", "kid", "api-token", "leeway",
    ]
    private static let maximumFileBytes = 65_536

    private let commandLine: [String: String]
    private let environment: [String: String]
    private let file: [String: Found]

    /// Takes the command's options and reads the settings file, if one is named.
    ///
    /// - Parameters:
    ///   - config: the value of `--config`; `PORTCULLIS_CONFIG` names the file when this is nil.
    ///   - commandLine: every option that the command has, by its name without dashes, with the value given.
    ///   - environment: the process's environment.
    /// - Throws: ``CommandFailure`` for a file that cannot be read, is no flat YAML or holds unknown names.
    init(
        config: String? = nil,
        commandLine: [String: String?],
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(CommandFailure) {
        self.commandLine = commandLine.compactMapValues { $0 }
        self.environment = environment
        let path = config ?? environment["PORTCULLIS_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        file =
            try path.map { path throws(CommandFailure) in
                try Self.read(path, known: Self.sharedNames.union(commandLine.keys))
            } ?? [:]
    }

    /// The value of an option as text; nil when no source has it.
    ///
    /// An environment variable that is set but empty counts as absent.
    func string(_ name: String) throws(CommandFailure) -> String? {
        find(name)?.value
    }

    /// The value of an option as a whole number within bounds; nil when no source has it.
    ///
    /// - Throws: ``CommandFailure`` that names the source, the value and the bounds.
    func integer(_ name: String, _ range: ClosedRange<Int>) throws(CommandFailure) -> Int? {
        guard let found = find(name) else { return nil }
        guard let number = Int(found.value), range.contains(number) else {
            throw refusal(found, "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Whether an option is switched on; false when no source has it.
    ///
    /// - Throws: ``CommandFailure`` that names the source and the value.
    func flag(_ name: String) throws(CommandFailure) -> Bool {
        guard let found = find(name) else { return false }
        switch found.value.lowercased() {
        case "true", "yes", "on", "1": return true
        case "false", "no", "off", "0": return false
        default: throw refusal(found, "true or false")
        }
    }

    /// The value of an option as a length of time in seconds; nil when no source has it.
    ///
    /// - Throws: ``CommandFailure`` that names the source and the value.
    func seconds(_ name: String) throws(CommandFailure) -> Int64? {
        guard let found = find(name) else { return nil }
        guard let seconds = DurationText.seconds(found.value) else {
            throw refusal(found, DurationText.expectation)
        }
        return seconds
    }

    /// The value of an option as one of a set of words; nil when no source has it.
    ///
    /// - Throws: ``CommandFailure`` that names the source, the value and the words.
    func choice<Choice: CaseIterable & RawRepresentable>(
        _ name: String,
        of choices: Choice.Type = Choice.self
    ) throws(CommandFailure) -> Choice? where Choice.RawValue == String {
        guard let found = find(name) else { return nil }
        guard let choice = Choice.allCases.first(where: { $0.rawValue.utf8.elementsEqual(found.value.utf8) })
        else {
            throw refusal(found, "one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return choice
    }

    /// Which of several options that exclude one another is given, by the source that goes first.
    ///
    /// - Returns: the option's name and value; nil when no source has any.
    /// - Throws: ``CommandFailure`` when one source has two of them.
    func exclusive(_ names: [String]) throws(CommandFailure) -> (name: String, value: String)? {
        let found = names.compactMap { name in find(name).map { (name: name, found: $0) } }
        guard let rank = found.map(\.found.rank).min() else { return nil }
        let first = found.filter { $0.found.rank == rank }
        guard first.count == 1 else {
            throw .trouble(
                "\(first.map(\.found.origin).joined(separator: " and ")) are both given, expected one"
            )
        }
        return (first[0].name, first[0].found.value)
    }

    /// The name under which an option is looked for in the environment.
    static func environmentName(_ name: String) -> String {
        "PORTCULLIS_" + name.uppercased().replacing("-", with: "_")
    }

    private func find(_ name: String) -> Found? {
        if let value = commandLine[name] { return Found(value: value, origin: "--\(name)", rank: 0) }
        let variable = Self.environmentName(name)
        if let value = environment[variable], !value.isEmpty {
            return Found(value: value, origin: variable, rank: 1)
        }
        return file[name]
    }

    private func refusal(_ found: Found, _ expectation: String) -> CommandFailure {
        .trouble("\(found.origin) is \"\(Printable.text(found.value))\", expected \(expectation)")
    }
}

// MARK: - The file

extension SettingsSource {
    /// What is wrong and in which line; the line's text stays out, as it may hold a secret.
    private static func fault(_ error: any Error) -> String {
        guard let error = error as? YamlError else { return "" }
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return ": line \(mark.line): \(problem)"
        case .duplicatedKeysInMapping(let duplicates, _):
            return ": \(Printable.text(duplicates.joined(separator: ", "))) is given twice"
        case .reader(let problem, _, _, _), .writer(let problem), .emitter(let problem),
            .representer(let problem):
            return ": \(problem)"
        case .no, .memory, .dataCouldNotBeDecoded: return ""
        }
    }

    private static func read(_ path: String, known: Set<String>) throws(CommandFailure) -> [String: Found] {
        let bytes = try Files.read(path, what: "settings", limit: maximumFileBytes)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .trouble("the settings file \(path) is not UTF-8 text")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw .trouble("the settings file \(path) is not YAML\(fault(error))")
        }
        // A file of comments only.
        guard let root else { return [:] }
        guard let mapping = root.mapping else {
            throw .trouble(
                "the settings file \(path) is a list or a single value, expected lines `name: value`"
            )
        }
        var settings: [String: Found] = [:]
        for (key, value) in mapping {
            let place = "\(path), line \(key.mark?.line ?? 0)"
            guard let name = key.scalar?.string, known.contains(name) else {
                let names = known.sorted().joined(separator: ", ")
                throw .trouble(
                    "\(place): \"\(Printable.text(key.scalar?.string ?? "a list"))\" is no setting, "
                        + "expected one of \(names)"
                )
            }
            guard settings[name] == nil else { throw .trouble("\(place): \(name) is given twice") }
            guard let scalar = value.scalar else {
                throw .trouble("\(place): \(name) is a list or an object, expected a single value")
            }
            settings[name] = Found(value: scalar.string, origin: "\(name) in \(place)", rank: 2)
        }
        return settings
    }
}
