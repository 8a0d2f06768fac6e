import GatewayCore

/// The access profile that a token on the bench is verified against: looked for by name, or led to from its screen.
struct WorkbenchProfile {
    private static let mostMatches = 50

    /// Its identity; empty when none is chosen.
    let id: String
    private let name: String
    private let search: String
    private let matches: [FormField.Option]
    private let total: Int64
    /// What is wrong with what was looked for.
    private let fault: String

    /// Finds it.
    ///
    /// - Throws: ``ConsoleProblem``.
    init(_ visit: Visit, _ work: WorkbenchPages.Work) async throws {
        search = work.profileSearch
        var matches: [FormField.Option] = []
        var total: Int64 = 0
        var fault = ""
        var chosen: DocumentNode?
        do {
            if !work.profile.isEmpty {
                chosen = try await visit.api.get("/api/v1/profiles/\(PathSegment.encoded(work.profile))")
            }
            if !search.isEmpty {
                let found = try await visit.api.get(
                    "/api/v1/profiles",
                    [("search", search), ("limit", "\(Self.mostMatches)")]
                )
                let items = found["items"]?.elements ?? []
                total = found["total"]?.value.number ?? 0
                matches = items.map { FormField.Option($0.text("id"), Self.title($0)) }
                if items.isEmpty { fault = "no access profile has this in its name or its client’s" }
                if items.count == 1, visit.form["find"] != nil { chosen = items.first }
            }
        } catch let problem as ConsoleProblem where problem.status < 500 {
            fault = problem.detail
        }
        id = chosen?.text("id") ?? ""
        name = chosen.map(Self.title) ?? ""
        self.matches = matches
        self.total = total
        self.fault = fault
    }

    private static func title(_ profile: DocumentNode) -> String {
        "\(CatalogPage.quoted(profile.text("client"))) / \(CatalogPage.quoted(profile.text("name")))"
    }

    /// The fields to choose it with.
    var fields: [FormField] {
        var wanted = FormField(
            "profile_search",
            "Find an access profile",
            value: search,
            hint: "To verify the signature against its keys: a part of its name, or of its client’s."
        )
        wanted.fault = fault
        let own: [FormField.Option] =
            id.isEmpty || matches.contains { $0.value == id } ? [] : [FormField.Option(id, name)]
        guard !(own + matches).isEmpty else { return [wanted] }
        let isCut = total > Int64(matches.count)
        return [
            wanted,
            FormField(
                "profile_id",
                "Access profile",
                .choice([FormField.Option("", "none")] + own + matches),
                value: id,
                hint: isCut ? "The first \(matches.count) of \(total): look for more of the name." : ""
            ),
        ]
    }

    /// Which of its keys verifies the token, or why none does; nothing when there is no token or no profile.
    ///
    /// - Throws: ``ConsoleProblem``.
    func verdict(_ visit: Visit, _ token: String) async throws -> [(String, DocumentValue)] {
        guard !id.isEmpty, !token.isEmpty else { return [] }
        let answer = try await visit.api.send(
            "POST",
            "/api/v1/tokens/verify",
            [],
            .fields([("token", .string(token)), ("profile_id", .string(id))])
        )
        return [
            (
                "verdict",
                .fields([
                    ("isVerified", .bool(answer["verified"]?.value.isTrue ?? false)),
                    ("against", .string(name)), ("path", .string("\(ProfilePages.root)/\(id)")),
                    ("keyName", answer["key_name"]?.value ?? .null), ("kind", answer["kind"]?.value ?? .null),
                    ("fingerprint", answer["fingerprint"]?.value ?? .null),
                    ("reason", answer["reason"]?.value ?? .null),
                ])
            )
        ]
    }
}
