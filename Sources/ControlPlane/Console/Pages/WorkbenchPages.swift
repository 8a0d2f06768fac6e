import GatewayCore

/// The token workbench: what a token says, whether a call with it would be let in, and if not, what mends it.
///
/// Tokens are credentials: they come and go in the bodies of forms, and never stand in an address.
struct WorkbenchPages {
    /// The pages.
    var routes: [ConsoleRoute] {
        [
            .show("/workbench") { visit in
                var work = Work(visit.query)
                // Whoever makes somebody follow a link lays neither a token nor a question on the bench.
                (work.token, work.address, work.isExplained) = ("", "", false)
                return try await page(visit, work)
            },
            .post("/workbench", .role(.viewer)) { visit in try await page(visit, Work(visit.form)) },
            .post("/workbench/decode", .role(.viewer)) { visit in try await decoded(visit) },
            .post("/workbench/sign") { visit in try await WorkbenchSigning(bench: self).sign(visit) },
            .post("/workbench/mend") { visit in try await WorkbenchMending(bench: self).mend(visit) },
        ]
    }

    /// What lies on the bench.
    struct Work {
        /// The token as it was pasted.
        var token: String
        /// The call that it is for.
        var method: String
        var url: String
        var address: String
        /// The profile that the token is verified against, or signed for; empty for none.
        var profile: String
        /// A part of the name of the profile that is looked for; empty for none.
        var profileSearch: String
        /// Whether a private key was pasted where the token belongs; it is not kept.
        let isPrivateKey: Bool
        /// Whether the call is to be explained, rather than the token only read.
        var isExplained: Bool

        init(_ form: Form) {
            isPrivateKey = PrivateKeyText.isFound(in: form.text("token"))
            token = isPrivateKey ? "" : form.text("token")
            method = form.text("method").isEmpty ? "GET" : form.text("method")
            url = form.text("url")
            address = form.text("client_address")
            profile = form.text("profile_id")
            profileSearch = form.text("profile_search")
            isExplained = form["explain"] != nil || form["mend"] != nil
        }

        /// The call, as the API takes it.
        var question: [(String, DocumentValue)] {
            var members: [(String, DocumentValue)] = [
                ("method", .string(method)), ("url", .string(url.isEmpty ? "/" : url)),
            ]
            if !token.isEmpty { members.append(("token", .string(token))) }
            if !address.isEmpty { members.append(("client_address", .string(address))) }
            return members
        }

        /// All of it as fields that are not shown, for a form that comes back to the bench.
        var hidden: [(name: String, value: String)] {
            call + (token.isEmpty ? [] : [(name: "token", value: token)])
        }

        /// The call and the profile alone, for a form that brings a token of its own.
        var call: [(name: String, value: String)] {
            let fields = [
                (name: "method", value: method), (name: "url", value: url),
                (name: "client_address", value: address),
                (name: "profile_id", value: profile), (name: "profile_search", value: profileSearch),
            ]
            return fields.filter { !$0.value.isEmpty }
        }

        /// Such fields, as templates show them.
        static func content(_ fields: [(name: String, value: String)]) -> DocumentValue {
            .array(
                fields.map {
                    DocumentNode(object: [("name", .string($0.name)), ("value", .string($0.value))])
                }
            )
        }
    }

    // MARK: Reading and explaining

    /// The bench with what lies on it.
    ///
    /// - Parameters:
    ///   - visit: the request.
    ///   - given: what lies on the bench.
    ///   - note: what was done.
    ///   - problem: why something could not be done.
    ///   - isSigned: whether the problem is about signing, and stands there.
    /// - Returns: the page; with status 422 when there is a problem.
    /// - Throws: ``ConsoleProblem``.
    func page(
        _ visit: Visit,
        _ given: Work,
        note: String = "",
        _ problem: ConsoleProblem? = nil,
        isSigned: Bool = false
    ) async throws -> ConsoleAnswer {
        let choice = try await WorkbenchProfile(visit, given)
        var work = given
        work.profile = choice.id
        var content: [(String, DocumentValue)] = [
            ("note", .string(note)),
            ("fields", .array((fields(work) + choice.fields).map(\.content))),
            ("token", .string(work.token)),
        ]
        var problem = problem
        var fault = isSigned ? "" : problem?.detail ?? ""
        if work.isPrivateKey {
            problem = problem ?? ConsoleProblem(422, [])
            fault = "This is a private key and no token. It is not shown again here: consider it exposed."
        }
        let read = work.token.isEmpty ? [] : try await reading(visit, work.token)
        content += read
        content += try await choice.verdict(visit, work.token)
        if work.isExplained, !work.isPrivateKey {
            do {
                content += try await explanation(visit, work)
            } catch let error as ConsoleProblem where error.status < 500 {
                problem = error
                fault = error.detail
            }
        }
        content.append(("fault", .string(fault)))
        let payload = read.first { $0.0 == "payload" }?.1.text ?? ""
        content += try await WorkbenchSigning(bench: self).form(
            visit,
            work,
            payload: payload,
            isSigned ? problem : nil
        )
        return .page(
            ConsolePage(
                "workbench",
                title: "Token workbench",
                section: .workbench,
                status: problem == nil ? 200 : 422,
                content
            )
        )
    }

