import GatewayCore

/// `/api/v1/settings`: one document, always there.
struct SettingsResource {
    let catalog: CatalogAccess
    private let path = "/api/v1/settings"
    private let tag = "Settings"

    init(catalog: CatalogAccess) {
        self.catalog = catalog
    }

    /// The operations.
    var operations: [Operation] {
        [
            Operation(
                method: .get,
                path: path,
                name: "getSettings",
                summary: "Reads what holds for the whole gateway.",
                tag: tag,
                successes: [
                    Operation.Success(
                        status: 200,
                        summary: "As they are.",
                        object: Schemas.settings.output,
                        headers: ["ETag"]
                    ),
                    Operation.Success(
                        status: 304,
                        summary: "As the caller has them already.",
                        headers: ["ETag"]
                    ),
                ],
                readsIfNoneMatch: true,
                perform: { call in .entity(catalog.current.settings.document(), call) }
            ),
            change(
                .put,
                "replaceSettings",
                "Replaces the settings: fields that are absent are set to their default.",
                Operation.Body(object: Schemas.settings.input)
            ) { _ in GatewaySettings() },
            change(
                .patch,
                "updateSettings",
                "Changes the settings that are given (RFC 7396).",
                Operation.Body(object: Schemas.settings.patch, isPatch: true)
            ) { $0 },
        ]
    }

    private func change(
        _ method: Operation.Method,
        _ name: String,
        _ summary: String,
        _ body: Operation.Body,
        startingFrom start: @escaping @Sendable (GatewaySettings) -> GatewaySettings
    ) -> Operation {
        Operation(
            method: method,
            path: path,
            name: name,
            summary: summary,
            tag: tag,
            body: body,
            successes: [
                Operation.Success(
                    status: 200,
                    summary: "As they are now.",
                    object: Schemas.settings.output,
                    headers: ["ETag"]
                )
            ],
            changesCatalog: true,
            readsIfMatch: true,
            perform: { call in
                let changed = try await catalog.edit { draft in
                    let before = draft.catalog.settings
                    let tag = before.document().entityTag
                    guard EntityTag.matches(ifMatch: call.request.ifMatch, tag) else {
                        throw Problem(.preconditionFailed, "the entity tag is \(tag), If-Match names another")
                    }
                    var settings = start(before)
                    var reader = try DocumentReader(call.body)
                    try settings.update(from: &reader)
                    try draft.put(settings)
                    let details = AuditDetails.changes(from: before.document(), to: settings.document())
                    return (
                        settings,
                        [call.audit("update", "settings", id: "", name: "settings", details: details)]
                    )
                }.outcome
                let document = changed.document()
                return AdminAnswer(200, document, headers: [(name: "ETag", value: document.entityTag)])
            }
        )
    }
}
