import GatewayCore

/// The filters of a list: fields of a form that is sent with GET, passed on to the admin API.
struct ListFilters: Sendable {
    private let names: [String]

    init(_ names: [String]) {
        self.names = names
    }

    /// The filters as the API takes them; empty fields of the form are left out.
    func values(_ visit: Visit) -> [(String, String?)] {
        names.map { name in
            let text = visit.query.text(name)
            guard !text.isEmpty else { return (name, nil) }
            // A field for a date and time has no offset: what is meant is UTC, as everywhere on these pages.
            let isTime = name == "from" || name == "to"
            return (name, isTime && !text.hasSuffix("Z") ? text + (text.count == 16 ? ":00Z" : "Z") : text)
        }
    }

    /// The filters as the query of an address.
    func query(_ visit: Visit) -> String {
        values(visit).compactMap { name, value in value.map { "\(name)=\(PathSegment.encoded($0))" } }
            .joined(separator: "&")
    }

    /// What the API finds; with a filter that it cannot take, nothing and why.
    func find(
        _ visit: Visit,
        _ path: String,
        _ more: [(String, String?)]
    ) async throws -> (answer: DocumentNode, fault: String) {
        do {
            return (try await visit.api.get(path, values(visit) + more), "")
        } catch let problem as ConsoleProblem where problem.status == 400 {
            let faults = problem.errors.map { "\($0.field): \($0.detail)" }
            return (DocumentNode(.null), faults.isEmpty ? problem.detail : faults.joined(separator: "; "))
        }
    }

    /// A field for a date and time.
    func timeField(_ name: String, _ label: String, _ visit: Visit) -> FormField {
        let text = visit.query.text(name).prefix { $0 != "Z" }
        return FormField(name, label, .line(type: "datetime-local"), value: String(text))
    }
}
