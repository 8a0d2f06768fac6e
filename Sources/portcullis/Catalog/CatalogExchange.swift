import GatewayCore

/// Sends a catalog file to the admin API and reads the plan that it answers with.
struct CatalogExchange {
    /// What the admin API answers to a whole catalog.
    struct Answer {
        /// The revision of the catalog now.
        let revision: Int64
        /// The steps: `{"action", "kind", "name", "changes"}`.
        let steps: [DocumentNode]
    }

    private let client: AdminClient

    /// Takes address and token from the options.
    ///
    /// - Throws: ``CommandFailure`` of kind trouble.
    init(_ options: AdminOptions) throws {
        client = try AdminClient(options)
    }

    /// Sends a file; a refused field is reported with its line.
    ///
    /// - Throws: ``CommandFailure``: refused when the file is, trouble when there is no answer.
    func put(_ path: String, isDryRun: Bool, prunes: Bool) async throws -> Answer {
        let document: DocumentNode
        do {
            document = try YAMLCatalog.read(path)
        } catch let error as CatalogFileError {
            throw CommandFailure.refused(error.description)
        }
        do {
            let answer = try await client.require(
                method: "PUT",
                path: "/api/v1/catalog",
                query: [("dry_run", String(isDryRun)), ("prune", String(prunes))],
                json: document
            )
            guard let steps = answer["steps"], case .array(let steps) = steps.value else {
                throw CommandFailure.trouble(
                    "\(client.address) did not answer with a plan; is it the admin API?"
                )
            }
            let revision =
                if case .integer(let number) = answer["revision"]?.value { number } else { Int64(0) }
            return Answer(revision: revision, steps: steps)
        } catch let problem as AdminProblem {
            let faults = problem.errors.map { error in
                let message = error.field.isEmpty ? error.detail : "\(error.field): \(error.detail)"
                let position = document.position(ofField: error.field)
                return CatalogFileError(path: path, position: position, message: message).description
            }
            let reason = faults.isEmpty ? problem.description : faults.joined(separator: "\n")
            throw CommandFailure.refused(Printable.lines(reason))
        }
    }
}
