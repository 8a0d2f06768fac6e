import GatewayCore

/// `/api/v1/profiles/{id}/api-tokens`: made here, shown once, kept as digests.
struct APITokensResource: Resource {
    let catalog: CatalogAccess
    let lastUses: LastUses?
    let kind = "api_token"
    let plural = "ApiTokens"
    let path = "/api/v1/profiles/{id}/api-tokens"
    let parameter = "token_id"
    let object = Schemas.apiToken

    /// The operations, of which the one that makes an API token is its own.
    var operations: [Operation] {
        standardOperations.map { $0.method == .post ? createOperation : $0 } + [refreshOperation]
    }

    func entities(in catalog: Catalog, _ call: Call) throws(Problem) -> [APIToken] {
        try ProfileOwner.profile(in: catalog, call).apiTokens
    }

    func find(in catalog: Catalog, _ call: Call) -> APIToken? {
        let id: APITokenID? = call.id(parameter)
        return catalog.profiles[call.id(ProfileOwner.parameter)]?.apiTokens.first { $0.id == id }
    }

    var isActive: (@Sendable (APIToken) -> Bool)? { { $0.isActive } }
    func id(of token: APIToken) -> String { token.id.text }
    func name(of token: APIToken) -> String { token.name }

    func document(of token: APIToken, in catalog: Catalog) -> DocumentNode {
        token.document()
    }

    func additions(to tokens: [APIToken]) async throws -> [[DocumentMember]] {
        try await LastUseAddition.members(of: tokens.map { UseID($0.id) }, lastUses)
    }

    // MARK: Making and refreshing

    private static let issued = Operation.Success(
        status: 201,
        summary: "The new API token, shown this once.",
        object: Schemas.issuedAPIToken.output,
        headers: ["Location", "ETag"]
    )

    private var createOperation: Operation {
        Operation(
            method: .post,
            path: path,
            name: "create\(operationNoun)",
            summary: "Makes an API token and answers it, this once.",
            tag: plural,
            body: Operation.Body(object: object.input),
            successes: [Self.issued],
            changesCatalog: true,
            perform: { call in
                try await issue(call, "create") { draft, fresh, context in
                    let profile = try ProfileOwner.profile(in: draft.catalog, call)
                    var reader = try DocumentReader(call.body)
                    var token = APIToken(
                        id: context.makeID(kind),
                        name: try reader.requiredText("name"),
                        digest: fresh,
                        createdAt: call.now
                    )
                    try token.update(from: &reader)
                    try put(profile.apiTokens + [token], in: profile, &draft)
                    return token
                }
            }
        )
    }

    private var refreshOperation: Operation {
        Operation(
            method: .post,
            path: "\(path)/{\(parameter)}/refresh",
            name: "refresh\(operationNoun)",
            summary: "Replaces an API token by a new one, at once or with an overlap.",
            tag: plural,
            body: Operation.Body(object: Schemas.refresh.input, isRequired: false),
            successes: [Self.issued],
            changesCatalog: true,
            readsIfMatch: true,
            perform: { call in
                let seconds = call.body["overlap_seconds"].flatMap(integer) ?? 0
                return try await issue(call, "refresh") { draft, fresh, context in
                    let old = try existingForChange(in: draft.catalog, call)
                    let profile = try ProfileOwner.profile(in: draft.catalog, call)
                    var new = APIToken(
                        id: context.makeID(kind),
                        name: old.name,
                        digest: fresh,
                        createdAt: call.now
                    )
                    new.isActive = old.isActive
                    // A new secret in the same hands: where it may be used from does not widen.
                    new.allowedAddresses = old.allowedAddresses
                    new.deniedAddresses = old.deniedAddresses
                    // As long as the old one was given: one that had expired would be followed by a dead one.
                    new.expiresAt = old.expiresAt.map { end in
                        let lifetime = max(1, end.secondsSinceEpoch - old.createdAt.secondsSinceEpoch)
                        return Timestamp(secondsSinceEpoch: call.now.secondsSinceEpoch + lifetime)
                    }
                    let others = profile.apiTokens.filter { $0.id != old.id }
                    let leaving =
                        seconds > 0 ? [Self.leaving(old, after: seconds, at: call.now, among: others)] : []
                    try put(others + leaving + [new], in: profile, &draft)
                    return new
                }
            }
        )
    }

