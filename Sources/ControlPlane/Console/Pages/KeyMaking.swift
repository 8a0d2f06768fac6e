import GatewayCore
import JOSE

/// The ways in which a profile comes by a key: pasted, shared, made here; and how a new one follows an old one.
struct KeyMaking {
    /// The pages.
    var routes: [ConsoleRoute] {
        [
            .show("/profiles/{id}/keys/new-secret", .role(.manager)) { visit in
                secretForm(try await ProfilePages.profile(visit)).page()
            },
            .post("/profiles/{id}/keys/new-secret") { visit in try await addSecret(visit) },
            .show("/profiles/{id}/keys/new-public", .role(.manager)) { visit in
                publicForm(try await ProfilePages.profile(visit)).page()
            },
            .post("/profiles/{id}/keys/new-public") { visit in try await addPublic(visit) },
            .show("/profiles/{id}/keys/new-pair", .role(.manager)) { visit in
                try await KeyPairPage.show(visit, nil)
            },
            .post("/profiles/{id}/keys/new-pair") { visit in try await KeyPairPage.make(visit) },
            .show("/profiles/{id}/keys/{key_id}/rotate", .role(.manager)) { visit in
                let (profile, key) = try await rotated(visit)
                return rotateForm(profile, key).page()
            },
            .post("/profiles/{id}/keys/{key_id}/rotate") { visit in try await rotate(visit) },
            .post("/keys/check") { visit in
                .plain(AdminAnswer(200, try await KeyFinding(api: visit.api).answer(visit.form)))
            },
        ]
    }

    // MARK: A secret

    private func secretForm(_ profile: CatalogEntity) -> CatalogForm {
        let page = ProfilePages.root + "/" + profile.id
        return CatalogForm(
            title: "Add HMAC secret",
            section: .clients,
            crumbs: ProfilePages.crumbs(profile),
            action: "\(page)/keys/new-secret",
            lead: "Both sides share it: the client signs with it, this gateway verifies with it. It is kept "
                + "encrypted, and never shown again.",
            groups: [
                CatalogForm.Group(fields: [KeyFields.name, Self.secret, KeyFields.base64]),
                Self.details(KeyFields.algorithms(of: "HMAC")),
            ],
            submit: "Add this secret",
            cancel: page,
            button: CatalogForm.Button(name: "generate", label: "Generate one instead"),
            marker: "secret"
        )
    }

    private static var secret: CatalogField {
        var field = FormField(
            "secret",
            "JWT HMAC secret",
            .area(rows: 2, isCode: true),
            hint:
                "At least 32 random bytes, as from openssl rand -base64 32. Or leave it empty, and have one generated."
        )
        field.isSecret = true
        return CatalogField(.text(emptyIsNull: true), field)
    }

    private static func details(_ algorithms: [SignatureAlgorithm]) -> CatalogForm.Group {
        CatalogForm.Group(
            heading: "More: kid, algorithms, times",
            isFolded: true,
            fields: [
                KeyFields.kid, PlainField.algorithms("algorithms", algorithms),
                PlainField.time("active_from", "Verifies from (UTC)", "Empty: at once."),
                PlainField.time("retire_at", "Retires at (UTC)", "Empty: never."),
            ]
        )
    }

    private func addSecret(_ visit: Visit) async throws -> ConsoleAnswer {
        let profile = try await ProfilePages.profile(visit)
        let form = secretForm(profile)
        let path = "\(ProfilePages.path(visit))/keys"
        guard visit.form.isOn("generate") else {
            return try await form.submit(visit, "POST", path) { _ in .redirect(to: ProfilePages.page(visit)) }
        }
        let secret = try await KeyFinding(api: visit.api).newSecret()
        return try await form.submit(visit.replacing("secret", with: secret), "POST", path) { _ in
            Self.shown(secret, profile)
        }
    }

    private static func shown(_ secret: String, _ profile: CatalogEntity) -> ConsoleAnswer {
        OncePage.page(
            "Your new HMAC secret",
            profile,
            secrets: [OncePage.Item(label: "JWT HMAC secret", value: secret, file: "secret.txt")],
            lead: "The client signs its tokens with it. Copy it now to where they are signed."
        )
    }

    // MARK: A public key

