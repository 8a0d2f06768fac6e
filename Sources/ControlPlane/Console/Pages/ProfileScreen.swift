import GatewayCore

/// What the screen of an access profile shows: everything about it, and what is weak.
struct ProfileScreen {
    let profile: CatalogEntity
    private let visit: Visit
    private let isClientActive: Bool
    private let keys: [DocumentNode]
    private let tokens: [DocumentNode]
    private let revocations: DocumentNode
    private let rotation: [String: DocumentNode]
    private let requiresExpiry: Bool
    private let collections: [DocumentNode]
    private let keySet: DocumentNode?
    private let certificates: [DocumentNode]

    /// Reads it all.
    ///
    /// - Throws: ``ConsoleProblem``.
    init(_ visit: Visit) async throws {
        let api = visit.api
        let path = ProfilePages.path(visit)
        self.visit = visit
        profile = try await api.entity(path)
        let client = try await api.get("/api/v1/clients/\(PathSegment.encoded(profile.text("client_id")))")
        isClientActive = client["active"]?.value.isTrue ?? false
        keys = try await api.all("\(path)/keys")
        tokens = try await api.all("\(path)/api-tokens")
        revocations = try await api.get(
            "\(path)/revocations",
            [("limit", "200"), ("cursor", visit.query["revocations_after"])]
        )
        let judged = try await api.all("/api/v1/rotation", [("profile_id", profile.id)])
        rotation = Dictionary(judged.map { ($0.text("id"), $0) }) { first, _ in first }
        let settings = try await api.get("/api/v1/settings")
        requiresExpiry =
            (profile.document["require_exp"]?.value ?? .null) == .null
            ? settings["require_exp"]?.value.isTrue ?? false
            : profile.document["require_exp"]?.value.isTrue ?? false
        var granted: [DocumentNode] = []
        // So many as a page can show; the form has them all.
        for handle in (profile.document["collections"]?.elements ?? []).compactMap(\.value.text)
            .prefix(Self.shownCollections)
        {
            granted += try await api.all("/api/v1/collections", [("handle", handle)], pages: 1)
        }
        collections = granted
        let hasProvider = profile.text("method") == "oidc"
        keySet = hasProvider ? try await api.get("\(path)/key-set") : nil
        let hasRoots = profile.document["client_certificate"]?.value.members.isEmpty == false
        let expiring = hasRoots ? try await api.all("/api/v1/certificates", [("only_expiring", "true")]) : []
        let id = profile.id
        certificates = expiring.filter { $0.text("profile_id") == id }
    }

    private static let shownCollections = 50

    /// That there are more than are shown; empty when there are not.
    private var furtherCollections: String {
        let further = (profile.document["collections"]?.elements.count ?? 0) - Self.shownCollections
        return further > 0 ? CatalogPage.count(further, "more collection") : ""
    }

    private var method: String { profile.text("method") }
    private var page: String { "\(ProfilePages.root)/\(profile.id)" }
    private var hasKeys: Bool { method == "jwt" }
    private var hasClaims: Bool { method != "token" }

    /// What the template `profile` shows.
    var content: [(String, DocumentValue)] {
        let banners = warnings
        return [
            ("path", .string(page)), ("id", .string(profile.id)),
            ("method", .string(ProfileMethod.title(method))),
            ("state", CatalogPage.state(profile.isActive)),
            ("isActive", .bool(profile.isActive)), ("isInactive", .bool(!profile.isActive)),
            ("lastUse", CatalogPage.moment(profile.document["last_used_at"]?.value.text, visit.now)),
            ("banners", .array(banners)), ("hasBanners", .bool(!banners.isEmpty)),
            ("hasKeySection", .bool(hasKeys)), ("hasClaims", .bool(hasClaims)),
            ("keys", .array(keys.map(row))), ("hasKeys", .bool(!keys.isEmpty)),
            ("tokens", .array(tokens.map(tokenRow))), ("hasTokens", .bool(!tokens.isEmpty)),
            ("isOAuth", .bool(method == "oauth2")), ("isProvider", .bool(method == "oidc")),
            ("rules", .array(rules)), ("access", .array(access)),
            ("provider", provider), ("collections", .array(collections.map(collectionRow))),
            ("hasCollections", .bool(!collections.isEmpty)),
            ("furtherCollections", .string(furtherCollections)),
        ] + revoked + ProfileTrial(profile, collections, visit).content
    }

    /// One page of what is revoked, and where the next one is.
    private var revoked: [(String, DocumentValue)] {
        let items = revocations["items"]?.elements ?? []
        let total = revocations["total"]?.value.number ?? 0
        let next = revocations["next_cursor"]?.value.text
        return [
            ("revocations", .array(items.map(revocationRow))), ("hasRevocations", .bool(!items.isEmpty)),
            ("areRevocationsPaged", .bool(Int64(items.count) < total)),
            ("revocationCount", .string("\(items.count) of \(total)")),
            ("firstRevocations", .string(visit.query["revocations_after"] == nil ? "" : "\(page)#revoked")),
            ("nextRevocations", .string(next.map { "\(page)?revocations_after=\($0)#revoked" } ?? "")),
        ]
    }

