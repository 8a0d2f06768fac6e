import GatewayCore

/// A key pair for a profile: made in the browser, or here and shown once.
///
/// The private half is never kept.
enum KeyPairPage {
    private static let kinds: [(value: String, label: String, wish: [(String, DocumentValue)])] = [
        ("ed25519", "Ed25519 (EdDSA): small and quick", [("kind", .string("ed25519"))]),
        (
            "rsa-3072", "RSA 3072 (RS256): known to every tool",
            [("kind", .string("rsa")), ("bits", .integer(3072))]
        ),
        ("rsa-2048", "RSA 2048 (RS256)", [("kind", .string("rsa")), ("bits", .integer(2048))]),
        ("rsa-4096", "RSA 4096 (RS256)", [("kind", .string("rsa")), ("bits", .integer(4096))]),
        ("ec-256", "EC P-256 (ES256)", [("kind", .string("ec")), ("curve", .string("P-256"))]),
        ("ec-384", "EC P-384 (ES384)", [("kind", .string("ec")), ("curve", .string("P-384"))]),
    ]

    /// The page, perhaps with what was not right.
    static func show(_ visit: Visit, _ problem: ConsoleProblem?) async throws -> ConsoleAnswer {
        let profile = try await ProfilePages.profile(visit)
        let page = "\(ProfilePages.root)/\(profile.id)"
        func field(_ field: FormField) -> DocumentNode {
            (problem == nil ? field : field.entered(visit.form, problem)).content
        }
        let choice = FormField(
            "kind",
            "Kind",
            .choice(kinds.map { FormField.Option($0.value, $0.label) })
        )
        return .page(
            ConsolePage(
                "key-pair",
                title: "Make a key pair",
                section: .clients,
                status: problem?.status ?? 200,
                CatalogPage.crumbs(ProfilePages.crumbs(profile)) + [
                    ("fields", .array([field(KeyFields.name.field), field(choice)])),
                    ("action", .string("\(page)/keys/new-pair")),
                    ("publicAction", .string("\(page)/keys/new-public")), ("cancel", .string(page)),
                    (
                        "fault",
                        .string(
                            problem.map { $0.errors.isEmpty ? $0.detail : "Nothing was made: see below." }
                                ?? ""
                        )
                    ),
                ]
            )
        )
    }

    /// Makes the pair here, adds its public half, and shows the private half this once.
    static func make(_ visit: Visit) async throws -> ConsoleAnswer {
        let profile = try await ProfilePages.profile(visit)
        guard let wish = kinds.first(where: { $0.value == visit.form.text("kind") })?.wish else {
            throw Problem(.badRequest, "there is no such kind of key; go back, and choose one")
        }
        let pair = try await visit.api.send("POST", "/api/v1/keys/generate", [], .fields(wish))
        let members = DocumentValue.fields([
            ("name", .string(visit.form.text("name"))), ("public_key", .string(pair.text("public_key"))),
        ])
        do {
            try await visit.api.send("POST", "\(ProfilePages.path(visit))/keys", [], members)
        } catch let problem as ConsoleProblem where [409, 422].contains(problem.status) {
            return try await show(visit, problem)
        }
        return OncePage.page(
            "Your new key pair",
            profile,
            secrets: [
                OncePage.Item(
                    label: "Private key (PEM, PKCS#8)",
                    value: pair.text("private_key"),
                    file: "private-key.pem"
                )
            ],
            lead:
                "\(pair.text("kind")), \(pair.text("fingerprint")). The public half was added to the profile; the private half "
                + "is for the client alone, and was not kept here."
        )
    }
}

/// A page with something secret on it that is shown this once.
enum OncePage {
    /// One secret.
    struct Item {
        let label: String
        let value: String
        /// The name of the file that a script offers it as; empty for none.
        var file = ""
    }

    /// The page that answers the form which made the secrets.
    static func page(
        _ title: String,
        _ profile: CatalogEntity,
        secrets: [Item],
        lead: String,
        next: String = ""
    ) -> ConsoleAnswer {
        let items = secrets.enumerated().map { index, item in
            DocumentNode(
                object: [
                    ("label", .string(item.label)), ("value", .string(item.value)),
                    ("file", .string(item.file)), ("elementID", .string("secret-\(index)")),
                    ("rows", .integer(Int64(min(30, item.value.split(separator: "\n").count)))),
                ]
            )
        }
        return .page(
            ConsolePage(
                "once",
                title: title,
                section: .clients,
                CatalogPage.crumbs(ProfilePages.crumbs(profile)) + [
                    ("lead", .string(lead)), ("secrets", .array(items)), ("next", .string(next)),
                    ("path", .string("\(ProfilePages.root)/\(profile.id)")),
                ]
            )
        )
    }
}
