import GatewayCore
import JOSE

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
            .post("/workbench/sign") { visit in try await sign(visit) },
            .post("/workbench/mend") { visit in try await mend(visit) },
        ]
    }

    /// What lies on the bench.
    private struct Work {
        /// The token as it was pasted.
        var token: String
        /// The call that it is for.
        var method: String
        var url: String
        var address: String
        /// The profile that the token is verified against, or signed for; empty for none.
        var profile: String
        /// Whether the call is to be explained, rather than the token only read.
        var isExplained: Bool

        init(_ form: Form) {
            token = form.text("token")
            method = form.text("method").isEmpty ? "GET" : form.text("method").uppercased()
            url = form.text("url")
            address = form.text("client_address")
            profile = form.text("profile_id")
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
    }

    // MARK: Reading and explaining

    private func page(_ visit: Visit, _ work: Work, note: String = "") async throws -> ConsoleAnswer {
        var content: [(String, DocumentValue)] = [
            ("note", .string(note)),
            ("fields", .array(fields(work).map(\.content))),
            ("token", .string(work.token)),
        ]
        if !work.token.isEmpty { content += try await reading(visit, work.token) }
        var problem: ConsoleProblem?
        if work.isExplained {
            do {
                content += try await explanation(visit, work)
            } catch let error as ConsoleProblem where error.status < 500 {
                problem = error
                content.append(("fault", .string(error.detail)))
            }
        }
        content += try await signing(visit, work)
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
        [
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
                    ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"].map {
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
            ("header", answer["header"]?.value ?? .null), ("payload", answer["payload"]?.value ?? .null),
            (
                "times",
                .array((answer["times"]?.elements ?? []).map { DocumentNode(object: [("text", $0.value)]) })
            ),
            ("hasTimes", .bool(!(answer["times"]?.elements ?? []).isEmpty)),
            ("problems", answer["faults"]?.value ?? .array([])),
            ("hasProblems", .bool(!(answer["faults"]?.elements ?? []).isEmpty)),
        ]
    }

    /// The token's parts alone: what the script shows while a token is being pasted.
    private func decoded(_ visit: Visit) async throws -> ConsoleAnswer {
        let token = visit.form.text("token")
        let content = token.isEmpty ? [] : try await reading(visit, token)
        return .page(ConsolePage("token-reading", title: "", content))
    }

    private func explanation(_ visit: Visit, _ work: Work) async throws -> [(String, DocumentValue)] {
        let answer = try await visit.api.send("POST", "/api/v1/explain", [], .fields(work.question))
        let code = answer["code"]?.value.text
        let causes = (answer["likely_causes"]?.elements ?? []).map { cause in self.cause(cause, visit) }
        return [
            ("isExplained", .bool(true)), ("isAdmitted", .bool(code == nil)),
            ("code", .string(code ?? "")), ("status", .integer(answer.count("status"))),
            ("client", answer["client"]?.value ?? .null), ("profile", answer["profile"]?.value ?? .null),
            ("endpoint", answer["endpoint"]?.value ?? .null),
            ("checks", .array((answer["checks"]?.elements ?? []).map(CheckWords.content))),
            ("causes", .array(causes)), ("hasCauses", .bool(!causes.isEmpty)),
            (
                "call",
                .array(
                    work.question.map { DocumentNode(object: [("name", .string($0.0)), ("value", $0.1)]) }
                )
            ),
        ]
    }

    /// A likely cause, with the button that mends it where that is a change of the catalog.
    private func cause(_ cause: DocumentNode, _ visit: Visit) -> DocumentNode {
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
            ]
        )
    }

    // MARK: Mending

    private func mend(_ visit: Visit) async throws -> ConsoleAnswer {
        let work = Work(visit.form)
        let body = work.question + [("cause", .string(visit.form.text("mend")))]
        try await visit.api.send("POST", "/api/v1/explain/mend", [], .fields(body))
        return try await page(visit, work, note: "Mended. The call was decided anew:")
    }

    // MARK: Signing

    private func sign(_ visit: Visit) async throws -> ConsoleAnswer {
        let form = visit.form
        var work = Work(form)
        do {
            let answer = try await visit.api.send("POST", "/api/v1/tokens/mint", [], try order(form))
            work.token = answer["token"]?.value.text ?? ""
            return try await page(visit, work, note: "Signed. The token lies on the bench.")
        } catch let problem as ConsoleProblem where problem.status < 500 {
            var content: [(String, DocumentValue)] = [("fields", .array(fields(work).map(\.content)))]
            content += try await signing(visit, work, problem)
            return .page(
                ConsolePage("workbench", title: "Token workbench", section: .workbench, status: 422, content)
            )
        }
    }

    /// What is to be signed, and with what.
    private func order(_ form: Form) throws -> DocumentValue {
        let payload: DocumentNode
        do {
            payload = try DocumentNode(
                json: Array(form.text("payload").utf8),
                limits: DocumentNode.entityJSONLimits
            )
        } catch {
            throw ConsoleProblem(422, [("payload", error.message)])
        }
        var members: [(String, DocumentValue)] = [("payload", payload.value)]
        let key = form.text("key")
        if !key.isEmpty, form.isOn("is_secret") {
            members += [("secret", .string(key)), ("secret_is_base64", .bool(form.isOn("secret_is_base64")))]
        } else if !key.isEmpty {
            members.append(("key", .string(key)))
        } else if !form.text("key_id").isEmpty {
            members += [
                ("profile_id", .string(form.text("profile_id"))), ("key_id", .string(form.text("key_id"))),
            ]
        } else {
            throw ConsoleProblem(422, [("key", "paste the private key or the secret to sign with")])
        }
        if !form.text("alg").isEmpty { members.append(("alg", .string(form.text("alg")))) }
        guard let minutes = Int64(form.text("minutes")), (1...1440).contains(minutes) else {
            throw ConsoleProblem(422, [("expires_in", "expected 1 to 1440 minutes")])
        }
        members.append(("expires_in", .integer(minutes * 60)))
        return .fields(members)
    }

    /// The form to sign with: for a profile that was chosen, with its secrets.
    private func signing(
        _ visit: Visit,
        _ work: Work,
        _ problem: ConsoleProblem? = nil
    ) async throws -> [(String, DocumentValue)] {
        guard visit.may(.manager) else { return [] }
        let form = visit.form
        let isSigning = form["sign"] != nil
        var fields = [
            FormField(
                "payload",
                "Payload",
                .area(rows: 8, isCode: true),
                value: #"{ "sub": "", "name": "John Doe" }"#,
                hint: "A JSON object. Without exp in it, the token gets one."
            )
        ]
        var secrets: [FormField.Option] = []
        if !work.profile.isEmpty { secrets = try await self.secrets(visit, work.profile) }
        if !secrets.isEmpty {
            let none = FormField.Option("", "none: paste a key below")
            fields.append(
                FormField(
                    "key_id",
                    "Stored secret",
                    .choice(secrets + [none]),
                    hint: "It signs here, and is not shown."
                )
            )
        }
        var pasted = FormField(
            "key",
            "Private key or secret",
            .area(rows: 4, isCode: true),
            hint: "A private key in any form: OpenSSH, PEM, JWK. It is used once and not kept."
        )
        pasted.isSecret = true
        let algorithms = SignatureAlgorithmNames.all.map { FormField.Option($0, $0) }
        fields += [
            pasted, FormField("is_secret", "It is an HMAC secret", .check),
            FormField("secret_is_base64", "The secret is Base64-encoded", .check),
            FormField(
                "alg",
                "Algorithm",
                .choice([FormField.Option("", "what the key is for")] + algorithms)
            ),
            FormField("minutes", "Lives for (minutes)", .line(type: "number"), value: "15"),
        ]
        if isSigning {
            fields = fields.map {
                $0.entered(form, problem, as: $0.name == "minutes" ? "expires_in" : $0.name)
            }
        }
        let named = fields.contains { !$0.fault.isEmpty }
        return [
            ("signFields", .array(fields.map(\.content))),
            ("signFault", .string(named ? "" : problem?.detail ?? "")),
            ("isSigning", .bool(isSigning || !secrets.isEmpty)), ("profileID", .string(work.profile)),
        ]
    }

    /// The HMAC secrets of a profile, by name.
    private func secrets(_ visit: Visit, _ profile: String) async throws -> [FormField.Option] {
        let path = "/api/v1/profiles/\(PathSegment.encoded(profile))/keys"
        let keys = try await visit.api.get(path, [("limit", "200")])
        return (keys["items"]?.elements ?? []).compactMap { key in
            guard key["public_key"]?.value.text == nil, let id = key["id"]?.value.text else { return nil }
            return FormField.Option(id, key["name"]?.value.text ?? id)
        }
    }
}

