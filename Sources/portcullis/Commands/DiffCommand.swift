import ArgumentParser

/// `portcullis diff`: says what `apply` would change.
struct DiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Say in what the catalog of a running gateway differs from a file.",
        discussion: """
            Prints the steps that apply would take, and takes none.

            Exit codes: 0 no difference, 1 differences, 2 trouble (bad file, no answer, wrong options).

            Example:
              portcullis diff -f catalog.yaml --prune
            """
    )

    @Option(name: [.short, .long], help: "The catalog file; - is standard input.")
    var file: String

    @Flag(help: "Count what the file does not mention as a difference.")
    var prune = false

    @OptionGroup var adminOptions: AdminOptions

    func run() async throws {
        let answer: CatalogExchange.Answer
        do {
            answer = try await CatalogExchange(adminOptions).put(file, isDryRun: true, prunes: prune)
        } catch let failure as CommandFailure {
            // A refused file is trouble here: 1 says that the file and the catalog differ.
            throw CommandFailure.trouble(failure.description)
        }
        guard !answer.steps.isEmpty else { return try Terminal.print("no difference") }
        let plan = PlanPrinter.text(answer.steps, style: TerminalStyle(for: .output))
        try Terminal.print(plan + PlanPrinter.counts(answer.steps))
        throw ExitCode(1)
    }
}
