import GatewayCore
import JOSE

/// Signing a token on the bench: with a secret of the profile that was chosen, or with a key that is pasted.
struct WorkbenchSigning {
    let bench: WorkbenchPages

    /// Signs, and puts the token on the bench.
    ///
    /// - Throws: ``ConsoleProblem``.
    func sign(_ visit: Visit) async throws -> ConsoleAnswer {
        var work = WorkbenchPages.Work(visit.form)
        do {
            let answer = try await visit.api.send("POST", "/api/v1/tokens/mint", [], try order(visit.form))
            work.token = answer["token"]?.value.text ?? ""
            return try await bench.page(visit, work, note: "Signed. The token lies on the bench.")
        } catch let problem as ConsoleProblem where problem.status < 500 {
            return try await bench.page(visit, work, problem, isSigned: true)
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
    ///
    /// - Parameters:
    ///   - visit: the request.
    ///   - work: what lies on the bench; the form carries its call along.
    ///   - payload: what the token there says, to be changed and signed anew; empty when that cannot be read.
    ///   - problem: why it could not be signed.
    /// - Returns: what the template shows.
    /// - Throws: ``ConsoleProblem``.
    func form(
        _ visit: Visit,
        _ work: WorkbenchPages.Work,
        payload: String,
        _ problem: ConsoleProblem?
    ) async throws -> [(String, DocumentValue)] {
        guard visit.may(.manager) else { return [] }
        let isSigning = visit.form["sign"] != nil
        let secrets = work.profile.isEmpty ? [] : try await self.secrets(visit, work.profile)
        var fields = fields(secrets, payload)
        if isSigning {
            fields = fields.map {
                $0.entered(visit.form, problem, as: $0.name == "minutes" ? "expires_in" : $0.name)
            }
        }
        let named = fields.contains { !$0.fault.isEmpty }
        return [
            ("signFields", .array(fields.map(\.content))),
            ("signFault", .string(named ? "" : problem?.detail ?? "")),
            ("isSigning", .bool(isSigning || !secrets.isEmpty)),
            ("signCall", WorkbenchPages.Work.content(work.call)),
        ]
    }

    private func fields(_ secrets: [FormField.Option], _ payload: String) -> [FormField] {
        let none = FormField.Option("", "none: paste a key below")
        let stored = FormField(
            "key_id",
            "Stored secret",
            .choice(secrets + [none]),
            hint: "It signs here, and is not shown."
        )
        var claims = Self.payload
        if !payload.isEmpty { claims.values = [payload] }
        return [claims] + (secrets.isEmpty ? [] : [stored]) + Self.pasted
    }

    private static let payload = FormField(
        "payload",
        "Payload",
        .area(rows: 8, isCode: true),
        value: #"{ "sub": "", "name": "John Doe" }"#,
        hint: "A JSON object. Without exp in it, the token gets one."
    )

    private static var pasted: [FormField] {
        var key = FormField(
            "key",
            "Private key or secret",
            .area(rows: 4, isCode: true),
            hint: "A private key in any form: OpenSSH, PEM, JWK. It is used once and not kept."
        )
        key.isSecret = true
        let algorithms = SignatureAlgorithm.allCases.map { FormField.Option($0.rawValue, $0.rawValue) }
        return [
            key, FormField("is_secret", "It is an HMAC secret", .check),
            FormField("secret_is_base64", "The secret is Base64-encoded", .check),
            FormField(
                "alg",
                "Algorithm",
                .choice([FormField.Option("", "what the key is for")] + algorithms)
            ),
            FormField("minutes", "Lives for (minutes)", .line(type: "number"), value: "15"),
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
