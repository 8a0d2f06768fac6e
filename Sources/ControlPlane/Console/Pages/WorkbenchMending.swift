import GatewayCore

/// Mending a likely cause from the bench: it asks first, and what was asked about is what is done, or nothing.
struct WorkbenchMending {
    let bench: WorkbenchPages
    private static let prefix = "remedy."

    /// A remedy as fields of a form that are not shown.
    static func hidden(_ remedy: DocumentNode?) -> [(name: String, value: String)] {
        (remedy?.value.members ?? []).map { member in
            let text =
                switch member.node.value {
                case .string(let text): text
                case .integer(let number): "\(number)"
                case .bool(let isOn): isOn ? "true" : "false"
                case .null, .decimal, .array, .object: ""
                }
            return (name: prefix + member.name, value: text)
        }
    }

    /// The remedy that such fields tell, as the API takes it.
    private static func remedy(_ form: Form) -> [(String, DocumentValue)] {
        LikelyCause.remedyShape.fields.compactMap { field in
            guard let text = form[prefix + field.name] else { return nil }
            switch field.name {
            case "seconds": return (field.name, Int64(text).map { .integer($0) } ?? .string(text))
            case "secret_is_base64": return (field.name, .bool(text == "true"))
            default: return (field.name, .string(text))
            }
        }
    }

    /// Asks, and when that was confirmed has it mended.
    ///
    /// - Throws: ``ConsoleProblem``.
    func mend(_ visit: Visit) async throws -> ConsoleAnswer {
        let work = WorkbenchPages.Work(visit.form)
        if visit.form.isOn("back") { return try await bench.page(visit, work) }
        let remedy = Self.remedy(visit.form)
        do {
            guard visit.form.isOn("confirmed") else {
                return try await ask(visit, work, DocumentNode(object: remedy))
            }
            let body = work.question + [("cause", .string(visit.form.text("mend")))] + remedy
            try await visit.api.send("POST", "/api/v1/explain/mend", [], .fields(body))
        } catch let problem as ConsoleProblem where problem.status < 500 && problem.status != 403 {
            return try await bench.page(visit, work, problem)
        }
        return try await bench.page(visit, work, note: "Mended. The call was decided anew:")
    }

    private func ask(
        _ visit: Visit,
        _ work: WorkbenchPages.Work,
        _ remedy: DocumentNode
    ) async throws -> ConsoleAnswer {
        let action = remedy.text("action")
        let button = RemedyWords.button(action, remedy["value"]?.value.text)
        guard !button.isEmpty else { throw Problem(.badRequest, "there is no such remedy; go back") }
        let subjects = try await subjects(remedy, visit)
        var consequences = [
            "It changes \(subjects.isEmpty ? "the settings" : subjects.joined(separator: ", "))."
        ]
        if let seconds = remedy["seconds"]?.value.number {
            consequences.append("The new value is \(seconds) s.")
        }
        if let isBase64 = remedy["secret_is_base64"]?.value {
            consequences.append(
                isBase64.isTrue
                    ? "The secret is decoded as Base64 from then on."
                    : "The secret is used as it stands from then on."
            )
        }
        let hidden = [(name: "mend", value: visit.form.text("mend")), (name: "confirmed", value: "on")]
        return CatalogPage.confirm(
            "Mend this?",
            .workbench,
            [Crumb("Token workbench", ConsoleSection.workbench.path)],
            question: "\(button)?",
            consequences: consequences + [RemedyWords.effect(action)],
            action: "/console/workbench/mend",
            submit: button,
            cancel: ConsoleSection.workbench.path,
            hidden: hidden + work.hidden + Self.hidden(remedy),
            cancelButton: "back"
        )
    }

    /// What the remedy changes, by name.
    private func subjects(_ remedy: DocumentNode, _ visit: Visit) async throws -> [String] {
        func id(_ field: String) -> String? { remedy[field]?.value.text.map(PathSegment.encoded) }
        func read(_ path: String) async throws -> DocumentNode { try await visit.api.get("/api/v1/" + path) }
        func named(_ noun: String, _ node: DocumentNode) -> String {
            "the \(noun) \(CatalogPage.quoted(node.text("name")))"
        }
        var subjects: [String] = []
        if let client = id("client_id") {
            subjects.append(named("client", try await read("clients/\(client)")))
        }
        if let profile = id("profile_id") {
            let found = try await read("profiles/\(profile)")
            let client = CatalogPage.quoted(found.text("client"))
            subjects.append("\(named("access profile", found)) of \(client)")
            if let key = id("key_id") {
                subjects.append(named("key", try await read("profiles/\(profile)/keys/\(key)")))
            }
            if let token = id("api_token_id") {
                subjects.append(named("API token", try await read("profiles/\(profile)/api-tokens/\(token)")))
            }
        }
        if let collection = id("collection_id") {
            let found = try await read("collections/\(collection)")
            subjects.append("\(named("collection", found)) (/\(found.text("handle")))")
        }
        if let endpoint = id("endpoint_id") {
            subjects.append(named("endpoint", try await read("endpoints/\(endpoint)")))
        }
        return subjects
    }
}