    private func integer(_ node: DocumentNode) -> Int64? {
        guard case .integer(let number) = node.value else { return nil }
        return number
    }

    /// The old API token, which gives its name to the new one and goes when the overlap ends.
    private static func leaving(
        _ old: APIToken,
        after seconds: Int64,
        at now: Timestamp,
        among others: [APIToken]
    ) -> APIToken {
        var leaving = old
        let end = Timestamp(secondsSinceEpoch: now.secondsSinceEpoch + seconds)
        leaving.expiresAt = min(old.expiresAt ?? end, end)
        let stem = String(old.name.prefix(150)) + " until \(end)"
        leaving.name = stem
        var number = 2
        while others.contains(where: { $0.name == leaving.name }) {
            leaving.name = "\(stem) (\(number))"
            number += 1
        }
        return leaving
    }

    private func issue(
        _ call: Call,
        _ action: String,
        _ change: @Sendable (inout CatalogDraft, APITokenDigest, inout DocumentContext) throws -> APIToken
    ) async throws -> AdminAnswer {
        let secret = catalog.random.apiToken()
        guard let digest = APITokenDigest(token: secret) else {
            throw Problem(.internalError, "no API token could be made")
        }
        let token = try await catalog.edit { draft in
            var context = catalog.context(call)
            let token = try change(&draft, digest, &context)
            let details = AuditDetails.changes(from: nil, to: token.document())
            return (
                token, [call.audit(action, kind, id: token.id.text, name: token.name, details: details)]
            )
        }.outcome
        let document = token.document()
        guard case .object(let members) = document.value else { return AdminAnswer(201, document) }
        let shown = DocumentMember("token", DocumentNode(.string(String(decoding: secret, as: UTF8.self))))
        return AdminAnswer(
            201,
            DocumentNode(.object(members + [shown])),
            headers: [
                (name: "ETag", value: document.entityTag),
                (name: "Location", value: location(token.id.text, call)),
            ]
        )
    }

    private func put(_ tokens: [APIToken], in profile: AccessProfile, _ draft: inout CatalogDraft) throws {
        guard tokens.count <= AccessProfile.maximumAPITokens else {
            let limit = AccessProfile.maximumAPITokens
            throw Problem(
                .conflict,
                "the profile would have \(tokens.count) API tokens, it can have \(limit)"
            )
        }
        var profile = profile
        profile.apiTokens = tokens
        try Problem.within("api_tokens") { try draft.put(profile) }
    }

    // MARK: The other changes

    /// Never called: an API token is made by an operation of its own, which shows it.
    func create(
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> APIToken {
        throw Problem(.internalError, "an API token is made by createApiToken alone")
    }

    func replace(
        _ token: APIToken,
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> APIToken {
        let fresh = APIToken(id: token.id, name: token.name, digest: token.digest, createdAt: token.createdAt)
        return try changed(fresh, call, &draft)
    }

    func update(
        _ token: APIToken,
        _ call: Call,
        _ draft: inout CatalogDraft,
        _ context: inout DocumentContext
    ) throws -> APIToken {
        try changed(token, call, &draft)
    }

    private func changed(_ token: APIToken, _ call: Call, _ draft: inout CatalogDraft) throws -> APIToken {
        let profile = try ProfileOwner.profile(in: draft.catalog, call)
        var reader = try DocumentReader(call.body)
        var updated = token
        try updated.update(from: &reader)
        try put(profile.apiTokens.map { $0.id == token.id ? updated : $0 }, in: profile, &draft)
        return updated
    }

    func delete(_ token: APIToken, _ call: Call, _ draft: inout CatalogDraft) throws {
        let profile = try ProfileOwner.profile(in: draft.catalog, call)
        try put(profile.apiTokens.filter { $0.id != token.id }, in: profile, &draft)
    }
}