/// The names of the signature algorithms, for lists to choose from.
enum SignatureAlgorithmNames {
    static let all = SignatureAlgorithm.allCases.map(\.rawValue)
}

/// What mends a likely cause, in words.
enum RemedyWords {
    /// What the button says that changes the catalog; empty where there is nothing to change.
    static func button(_ action: String, _ value: String?) -> String {
        let value = value.map { " “\($0)”" } ?? ""
        return switch action {
        case "set_secret_is_base64": "Switch how the secret is read"
        case "rewrite_secret": "Keep the secret as the signer reads it"
        case "reactivate_key": "Activate the key"
        case "extend_key_retirement": "Keep the key for another week"
        case "start_key": "Let the key begin now"
        case "set_algorithm": "Allow\(value) for the key"
        case "set_method": "Switch the profile to\(value)"
        case "activate_profile": "Activate the profile"
        case "activate_client": "Activate the client"
        case "activate_api_token": "Activate the API token"
        case "extend_api_token": "Keep the API token for another week"
        case "set_identity_claim": "Look for the API token in\(value)"
        case "grant_collection": "Grant the collection"
        case "add_audience": "Accept the audience\(value)"
        case "add_issuer": "Accept the issuer\(value)"
        case "raise_leeway": "Allow for the difference of clocks"
        case "raise_max_lifetime": "Accept tokens that live so long"
        case "allow_address": "Allow the address\(value)"
        case "trust_proxy": "Trust the proxy\(value)"
        case "activate_endpoint": "Activate the endpoint"
        case "activate_collection": "Activate the collection"
        case "add_host": "Answer under the host\(value)"
        case "add_method": "Answer\(value)"
        default: ""
        }
    }

    /// What the caller has to do, where nothing is to be changed here.
    static func advice(_ action: String, _ value: String?) -> String {
        switch action {
        case "mint_another": "The caller has to sign another token."
        case "send_corrected": "The caller has to send it in its proper form."
        case "use_path": "The caller has to call \(value ?? "another path")."
        default: ""
        }
    }
}
