import ArgumentParser
import GatewayCore

/// `portcullis export`: writes the catalog of a running gateway as a file.
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write the catalog of a running gateway as a YAML file.",
        discussion: """
            The file is in the form that apply reads. Secrets are not in it: API tokens stand there as SHA-256 \
            digests, HMAC secrets as fingerprints. Applied to the same gateway it changes nothing; on another \
            gateway each secret must be given anew.

            Exit codes: 0 written, 1 the gateway refused, 2 no answer, not written, or wrong options.

            Examples:
              portcullis export > catalog.yaml
              portcullis export -o catalog.yaml
            """
    )

    @Option(name: [.short, .long], help: "The file to write; standard output when it is not given.")
    var output: String?

    @OptionGroup var adminOptions: AdminOptions

    func run() async throws {
        let document: DocumentNode
        do {
            document = try await AdminClient(adminOptions).require(method: "GET", path: "/api/v1/catalog")
        } catch let problem as AdminProblem {
            throw CommandFailure.refused(Printable.lines(problem.description))
        }
        let text = try YAMLCatalog.write(
            document,
            header: [
                "The catalog of a Portcullis gateway, as written by portcullis export.",
                "Secrets are not in it: where one was there is its fingerprint or its SHA-256 digest.",
            ]
        )
        if let output, output != "-" {
            try Files.write(text, to: output, mode: 0o644, overwrite: true)
        } else {
            // Its last line break is added in printing.
            try Terminal.print(String(text.dropLast()))
        }
    }
}
