import GatewayCore

/// The catalog as the operations reach it: read always, changed when it does not come from a file.
struct CatalogAccess: Sendable {
    let source: AdminAPI.Dependencies.Source
    let random: RandomSource
    /// Why keys may not be fetched from a URL; `nil` when they may.
    var keyURLFault: @Sendable (KeyURL) -> String? = { _ in nil }

    /// The catalog in force.
    var current: Catalog {
        switch source {
        case .service(let service, _): service.current
        case .file(let catalog): catalog()
        }
    }

    /// Changes the catalog in one transaction, with its audit entries.
    ///
    /// - Throws: what the body throws, ``CatalogStoreError``, or ``Problem`` 403 for a catalog from a file.
    func edit<Outcome: Sendable>(
        _ body: @Sendable (inout CatalogDraft) throws -> (Outcome, [AuditEntry])
    ) async throws -> (outcome: Outcome, catalog: Catalog) {
        switch source {
        case .service(let service, _):
            return try await service.edit { draft in
                let outcome = try body(&draft)
                try checkKeyURLs(in: draft.change)
                return outcome
            }
        case .file: throw Problem(.readOnly, "this gateway runs from a file: the admin API only reads")
        }
    }

    /// Addresses that keys are never fetched from are refused when they are saved, and not only when they are asked.
    private func checkKeyURLs(in change: CatalogChange) throws(CatalogError) {
        for case .put(let profile) in change.profiles.values {
            let field: String
            let url: KeyURL
            switch profile.identityProvider?.keys {
            case .discovery(let found): (field, url) = ("discovery_url", found)
            case .keySet(let found): (field, url) = ("jwks_url", found)
            case .inline, nil: continue
            }
            if let fault = keyURLFault(url) { throw .invalid("identity_provider.\(field)", fault) }
        }
    }

    /// What reading a call's documents needs.
    func context(_ call: Call) -> DocumentContext {
        DocumentContext(now: call.now, generator: random)
    }
}

/// What an edit did, written for the audit log.
enum AuditDetails {
    /// Values longer than this are not kept, in bytes of JSON: a collection may have thousands of endpoints.
    private static let longestValue = 8192

    /// The fields in which two answers differ, as JSON; answers hold no secret, so neither does this.
    static func changes(from before: DocumentNode?, to after: DocumentNode?) -> String {
        let (old, new) = (members(before), members(after))
        var names = new.map(\.name)
        names += old.map(\.name).filter { name in !names.contains(name) }
        let changes = names.compactMap { name -> DocumentNode? in
            let (was, becomes) = (before?[name]?.value, after?[name]?.value)
            guard was != becomes else { return nil }
            return DocumentNode(
                object: [("field", .string(name)), ("before", shown(was)), ("after", shown(becomes))]
            )
        }
        return changes.isEmpty ? "" : DocumentNode(.array(changes)).json()
    }

    private static func shown(_ value: DocumentValue?) -> DocumentValue {
        guard let value else { return .null }
        let length = DocumentNode(value).jsonBytes().count
        return length <= longestValue ? value : .string("(\(length) bytes, too long to be kept)")
    }

    private static func members(_ node: DocumentNode?) -> [DocumentMember] {
        guard case .object(let members) = node?.value else { return [] }
        return members
    }
}