    private func publicForm(_ profile: CatalogEntity) -> CatalogForm {
        let page = ProfilePages.root + "/" + profile.id
        return CatalogForm(
            title: "Add public key",
            section: .clients,
            crumbs: ProfilePages.crumbs(profile),
            action: "\(page)/keys/new-public",
            lead: "The client keeps the private half and signs with it; this gateway only verifies.",
            groups: [
                CatalogForm.Group(fields: [KeyFields.name, Self.publicKey]),
                Self.details(SignatureAlgorithm.allCases.filter { !$0.isHMAC }),
            ],
            submit: "Add this key",
            cancel: page,
            button: CatalogForm.Button(name: "check", label: "Check it first"),
            marker: "public"
        )
    }

    private static let publicKey = CatalogField(
        .text(emptyIsNull: true),
        FormField(
            "public_key",
            "Public key",
            .area(rows: 7, isCode: true),
            hint: "In any form: the line of a .pub file (ssh-rsa AAAA…), PEM, an X.509 certificate, a JWK.",
            isRequired: true,
            placeholder: "ssh-ed25519 AAAA… or -----BEGIN PUBLIC KEY-----"
        )
    )

    private func addPublic(_ visit: Visit) async throws -> ConsoleAnswer {
        var form = publicForm(try await ProfilePages.profile(visit))
        form.finding = try await finding(visit)
        if visit.form.isOn("check") { return form.page(again: visit.form, nil) }
        return try await form.submit(visit, "POST", "\(ProfilePages.path(visit))/keys") { _ in
            .redirect(to: ProfilePages.page(visit))
        }
    }

    /// What was recognised in the public key that was entered; a private one is emptied on the page by this.
    private func finding(_ visit: Visit) async throws -> [(String, DocumentValue)] {
        let text = visit.form.text("public_key")
        return text.isEmpty ? [] : try await KeyFinding(api: visit.api).publicKey(text)
    }

    // MARK: A successor

    private func rotated(_ visit: Visit) async throws -> (profile: CatalogEntity, key: CatalogEntity) {
        let path = "\(ProfilePages.path(visit))/keys/\(visit.segment("key_id"))"
        let key = try await visit.api.entity(path)
        return (try await ProfilePages.profile(visit), key)
    }

    private func rotateForm(_ profile: CatalogEntity, _ key: CatalogEntity) -> CatalogForm {
        let page = ProfilePages.root + "/" + profile.id
        let isSecret = key.document["public_key"] == nil
        let choice = KeyFields.overlap("Retires", now: "At once, without an overlap", name: "overlap_seconds")
        var overlap = CatalogField(.number, choice.field)
        // A week is what most changes need.
        overlap.field.values = ["604800"]
        var form = CatalogForm(
            title: "Rotate key",
            section: .clients,
            crumbs: ProfilePages.crumbs(profile),
            action: "\(page)/keys/\(key.id)/rotate",
            lead:
                "A new key takes the place of \(CatalogPage.quoted(key.name)). Both verify until the old one "
                + "retires, so that nothing breaks while the client changes over.",
            groups: [
                CatalogForm.Group(
                    heading: "The new key",
                    fields: [KeyFields.name]
                        + (isSecret ? [Self.secret, KeyFields.base64] : [Self.publicKey])
                        + [KeyFields.kid]
                ),
                CatalogForm.Group(
                    heading: "The old key",
                    fields: [overlap]
                ),
            ],
            submit: "Rotate",
            cancel: page,
            marker: isSecret ? "secret" : "public"
        )
        if isSecret { form.button = CatalogForm.Button(name: "generate", label: "Generate one and rotate") }
        return form
    }

    /// One call of the API: either the new key is there and shown, and the old one has its end, or nothing was done.
    private func rotate(_ visit: Visit) async throws -> ConsoleAnswer {
        let (profile, key) = try await rotated(visit)
        var form = rotateForm(profile, key)
        form.finding = try await finding(visit)
        let secret = visit.form.isOn("generate") ? try await KeyFinding(api: visit.api).newSecret() : nil
        let sent = secret.map { visit.replacing("secret", with: $0) } ?? visit
        let path = "\(ProfilePages.path(visit))/keys/\(visit.segment("key_id"))/rotate"
        return try await form.submit(sent, "POST", path) { _ in
            secret.map { Self.shown($0, profile) } ?? .redirect(to: ProfilePages.page(visit))
        }
    }
}

extension Visit {
    /// The same visit with another value in a field of its form.
    fileprivate func replacing(_ field: String, with value: String) -> Visit {
        var visit = self
        visit.form = Form(form.fields.filter { $0.name != field } + [(name: field, value: value)])
        return visit
    }
}
