import ArgumentParser

/// `portcullis apply`: makes the catalog of a running gateway like a file.
struct ApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Make the catalog of a running gateway like a file.",
        discussion: """
            The file is YAML or JSON; names identify. What the file does not mention stays, unless --prune is given. \
            Keys and secrets may come from elsewhere: public_key_file, secret_file, secret_env, token_file and \
            token_env, with paths relative to the catalog file. Applying the same file twice changes nothing.

            Exit codes: 0 applied or nothing to do, 1 the file was refused, 2 no answer or wrong options.

            Examples:
              portcullis apply -f catalog.yaml --dry-run
              portcullis apply -f catalog.yaml --prune --admin https://gateway.example:8081
            """
    )

    @Option(name: [.short, .long], help: "The catalog file; - is standard input.")
    var file: String

    @Flag(help: "Print the plan and change nothing.")
    var dryRun = false

    @Flag(help: "Delete what the file does not mention.")
    var prune = false

    @OptionGroup var adminOptions: AdminOptions

    func run() async throws {
        let answer = try await CatalogExchange(adminOptions).put(file, isDryRun: dryRun, prunes: prune)
        let plan = PlanPrinter.text(answer.steps, style: TerminalStyle(for: .output))
        let count = PlanPrinter.counts(answer.steps)
        if answer.steps.isEmpty {
            try Terminal.print("nothing to do: the catalog is like the file")
        } else if dryRun {
            try Terminal.print("\(plan)dry run, nothing was changed: \(count)")
        } else {
            try Terminal.print("\(plan)applied as revision \(answer.revision): \(count)")
        }
    }
}
