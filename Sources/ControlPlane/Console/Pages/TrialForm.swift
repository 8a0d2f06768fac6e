import GatewayCore
import JOSE

/// The form of a trial call: where it goes, and what the profile's method needs to make a credential for it.
struct TrialForm {
    private let profile: CatalogEntity
    private let target: TrialTarget
    private let identityClaim: String
    private let secrets: [DocumentNode]

    private static let lifetime: Int64 = 900

    /// Reads the profile, and the endpoint that the query names or the first that it may reach.
    ///
    /// - Throws: ``ConsoleProblem``.
    init(_ visit: Visit) async throws {
        profile = try await ProfilePages.profile(visit)
        let settings = try await visit.api.get("/api/v1/settings")
        identityClaim = Self.identityClaim(profile, settings)
        secrets = (profile.document["keys"]?.elements ?? []).filter { $0["public_key"]?.value.text == nil }
        target = try await Self.target(profile, visit) ?? TrialTarget(method: "GET", url: "/")
    }

    private static func target(_ profile: CatalogEntity, _ visit: Visit) async throws -> TrialTarget? {
        let chosen = visit.query.text("endpoint")
        if !chosen.isEmpty {
            do {
                let endpoint = try await visit.api.get("/api/v1/endpoints/\(PathSegment.encoded(chosen))")
                let id = PathSegment.encoded(endpoint.text("collection_id"))
                return TrialTarget(try await visit.api.get("/api/v1/collections/\(id)"), endpoint)
            } catch let problem as ConsoleProblem where problem.status < 500 {
                // It is gone, and another one does.
            }
        }
        let handle = profile.document["collections"]?.elements.first?.value.text
        let granted = try await visit.api.get(
            "/api/v1/collections",
            [("handle", handle ?? "-"), ("limit", "1")]
        )
        guard let collection = granted["items"]?.elements.first,
            let endpoint = collection["endpoints"]?.elements.first
        else { return nil }
        return TrialTarget(collection, endpoint)
    }

    /// The claim that the API token is put into: the plainest of those that it is looked for in.
    private static func identityClaim(_ profile: CatalogEntity, _ settings: DocumentNode) -> String {
        let own = profile.text("identity_claim")
        let common = (settings["identity_claims"]?.elements ?? []).compactMap(\.value.text)
        return own.isEmpty ? (common.contains("sub") ? "sub" : common.first ?? "sub") : own
    }

    private var method: String { profile.text("method") }

    // MARK: The page

    /// The form, with what was entered, what is wrong with it, and what came of it.
    func page(
        _ visit: Visit,
        _ problem: ConsoleProblem?,
        _ outcome: [(String, DocumentValue)] = []
    ) -> ConsoleAnswer {
        let isPosted = visit.request.method == "POST"
        func shown(_ fields: [FormField]) -> [FormField] {
            isPosted ? fields.map { $0.entered(visit.form, problem) } : fields
        }
        let (call, proof) = (shown(callFields), shown(proofFields))
        let isNamed = (call + proof).contains { !$0.fault.isEmpty }
        let fault = problem.map { isNamed ? "Nothing was called: see below what is not right." : $0.detail }
        return .page(
            ConsolePage(
                "trial",
                title: "Try it",
                section: .clients,
                status: problem?.status ?? 200,
                CatalogPage.crumbs(ProfilePages.crumbs(profile)) + [
                    ("profile", .string(profile.name)), ("action", .string("\(page)/try")),
                    ("cancel", .string("\(page)#try")), ("fault", .string(fault ?? "")),
                    ("callFields", .array(call.map(\.content))), ("proofTitle", .string(proofTitle)),
                    ("proofFields", .array(proof.map(\.content))),
                    ("canMint", .bool(["jwt", "oauth2"].contains(method))),
                    ("isFresh", .bool(outcome.isEmpty)),
                ] + outcome
            )
        )
    }

    private var page: String { "\(ProfilePages.root)/\(profile.id)" }

