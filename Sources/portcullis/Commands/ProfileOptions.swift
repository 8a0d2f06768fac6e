import ArgumentParser
import GatewayCore

/// Which profile of a running gateway a command is about.
struct ProfileOptions: ParsableArguments {
    @Option(help: "The profile's name or identity.")
    var profile: String

    @Option(help: "The name of the profile's client, where several clients have a profile of this name.")
    var client: String?

    /// The identity of the profile.
    ///
    /// - Throws: ``CommandFailure`` of kind trouble when there is none, or more than one; ``AdminProblem``.
    func find(_ admin: AdminClient) async throws -> String {
        if ProfileID(profile) != nil { return profile }
        let page = try await admin.require(
            method: "GET",
            path: "/api/v1/profiles",
            query: [("name", profile), ("limit", "200")]
        )
        let found = (page["items"]?.elements ?? []).filter { item in
            client == nil || item["client"]?.value.text == client
        }
        guard let first = found.first, let id = first["id"]?.value.text else {
            let owner = client.map { " of client \"\(Printable.text($0))\"" } ?? ""
            throw CommandFailure.trouble("there is no profile \"\(Printable.text(profile))\"\(owner)")
        }
        guard found.count == 1 else {
            let clients = found.compactMap { $0["client"]?.value.text }.map { "\"\(Printable.text($0))\"" }
            throw CommandFailure.trouble(
                "\(found.count) profiles are named \"\(Printable.text(profile))\"; say whose with --client: "
                    + clients.joined(separator: ", ")
            )
        }
        return id
    }
}

/// A command's calls of the admin API, whose refusals end it with exit code 1.
func askingAdmin<Outcome>(
    _ options: AdminOptions,
    _ body: (AdminClient) async throws -> Outcome
) async throws -> Outcome {
    do {
        return try await body(AdminClient(options))
    } catch let problem as AdminProblem {
        throw CommandFailure.refused(Printable.lines(problem.description))
    }
}
