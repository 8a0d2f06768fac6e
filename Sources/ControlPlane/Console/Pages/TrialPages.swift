import GatewayCore
import JOSE

/// "Try it": a call with a credential of the profile, made through the gateway's own listener, and its decision.
struct TrialPages {
    /// The pages.
    var routes: [ConsoleRoute] {
        [
            .show("/profiles/{id}/try", .role(.manager)) { visit in
                try await TrialForm(visit).page(visit, nil)
            },
            .post("/profiles/{id}/try") { visit in try await perform(visit) },
        ]
    }

    private func perform(_ visit: Visit) async throws -> ConsoleAnswer {
        let form = try await TrialForm(visit)
        let shown = Self.withoutSecrets(visit)
        var credential: TrialCredential?
        do {
            credential = try await form.credential(visit)
            var trial: DocumentNode?
            if visit.form.isOn("call") {
                let body = form.call(visit) + (credential?.members ?? [])
                trial = try await visit.api.send("POST", "/api/v1/try", [], .fields(body))
            }
            let note = Self.note(shown, visit)
            if !note.isEmpty { credential = nil }
            let mask = Self.mask(visit, hidesAll: !note.isEmpty)
            return form.page(shown, nil, outcome(trial, credential, shown, mask) + [("note", .string(note))])
        } catch let problem as ConsoleProblem where problem.status < 500 && problem.status != 403 {
            let note = Self.note(shown, visit)
            if !note.isEmpty { credential = nil }
            return form.page(shown, problem, command(credential, shown) + [("note", .string(note))])
        }
    }

    /// The visit without what was pasted where no secret belongs: it is sent once, and shown nowhere.
    private static func withoutSecrets(_ visit: Visit) -> Visit {
        var shown = visit
        shown.form = Form(
            visit.form.fields.filter {
                !PrivateKeyText.isFound(in: $0.value) && !TokenMask.hasRun($0.value.utf8)
            }
        )
        return shown
    }

    /// What is told of what is not shown; empty when all of the call may be, so that it can be repeated.
    private static func note(_ shown: Visit, _ visit: Visit) -> String {
        let names = [
            ("url", "the URL"), ("body", "the body"), ("token", "the token"), ("payload", "the claims"),
        ]
        let hidden = names.filter { shown.form[$0.0] != visit.form[$0.0] }.map(\.1)
        guard !hidden.isEmpty else { return "" }
        return
            "A key or an API token stood in \(hidden.joined(separator: " and ")), where none belongs: that is not shown "
            + "again, and a command line is not made of it."
    }

    /// Hides in an answer what was pasted: upstreams may send it back.
    private static func mask(_ visit: Visit, hidesAll: Bool) -> (String) -> String {
        let apiToken = visit.form.text("api_token")
        return { text in
            let text = hidesAll ? TokenMask.masked(text, isCut: true) : text
            return apiToken.isEmpty ? text : text.replacing(apiToken, with: TokenMask.replacement)
        }
    }

    // MARK: What came of it

    private func outcome(
        _ trial: DocumentNode?,
        _ credential: TrialCredential?,
        _ visit: Visit,
        _ mask: (String) -> String
    ) -> [(String, DocumentValue)] {
        guard let trial else { return command(credential, visit) }
        let status = trial["status"]?.value.number
        let decision = trial["decision"].flatMap { $0.value == .null ? nil : $0 }
        let (colour, words) = verdict(status, decision, trial.text("failure"))
        let checks = (decision?["checks"]?.elements ?? []).map(CheckWords.content)
        let headers = (trial["headers"]?.elements ?? []).filter { !$0.text("value").isEmpty }.map {
            $0.with("value", .string(mask($0.text("value"))))
        }
        return command(credential, visit) + [
            ("hasOutcome", .bool(true)), ("colour", .string(colour)), ("words", .string(words)),
            ("status", status.map { .integer($0) } ?? .null),
            ("body", .string(JSONLayout.indented(mask(trial.text("body"))))),
            ("isCut", .bool(trial["is_body_cut"]?.value.isTrue ?? false)),
            ("headers", .array(headers)), ("hasHeaders", .bool(!headers.isEmpty)),
            ("checks", .array(checks)), ("hasChecks", .bool(!checks.isEmpty)),
            ("requestID", .string(decision?.text("request_id") ?? "")),
            ("again", again(credential, visit)),
        ]
    }

    private func verdict(
        _ status: Int64?,
        _ decision: DocumentNode?,
        _ failure: String
    ) -> (colour: String, words: String) {
        guard let status else { return ("bad", "No answer: \(failure)") }
        guard let decision else { return ("info", "The answer is \(status).") }
        guard let code = decision["code"]?.value.text else {
            return ("good", "Let in: the upstream’s answer is \(status).")
        }
        let failed = (decision["checks"]?.elements ?? []).first { $0.text("result") == "failed" }
        return ("bad", "Refused with \(status) \(code): \(failed?.text("detail") ?? "see the checks").")
    }

    /// The call as a command line, with the token that was made for it.
    private func command(_ credential: TrialCredential?, _ visit: Visit) -> [(String, DocumentValue)] {
        guard let credential else { return [] }
        let target = TrialTarget(
            method: visit.form.text("method").isEmpty ? "GET" : visit.form.text("method"),
            url: visit.form.text("url")
        )
        let line = target.curl(credential.argument, body: visit.form["body"] ?? "")
        return [
            ("curl", .string(Shell.gateway(visit.gateway) + "\n" + line)),
            ("lifetime", .string(credential.lifetime)),
        ]
    }

    /// What a form carries that makes the same call once more; nothing where that would repeat an API token.
    private func again(_ credential: TrialCredential?, _ visit: Visit) -> DocumentValue {
        guard case .token(let token, _)? = credential else { return .null }
        let fields = ["method", "url", "body"].map { ($0, visit.form[$0] ?? "") } + [("token", token)]
        return .fields([
            (
                "hidden",
                .array(
                    fields.filter { !$0.1.isEmpty }.map {
                        DocumentNode(object: [("name", .string($0.0)), ("value", .string($0.1))])
                    }
                )
            )
        ])
    }
}

/// What a trial call proves its caller with.
enum TrialCredential {
    /// A token, and for how many seconds it was made; `nil` for one that was pasted.
    case token(String, seconds: Int64?)
    /// An API token by itself.
    case apiToken(String)

    /// What the API is told.
    var members: [(String, DocumentValue)] {
        switch self {
        case .token(let token, _): [("token", .string(token))]
        case .apiToken(let token): [("api_token", .string(token))]
        }
    }

    /// The argument of the command line; an API token is not repeated in it.
    var argument: String {
        switch self {
        case .token(let token, _): "-H \(Shell.quoted("Authorization: Bearer \(token)"))"
        case .apiToken: "-H \"API-Token: $API_TOKEN\""
        }
    }

    /// For how long it is good, in words; empty where that is not known.
    var lifetime: String {
        guard case .token(_, let seconds?) = self else { return "" }
        return seconds % 60 == 0 ? CatalogPage.count(Int(seconds / 60), "minute") : "\(seconds) s"
    }
}
