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
        let question = DocumentValue.fields([("method", .string(method)), ("url", .string(url))])
        let test = try await visit.api.send("POST", "/api/v1/routes/test", [], question)
        let causes = (test["likely_causes"]?.elements ?? []).map { Self.fact("Perhaps", $0.text("text")) }
        guard let id = test["endpoint_id"]?.value.text else {
            let why = test.text("detail").isEmpty ? [] : [Self.fact("Why", test.text("detail"))]
            let isOwn = test["endpoint"]?.value.text != nil
            return [
                ("colour", .string(isOwn ? "good" : "bad")),
                (
                    "words",
                    .string(
                        isOwn
                            ? "Reaches the gateway’s own \(test.text("endpoint"))"
                            : "No endpoint answers: \(test.text("code"))"
                    )
                ),
                ("facts", .array(why + causes)),
            ]
        }
        let endpoint = try await visit.api.get("/api/v1/endpoints/\(PathSegment.encoded(id))")
        let parameters = (test["parameters"]?.elements ?? []).map {
            Self.fact("{\($0.text("name"))}", $0.text("value"))
        }
        let page = "\(CollectionPages.root)/\(endpoint.text("collection_id"))/endpoints/\(id)"
        let isOpen = endpoint.text("authentication") == "none"
        let facts =
            [Self.fact("Path template", "/\(endpoint.text("collection"))\(endpoint.text("path"))")]
            + parameters + [
                Self.fact("Upstream", endpoint.text("upstream")),
                Self.fact("Goes to", test.text("upstream_url")),
                Self.fact("Authentication", isOpen ? "none" : "required"),
            ]
        return [
            ("colour", .string("good")), ("words", .string("Reaches an endpoint")),
            ("link", .fields([("name", .string(endpoint.text("name"))), ("path", .string(page))])),
            ("facts", .array(facts)),
        ]
    }

    private static func fact(_ label: String, _ value: String) -> DocumentNode {
        DocumentNode(object: [("label", .string(label)), ("value", .string(value))])
    }
}