    // MARK: What is weak

    private var warnings: [DocumentNode] {
        var found: [(String, String)] = []
        if !isClientActive { found.append(("warn", "Its client is inactive: every call is refused.")) }
        if !profile.isActive {
            found.append(("warn", "This profile is inactive: every call of it is refused."))
        }
        found += missing
        if hasClaims, method != "oauth2", !requiresExpiry {
            found.append(
                (
                    "warn",
                    "Accepts tokens that never expire. Whoever finds one may use it for ever: ask for exp in the claim rules."
                )
            )
        }
        for key in keys { found += ageing(key, "Key", end: "retire_at", ending: "retires") }
        for token in tokens { found += ageing(token, "API token", end: "expires_at", ending: "expires") }
        if let state = keySet?.text("state"), state == "missing" || state == "stale" {
            let error = keySet?.text("last_error") ?? ""
            let words =
                state == "missing"
                ? "There are no keys of the identity provider: tokens are refused."
                : "The identity provider’s keys could not be renewed."
            found.append((state == "missing" ? "bad" : "warn", error.isEmpty ? words : "\(words) \(error)"))
        }
        for certificate in certificates {
            let days = certificate["days_left"]?.value.number ?? 0
            found.append(
                (
                    "warn",
                    "A root of its client certificates expires in \(days) days: \(CatalogPage.quoted(certificate.text("subject")))."
                )
            )
        }
        return found.map { DocumentNode(object: [("colour", .string($0.0)), ("text", .string($0.1))]) }
    }

    private var missing: [(String, String)] {
        var found: [(String, String)] = []
        if hasKeys, !keys.contains(where: { state($0) == "active" }) {
            found.append(
                (
                    "bad",
                    keys.isEmpty
                        ? "No key yet: no token can be verified. Add a public key or a secret below."
                        : "No key is active: no token can be verified."
                )
            )
        }
        let hasMatches = profile.document["token_matches"]?.elements.isEmpty == false
        if !hasMatches, !tokens.contains(where: { state($0) == "active" }) {
            found.append(
                (
                    "bad",
                    tokens.isEmpty
                        ? "No API token yet: no call can name this profile. Make one below."
                        : "No API token is active: no call can name this profile."
                )
            )
        }
        if profile.document["collections"]?.elements.isEmpty != false {
            found.append(
                ("bad", "No collection is granted: every call is refused with 403 collection_not_granted.")
            )
        }
        return found
    }

    private func state(_ item: DocumentNode) -> String { rotation[item.text("id")]?.text("state") ?? "" }

    private func ageing(
        _ item: DocumentNode,
        _ noun: String,
        end: String,
        ending: String
    ) -> [(String, String)] {
        guard state(item) == "active" else { return [] }
        let now = visit.now.secondsSinceEpoch
        let name = "\(noun) \(CatalogPage.quoted(item.text("name")))"
        var found: [(String, String)] = []
        if let time = Timestamp(rfc3339: item.text(end)), time.secondsSinceEpoch - now < 30 * 86_400 {
            found.append(("warn", "\(name) \(ending) \(CatalogPage.distance(time, visit.now))."))
        }
        let lastUse = item["last_used_at"]?.value.text
        if let time = Timestamp(rfc3339: lastUse ?? item.text("created_at")),
            now - time.secondsSinceEpoch >= 90 * 86_400
        {
            let words = lastUse == nil ? "was never used since it was made" : "was last used"
            found.append(
                ("warn", "\(name) \(words) \(CatalogPage.distance(time, visit.now)): it may be forgotten.")
            )
        }
        return found
    }

    // MARK: Rows

    private func row(_ key: DocumentNode) -> DocumentNode {
        let algorithms = (key["algorithms"]?.elements ?? []).compactMap(\.value.text)
        return DocumentNode(
            object: common(key, "keys", end: "retire_at", ended: "retired", ending: "retires") + [
                ("kind", .string(key.text("kind"))), ("fingerprint", .string(key.text("fingerprint"))),
                ("kid", .string(key.text("kid"))),
                ("isSecret", .bool(key["public_key"] == nil)),
                ("isBase64", .bool(key["secret_is_base64"]?.value.isTrue ?? false)),
                ("algorithms", .string(algorithms.isEmpty ? "" : algorithms.joined(separator: ", "))),
            ]
        )
    }

    private func tokenRow(_ token: DocumentNode) -> DocumentNode {
        let ranges = (token["ip_allow"]?.elements.count ?? 0) + (token["ip_deny"]?.elements.count ?? 0)
        return DocumentNode(
            object: common(token, "api-tokens", end: "expires_at", ended: "expired", ending: "expires") + [
                ("isLimited", .bool(ranges > 0)),
                ("never", .bool((token["expires_at"]?.value ?? .null) == .null)),
            ]
        )
    }