    private var callFields: [FormField] {
        [
            FormField(
                "method",
                "Method",
                .choice(
                    ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"].map {
                        FormField.Option($0, $0)
                    }
                ),
                value: target.method
            ),
            FormField(
                "url",
                "Path or URL",
                value: target.url,
                hint: target.path.contains("{")
                    ? "Put values in the place of what stands in braces." : "With its query, if it has one.",
                isRequired: true
            ),
            FormField(
                "body",
                "Body",
                .area(rows: 3, isCode: true),
                hint: "Sent as application/json; none when empty. It reaches the upstream."
            ),
        ]
    }

    private var proofTitle: String {
        switch method {
        case "jwt": "The token"
        case "oauth2": "The client"
        case "oidc": "The identity provider’s token"
        default: "The API token"
        }
    }

    private var proofFields: [FormField] {
        switch method {
        case "jwt":
            return [apiToken("It becomes the claim “\(identityClaim)”."), payload] + keyFields
        case "oauth2":
            return [apiToken("The client_secret, for which an access token is fetched from /oauth2/token.")]
        case "oidc":
            var token = FormField(
                "token",
                "Token",
                .area(rows: 5, isCode: true),
                hint: "An access or ID token of the identity provider.",
                isRequired: true,
                placeholder: "eyJhbGciOi…"
            )
            token.isSecret = true
            return [token]
        default: return [apiToken("It is sent as the field API-Token.")]
        }
    }

    private func apiToken(_ use: String) -> FormField {
        FormField(
            "api_token",
            "API token",
            .line(type: "password"),
            hint: "\(use) Only its digest is kept here, so it has to be pasted.",
            autocomplete: "off"
        )
    }

    private var payload: FormField {
        FormField(
            "payload",
            "Further claims",
            .area(rows: 4, isCode: true),
            value: DocumentNode(object: demanded).json(pretty: true),
            hint: "What the claim rules ask for is here already; iat and exp are added."
        )
    }

    /// What the profile's rules ask of a token, besides times and identity.
    private var demanded: [(String, DocumentValue)] {
        func texts(_ field: String) -> [String] {
            (profile.document[field]?.elements ?? []).compactMap(\.value.text)
        }
        var claims: [(String, DocumentValue)] = []
        if let issuer = texts("issuers").first { claims.append(("iss", .string(issuer))) }
        if let audience = texts("audiences").first { claims.append(("aud", .string(audience))) }
        let given = claims.map(\.0) + [identityClaim, "iat", "exp", "jti"]
        claims += texts("required_claims").filter { !given.contains($0) }.map { ($0, .string("")) }
        return claims
    }

    private var keyFields: [FormField] {
        let none = FormField.Option("", "none: paste a key below")
        let stored = secrets.map { FormField.Option($0.text("id"), $0.text("name")) }
        var key = FormField(
            "key",
            "Private key",
            .area(rows: 4, isCode: true),
            hint: "In any form: OpenSSH, PEM, JWK. It signs once and is not kept."
                + (stored.isEmpty ? "" : " Only where no stored secret signs.")
        )
        key.isSecret = true
        let algorithms = SignatureAlgorithm.allCases.map { FormField.Option($0.rawValue, $0.rawValue) }
        let choice = FormField(
            "alg",
            "Algorithm",
            .choice([FormField.Option("", "what the key is for")] + algorithms)
        )
        guard let first = stored.first else { return [key, choice] }
        return [
            FormField(
                "key_id",
                "Stored secret",
                .choice(stored + [none]),
                value: first.value,
                hint: "It signs here, and is not shown."
            ),
            key, choice,
        ]
    }

    // MARK: The call

    /// The call as the API takes it, without its credential.
    func call(_ visit: Visit) -> [(String, DocumentValue)] {
        [
            ("method", visit.form.text("method")), ("url", visit.form.text("url")),
            ("body", visit.form["body"] ?? ""),
        ]
        .filter { !$0.1.isEmpty }.map { ($0.0, .string($0.1)) }
    }

    /// The credential: a token that is made for the call, or what was pasted.
    ///
    /// - Throws: ``ConsoleProblem``.
    func credential(_ visit: Visit) async throws -> TrialCredential {
        try Self.checkTarget(visit.form)
        let (token, apiToken) = (visit.form.text("token"), visit.form.text("api_token"))
        if !token.isEmpty, method != "token" {
            // It is shown in the command line: what is something else, a private key for instance, must not be.
            guard token.split(separator: ".", omittingEmptySubsequences: false).count == 3,
                !PrivateKeyText.isFound(in: token)
            else { throw ConsoleProblem(422, [("token", "expected a token, three parts between dots")]) }
            return .token(token, seconds: nil)
        }
        switch method {
        case "jwt": return try await mint(apiToken, visit)
        case "oauth2": return try await accessToken(apiToken, visit)
        case "oidc": throw ConsoleProblem(422, [("token", "paste a token of the identity provider")])
        default:
            guard !apiToken.isEmpty else { throw ConsoleProblem(422, [("api_token", "paste the API token")]) }
            return .apiToken(apiToken)
        }
    }

    /// What is only written into a command line is held against the same rules as what is called.
    private static func checkTarget(_ form: Form) throws {
        let method = form.text("method").isEmpty ? "GET" : form.text("method")
        if let fault = TextRule.requestMethod.fault(method) { throw ConsoleProblem(422, [("method", fault)]) }
        if let fault = TextRule.requestURL.fault(form.text("url")) {
            throw ConsoleProblem(422, [("url", fault)])
        }
        let body = form["body"].flatMap { $0.isEmpty ? nil : Array($0.utf8) }
        do throws(TrialFailure) {
            _ = try TrialCall(method: method, url: form.text("url"), body: body)
        } catch {
            throw ConsoleProblem(422, [("url", error.description)])
        }
    }

    private func mint(_ apiToken: String, _ visit: Visit) async throws -> TrialCredential {
        let seconds = min(
            Self.lifetime,
            profile.document["max_lifetime_seconds"]?.value.number ?? Self.lifetime
        )
        let claims = try claims(apiToken, visit)
        var members: [(String, DocumentValue)] = [
            ("payload", .object(claims)), ("expires_in", .integer(seconds)),
        ]
        if !visit.form.text("alg").isEmpty { members.append(("alg", .string(visit.form.text("alg")))) }
        if !visit.form.text("key").isEmpty {
            members.append(("key", .string(visit.form.text("key"))))
        } else if !visit.form.text("key_id").isEmpty {
            members += [("profile_id", .string(profile.id)), ("key_id", .string(visit.form.text("key_id")))]
        } else {
            throw ConsoleProblem(422, [("key", "paste the private key to sign with")])
        }
        let minted = try await visit.api.send("POST", "/api/v1/tokens/mint", [], .fields(members))
        // An exp that was entered stays, whatever it says.
        let isTimed = claims.contains { $0.name == "exp" }
        return .token(minted.text("token"), seconds: isTimed ? nil : seconds)
    }

    /// What was entered, with the API token, and with an identity of its own where a token counts once.
    private func claims(_ apiToken: String, _ visit: Visit) throws -> [DocumentMember] {
        let text = visit.form.text("payload")
        let entered: DocumentNode
        do {
            entered = try DocumentNode(
                json: Array((text.isEmpty ? "{}" : text).utf8),
                limits: DocumentNode.entityJSONLimits
            )
        } catch {
            throw ConsoleProblem(422, [("payload", error.message)])
        }
        guard case .object(var members) = entered.value else {
            throw ConsoleProblem(422, [("payload", "expected a JSON object of claims")])
        }
        func add(_ name: String, _ value: String) {
            guard !members.contains(where: { $0.name == name }) else { return }
            members.append(DocumentMember(name, DocumentNode(.string(value))))
        }
        if !apiToken.isEmpty {
            guard !members.contains(where: { $0.name == identityClaim }) else {
                throw ConsoleProblem(
                    422,
                    [("payload", "\(identityClaim) is here already: take it out, or paste no API token")]
                )
            }
            add(identityClaim, apiToken)
        }
        let required = (profile.document["required_claims"]?.elements ?? []).compactMap(\.value.text)
        if profile.document["one_time_tokens"]?.value.isTrue == true || required.contains("jti") {
            var random = RandomSource.system
            add("jti", EntityID<TrialForm>(using: &random).text)
        }
        return members
    }

    /// An access token for the client secret, fetched as a client does (RFC 6749 §4.4).
    private func accessToken(_ secret: String, _ visit: Visit) async throws -> TrialCredential {
        guard !secret.isEmpty else { throw ConsoleProblem(422, [("api_token", "paste the API token")]) }
        let form = [
            ("grant_type", "client_credentials"), ("client_id", profile.id), ("client_secret", secret),
        ]
        let body = form.map { "\($0.0)=\(PathSegment.encoded($0.1))" }.joined(separator: "&")
        let answer = try await visit.api.send(
            "POST",
            "/api/v1/try",
            [],
            .fields([
                ("method", .string("POST")), ("url", .string("/oauth2/token")), ("body", .string(body)),
                ("content_type", .string("application/x-www-form-urlencoded")),
            ])
        )
        // What is no JSON is no token either, and is told below.
        let granted = try? DocumentNode(
            json: Array(answer.text("body").utf8),
            limits: DocumentNode.entityJSONLimits
        )
        guard let token = granted?["access_token"]?.value.text else {
            let status = answer["status"]?.value.number.map { "status \($0)" } ?? answer.text("failure")
            let reason = granted?.text("error_description") ?? ""
            throw ConsoleProblem(
                422,
                [("api_token", "no access token was given for it: \(reason.isEmpty ? status : reason)")]
            )
        }
        return .token(token, seconds: granted?["expires_in"]?.value.number)
    }
}
