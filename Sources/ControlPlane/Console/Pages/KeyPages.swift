import GatewayCore
import JOSE

/// The keys of a profile: added, made, rotated, retired.
struct KeyPages {
    /// The pages.
    var routes: [ConsoleRoute] {
        KeyMaking().routes + [
            .show("/profiles/{id}/keys/{key_id}/edit", .role(.manager)) { visit in
                let (profile, key) = try await found(visit)
                return editForm(profile, key).page(showing: key.document, tag: key.tag)
            },
            .post("/profiles/{id}/keys/{key_id}/edit") { visit in
                let (profile, key) = try await found(visit)
                return try await editForm(profile, key).submit(visit, "PATCH", path(visit), changing: key) {
                    _ in
                    .redirect(to: ProfilePages.page(visit))
                }
            },
            .show("/profiles/{id}/keys/{key_id}/retire", .role(.manager)) { visit in
                let (profile, key) = try await found(visit)
                return try await retireForm(profile, key, visit).page()
            },
            .post("/profiles/{id}/keys/{key_id}/retire") { visit in try await retire(visit) },
            .show("/profiles/{id}/keys/{key_id}/delete", .role(.manager)) { visit in try await delete(visit)
            },
            .post("/profiles/{id}/keys/{key_id}/delete") { visit in
                try await CatalogPage.delete(visit, path(visit), then: ProfilePages.page(visit))
            },
        ]
    }

    private func path(_ visit: Visit) -> String {
        "\(ProfilePages.path(visit))/keys/\(visit.segment("key_id"))"
    }

    private func found(_ visit: Visit) async throws -> (profile: CatalogEntity, key: CatalogEntity) {
        let key = try await visit.api.entity(path(visit))
        return (try await ProfilePages.profile(visit), key)
    }

    // MARK: Editing

    private func editForm(_ profile: CatalogEntity, _ key: CatalogEntity) -> CatalogForm {
        let page = "\(ProfilePages.root)/\(profile.id)"
        let isSecret = key.document["public_key"] == nil
        var fields = [
            KeyFields.name,
            PlainField.flag(
                "active",
                "Active",
                "Switched off it verifies nothing, and can be switched on again."
            ),
        ]
        if isSecret { fields.append(KeyFields.base64) }
        let times = [
            PlainField.time("active_from", "Verifies from (UTC)", "Empty: at once."),
            PlainField.time(
                "retire_at",
                "Retires at (UTC)",
                "From then on it verifies nothing. Empty: never."
            ),
        ]
        let possible = KeyFields.algorithms(of: key.text("kind"))
        return CatalogForm(
            title: "Edit key",
            section: .clients,
            crumbs: ProfilePages.crumbs(profile),
            action: "\(page)/keys/\(key.id)/edit",
            lead:
                "\(key.text("kind")), \(key.text("fingerprint")). What the key is cannot be changed: rotate it instead.",
            groups: [
                CatalogForm.Group(fields: fields),
                CatalogForm.Group(heading: "When", fields: times),
                CatalogForm.Group(
                    heading: "What tokens may say",
                    fields: [KeyFields.kid, PlainField.algorithms("algorithms", possible)]
                ),
            ],
            cancel: page
        )
    }

    // MARK: Retiring and deleting

    private func retireForm(
        _ profile: CatalogEntity,
        _ key: CatalogEntity,
        _ visit: Visit
    ) async throws -> CatalogForm {
        let page = "\(ProfilePages.root)/\(profile.id)"
        let use = CatalogPage.lastUse(key.document["last_used_at"]?.value.text, visit.now)
        return CatalogForm(
            title: "Retire key",
            section: .clients,
            crumbs: ProfilePages.crumbs(profile),
            action: "\(page)/keys/\(key.id)/retire",
            lead:
                "\(CatalogPage.quoted(key.name)) was \(use). Tokens signed with it are refused from then on.",
            notes: [try await RecentCalls.sentence(with: "key", key, of: profile, visit)],
            groups: [CatalogForm.Group(fields: [KeyFields.overlap("When", now: "Now")])],
            submit: "Retire key",
            cancel: page
        )
    }

    private func retire(_ visit: Visit) async throws -> ConsoleAnswer {
        try await visit.api.send(
            "PATCH",
            path(visit),
            [],
            .fields([("retire_at", .string(KeyFields.end(visit).description))])
        )
        return .redirect(to: ProfilePages.page(visit))
    }

    private func delete(_ visit: Visit) async throws -> ConsoleAnswer {
        let (profile, key) = try await found(visit)
        let use = CatalogPage.lastUse(key.document["last_used_at"]?.value.text, visit.now)
        return CatalogPage.confirm(
            "Delete key",
            .clients,
            ProfilePages.crumbs(profile),
            question:
                "The key \(CatalogPage.quoted(key.name)) is deleted: tokens signed with it are refused at once.",
            consequences: [
                "It was \(use).", try await RecentCalls.sentence(with: "key", key, of: profile, visit),
                "To let others change over first, retire it with an overlap instead.",
            ],
            action: "\(ProfilePages.page(visit))/keys/\(key.id)/delete",
            submit: "Delete key",
            cancel: ProfilePages.page(visit),
            tag: key.tag
        )
    }
}

/// The fields that forms about keys have in common.
enum KeyFields {
    static let name = CatalogField(
        .text(emptyIsNull: false),
        FormField(
            "name",
            "Name",
            hint: "For people, unique within the profile: “2026”, “laptop”.",
            isRequired: true
        )
    )

    static let kid = CatalogField(
        .text(emptyIsNull: true),
        FormField(
            "kid",
            "Key ID (kid)",
            hint:
                "Only if tokens name their key in the header’s kid. Empty: every active key that fits is tried."
        )
    )

    static let base64 = PlainField.flag(
        "secret_is_base64",
        "The secret is Base64-encoded",
        "Off: the text as it stands is the key, as most tools use it. On: the text is decoded first. When in "
            + "doubt leave it off; a signer that decodes shows up as a wrong signature."
    )

    /// How long something old goes on.
    static func overlap(_ label: String, now: String, name: String = "overlap") -> CatalogField {
        CatalogField(
            .text(emptyIsNull: false),
            FormField(
                name,
                label,
                .choice([
                    FormField.Option("0", now), FormField.Option("3600", "In 1 hour"),
                    FormField.Option("86400", "In 1 day"), FormField.Option("604800", "In 7 days"),
                    FormField.Option("2592000", "In 30 days"),
                ])
            )
        )
    }

    /// The end of the overlap that was chosen; now for anything else.
    static func end(_ visit: Visit) -> Timestamp {
        Timestamp(secondsSinceEpoch: visit.now.secondsSinceEpoch + overlapSeconds(visit))
    }

    /// The overlap that was chosen, at most a year.
    static func overlapSeconds(_ visit: Visit) -> Int64 {
        min(max(Int64(visit.form.text("overlap")) ?? 0, 0), 31_536_000)
    }

    /// The algorithms that a kind of key in words can serve: `RSA 2048`.
    static func algorithms(of kind: String) -> [SignatureAlgorithm] {
        SignatureAlgorithm.allCases.filter { algorithm in
            let name = algorithm.rawValue
            switch kind.prefix(3) {
            case "HMA": return algorithm.isHMAC
            case "RSA": return name.hasPrefix("RS") || name.hasPrefix("PS")
            case "EC ": return name.hasPrefix("ES")
            case "Ed2": return algorithm == .edDSA
            default: return name == kind
            }
        }
    }
}