    private func fields(_ work: Work) -> [FormField] {
        let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
        return [
            FormField(
                "token",
                "Token",
                .area(rows: 6, isCode: true),
                value: work.token,
                hint: "A JSON Web Token, or an API token. It stays in this gateway.",
                placeholder: "eyJhbGciOi…"
            ),
            FormField(
                "method",
                "Method",
                .choice(
                    (methods + (methods.contains(work.method) ? [] : [work.method])).map {
                        FormField.Option($0, $0)
                    }
                ),
                value: work.method
            ),
            FormField(
                "url",
                "Path or URL of the call",
                value: work.url,
                hint: "What the caller asks the gateway for.",
                placeholder: "/api-endpoints-v1/call"
            ),
            FormField(
                "client_address",
                "Caller's address",
                value: work.address,
                hint: "Only where profiles have address lists.",
                placeholder: "192.0.2.7"
            ),
        ]
    }

    /// The token's parts, what they say, and what is wrong with them.
    private func reading(_ visit: Visit, _ token: String) async throws -> [(String, DocumentValue)] {
        let answer = try await visit.api.send(
            "POST",
            "/api/v1/tokens/decode",
            [],
            .fields([("token", .string(token))])
        )
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        let shown = parts.count == 3 ? parts : [Substring(token)]
        return [
            ("isRead", .bool(true)),
            (
                "parts",
                .array(
                    shown.enumerated().map { index, part in
                        DocumentNode(
                            object: [
                                ("number", .integer(Int64(index + 1))), ("text", .string(String(part))),
                                ("isLast", .bool(index + 1 == shown.count)),
                            ]
                        )
                    }
                )
            ),
            ("header", .string(JSONLayout.indented(answer.text("header")))),
            ("payload", .string(JSONLayout.indented(answer.text("payload")))),
            (
                "times",
                .array((answer["times"]?.elements ?? []).map { DocumentNode(object: [("text", $0.value)]) })
            ),
            ("hasTimes", .bool(!(answer["times"]?.elements ?? []).isEmpty)),
            ("problems", answer["problems"]?.value ?? .array([])),
            ("hasProblems", .bool(!(answer["problems"]?.elements ?? []).isEmpty)),
        ]
    }

    /// The token's parts alone: what the script shows while a token is being pasted.
    private func decoded(_ visit: Visit) async throws -> ConsoleAnswer {
        let token = Work(visit.form).token
        let content = token.isEmpty ? [] : try await reading(visit, token)
        return .page(ConsolePage("token-reading", title: "", content))
    }

    private func explanation(_ visit: Visit, _ work: Work) async throws -> [(String, DocumentValue)] {
        let answer = try await visit.api.send("POST", "/api/v1/explain", [], .fields(work.question))
        let code = answer["code"]?.value.text
        let causes = (answer["likely_causes"]?.elements ?? []).map { cause in self.cause(cause, work, visit) }
        return [
            ("isExplained", .bool(true)), ("isAdmitted", .bool(code == nil)),
            ("code", .string(code ?? "")), ("status", .integer(answer.count("status"))),
            ("client", answer["client"]?.value ?? .null), ("profile", answer["profile"]?.value ?? .null),
            ("endpoint", answer["endpoint"]?.value ?? .null),
            ("checks", .array((answer["checks"]?.elements ?? []).map(CheckWords.content))),
            ("causes", .array(causes)), ("hasCauses", .bool(!causes.isEmpty)),
        ]
    }

    /// A likely cause, with the button that mends it where that is a change of the catalog.
    private func cause(_ cause: DocumentNode, _ work: Work, _ visit: Visit) -> DocumentNode {
        let action = cause["remedy"]?["action"]?.value.text ?? "none"
        let value = cause["remedy"]?["value"]?.value.text
        let outcome = cause["then"]?["outcome"]?.value.text
        let then =
            switch outcome {
            case "admitted": "Then the call would be let in."
            case "refused": "Then it would be refused as \(cause["then"]?["code"]?.value.text ?? "")."
            default: ""
            }
        return DocumentNode(
            object: [
                ("code", cause["code"]?.value ?? .null), ("text", cause["text"]?.value ?? .null),
                ("then", .string(then)),
                ("button", .string(visit.may(.manager) ? RemedyWords.button(action, value) : "")),
                ("advice", .string(RemedyWords.advice(action, value))),
                ("hidden", Work.content(work.hidden + WorkbenchMending.hidden(cause["remedy"]))),
            ]
        )
    }
}
