import GatewayCore

/// The route tester: which endpoint a method and URL reach, and where the call would go.
struct RouteTestPages {
    /// The pages.
    var routes: [ConsoleRoute] {
        [.show("/collections/test") { visit in try await show(visit) }]
    }

    private static let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]

    private func show(_ visit: Visit) async throws -> ConsoleAnswer {
        let url = visit.query.text("url")
        let method = visit.query["method"] ?? "GET"
        var content: [(String, DocumentValue)] = []
        if !url.isEmpty {
            do {
                content = try await outcome(method, url, visit)
            } catch let problem as ConsoleProblem where [400, 422].contains(problem.status) {
                let fault = problem.fault(of: "url") ?? problem.fault(of: "method") ?? problem.detail
                content = [("colour", .string("bad")), ("words", .string("This cannot be tried: \(fault)"))]
            }
        }
        let options = (Self.methods.contains(method) ? [] : [method]) + Self.methods
        return .page(
            ConsolePage(
                "route-test",
                title: "Route tester",
                section: .collections,
                CatalogPage.crumbs([CollectionPages.crumb]) + [
                    ("url", .string(url)), ("hasOutcome", .bool(!url.isEmpty)),
                    (
                        "methods",
                        .array(
                            options.map {
                                DocumentNode(object: [
                                    ("value", .string($0)), ("isChosen", .bool($0 == method)),
                                ])
                            }
                        )
                    ),
                ] + content
            )
        )
    }

    private func outcome(
        _ method: String,
        _ url: String,
        _ visit: Visit
    ) async throws -> [(String, DocumentValue)] {
        let decision = try await visit.api.send(
            "POST",
            "/api/v1/explain",
            [],
            .fields([("method", .string(method)), ("url", .string(url))])
        )
        guard let label = decision["endpoint"]?.value.text else {
            let route = decision["checks"]?.elements.first { $0.text("check") == "route" }
            let detail = route?.text("detail") ?? ""
            let status = decision["status"]?.value.number ?? 404
            return [
                ("colour", .string("bad")),
                ("words", .string("No endpoint answers: \(status) \(decision.text("code"))")),
                ("facts", .array(detail.isEmpty ? [] : [Self.fact("Why", detail)])),
            ]
        }
        let handle = String(label.prefix { $0 != "/" })
        let name = String(label.dropFirst(handle.count + 1))
        let found = try await visit.api.get("/api/v1/endpoints", [("collection", handle), ("name", name)])
        guard let endpoint = found["items"]?.elements.first else {
            return [("colour", .string("good")), ("words", .string("Reaches the gateway’s own \(label)"))]
        }
        return try await reached(endpoint, decision.text("path"), visit)
    }

    private func reached(
        _ endpoint: DocumentNode,
        _ path: String,
        _ visit: Visit
    ) async throws -> [(String, DocumentValue)] {
        let template = "/\(endpoint.text("collection"))\(endpoint.text("path"))"
        let parameters = Self.parameters(of: template, in: path)
        let upstreams = try await visit.api.get("/api/v1/upstreams", [("name", endpoint.text("upstream"))])
        let target = upstreams["items"]?.elements.first?["targets"]?.elements.first?.text("url") ?? ""
        var upstreamPath = endpoint["upstream_path"]?.value.text ?? endpoint.text("path")
        for (name, value) in parameters { upstreamPath = upstreamPath.replacing("{\(name)}", with: value) }
        let base = target.hasSuffix("/") ? String(target.dropLast()) : target
        let isOpen = endpoint.text("authentication") == "none"
        return [
            ("colour", .string("good")), ("words", .string("Reaches an endpoint")),
            (
                "link",
                .fields([
                    ("name", .string(endpoint.text("name"))),
                    (
                        "path",
                        .string(
                            "\(CollectionPages.root)/\(endpoint.text("collection_id"))/endpoints/\(endpoint.text("id"))"
                        )
                    ),
                ])
            ),
            (
                "facts",
                .array(
                    [Self.fact("Path template", template)]
                        + parameters.map { Self.fact("{\($0.0)}", $0.1) } + [
                            Self.fact("Upstream", endpoint.text("upstream")),
                            Self.fact("Goes to", base + upstreamPath),
                            Self.fact("Authentication", isOpen ? "none" : "required"),
                        ]
                )
            ),
        ]
    }

    /// What stands in a path where the template has its parameters.
    static func parameters(of template: String, in path: String) -> [(String, String)] {
        zip(template.split(separator: "/"), path.split(separator: "/")).compactMap { part, value in
            guard part.hasPrefix("{"), part.hasSuffix("}") else { return nil }
            return (String(part.dropFirst().dropLast()), String(value))
        }
    }

    private static func fact(_ label: String, _ value: String) -> DocumentNode {
        DocumentNode(object: [("label", .string(label)), ("value", .string(value))])
    }
}