    private func common(
        _ item: DocumentNode,
        _ list: String,
        end: String,
        ended: String,
        ending: String
    ) -> [(String, DocumentValue)] {
        let judged = rotation[item.text("id")]
        let until = Timestamp(rfc3339: item.text(end))
        let badge =
            switch judged?.text("state") {
            case "active" where until != nil:
                CatalogPage.badge(
                    "warn",
                    "\(ending) \(until.map { CatalogPage.distance($0, visit.now) } ?? "")"
                )
            case "active": CatalogPage.badge("good", "active")
            case "pending": CatalogPage.badge("info", "not yet")
            case "retired": CatalogPage.badge("bad", ended)
            default: CatalogPage.badge("", "inactive")
            }
        return [
            ("path", .string("\(page)/\(list)/\(item.text("id"))")), ("name", .string(item.text("name"))),
            ("state", badge), ("isActive", .bool(item["active"]?.value.isTrue ?? false)),
            ("created", CatalogPage.moment(item.text("created_at"), visit.now)),
            ("lastUse", CatalogPage.moment(item["last_used_at"]?.value.text, visit.now)),
            (
                "canGo",
                .string(judged?["can_be_retired"]?.value.isTrue == true ? judged?.text("reason") ?? "" : "")
            ),
        ]
    }

    private func revocationRow(_ revocation: DocumentNode) -> DocumentNode {
        let which =
            if let id = revocation["jti"]?.value.text {
                "jti \(CatalogPage.quoted(id))"
            } else if let subject = revocation["subject"]?.value.text {
                "sub \(CatalogPage.quoted(subject))"
            } else {
                "issued before \(revocation.text("issued_before"))"
            }
        return DocumentNode(
            object: [
                ("which", .string(which)), ("reason", .string(revocation.text("reason"))),
                ("path", .string("\(page)/revocations/\(revocation.text("id"))")),
                ("created", CatalogPage.moment(revocation.text("created_at"), visit.now)),
                ("until", CatalogPage.moment(revocation["expires_at"]?.value.text, visit.now)),
            ]
        )
    }

    private func collectionRow(_ collection: DocumentNode) -> DocumentNode {
        DocumentNode(
            object: [
                ("path", .string("\(CollectionPages.root)/\(collection.text("id"))")),
                ("name", .string(collection.text("name"))), ("handle", .string(collection.text("handle"))),
                ("isOff", .bool(collection["active"]?.value.isTrue == false)),
            ]
        )
    }

    // MARK: Facts

    private func fact(_ label: String, _ value: String) -> DocumentNode {
        DocumentNode(object: [("label", .string(label)), ("value", .string(value))])
    }

    private func list(_ field: String, else none: String) -> String {
        let texts = (profile.document[field]?.elements ?? []).compactMap(\.value.text)
        return texts.isEmpty ? none : texts.joined(separator: ", ")
    }

    private func seconds(_ field: String, else none: String) -> String {
        profile.document[field]?.value.number.map { "\($0) s" } ?? none
    }

    private var rules: [DocumentNode] {
        let isSet = (profile.document["require_exp"]?.value ?? .null) != .null
        return [
            fact(
                "Tokens must expire",
                (requiresExpiry ? "yes" : "no") + (isSet ? "" : ", as the settings say")
            ),
            fact("Longest life", seconds("max_lifetime_seconds", else: "any")),
            fact("Difference of clocks", seconds("leeway_seconds", else: "as the settings say")),
            fact("Required claims", list("required_claims", else: "none")),
            fact("Issuers", list("issuers", else: "any")),
            fact("Audiences", list("audiences", else: "any")),
            fact(
                "Identity claim",
                profile.text("identity_claim").isEmpty
                    ? "as the settings say" : profile.text("identity_claim")
            ),
            fact(
                "Each token",
                profile.document["one_time_tokens"]?.value.isTrue == true
                    ? "once only" : "as often as it is sent"
            ),
        ]
    }

    private var access: [DocumentNode] {
        let certificate = profile.document["client_certificate"]?.value.members.isEmpty == false
        return [
            fact("Allowed addresses", list("ip_allow", else: "all")),
            fact("Denied addresses", list("ip_deny", else: "none")),
            fact("Client certificate", certificate ? "required" : "not asked for"),
        ]
    }

    private var provider: DocumentValue {
        guard let provider = profile.document["identity_provider"], case .object = provider.value else {
            return .null
        }
        let keys = (keySet?["keys"]?.elements ?? []).map { key in
            fact(key.text("kind"), key.text("kid").isEmpty ? key.text("fingerprint") : key.text("kid"))
        }
        let source = ["jwks_url", "discovery_url"].compactMap { provider[$0]?.value.text }.first
        return .fields([
            ("issuer", .string(provider.text("issuer"))),
            ("source", .string(source ?? "given in the profile")),
            ("keyState", .string(keySet?.text("state") ?? "")),
            ("fetched", CatalogPage.moment(keySet?["fetched_at"]?.value.text, visit.now)),
            ("providerKeys", .array(keys)),
        ])
    }
}
